"""Tab-separated files of pairs, ours or foreign; nothing in them is quoted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import IO

from stages.extract.pairs.corpus import GivenPair, listed_file
from stages.extract.pairs.lines import read_lines, unescape_line
from stages.lib.core.archives import RawFile
from stages.lib.core.errors import DataError
from stages.lib.core.params import SourceConfig


def read(config: SourceConfig, files: Mapping[str, RawFile]) -> Iterator[GivenPair | None]:
    """Yield the pairs of one table, plain or gzipped; None for a line that lacks a column."""
    name, content = listed_file(config, files)
    with content.open() as file:
        for number, values in read_tsv(file, config.options.columns, name, is_escaped=config.options.escapes):
            if values is None:
                yield None
            else:
                doc = values.pop("doc", "")
                yield GivenPair(number, values, name, doc or None)


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
