r"""Exports as plain text: TSV, Moses and JSON lines; UTF-8, ``\n`` at the end of each line.

Nothing is quoted in TSV and Moses. Tab, line feed, carriage return and backslash inside a text are
``\t \n \r \\``; every other character, control characters included, stands for itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO

from commands.exports.rows import FIELDS, PROVENANCE, Row, field_text
from stages.extract.pairs.lines import escape_line


def write_tsv(rows: Iterable[Row], path: Path) -> None:
    """Write a header line, and all fields of every row in a line."""
    with _create(path) as file:
        file.write("\t".join(FIELDS) + "\n")
        file.writelines(_line(row, FIELDS) for row in rows)


def write_moses(rows: Iterable[Row], stem: Path, src_lang: str, tgt_lang: str) -> None:
    """Write ``STEM.SRC`` and ``STEM.TGT``, translations line by line, and provenance as ``STEM.meta.tsv``."""
    src, tgt, meta = (stem.with_name(f"{stem.name}.{name}") for name in (src_lang, tgt_lang, "meta.tsv"))
    with _create(src) as src_file, _create(tgt) as tgt_file, _create(meta) as meta_file:
        meta_file.write("\t".join(PROVENANCE) + "\n")
        for row in rows:
            src_file.write(_line(row, ("src",)))
            tgt_file.write(_line(row, ("tgt",)))
            meta_file.write(_line(row, PROVENANCE))


def write_jsonl(rows: Iterable[Row], path: Path) -> None:
    """Write every row as an object of all its fields, absent ones as null."""
    with _create(path) as file:
        for row in rows:
            line = json.dumps({name: row[name] for name in FIELDS}, ensure_ascii=False, allow_nan=False)
            file.write(line + "\n")


def _create(path: Path) -> IO[str]:
    return path.open("w", encoding="utf-8", newline="\n")


def _line(row: Row, names: Sequence[str]) -> str:
    return "\t".join(escape_line(field_text(row[name])) for name in names) + "\n"  # type: ignore[literal-required]
