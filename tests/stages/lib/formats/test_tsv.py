from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.lib.core.errors import DataError
from stages.lib.formats.rows import FIELDS, escape_line, field_text, unescape_line
from stages.lib.formats.tsv import read_tsv, write_tsv
from tests.stages.lib.formats.corpus_rows import ROWS


def read(content: str | bytes, columns: dict, is_escaped: bool = False) -> list:
    data = content if isinstance(content, bytes) else content.encode()
    return list(read_tsv(io.BytesIO(data), columns, "pairs.tsv", is_escaped=is_escaped))


def test_every_field_of_every_row_comes_back_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "corpus.tsv"
    write_tsv(ROWS, path)
    with path.open("rb") as file:
        found = list(read_tsv(file, {name: name for name in FIELDS}, "corpus.tsv", is_escaped=True))
    assert [values for _, values in found] == [
        {name: field_text(row[name]) for name in FIELDS} for row in ROWS
    ]
    assert path.read_bytes().count(b"\n") == len(ROWS) + 1


def test_a_plain_reader_of_tables_sees_the_same_columns(tmp_path: Path) -> None:
    path = tmp_path / "corpus.tsv"
    write_tsv(ROWS[:24], path)
    with path.open(encoding="utf-8", newline="") as file:
        table = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    assert [(row["src"], row["tgt"], row["doc"]) for row in table] == [
        (row["src"], row["tgt"], row["doc"]) for row in ROWS[:24]
    ]


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_line_escape_keeps_one_line_and_is_undone(text: str) -> None:
    escaped = escape_line(text)
    assert not set(escaped) & set("\t\n\r")
    assert unescape_line(escaped) == text


def test_columns_go_by_name_or_by_number_and_short_lines_are_told() -> None:
    assert read("tk\tru\nSuw\tВода\nkem\n", {"ru": "ru", "tk": "tk"}) == [
        (2, {"ru": "Вода", "tk": "Suw"}),
        (3, None),
    ]
    assert read("Suw\tВода\r\nÇaý\tЧай", {"ru": 2, "tk": 1}) == [
        (1, {"ru": "Вода", "tk": "Suw"}),
        (2, {"ru": "Чай", "tk": "Çaý"}),
    ]


def test_backslashes_of_a_foreign_table_are_text() -> None:
    assert read("C:\\new\tC:\\täze", {"ru": 1, "tk": 2}) == [(1, {"ru": "C:\\new", "tk": "C:\\täze"})]


def test_a_header_without_the_column_is_one_line() -> None:
    with pytest.raises(DataError, match=r"pairs\.tsv: line 1: no column 'tk'; found ru, turkmen"):
        read("ru\tturkmen\nВода\tSuw\n", {"ru": "ru", "tk": "tk"})


def test_an_empty_table_with_named_columns_is_one_line() -> None:
    with pytest.raises(DataError, match="line 1: no column"):
        read("", {"ru": "ru", "tk": "tk"})
