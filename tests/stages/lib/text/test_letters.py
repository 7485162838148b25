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
from tests.cases import read_cases

CASES = read_cases(__file__)


@pytest.mark.parametrize(("text", "lang", "expected"), CASES["homoglyphs"])
def test_homoglyphs_are_repaired_where_there_is_one_way(
    text: str, lang: str, expected: list[str | bool]
) -> None:
    assert repair_homoglyphs(text, lang) == tuple(expected)


def test_script_share_leaves_placeholders_aside() -> None:
    assert script_share("%(name)s не найден", "Cyrl") == 1.0
    assert script_share("Faýl файл", "Cyrl") == 0.5
    assert script_share("123", "Latn") == 0.0


@pytest.mark.parametrize(("text", "lang", "expected"), CASES["headings_in_capitals"])
def test_headings_in_capitals_are_told_from_acronyms(text: str, lang: str, expected: bool) -> None:
    assert is_all_caps(text, lang) is expected


def test_sentence_case_keeps_acronyms_and_placeholders() -> None:
    assert (
        to_sentence_case("ОШИБКА HTTP: %(NAME)s ДНК НЕ НАЙДЕНА", "ru")
        == "Ошибка HTTP: %(NAME)s ДНК не найдена"
    )
    assert to_sentence_case("YENİ IŞIK", "tr") == "Yeni ışık"


@pytest.mark.parametrize(("src", "tgt", "expected"), CASES["capitals_of_both_sides"])
def test_both_sides_get_the_same_capitals(src: str, tgt: str, expected: list[str]) -> None:
    assert align_case(src, "ru", tgt, "tk") == tuple(expected)
    assert align_case(expected[0], "ru", expected[1], "tk") == tuple(expected)


def test_groups_ignore_capitals_and_punctuation_but_not_words_or_language() -> None:
    assert group_id("Täze sahypa.", "tk") == group_id("täze sahypa", "tk")
    assert group_id("Täze sahypa", "tk") != group_id("Köne sahypa", "tk")
    assert group_id("Menu", "tk") != group_id("Menu", "en")
    assert fold("…", "tk") == "…"


@pytest.mark.parametrize(("text", "expected"), CASES["uzbek_marks"])
def test_uzbek_marks_are_made_one(text: str, expected: str) -> None:
    assert repair_marks(text, "uz") == expected
    assert repair_marks(expected, "uz") == expected


@pytest.mark.parametrize("lang", ["tk", "ru", "tr", "en"])
def test_marks_of_other_languages_stay(lang: str) -> None:
    assert repair_marks("Côte d'Ivoire, go‘şmak", lang) == "Côte d'Ivoire, go‘şmak"
