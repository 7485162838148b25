"""Tables of translations of a set: by the model, and by what needs no model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from stages.lib.models.translate import translate
from stages.lib.scores.translation import COPY, MODEL, NEAREST, TRANSLATIONS_SCHEMA

if TYPE_CHECKING:
    import polars as pl
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from stages.lib.core.params import EvaluateParams, Pair

_GRAM_CHARS = 3
# Rows of the (texts, src) likenesses that are in memory at once: 8 bytes each, 400 MB of 200,000 src.
_NEAREST_ROWS = 256


def nearest_translations(texts: Sequence[str], src: Sequence[str], tgt: Sequence[str]) -> list[str]:
    """Return for each text the ``tgt`` of the ``src`` that is most like it; of equals the first.

    Likeness is the cosine of the counts of character trigrams, in small letters.
    """
    from scipy.sparse import csr_array

    number: dict[str, int] = {}

    def grams(text: str) -> list[int]:
        padded = f" {text.lower()} "
        cuts = range(max(1, len(padded) - _GRAM_CHARS + 1))
        return [number.setdefault(padded[cut : cut + _GRAM_CHARS], len(number)) for cut in cuts]

    sides = [[grams(text) for text in side] for side in (src, texts)]

    def matrix(rows: list[list[int]]) -> csr_array:
        """Trigram counts (n, grams), each row of unit length."""
        ends = np.cumsum([0, *map(len, rows)])
        columns = np.fromiter((gram for row in rows for gram in row), dtype=np.int64, count=ends[-1])
        counts = csr_array((np.ones(len(columns)), columns, ends), shape=(len(rows), len(number)))
        counts.sum_duplicates()
        norms = np.sqrt(counts.multiply(counts).sum(axis=1))
        return counts.multiply(1 / norms[:, None]).tocsr()

    known, asked = map(matrix, sides)
    found = []
    for start in range(0, len(texts), _NEAREST_ROWS):
        # Rounded, so that equal likeness is equal whatever the order of summation.
        likeness = np.round((asked[start : start + _NEAREST_ROWS] @ known.T).toarray(), 9)  # (rows, src)
        found += [tgt[row] for row in likeness.argmax(axis=1)]
    return found


def translate_pairs(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    pairs: pl.DataFrame,
    pair: Pair,
    settings: EvaluateParams,
    seed: int,
) -> pl.DataFrame:
    """Translate both sides of the pairs by the model; returns a table of TRANSLATIONS_SCHEMA."""
    found = {
        (src, tgt): translate(
            *(model, tokenizer, pairs[side].to_list(), src, tgt),
            num_beams=settings.beams,
            batch_tokens=settings.batch_tokens,
        )
        for side, src, tgt in (("src", pair.src, pair.tgt), ("tgt", pair.tgt, pair.src))
    }
    return _table(MODEL, found, pairs, pair, seed)


def translate_trivially(pairs: pl.DataFrame, train: pl.DataFrame, pair: Pair) -> pl.DataFrame:
    """Return the table of what needs no model: the source, and the nearest training sentence's other side.

    ``train`` rows of other languages than the pair's are left out.
    """
    import polars as pl

    own = train.filter((pl.col("src_lang") == pair.src) & (pl.col("tgt_lang") == pair.tgt))
    there, back = (pair.src, pair.tgt), (pair.tgt, pair.src)
    src, tgt = pairs["src"].to_list(), pairs["tgt"].to_list()
    known = own["src"].to_list(), own["tgt"].to_list()
    nearest = {there: nearest_translations(src, *known), back: nearest_translations(tgt, *known[::-1])}
    copies = {there: src, back: tgt}
    return pl.concat([_table(COPY, copies, pairs, pair, 0), _table(NEAREST, nearest, pairs, pair, 0)])


def _table(
    system: str, found: Mapping[tuple[str, str], list[str]], pairs: pl.DataFrame, pair: Pair, seed: int
) -> pl.DataFrame:
    import polars as pl

    tables = []
    for (src, tgt), translations in found.items():
        asked, right = ("src", "tgt") if src == pair.src else ("tgt", "src")
        table = pairs.with_columns(
            pl.lit(seed, dtype=pl.Int32).alias("seed"),
            pl.Series("translation", translations, dtype=pl.String),
            system=pl.lit(system),
            direction=pl.lit(f"{src}_{tgt}"),
            src=pl.col(asked),
            reference=pl.col(right),
        )
        tables.append(table.select(list(TRANSLATIONS_SCHEMA)))
    return pl.concat(tables)
