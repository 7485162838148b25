"""Tables of pairs: tab-separated without quoting, ours or foreign, or as spreadsheets write them."""

from __future__ import annotations

import csv
import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import IO

from stages.extract.documents.text import decode_text
from stages.extract.pairs.corpus import GivenPair, listed_file
from stages.extract.pairs.lines import read_lines, unescape_line, unpack, utf_16_of
from stages.lib.core.archives import RawFile
from stages.lib.core.errors import DataError
from stages.lib.core.params import SourceConfig

log = logging.getLogger(__name__)

# What tells the form of a table.
_SAMPLE_BYTES = 1 << 18
_DELIMITERS = "\t;,|"


@dataclass(frozen=True)
class Form:
    """How a table is written; one without quoting has a record on each line, whatever is in it."""

    encoding: str
    delimiter: str
    is_quoted: bool

    def __str__(self) -> str:
        name = "tab" if self.delimiter == "\t" else repr(self.delimiter)
        return f"{self.encoding}, columns separated by {name}, {'' if self.is_quoted else 'no '}quoted cells"


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
    """Yield line number (from 1) and the wanted fields of each record; None for one that lacks a field.

    ``columns`` maps names for the caller to columns of the file: by name, if the first line is a header, or
    by number from 1, if it is not. A form other than tab-separated UTF-8 without quoting is logged. Raises
    DataError, naming ``options.columns``, if the header lacks a name or the table has no such column.
    """
    form = find_form(file, where)
    if form != Form("utf-8", "\t", False):
        log.info("%s: read as %s", where, form)
    rows = records(file, form, where)
    places = {name: column - 1 for name, column in columns.items() if isinstance(column, int)}
    if named := {name: column for name, column in columns.items() if isinstance(column, str)}:
        _, header = next(rows, (1, []))
        header = header or [""]
        if missing := sorted(set(named.values()) - set(header)):
            raise DataError(
                f"{where}: line 1: no column {', '.join(map(repr, missing))}; found "
                f"{', '.join(header)[:200]} ({form}); name its columns in options.columns"
            )
        places |= {name: header.index(column) for name, column in named.items()}
    width = 0
    for number, fields in rows:
        width = max(width, len(fields))
        if any(place >= len(fields) for place in places.values()):
            yield number, None
            continue
        values = {name: fields[place] for name, place in places.items()}
        if is_escaped:
            values = {name: unescape_line(value) for name, value in values.items()}
        yield number, values
    if width and width <= max(places.values()):
        raise DataError(
            f"{where}: no record has a column {max(places.values()) + 1}; found {width} ({form}); "
            "say in options.columns which column has which language"
        )


def records(file: IO[bytes], form: Form, where: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the line and the fields of each record, none for a line that cannot be read."""
    lines = read_lines(file, where, form.encoding)
    if not form.is_quoted:
        for number, line in lines:
            if number > 1 or not _separator_of(line):
                yield number, line.split(form.delimiter) if line is not None else []
        return
    reader = csv.reader((f"{line or ''}\n" for _, line in lines), delimiter=form.delimiter)
    number = 0
    try:
        for fields in reader:
            start, number = number + 1, reader.line_num
            if start > 1 or not _separator_of(form.delimiter.join(fields)):
                yield start, fields
    except csv.Error as error:
        raise DataError(
            f"{where}: the cell that starts in line {number + 1:,} does not end ({error}; {form}); "
            "close its quotation mark, or save the table as tab-separated text"
        ) from None


def _separator_of(line: str | None) -> str:
    """Return the delimiter that a spreadsheet's own first line names ("sep=;"), "" for any other line."""
    text = (line or "").strip('"')
    return text[4:5] or "\t" if text[:4] == "sep=" and len(text) <= 5 else ""


def find_form(file: IO[bytes], where: str) -> Form:
    """Tell the form of a table by its beginning, and go back there."""
    plain = unpack(file)
    head = plain.read(_SAMPLE_BYTES)
    file.seek(0)
    encoding = utf_16_of(head[:4096])
    if encoding:
        text = head.decode(encoding, "ignore")
    else:
        text = head.decode("utf-8-sig", "replace")
        encoding = "utf-8"
        lines = head.splitlines()
        if sum(map(_is_not_utf_8, lines)) > 0.1 * len(lines):
            # Some bad lines are damage; more are another encoding.
            text, encoding = decode_text(head, where)
    lines = text.split("\n")[:-1] or [text]
    if delimiter := _separator_of(lines[0].strip()):
        return Form(encoding, delimiter, _has_quoted_cells(text, delimiter))
    # A tab stands in no cell; the others do, so that the header counts, or the most constant one.
    delimiter = "\t" if any("\t" in line for line in lines) else _most_constant(text)
    # What this project exports is never quoted.
    is_own = lines[0].startswith("pair_id\t")
    return Form(encoding, delimiter, not is_own and (delimiter != "\t" or _has_quoted_cells(text, "\t")))


def _is_not_utf_8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return True
    return False


def _most_constant(text: str) -> str:
    """Return the delimiter that cuts most records into as many cells as the first one."""
    best, most = "\t", 0
    for delimiter in _DELIMITERS:
        rows, _ = _parse(text, delimiter)
        width = len(rows[0]) if rows else 0
        alike = sum(len(row) == width for row in rows)
        if width > 1 and alike > most:
            best, most = delimiter, alike
    return best


def _has_quoted_cells(text: str, delimiter: str) -> bool:
    """Tell whether cells are quoted as the csv module reads it, and not just a text in quotation marks.

    A cell in quotation marks has others inside only in pairs, or holds a line end or the delimiter.
    """
    quoted = sum(cell.startswith('"') for line in text.split("\n") for cell in line.split(delimiter))
    rows, is_whole = _parse(text, delimiter)
    cells = [cell for row in rows for cell in row]
    # Every cell is quoted, or what only quoting can hold is in some.
    is_held = any(mark in cell for cell in cells for mark in ('"', "\n", delimiter))
    return is_whole and quoted > 0 and (quoted >= len(cells) or is_held)


def _parse(text: str, delimiter: str) -> tuple[list[list[str]], bool]:
    """Return the records of a sample, and whether only its end keeps the csv module from reading it."""
    lines = re.split(r"(?<=\n)(?!$)", text)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    rows = []
    try:
        for row in reader:
            rows.append(row)
    except csv.Error:
        return rows, reader.line_num >= len(lines)
    return rows, True
