from __future__ import annotations

import csv
import gzip
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
    with pytest.raises(DataError, match=r"pairs\.tsv: line 1: no column .*'tk'; found .*options\.columns"):
        read(table, {"ru": "ru", "tk": "tk"})


SPREADSHEET = [
    ("Он сказал: «да».", 'Ol "hawa" diýdi.'),
    ("Первая строка\nвторая", "Birinji setir; ikinji"),
    ("Вода", "Suw"),
]


def sheet(delimiter: str, encoding: str, header: bool = True, **options: object) -> bytes:
    """A table as spreadsheets save it; a letter that the encoding lacks is left out."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\r\n", **options)
    writer.writerows([*([("ru", "tk")] if header else []), *SPREADSHEET * 5])
    return out.getvalue().encode(encoding, "ignore")


@pytest.mark.parametrize("delimiter", ["\t", ";", ",", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
def test_tables_of_spreadsheets_are_read_with_their_quoted_cells(
    delimiter: str, encoding: str, quoting: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    for header, columns in ((True, {"ru": "ru", "tk": "tk"}), (False, {"ru": 1, "tk": 2})):
        data = sheet(delimiter, encoding, header, quoting=quoting)
        for content in (data, gzip.compress(data)):
            records = list(read_tsv(io.BytesIO(content), columns, "pairs.csv", is_escaped=False))
            assert [tuple(values.values()) for _, values in records] == SPREADSHEET * 5
            # Lines of the file: the second record has two.
            assert [number - header for number, _ in records][:4] == [1, 2, 4, 5]
    assert "quoted cells" in caplog.text


def test_russian_in_its_old_encoding_is_read_and_said(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    rows = "".join(f"Город номер {n};Город на карте, {n}\r\n" for n in range(30))
    records = list(read_tsv(io.BytesIO(rows.encode("cp1251")), {"ru": 1, "tk": 2}, "a.csv", is_escaped=False))
    assert records[3] == (4, {"ru": "Город номер 3", "tk": "Город на карте, 3"})
    assert "a.csv: read as cp1251, columns separated by ';', quoted cells" in caplog.text


def test_a_spreadsheet_may_name_its_separator_first() -> None:
    content = b"sep=;\r\nru;tk\r\n1,5 m;2,5 m\r\n"
    assert read(content.decode(), {"ru": "ru", "tk": "tk"}) == [(3, {"ru": "1,5 m", "tk": "2,5 m"})]


def test_quotation_marks_of_a_plain_table_are_text() -> None:
    content = '"Да"\t"Hawa"\n"Он" ушёл\t"Ol" gitdi\nВода, чай\tSuw, çaý\n"\tA "quoted\n'
    assert [tuple(values.values()) for _, values in read(content, {"ru": 1, "tk": 2})] == [
        ('"Да"', '"Hawa"'), ('"Он" ушёл', '"Ol" gitdi'), ("Вода, чай", "Suw, çaý"), ('"', 'A "quoted'),
    ]  # fmt: skip


def test_a_damaged_line_costs_itself_only() -> None:
    lines = [f"Вода {n}\tSuw {n}\n".encode() for n in range(20)]
    lines[7] = b"\xc2\xee\tSuw\n"
    records = list(read_tsv(io.BytesIO(b"".join(lines)), {"ru": 1, "tk": 2}, "a.tsv", is_escaped=False))
    assert [number for number, values in records if values is None] == [8]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("Вода\nЧай\n", r"no record has a column 2; found 1 .*options\.columns"),
        ('Вода;Suw\n"Чай;Çaý\n' + "Нан;Nan\n" * 30_000, r"the cell that starts in line 2 does not end"),
    ],
)
def test_what_is_no_table_of_two_columns_is_one_line(content: str, message: str) -> None:
    with pytest.raises(DataError, match=rf"pairs\.tsv: {message}"):
        read(content, {"ru": 1, "tk": 2})
