from __future__ import annotations

import io

import pytest

from stages.extract.pairs.tsv import read_tsv
from stages.lib.core.errors import DataError


def read(content: str, columns: dict) -> list:
    return list(read_tsv(io.BytesIO(content.encode()), columns, "pairs.tsv", is_escaped=False))


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


@pytest.mark.parametrize("table", ["ru\tturkmen\nВода\tSuw\n", ""])
def test_a_header_without_the_column_is_one_line(table: str) -> None:
    with pytest.raises(DataError, match=r"pairs\.tsv: line 1: no column .*'tk'; found"):
        read(table, {"ru": "ru", "tk": "tk"})
