"""Snapshots of the model hub: from its cache, else downloaded at the pinned revision."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from stages.lib.core.errors import DownloadError

log = logging.getLogger(__name__)

# Any one of these names is enough; the first is the one to ask for.
_WEIGHTS = (
    "model.safetensors",
    "pytorch_model.bin",
    "model.safetensors.index.json",
    "pytorch_model.bin.index.json",
)
_TOKENIZERS = ("tokenizer.json", "vocab.txt", "sentencepiece.bpe.model")


def hub_snapshot(
    repository: str,
    revision: str,
    missing: Callable[[Path], str | None] = lambda folder: None,
    wanted: Callable[[list[str]], list[str]] = list,
    *,
    remedy: str,
    kind: Literal["model", "dataset"] = "model",
) -> Path:
    """Return the folder of a repository's snapshot; the cache is tried before the network.

    ``missing`` names the first file that a snapshot lacks, ``wanted`` chooses which files to download.
    Raises DownloadError, with ``remedy`` as the way out, if the snapshot cannot be had whole.
    """
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    pinned = {"repo_type": kind, "revision": revision}
    lacking: str | None = "config.json" if kind == "model" else "the data set"
    try:
        folder = Path(snapshot_download(repository, local_files_only=True, **pinned))
        if (lacking := missing(folder)) is None:
            return folder
    except LocalEntryNotFoundError:
        pass
    if os.environ.get("HF_HUB_OFFLINE", "0") not in {"", "0"}:
        reason = "HF_HUB_OFFLINE is set"
    else:
        log.info("%s of %s is not in the hub cache, downloading", lacking, repository)
        try:
            # One quick question first: the downloader itself asks for a minute before it gives up.
            info = HfApi().repo_info(repository, timeout=10, **pinned)
            files = wanted([sibling.rfilename for sibling in info.siblings or []])
            folder = Path(snapshot_download(repository, allow_patterns=files, **pinned))
            if (lacking := missing(folder)) is None:
                return folder
            reason = "the hub has no such file"
        except Exception as error:  # the hub client raises many kinds, all with the same remedy
            reason = f"the hub cannot be reached ({type(error).__name__})"
    raise DownloadError(
        f"{lacking} of {repository} (revision {revision}) is not in the hub cache and {reason}; "
        f"connect to the model hub once, or {remedy}"
    )


def missing_file(folder: Path) -> str | None:
    """Name the first file that a saved model lacks (sentence-transformers or transformers); None if whole."""
    try:
        modules = json.loads((folder / "modules.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        modules = [{"path": "", "type": "Transformer"}]  # a bare transformers model
    for module in modules:
        part = folder / module["path"]
        kind = module["type"].rpartition(".")[2]
        wanted = []
        if kind == "Transformer":
            wanted = [("config.json",), _WEIGHTS, _TOKENIZERS]
        elif kind == "Dense":
            wanted = [("config.json",), _WEIGHTS]
        elif kind == "Pooling":
            wanted = [("config.json",)]
        for names in wanted:
            if not any((part / file).is_file() for file in names):
                return f"{module['path']}/{names[0]}".lstrip("/")
    return None


def files_wanted(files: list[str]) -> list[str]:
    """Choose what to download of a repository: no exports to other runtimes, no weights in two formats."""
    kept = []
    for file in sorted(files):
        folder, _, base = file.rpartition("/")
        if folder.split("/")[0] in {"onnx", "openvino"} or base.startswith((".", "tf_", "flax_", "rust_")):
            continue
        is_double = base.endswith(".bin") and any(
            other.endswith(".safetensors") and other.rpartition("/")[0] == folder for other in files
        )
        if base.endswith((".json", ".txt", ".model", ".safetensors", ".bin")) and not is_double:
            kept.append(file)
    return kept
