"""Reading order from words in places."""

from __future__ import annotations

import random

import pytest

from stages.extract.pdf.book import Word
from stages.extract.pdf.layout import lay_out


def _set(text: str, x: float, y: float, size: float = 10.0, width: float | None = None) -> list[Word]:
    """Set a line of words, half an em a letter; stretched to a width if one is given."""
    words = text.split()
    lengths = [0.5 * size * len(word) for word in words]
    gap = 0.3 * size
    if width is not None and len(words) > 1:
        gap = (width - sum(lengths)) / (len(words) - 1)
    placed = []
    for word, length in zip(words, lengths, strict=True):
        placed.append(Word(word, x, x + length, y, size, "Body", False))
        x += length + gap
    return placed


def _column(prefix: str, n: int, x: float, y: float, width: float = 138.0, step: float = 12.0) -> list[Word]:
    rows = [f"{prefix}{i} слово и ещё пять слов" for i in range(n)]
    return [word for i, row in enumerate(rows) for word in _set(row, x, y + step * i, width=width)]


def _texts(words: list[Word], rules: list[tuple[float, float, float, float]] | None = None) -> list[str]:
    shuffled = list(words)
    random.Random(1).shuffle(shuffled)
    return [line.text for line in lay_out(shuffled, rules or [])]


@pytest.mark.parametrize("shift", [0.0, 4.0, 6.0])
def test_two_columns_are_read_one_after_the_other(shift: float) -> None:
    """Also where the lines of the columns are not level."""
    words = _column("л", 12, 50, 100) + _column("п", 12, 240, 100 + shift)
    texts = [text.split()[0] for text in _texts(words)]
    assert texts == [f"л{i}" for i in range(12)] + [f"п{i}" for i in range(12)]


def test_a_spanning_heading_parts_the_columns() -> None:
    words = _column("а", 8, 50, 100) + _column("б", 8, 240, 100)
    words += _set("Заголовок через обе колонки страницы книги", 90, 210, size=12)
    words += _column("в", 8, 50, 240) + _column("г", 8, 240, 240)
    texts = [text.split()[0] for text in _texts(words)]
    expected = [f"{letter}{i}" for letter in "аб" for i in range(8)]
    expected += ["Заголовок"] + [f"{letter}{i}" for letter in "вг" for i in range(8)]
    assert texts == expected


def test_three_columns_are_read_in_turn() -> None:
    words = [w for k, x in enumerate((30, 190, 350)) for w in _column("абв"[k], 10, x, 100)]
    assert [text[0] for text in _texts(words)] == ["а"] * 10 + ["б"] * 10 + ["в"] * 10


def test_rivers_in_justified_text_are_no_columns() -> None:
    rng = random.Random(5)
    words: list[Word] = []
    for i in range(40):
        row = " ".join("о" * rng.randint(1, 11) for _ in range(9))
        words += _set(row, 50, 100 + 12 * i, width=370)
    lines = lay_out(words, [])
    assert len(lines) == 40
    assert {line.kind for line in lines} == {""}


def test_aligned_cells_without_rules_are_a_table() -> None:
    words = _set("Обычная строка над таблицей в книге", 50, 80)
    for i in range(4):
        for j, cell in enumerate((f"имя{i}", f"{i}2", f"{i}3")):
            words += _set(cell, 50 + 120 * j, 110 + 14 * i)
    words += _set("Обычная строка под таблицей в книге", 50, 190)
    lines = lay_out(words, [])
    assert [line.kind for line in lines] == [""] + ["table"] * 4 + [""]
    assert lines[1].text == "имя0\t02\t03"


def test_cells_between_rules_may_hold_several_lines() -> None:
    words = _set("два", 55, 110) + _set("слова", 55, 122) + _set("одно", 155, 110)
    words += _set("ещё", 55, 142) + _set("пять", 155, 142)
    rules = [(50.0, y, 250.0, y) for y in (98.0, 128.0, 150.0)] + [
        (x, 98.0, x, 150.0) for x in (50.0, 150.0, 250.0)
    ]
    lines = lay_out(words, rules)
    assert [line.text for line in lines] == ["два слова\tодно", "ещё\tпять"]
    assert {line.kind for line in lines} == {"table"}


def test_raised_digits_join_the_word_before_them() -> None:
    words = _set("площадь в 5 м равна слову", 50, 100)
    host = next(word for word in words if word.text == "м")
    # As near to the next word as to its own.
    words.append(Word("2", host.x1 + 0.2, host.x1 + 2.9, 96.5, 6.0, "Body", False))
    assert _texts(words) == ["площадь в 5 м² равна слову"]


def test_nothing_gives_nothing() -> None:
    assert lay_out([], []) == []
