"""The rewrites and filters that one pair goes through, in the order they run.

To add a filter, write a function that scores a pair and add a line to :func:`make_steps`; its threshold
belongs in the ``clean`` block of params.yaml and in ``CleanParams`` (stages/lib/core/params.py).
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

from stages.lib.core.params import CleanParams
from stages.lib.text.language import LanguageCheck
from stages.lib.text.letters import (
    SCRIPTS,
    align_case,
    count_letters,
    fold,
    repair_homoglyphs,
    repair_marks,
    script_share,
)
from stages.lib.text.markup import has_leftover_markup, normalise, placeholders, without_placeholders


@dataclass(frozen=True, slots=True)
class PairTexts:
    """The texts of a pair with their languages; ``english`` are the message's folded English texts."""

    src_lang: str
    tgt_lang: str
    src: str
    tgt: str
    english: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Rewrite:
    """Changes both texts; ``name`` is what the pairs that it changes are counted under."""

    name: str
    change: Callable[[PairTexts], tuple[str, str]]


@dataclass(frozen=True)
class Filter:
    """Drops a pair for ``reason`` unless ``at_least <= score <= at_most`` and ``score < below``."""

    reason: str
    score: Callable[[PairTexts], float]
    at_least: float = float("-inf")
    at_most: float = float("inf")
    below: float = float("inf")

    def accepts(self, pair: PairTexts) -> bool:
        score = self.score(pair)
        return self.at_least <= score <= self.at_most and score < self.below


def make_steps(params: CleanParams, src_lang: str, tgt_lang: str) -> list[Rewrite | Filter]:
    """Return the steps for pairs of two languages, in the order they run."""
    src_evidence, tgt_evidence = (
        # The same target text is in a pair of each pivot language.
        lru_cache(maxsize=50_000)(LanguageCheck(lang).score)
        for lang in (src_lang, tgt_lang)
    )
    return [
        Filter("too_long", longest_side, at_most=params.max_chars),
        Rewrite("normalised", normalise_sides),
        Filter("markup", has_markup, at_most=0),
        Filter("placeholder", differing_placeholders, at_most=0),
        Filter("too_short", fewest_letters, at_least=params.min_letters),
        Filter("mixed_script", has_mixed_word, at_most=0),
        Rewrite("homoglyphs", repair_sides),
        Filter("script", least_script_share, at_least=params.min_script_share),
        Rewrite("capitals", align_capitals),
        Filter("untranslated", is_untranslated, at_most=0),
        Filter("length_ratio", length_ratio, at_most=params.max_length_ratio),
        Filter(
            "src_language", lambda pair: src_evidence(pair.src).evidence, below=params.max_foreign_evidence
        ),
        Filter(
            "tgt_language", lambda pair: tgt_evidence(pair.tgt).evidence, below=params.max_foreign_evidence
        ),
    ]


def longest_side(pair: PairTexts) -> int:
    """Return the characters of the longer side."""
    return max(len(pair.src), len(pair.tgt))


def normalise_sides(pair: PairTexts) -> tuple[str, str]:
    return (
        repair_marks(normalise(pair.src), pair.src_lang),
        repair_marks(normalise(pair.tgt), pair.tgt_lang),
    )


def has_markup(pair: PairTexts) -> bool:
    """Tell whether markup that could not be read is on either side."""
    return has_leftover_markup(pair.src) or has_leftover_markup(pair.tgt)


def differing_placeholders(pair: PairTexts) -> bool:
    return placeholders(pair.src) != placeholders(pair.tgt)


def fewest_letters(pair: PairTexts) -> int:
    """Return the letters of the side that has fewer."""
    return min(count_letters(pair.src), count_letters(pair.tgt))


def _repaired(pair: PairTexts) -> tuple[tuple[str, bool], tuple[str, bool]]:
    return repair_homoglyphs(pair.src, pair.src_lang), repair_homoglyphs(pair.tgt, pair.tgt_lang)


def has_mixed_word(pair: PairTexts) -> bool:
    """Tell whether a word of two scripts cannot be repaired."""
    return any(is_mixed for _, is_mixed in _repaired(pair))


def repair_sides(pair: PairTexts) -> tuple[str, str]:
    (src, _), (tgt, _) = _repaired(pair)
    return src, tgt


def least_script_share(pair: PairTexts) -> float:
    """Return the share of letters in the language's script, on the side that has less of it."""
    return min(
        script_share(text, SCRIPTS.get(lang, "Latn"))
        for text, lang in ((pair.src, pair.src_lang), (pair.tgt, pair.tgt_lang))
    )


def align_capitals(pair: PairTexts) -> tuple[str, str]:
    return align_case(pair.src, pair.src_lang, pair.tgt, pair.tgt_lang)


# The likeness (0-1) of two words from which on they count as the same name in two alphabets.
_MIN_LIKENESS = 0.7
_LATIN_SPELLING = str.maketrans(
    dict(zip("абвгдеёжзийклмнопрстуфхцъыьэ", "abvgdeejziyklmnoprstufhs'y'e", strict=True))
    | {"ч": "ch", "ш": "sh", "щ": "sch", "ю": "yu", "я": "ya"}
)


def is_untranslated(pair: PairTexts) -> bool:
    """Tell whether the target side only repeats the source side or the message's English text.

    A Latin-script target that equals the English is no fault where the source side sounds the same: "Ангола"
    is "Angola" in both. The source side is spelt in Latin letters to recognise such names and loan words.
    """
    src, tgt = fold(pair.src, pair.src_lang), fold(pair.tgt, pair.tgt_lang)
    if tgt == src:
        return True
    if tgt not in pair.english:
        return False
    spelt = src.translate(_LATIN_SPELLING)
    return difflib.SequenceMatcher(None, spelt, tgt, autojunk=False).ratio() < _MIN_LIKENESS


# Below this a ratio says little: "UI" and "Пользовательский интерфейс" are a pair.
_RATIO_FROM_CHARS = 20


def length_ratio(pair: PairTexts) -> float:
    """Return longer side over shorter side in characters, placeholders aside; 1 if both are short."""
    shorter, longer = sorted(len(without_placeholders(side)) for side in (pair.src, pair.tgt))
    return longer / max(1, shorter) if longer >= _RATIO_FROM_CHARS else 1.0


class ShardFilter:
    """The steps for a shard of pairs; what the steps of a source language need is made once."""

    def __init__(self, params: CleanParams, tgt_lang: str) -> None:
        self._params, self._tgt_lang = params, tgt_lang
        self._steps: dict[str, list[Rewrite | Filter]] = {}

    def __call__(self, pairs: list[PairTexts]) -> tuple[list[tuple[str, str, str | None]], Counter[str]]:
        """Return what ``apply`` returns for each pair, and how many pairs each rewrite changed."""
        changed: Counter[str] = Counter()
        return [self.apply(pair, changed) for pair in pairs], changed

    def apply(self, pair: PairTexts, changed: Counter[str]) -> tuple[str, str, str | None]:
        """Return the texts as the rewrites left them, and the first reason to drop the pair, or None."""
        if pair.src_lang not in self._steps:
            self._steps[pair.src_lang] = make_steps(self._params, pair.src_lang, self._tgt_lang)
        for step in self._steps[pair.src_lang]:
            if isinstance(step, Rewrite):
                src, tgt = step.change(pair)
                if (src, tgt) != (pair.src, pair.tgt):
                    changed[step.name] += 1
                    pair = replace(pair, src=src, tgt=tgt)
            elif not step.accepts(pair):
                return pair.src, pair.tgt, step.reason
        return pair.src, pair.tgt, None
