"""The repository's sources with changed settings, and raw tars with chosen files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from stages.extract.sources import extract
from stages.lib.core.archives import Origin, in_memory, open_raw, pack_raw
from stages.lib.core.params import SourceConfig, load_params

CONFIGS = load_params(Path(__file__).parents[2] / "params.yaml").sources_config


def source(name: str, **changes: Any) -> SourceConfig:
    """The settings of a source of the repository with changes, validated as from a file."""
    values = CONFIGS[name].model_dump(exclude_unset=True)
    options = {**values.pop("options", {}), **changes.pop("options", {})}
    return SourceConfig(**{**values, **({"options": options} if options else {}), **changes})


def pack(path: Path, name: str, files: Mapping[str, str | bytes], version: str | None = None) -> Path:
    """Pack files as collect packs those of a source."""
    config = CONFIGS[name]
    origin = Origin(config.transport, config.package or name, version or config.version or "1.0")
    contents = {
        file: in_memory(content if isinstance(content, bytes) else content.encode())
        for file, content in files.items()
    }
    pack_raw(path, origin, contents)
    return path


def packed_files(raw: Path) -> dict[str, bytes]:
    """The files of a raw tar, its origin aside."""
    with open_raw(raw) as (_, files):
        return {name: file.read() for name, file in files.items()}


def extract_files(
    name: str,
    files: Mapping[str, str | bytes],
    folder: Path,
    /,
    report: Counter[str] | None = None,
    **changes: Any,
) -> pl.DataFrame:
    """The segments of files that are packed and read as those of a source."""
    raw = pack(folder / "raw.tar", name, files)
    return extract(name, source(name, **changes), raw, report=report)


def texts(table: pl.DataFrame, lang: str) -> dict[str, str]:
    """Text by document and key, of one language."""
    rows = table.filter(pl.col("lang") == lang).select("doc", "key", "text").rows()
    return {f"{doc}|{key}": text for doc, key, text in rows}
