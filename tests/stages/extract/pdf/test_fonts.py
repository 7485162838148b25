"""Encodings told by letter statistics."""

from __future__ import annotations

import pytest

from stages.extract.pdf.book import Line, PageText
from stages.extract.pdf.fonts import has_odd_letters, judge, likeness, repair_pages
from tests.stages.extract.pdf.prose import Prose

RU = Prose("ru", 5).paragraph(6)
TK = Prose("tk", 5).paragraph(6)
OLD = "Шәхериң гүнорта тарапында яшаян адамлар, онуң гөзел баглары ве дерялары барада китап язылды."


@pytest.mark.parametrize(
    ("meant", "read"),
    [
        (RU, RU.encode("cp1251").decode("latin_1")),
        (RU, RU.encode("koi8_r", "ignore").decode("cp1251")),
        (RU, RU.encode("mac_cyrillic").decode("mac_roman")),
        (TK, TK.encode("cp1250").decode("cp1252")),
        (OLD, OLD.encode("ptcp154").decode("latin_1")),
        (TK, TK.translate(str.maketrans("ýÝşŞžŽňŇ", "ÿ¥¢$ſ£ñÑ"))),
        (TK, TK.translate(str.maketrans("ýÝşŞňŇ", "ÿŸþÞñÑ"))),
        # Numbers of glyphs, as characters and as codes.
        (RU, "".join(chr(ord(c) - 470) if "А" <= c <= "я" else "ɺ" if c == "ё" else c for c in RU)),
        (RU, "".join(f"(cid:{b})" if b > 127 else chr(b) for b in RU.encode("cp1251"))),
        (RU, "".join(chr(0xF000 + b) if b > 127 else chr(b) for b in RU.encode("cp1251"))),
    ],
)
def test_a_known_encoding_is_found_and_undone(meant: str, read: str) -> None:
    assert has_odd_letters(read)
    verdict = judge(read)
    assert not verdict.is_lost
    assert verdict.repair is not None
    assert verdict.repair(read) == meant


@pytest.mark.parametrize(
    "text",
    [
        RU,
        TK,
        OLD,
        # Languages without statistics here are left alone, signs and all.
        "Ол өз ауылында мұғалім болып жұмыс істейді, балаларды оқытады және кітап жазады.",
        "Où est l'été à l'école française? Ça a été très bien, mon garçon; où êtes-vous allés?",
        "Fußgänger überqueren die Straße, während Vögel über den Dächern große Kreise ziehen.",
    ],
)
def test_readable_text_stays_as_it_is(text: str) -> None:
    verdict = judge(text)
    assert verdict.repair is None
    assert not verdict.is_lost


def test_glyphs_without_any_mapping_are_lost() -> None:
    shuffled = "".join(f"(cid:{1000 + ord(c) * 7 % 67})" if c.isalpha() else c for c in RU)
    assert judge(shuffled).is_lost
    private = "".join(chr(0xE000 + ord(c) * 7 % 67) if c.isalpha() else c for c in RU)
    assert judge(private).is_lost


def test_likeness_parts_text_from_noise() -> None:
    assert min(likeness(RU), likeness(TK), likeness(OLD)) > 0.75
    assert likeness(RU[::-1].translate(str.maketrans("аеионт", "щъфыжх"))) < 0.3
    assert likeness("") == 0.0


def _page(lines: list[tuple[str, str]]) -> PageText:
    made = [
        Line(text, 50, 400, 100 + 13 * i, 10, False, 0, "", ((font, text),))
        for i, (font, text) in enumerate(lines)
    ]
    return PageText(1, 450, 680, made, "ok", "", "layout")


def test_bullets_of_symbol_fonts_become_signs() -> None:
    page = repair_pages([_page([("Body", "Обычный текст страницы"), ("Symbol", "\uf0b7 пункт списка")])])[0]
    assert [line.text for line in page.lines] == ["Обычный текст страницы", "• пункт списка"]
    assert page.status == "ok"


def test_a_lost_word_leaves_the_rest_of_the_page() -> None:
    lost = "".join(f"(cid:{2000 + ord(c) % 61})" for c in "непонятнаястрока" * 3)
    good = [("Body", sentence) for sentence in RU.split(". ")] * 20
    page = repair_pages([_page([*good, ("Odd", lost)])])[0]
    assert len(page.lines) == len(good)
    assert page.status == "quarantined"
    assert "Odd: 1 of " in page.reason
