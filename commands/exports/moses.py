r"""The Moses form: one plain file for each language, line by line translations of each other.

A third file, ``….meta.tsv``, has one line of provenance for each. Tab, line feed, carriage return and
backslash inside a text are ``\t \n \r \\``, as in our TSV: the text stays on its line.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from commands.exports.rows import PROVENANCE, Row, field_text
from stages.extract.pairs.lines import escape_line


def write_moses(rows: Iterable[Row], stem: Path, src_lang: str, tgt_lang: str) -> None:
    """Write ``STEM.SRC``, ``STEM.TGT`` and ``STEM.meta.tsv``."""
    names = (src_lang, tgt_lang, "meta.tsv")
    src, tgt, meta = (stem.with_name(f"{stem.name}.{name}") for name in names)
    with (
        src.open("w", encoding="utf-8", newline="\n") as src_file,
        tgt.open("w", encoding="utf-8", newline="\n") as tgt_file,
        meta.open("w", encoding="utf-8", newline="\n") as meta_file,
    ):
        meta_file.write("\t".join(PROVENANCE) + "\n")
        for row in rows:
            src_file.write(escape_line(row["src"]) + "\n")
            tgt_file.write(escape_line(row["tgt"]) + "\n")
            meta_file.write("\t".join(escape_line(field_text(row[name])) for name in PROVENANCE) + "\n")
