from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.lib.text.sentences import split_sentences
from tests.cases import read_cases

CASES = read_cases(__file__)


def _paragraphs(part: str) -> list[list[str]]:
    blocks = ([line for line in block.splitlines() if line[0] != "#"] for block in part.split("\n\n"))
    return [block for block in blocks if block]


GOLD = (Path(__file__).parent / "turkmen_sentences.txt").read_text(encoding="utf-8")
PARAGRAPHS, LINES = map(_paragraphs, GOLD.split("## lines\n"))
LANGS = ("ru", "tk", "uz", "kk", "ky", "tg", "en", "tr", "az", "de")


@pytest.mark.parametrize("paragraph", PARAGRAPHS, ids=lambda paragraph: paragraph[0][:30])
def test_turkmen_is_split_as_by_hand(paragraph: list[str]) -> None:
    assert split_sentences(" ".join(paragraph), "tk") == paragraph


@pytest.mark.parametrize("lines", LINES, ids=lambda lines: lines[0][:30])
def test_items_and_replies_on_lines_of_their_own_are_sentences(lines: list[str]) -> None:
    assert split_sentences("\n".join(lines), "tk") == lines


def test_a_period_glued_to_a_capital_ends_a_sentence_but_not_inside_an_address() -> None:
    assert split_sentences("Sergi açyldy.Oňa köp adam geldi.", "tk") == [
        "Sergi açyldy.",
        "Oňa köp adam geldi.",
    ]
    assert split_sentences("Saýt mysal.tm bolsa açyk.", "tk") == ["Saýt mysal.tm bolsa açyk."]


@pytest.mark.parametrize(("lang", "sentences"), CASES["sentences"])
def test_other_languages_have_rules_to_fall_back_on(lang: str, sentences: list[str]) -> None:
    assert split_sentences(" ".join(sentences), lang) == sentences


def test_text_without_words_or_ends_is_kept() -> None:
    assert split_sentences("", "tk") == []
    assert split_sentences(" \n\n ", "ru") == []
    assert split_sentences("...", "tk") == ["..."]
    assert split_sentences("Sözbaşy ahyrynda nokat ýok", "tk") == ["Sözbaşy ahyrynda nokat ýok"]


PIECES = st.sampled_from(
    ["A. ", "Ol geldi. ", "5 km. ", "we ş.m. ", "«Gel!» ", "(ýok.) ", "— ", "...", "\n", "\n\n", "1. ",
     "2024-nji ", "«", ")", "?!"]
)  # fmt: skip


@settings(deadline=None, max_examples=150)
@given(st.lists(st.one_of(PIECES, st.text(max_size=12)), max_size=12).map("".join), st.sampled_from(LANGS))
def test_sentences_are_pieces_of_the_text_in_order_with_only_white_space_between(
    text: str, lang: str
) -> None:
    at = 0
    for sentence in split_sentences(text, lang):
        assert sentence == sentence.strip()
        assert sentence
        found = text.index(sentence, at)
        assert not text[at:found].strip()
        at = found + len(sentence)
    assert not text[at:].strip()


@pytest.mark.parametrize("lang", ["tk", "ru"])
def test_time_grows_with_the_length_and_not_faster(lang: str) -> None:
    def seconds(text: str) -> float:
        best = 9.0
        for _ in range(3):
            began = time.perf_counter()
            split_sentences(text, lang)
            best = min(best, time.perf_counter() - began)
        return best

    for piece in ("(A. b. ", "Ol geldi. ", "... ", "x", "« . "):
        assert seconds(piece * 8000) < 40 * seconds(piece * 1000) + 0.05


@pytest.mark.parametrize("mark", "ʻ‘’'`")
def test_uzbek_words_are_known_with_any_sign_for_their_marks(mark: str) -> None:
    sentences = [f"Prof. O{mark}rt. Karimov keldi.", f"— Kim bu? — Olim so{mark}radi.", "Keyin ketdi."]
    assert split_sentences(" ".join(sentences), "uz") == sentences
