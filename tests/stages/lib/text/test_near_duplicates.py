from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.lib.text.near_duplicates import TextMatcher, find_near_duplicates, fold_for_matching, hash_ngrams
from tests.cases import read_cases

CASES = read_cases(__file__)


@pytest.mark.parametrize(("text", "expected"), CASES["folding"])
def test_folding_removes_what_does_not_matter(text: str, expected: str) -> None:
    assert fold_for_matching(text) == expected


@given(st.text())
@settings(deadline=None)
def test_folding_is_stable_and_plain(text: str) -> None:
    once = fold_for_matching(text)
    assert fold_for_matching(once) == once
    assert once == " ".join(once.split())


@given(st.text(alphabet="abýşžИЁёй 09.,-", max_size=40))
@settings(deadline=None)
def test_folding_ignores_capitals_and_outer_marks(text: str) -> None:
    assert fold_for_matching(text.upper()) == fold_for_matching(text.lower())
    assert fold_for_matching(f"«{text}»!") == fold_for_matching(text)


def test_ngrams_are_short_hashes_of_five_words() -> None:
    hashes = hash_ngrams("bir iki üç dört bäş alty", 5, 32)
    assert len(set(hashes)) == 2
    assert all(0 <= value < 2**32 for value in hashes)
    assert hash_ngrams("bir iki üç dört", 5, 32) == []


def _jaccard(one: str, other: str) -> float:
    grams = [{text[i : i + 4] for i in range(max(1, len(text) - 3))} for text in (one, other)]
    return len(grams[0] & grams[1]) / len(grams[0] | grams[1])


def test_near_duplicates_are_exactly_those_that_comparing_all_finds() -> None:
    rng = random.Random(5)
    words = "sahypa faýl ulanyjy täze köne aç ýap gözle üýtget ýazgy kitap söz dil sanaw"
    texts = []
    for _ in range(120):
        text = " ".join(rng.choices(words.split(), k=rng.randint(1, 12)))
        texts.append(text)
        if rng.random() < 0.5:
            at = rng.randrange(len(text))
            texts.append(text[:at] + rng.choice("abç") + text[at + 1 :])
    rng.shuffle(texts)
    for threshold in (0.5, 0.8, 0.9):
        kept: list[int] = []
        expected: list[int | None] = []
        for position, text in enumerate(texts):
            found = next((k for k in kept if _jaccard(text, texts[k]) > threshold), None)
            expected.append(found)
            if found is None:
                kept.append(position)
        assert find_near_duplicates(texts, threshold) == expected
        assert 0 < len(kept) < len(texts)


@pytest.mark.parametrize(("jaccard", "containment"), [(0.5, 0.8), (0.75, 0.5), (0.25, 1.0), (1.0, 0.9)])
def test_matched_texts_are_what_comparing_all_with_all_finds(jaccard: float, containment: float) -> None:
    words = ["açar", "söz", "giriziň", "ulanyjy", "faýl", "gaty", "uly", "sahypa"]
    draw = random.Random(1)
    texts = [" ".join(draw.sample(words, draw.randint(1, 8))) for _ in range(120)]
    protected, asked = sorted(set(texts[:40])), sorted(set(texts[40:]))

    def grams(text: str) -> set[str]:
        return {f" {text} "[k : k + 5] for k in range(len(text) - 2)}

    def is_near(one: str, other: str) -> bool:
        common, (small, large) = grams(one) & grams(other), sorted((one, other), key=lambda t: len(grams(t)))
        if len(common) / len(grams(one) | grams(other)) >= jaccard:
            return True
        if len(grams(one)) == len(grams(other)):
            small = one  # of equals, the asked one counts
        share = len(common) / min(len(grams(small)), len(grams(large)))
        return len(small.split()) >= 5 and share >= containment

    expected = {
        text: "exact" if text in protected else "near"
        for text in asked
        if text in protected or any(is_near(text, other) for other in protected)
    }
    assert TextMatcher(texts, jaccard, containment).match(asked, protected) == expected
    assert set(expected.values()) == {"exact", "near"}
    assert len(expected) < len(asked)


def test_nothing_matches_the_empty_text_or_an_empty_reference() -> None:
    matcher = TextMatcher(["", "faýl ýok"], 0.5, 0.8)
    assert matcher.match(["", "faýl ýok"], {"", "faýl ýok"}) == {"faýl ýok": "exact"}
    assert matcher.match(["faýl ýok"], set()) == {}
