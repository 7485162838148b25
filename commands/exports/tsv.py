r"""Tab-separated files: one header line, one pair a line, UTF-8, ``\n`` at the end of each.

Nothing is quoted. Tab, line feed, carriage return and backslash inside a text are ``\t \n \r \\``; every
other character, control characters included, stands for itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from commands.exports.rows import FIELDS, Row, field_text
from stages.extract.pairs.lines import escape_line


def write_tsv(rows: Iterable[Row], path: Path) -> None:
    """Write all fields of every row."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write("\t".join(FIELDS) + "\n")
        for row in rows:
            file.write("\t".join(escape_line(field_text(row[name])) for name in FIELDS) + "\n")
