"""One score for pairs of every method: how far they stand out, as the probability that they are right.

The feature is the margin ratio of a pair among texts of its own source and a background common to all: among
the common ones alone, every pair of news stands out from interface messages, the wrong ones too. Its
calibration comes from pairs that a source joined by key, and from wrong pairs planted beside them, one hard
wrong pair to each right one in weight. So 0.5 means: as likely a right pair as one of those.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from stages.align.calibration import plant_merges, plant_negatives
from stages.align.mining import background_scores
from stages.lib.models.vectors import text_keys, to_unit

if TYPE_CHECKING:
    import polars as pl

# texts and their language to float32 unit vectors (n, dim)
EmbedTexts = Callable[[Sequence[str], str], np.ndarray]
# Pairs scored at once.
_BLOCK = 20_000


class Background:
    """Texts of each language that pairs are scored against: of all that are offered, the least by sha256.

    Which texts these are depends on nothing but the texts, not on their order or number in a source.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        # sha256 of the texts (n, 4), rising, and their float16 vectors (n, dim), by language
        self._kept: dict[str, tuple[np.ndarray, np.ndarray]] = {}

    def offer(self, segments: pl.DataFrame, vectors: np.ndarray) -> None:
        """Take in texts; ``segments`` has ``lang``, ``text`` and ``row``, which points into ``vectors``."""
        for (lang,), rows in segments.unique(["lang", "text"]).group_by("lang"):
            keys, numbers = text_keys(rows["text"].to_list(), lang), rows["row"].to_numpy()
            least = _rising(keys)[: self.size]
            self._join(lang, keys[least], np.asarray(vectors[numbers[least]]), self.size)

    def beside(self, other: Background) -> Background:
        """Return a background that holds what either holds."""
        both = Background(self.size + other.size)
        for one in (self, other):
            for lang, (keys, vectors) in one._kept.items():
                both._join(lang, keys, vectors, both.size)
        return both

    def _join(self, lang: str, keys: np.ndarray, vectors: np.ndarray, size: int) -> None:
        if lang in self._kept:
            keys = np.concatenate([self._kept[lang][0], keys])
            vectors = np.concatenate([self._kept[lang][1], vectors])
        order = _rising(keys)
        is_new = np.append(True, (keys[order][1:] != keys[order][:-1]).any(axis=1))
        first = order[is_new][:size]
        self._kept[lang] = keys[first], vectors[first]

    def unit(self, lang: str) -> np.ndarray:
        """Return the language's vectors, float32 (n, dim) of unit length."""
        return to_unit(self._kept[lang][1])


def _rising(keys: np.ndarray) -> np.ndarray:
    return np.lexsort((keys[:, 1], keys[:, 0]))


@dataclass(frozen=True)
class GoldPairs:
    """Pairs joined by key, in their documents' order: texts, documents, and float16 vectors (n, dim)."""

    src: list[str]
    tgt: list[str]
    docs: list[str]
    src_vectors: np.ndarray
    tgt_vectors: np.ndarray


class GoldSample:
    """Gold pairs in whole documents: of all that are offered those of least sha256, until ``size`` pairs."""

    def __init__(self, size: int, min_words: int) -> None:
        self.size, self.min_words = size, min_words
        self._docs: dict[tuple[str, str], GoldPairs] = {}

    def offer(self, source: str, pairs: pl.DataFrame, vectors: np.ndarray) -> None:
        """Take in pairs with ``doc``, ``src``, ``tgt``, ``src_row`` and ``tgt_row``; each text pair once.

        Left out are those with fewer than ``min_words`` words on the source side: what is right of a name
        says little about sentences.
        """
        import polars as pl

        long_enough = pairs.filter(pl.col("src").str.count_matches(r"\pL+") >= self.min_words)
        for (doc,), rows in long_enough.unique(["doc", "src", "tgt"], maintain_order=True).group_by("doc"):
            src, tgt = rows["src"].to_list(), rows["tgt"].to_list()
            found = (np.asarray(vectors[rows[f"{side}_row"].to_numpy()]) for side in ("src", "tgt"))
            self._docs[source, doc] = GoldPairs(src, tgt, [doc] * len(src), *found)
        total, kept = 0, {}
        for place in sorted(self._docs, key=lambda place: hashlib.sha256(place[1].encode()).digest()):
            if total >= self.size:
                break
            kept[place] = self._docs[place]
            total += len(kept[place].src)
        self._docs = kept

    def of(self, source: str) -> GoldPairs | None:
        """Return one source's pairs, by document; None if there are none."""
        docs = [pairs for (name, _), pairs in self._docs.items() if name == source]
        if not docs:
            return None
        return GoldPairs(
            [text for doc in docs for text in doc.src],
            [text for doc in docs for text in doc.tgt],
            [name for doc in docs for name in doc.docs],
            np.concatenate([doc.src_vectors for doc in docs]),
            np.concatenate([doc.tgt_vectors for doc in docs]),
        )


def features(
    src: np.ndarray,
    tgt: np.ndarray,
    src_background: np.ndarray,
    tgt_background: np.ndarray,
    k: int,
    memory_mb: int,
) -> np.ndarray:
    """Return the margin ratio of each pair of rows, float32 (n,); vectors of any float type."""
    parts = [
        background_scores(
            to_unit(src[start : start + _BLOCK]),
            to_unit(tgt[start : start + _BLOCK]),
            src_background=src_background,
            tgt_background=tgt_background,
            k=k,
            memory_mb=memory_mb,
        )
        for start in range(0, len(src), _BLOCK)
    ]
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.float32)


def plant(
    gold: GoldPairs, embed: EmbedTexts, src_lang: str, tgt_lang: str, memory_mb: int
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Return the vectors of wrong pairs, (n, dim) each side, and the document that each is made from.

    They are nearest wrong neighbours, neighbouring sentences, and beads that took one sentence too many.
    """
    src, tgt = to_unit(gold.src_vectors), to_unit(gold.tgt_vectors)
    src_rows, tgt_rows = plant_negatives(src, tgt, gold.docs, memory_mb=memory_mb)
    merges = plant_merges(gold.src, gold.tgt, gold.docs)
    docs = [gold.docs[row] for row in src_rows] + [gold.docs[row] for _, _, row in merges]
    wrong_src, wrong_tgt = [src[src_rows]], [tgt[tgt_rows]]
    if merges:
        wrong_src.append(embed([text for text, _, _ in merges], src_lang))
        wrong_tgt.append(embed([text for _, text, _ in merges], tgt_lang))
    return np.concatenate(wrong_src), np.concatenate(wrong_tgt), docs
