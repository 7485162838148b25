from __future__ import annotations

import pytest

from stages.extract.documents.text import decode_text, read_text
from stages.lib.core.errors import DataError

TURKMEN = "Täze kitaphana açyldy we oňa köp okyjy gelýär, sebäbi onda gyzykly kitaplar bar."
RUSSIAN = "Новая библиотека открылась, и в неё приходит много читателей, потому что там есть хорошие книги."


@pytest.mark.parametrize(
    ("text", "encoding", "found"),
    [
        (RUSSIAN, "utf-8", "utf-8"),
        (RUSSIAN, "utf-8-sig", "utf-8-sig"),
        (RUSSIAN, "utf-16", "utf-16"),
        (RUSSIAN, "cp1251", "cp1251"),
        (RUSSIAN.upper(), "cp1251", "cp1251"),
        (RUSSIAN, "koi8-r", "koi8-r"),
        (RUSSIAN, "cp866", "cp866"),
        (TURKMEN, "cp1250", "cp1250"),
        ("Yeni kütüphane açıldı, çünkü iyi kitaplar var, ve şimdi çağdaş bir yer oldu.", "cp1254", "cp1254"),
        ("plain words", "ascii", "utf-8"),
    ],
)
def test_the_encoding_is_found(text: str, encoding: str, found: str) -> None:
    assert decode_text(text.encode(encoding), "a.txt") == (text, found)


def test_binary_and_unreadable_files_are_refused_in_one_line() -> None:
    with pytest.raises(DataError, match=r"a\.txt: has zero bytes; not a text file"):
        decode_text(b"\x7fELF\0\0", "a.txt")
    with pytest.raises(DataError, match=r"a\.txt: neither UTF-8 nor"):
        decode_text(bytes(range(128, 256)) * 4, "a.txt")


def test_wrapped_lines_are_joined_and_long_lines_are_paragraphs() -> None:
    wrapped = (
        "Новая библиотека открылась, и в неё каждый день приходит мно-\nго читателей, потому что там есть "
        "хорошие книги для всех.\n\nВторой абзац начинается после пустой строки, и он тоже длин-\nный."
    )
    assert [block.text for block in read_text(wrapped.encode(), "a.txt")] == [
        "Новая библиотека открылась, и в неё каждый день приходит мно- го читателей, потому что там есть "
        "хорошие книги для всех.",
        "Второй абзац начинается после пустой строки, и он тоже длин- ный.",
    ]
    assert len(read_text(f"{RUSSIAN}\r\n{TURKMEN}\r\n".encode(), "a.txt")) == 2
