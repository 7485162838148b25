r"""The Moses form: one plain file for each language, line by line translations of each other.

A third file, ``….meta.tsv``, has one line of provenance for each. Tab, line feed, carriage return and
backslash inside a text are ``\t \n \r \\``, as in our TSV: the text stays on its line.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

from stages.lib.core.errors import DataError
from stages.lib.formats.rows import PROVENANCE, Row, escape_line, field_text
from stages.lib.formats.text import read_lines


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


def read_moses(
    src: IO[bytes], tgt: IO[bytes], where: str
) -> Iterator[tuple[int, tuple[str | None, str | None]]]:
    """Yield line number (from 1) and the two texts as they stand; None for one that is no readable text.

    Raises DataError if one file has more lines than the other: from some line on, they are out of step.
    """
    left, right = read_lines(src, where), read_lines(tgt, where)
    number = 0
    for number, text in left:
        other = next(right, None)
        if other is None:
            more = number + sum(1 for _ in left)
            raise DataError(
                f"{where}: {more:,} lines on the first side, {number - 1:,} on the second; "
                "the files are not translations line by line, get them again"
            )
        yield number, (text, other[1])
    if next(right, None) is not None:
        more = number + 1 + sum(1 for _ in right)
        raise DataError(
            f"{where}: {number:,} lines on the first side, {more:,} on the second; "
            "the files are not translations line by line, get them again"
        )
