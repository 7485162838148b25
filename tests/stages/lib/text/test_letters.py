from __future__ import annotations

import pytest

from stages.lib.text.letters import (
    align_case,
    fold,
    group_id,
    is_all_caps,
    repair_homoglyphs,
    repair_marks,
    script_share,
    to_sentence_case,
)


@pytest.mark.parametrize(
    ("text", "lang", "expected"),
    [
        ("S\u0430hyp\u0430", "tk", ("Sahypa", False)),  # Cyrillic а
        ("Стр\u0061ница", "ru", ("Страница", False)),  # Latin a
        ("Файл HTML-страницы", "ru", ("Файл HTML-страницы", False)),  # a Latin word is a name
        ("sal\u0441am", "tk", ("sal\u0441am", True)),  # с would be c, which Turkmen lacks
        ("salжm", "tk", ("salжm", True)),
        ("%(\u0430)s Sahypa", "tk", ("%(\u0430)s Sahypa", False)),  # a placeholder is not a word
        ("Привет", "ru", ("Привет", False)),
    ],
)
def test_homoglyphs_are_repaired_where_there_is_one_way(
    text: str, lang: str, expected: tuple[str, bool]
) -> None:
    assert repair_homoglyphs(text, lang) == expected


def test_script_share_leaves_placeholders_aside() -> None:
    assert script_share("%(name)s не найден", "Cyrl") == 1.0
    assert script_share("Faýl файл", "Cyrl") == 0.5
    assert script_share("123", "Latn") == 0.0


@pytest.mark.parametrize(
    ("text", "lang", "expected"),
    [
        ("ВНИМАНИЕ", "ru", True),
        ("ÜNS BERIŇ!", "tk", True),
        ("ДНК", "ru", False),
        ("HTTP", "tk", False),
        ("HTML CSS", "ru", False),
        ("Внимание", "ru", False),
        ("IP adres", "tk", False),
    ],
)
def test_headings_in_capitals_are_told_from_acronyms(text: str, lang: str, expected: bool) -> None:
    assert is_all_caps(text, lang) is expected


def test_sentence_case_keeps_acronyms_and_placeholders() -> None:
    assert (
        to_sentence_case("ОШИБКА HTTP: %(NAME)s ДНК НЕ НАЙДЕНА", "ru")
        == "Ошибка HTTP: %(NAME)s ДНК не найдена"
    )
    assert to_sentence_case("YENİ IŞIK", "tr") == "Yeni ışık"


@pytest.mark.parametrize(
    ("src", "tgt", "expected"),
    [
        ("ВНИМАНИЕ", "ÜNS BERIŇ", ("Внимание", "Üns beriň")),
        ("ВНИМАНИЕ", "Üns beriň", ("Внимание", "Üns beriň")),
        ("новая страница", "Täze sahypa", ("Новая страница", "Täze sahypa")),
        ("Ашхабад", "aşgabat", ("Ашхабад", "Aşgabat")),
        ("новая", "täze", ("новая", "täze")),
        ("Телефон", "iPhone", ("Телефон", "iPhone")),
        ("«новая»", "Täze", ("«Новая»", "Täze")),
    ],
)
def test_both_sides_get_the_same_capitals(src: str, tgt: str, expected: tuple[str, str]) -> None:
    assert align_case(src, "ru", tgt, "tk") == expected
    assert align_case(*(expected[0], "ru", expected[1], "tk")) == expected


def test_groups_ignore_capitals_and_punctuation_but_not_words_or_language() -> None:
    assert group_id("Täze sahypa.", "tk") == group_id("täze sahypa", "tk")
    assert group_id("Täze sahypa", "tk") != group_id("Köne sahypa", "tk")
    assert group_id("Menu", "tk") != group_id("Menu", "en")
    assert fold("…", "tk") == "…"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("O'zbekiston bo`lib g’isht", "Oʻzbekiston boʻlib gʻisht"),
        ("ma'no, e’lon, sanʻat", "maʼno, eʼlon, sanʼat"),
        ("tog‘ va yo'", "togʻ va yoʻ"),
        # After an opening quotation mark the sign at the end of a word may close it.
        ("'foo' degan so'z", "'foo' degan soʻz"),
        ("Oʻzbekcha maʼno", "Oʻzbekcha maʼno"),
        # Placeholders and code stay.
        ("%(o)s'ni $1'ga", "%(o)s'ni $1'ga"),
        ("5' va 'iqtibos'", "5' va 'iqtibos'"),
        ("", ""),
    ],
)
def test_uzbek_marks_are_made_one(text: str, expected: str) -> None:
    assert repair_marks(text, "uz") == expected
    assert repair_marks(expected, "uz") == expected


@pytest.mark.parametrize("lang", ["tk", "ru", "tr", "en"])
def test_marks_of_other_languages_stay(lang: str) -> None:
    assert repair_marks("Côte d'Ivoire, go‘şmak", lang) == "Côte d'Ivoire, go‘şmak"
