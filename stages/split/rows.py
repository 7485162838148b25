"""The corpus by column, with the split of each row's document and what the row may serve as."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from stages.lib.core.params import Params
from stages.lib.core.tables import MODEL_METHODS
from stages.lib.text.held_out import choose_split
from stages.lib.text.near_duplicates import fold_for_matching

if TYPE_CHECKING:
    import polars as pl

# %(name)s, %s, {0}, {{PLURAL|…}}, $1 and tags are no words.
_PLACEHOLDER = re.compile(r"%\(\w+\)[a-z]|%\d*\$?[sd]|\{[^{}]*\}|\$\d+|<[^<>]*>|&\w+;")
_LETTERS = re.compile(r"[^\W\d_]+(?:[-'‘’ʻ][^\W\d_]+)*")


def count_words(text: str) -> int:
    """Count the words of a text: runs of letters, hyphened ones once, placeholders and numbers not at all."""
    return len(_LETTERS.findall(_PLACEHOLDER.sub(" ", text)))


class Rows:
    """Lists with an entry for each row of the corpus.

    ``is_own``: in the pair's own languages. ``is_long_enough``: own, with at least ``min_words`` words on the
    src side. ``is_evaluated``: long enough, in a document of dev or test, and not found by a model.
    ``judged_good``: the rows of test documents that are long enough and that people found good (never mined).
    """

    def __init__(self, corpus: pl.DataFrame, params: Params, judged: pl.DataFrame | None) -> None:
        self._params = params.split
        self.source, self.doc, self.key, self.src, self.tgt, self.src_lang, self.tgt_lang = (
            corpus[name].to_list() for name in ("source", "doc", "key", "src", "tgt", "src_lang", "tgt_lang")
        )
        folded = {text: fold_for_matching(text) for text in {*self.src, *self.tgt}}
        self.src_folded = [folded[text] for text in self.src]
        self.tgt_folded = [folded[text] for text in self.tgt]
        pair_ids = corpus["pair_id"].to_list()
        good, edited = _judged_ids(judged)
        # That people edited a pair does not change that a model found it.
        self.is_found = [
            method in MODEL_METHODS or (method == "annotated" and pair_id in edited)
            for method, pair_id in zip(corpus["method"].to_list(), pair_ids, strict=True)
        ]
        is_good = [pair_id in good for pair_id in pair_ids]
        self.split = self._choose(is_good)
        pair_langs = (params.pair.src, params.pair.tgt)
        self.is_own = [langs == pair_langs for langs in zip(self.src_lang, self.tgt_lang, strict=True)]
        self.is_long_enough = [
            is_own and count_words(src) >= self._params.min_words and count_words(tgt) > 0
            for is_own, src, tgt in zip(self.is_own, self.src, self.tgt, strict=True)
        ]
        self.is_evaluated = [
            is_long and split != "train" and not is_found
            for is_long, split, is_found in zip(self.is_long_enough, self.split, self.is_found, strict=True)
        ]
        self.judged_good = [
            row
            for row, split in enumerate(self.split)
            if split == "test" and is_good[row] and self.is_long_enough[row]
        ]

    def _choose(self, is_good: list[bool]) -> list[str]:
        """Return the split of each row, that of its document.

        A document is train, whatever its name says, unless it has a pair that no model found, or a good pair
        and its name says test, or its source is wholly test.
        """
        documents = list(zip(self.source, self.doc, strict=True))
        chosen = {document: choose_split(*document, self._params) for document in sorted(set(documents))}
        evaluating = {
            document
            for document, is_found, good in zip(documents, self.is_found, is_good, strict=True)
            if not is_found
            or document[0] in self._params.test_sources
            or (good and chosen[document] == "test")
        }
        return [chosen[document] if document in evaluating else "train" for document in documents]

    def evaluated(self, split: str) -> list[int]:
        return [row for row, name in enumerate(self.split) if name == split and self.is_evaluated[row]]

    def sides(self, row: int) -> tuple[tuple[str, str, str], tuple[str, str, str]]:
        """Return language, text and folded text of both sides."""
        return (
            (self.src_lang[row], self.src[row], self.src_folded[row]),
            (self.tgt_lang[row], self.tgt[row], self.tgt_folded[row]),
        )


def _judged_ids(judged: pl.DataFrame | None) -> tuple[set[str], set[str]]:
    """Return the pair_ids of pairs that people found good, less mined ones, and of a model's pairs."""
    if judged is None:
        return set(), set()
    good = judged.filter(judged["method"] != "mined")["pair_id"]
    by_model = judged.filter(judged["method"].is_in(MODEL_METHODS))["pair_id"]
    return set(good), set(by_model)
