r"""Tab-separated files: one header line, one pair a line, UTF-8, ``\n`` at the end of each.

Nothing is quoted. Tab, line feed, carriage return and backslash inside a text are ``\t \n \r \\``; every
other character, control characters included, stands for itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO

from stages.lib.core.errors import DataError
from stages.lib.formats.rows import FIELDS, Row, escape_line, field_text, unescape_line
from stages.lib.formats.text import read_lines


def write_tsv(rows: Iterable[Row], path: Path) -> None:
    """Write all fields of every row."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write("\t".join(FIELDS) + "\n")
        for row in rows:
            file.write("\t".join(escape_line(field_text(row[name])) for name in FIELDS) + "\n")


def read_tsv(
    file: IO[bytes], columns: Mapping[str, str | int], where: str, *, is_escaped: bool
) -> Iterator[tuple[int, dict[str, str] | None]]:
    """Yield line number (from 1) and the wanted fields of each line; None for a line that lacks one.

    ``columns`` maps names for the caller to columns of the file: by name, if the first line is a header, or
    by number from 1, if it is not. Raises DataError if the header lacks a name.
    """
    lines = read_lines(file, where)
    places = {name: column - 1 for name, column in columns.items() if isinstance(column, int)}
    if named := {name: column for name, column in columns.items() if isinstance(column, str)}:
        _, first = next(lines, (1, None))
        header = (first or "").split("\t")
        if missing := sorted(set(named.values()) - set(header)):
            raise DataError(
                f"{where}: line 1: no column {', '.join(map(repr, missing))}; found {', '.join(header)[:200]}"
            )
        places |= {name: header.index(column) for name, column in named.items()}
    for number, line in lines:
        fields = line.split("\t") if line is not None else []
        if any(place >= len(fields) for place in places.values()):
            yield number, None
            continue
        values = {name: fields[place] for name, place in places.items()}
        if is_escaped:
            values = {name: unescape_line(value) for name, value in values.items()}
        yield number, values
