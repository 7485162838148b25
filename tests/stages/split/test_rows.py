from __future__ import annotations

import pytest

from stages.split.rows import count_words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Введите имя пользователя", 3),
        ("Файл %(name)s из {count} не найден", 4),
        ("$1 — 25 %s <b>да</b>", 1),
        ("интернет-магазин", 1),
        ("o‘zbek", 1),
        ("", 0),
    ],
)
def test_placeholders_and_numbers_are_no_words(text: str, words: int) -> None:
    assert count_words(text) == words
