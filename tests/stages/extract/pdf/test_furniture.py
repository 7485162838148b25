"""Running headers and footers among the lines of pages."""

from __future__ import annotations

from stages.extract.pdf.book import Line, PageText
from stages.extract.pdf.furniture import find_running_lines
from tests.stages.extract.pdf.prose import Prose


def _page(number: int, texts: list[tuple[str, float, float]]) -> PageText:
    lines = [Line(text, 50.0, 400.0, y, size, False, 0) for text, y, size in texts]
    return PageText(number, 450.0, 680.0, lines, "ok", "", "layout")


def _body(number: int, n: int = 30) -> list[tuple[str, float, float]]:
    words = Prose("ru", number).paragraph(60).split()
    return [(" ".join(words[9 * i : 9 * i + 9]), 80.0 + 13 * i, 10.5) for i in range(n)]


def _found(pages: list[PageText]) -> list[set[str]]:
    running = find_running_lines(pages)
    return [
        {line.text for k, line in enumerate(page.lines) if (i, k) in running} for i, page in enumerate(pages)
    ]


def test_headers_that_change_with_the_chapter_and_page_numbers_are_found() -> None:
    pages = []
    for number in range(1, 31):
        header = "Мир вокруг нас" if number % 2 == 0 else f"Глава {number // 11 + 1}. Вода"
        text = f"{header} {number}" if number % 2 else f"{number} {header}"
        pages.append(_page(number, [(text, 38.0, 8.8), *_body(number), (f"– {number} –", 650.0, 8.8)]))
    for number, found in enumerate(_found(pages), start=1):
        assert len(found) == 2
        assert f"– {number} –" in found


def test_a_chapter_title_without_a_header_and_body_lines_stay() -> None:
    pages = []
    for number in range(1, 21):
        top = [("Глава 2", 120.0, 16.0)] if number in (1, 9) else [("Мир вокруг нас", 38.0, 8.8)]
        pages.append(_page(number, [*top, *[(t, y + 60, s) for t, y, s in _body(number, 25)]]))
    found = _found(pages)
    assert found[0] == found[8] == set()
    assert all(one == {"Мир вокруг нас"} for i, one in enumerate(found) if i not in (0, 8))


def test_exercises_and_formulas_that_repeat_at_the_top_are_text() -> None:
    pages = []
    for number in range(1, 25):
        body = _body(number)
        if number % 5 == 0:
            body[0] = (f"Упражнение {number * 3}.", 80.0, 10.5)
        pages.append(_page(number, [("Мир вокруг нас", 38.0, 8.8), *body]))
    assert all(found == {"Мир вокруг нас"} for found in _found(pages))


def test_a_header_that_recognition_spoilt_is_found_by_likeness() -> None:
    spoilt = {4: "Земля и её движенне", 9: "3емля и её движение"}
    pages = [_page(n, [(spoilt.get(n, "Земля и её движение"), 38.0, 8.8), *_body(n)]) for n in range(1, 16)]
    assert all(len(found) == 1 for found in _found(pages))


def test_a_book_without_running_lines_loses_nothing() -> None:
    pages = [_page(n, _body(n)) for n in range(1, 16)]
    assert find_running_lines(pages) == set()


def test_two_pages_are_too_few_to_tell() -> None:
    pages = [_page(n, [("Одинаковая строка", 38.0, 10.5), *_body(n)]) for n in (1, 2)]
    assert find_running_lines(pages) == set()
