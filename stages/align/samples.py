"""Samples for calibration: background texts, gold pairs and planted wrong pairs."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from stages.align.mining import nearest
from stages.lib.models.vectors import text_keys, to_unit

if TYPE_CHECKING:
    import polars as pl

# texts and their language to float32 unit vectors (n, dim)
EmbedTexts = Callable[[Sequence[str], str], np.ndarray]
# Neighbours looked at for one that is wrong; more equal texts than that leave a row without.
NEAR_ROWS = 8


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
            self._join(lang, keys[least], np.asarray(vectors[numbers[least]]))

    def beside(self, other: Background) -> Background:
        """Return a background that holds what either holds."""
        both = Background(self.size + other.size)
        for background in (self, other):
            for lang, (keys, vectors) in background._kept.items():
                both._join(lang, keys, vectors)
        return both

    def _join(self, lang: str, keys: np.ndarray, vectors: np.ndarray) -> None:
        if lang in self._kept:
            keys = np.concatenate([self._kept[lang][0], keys])
            vectors = np.concatenate([self._kept[lang][1], vectors])
        order = _rising(keys)
        is_new = np.append(True, (keys[order][1:] != keys[order][:-1]).any(axis=1))
        first = order[is_new][: self.size]
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
            sides = (np.asarray(vectors[rows[f"{side}_row"].to_numpy()]) for side in ("src", "tgt"))
            self._docs[source, doc] = GoldPairs(src, tgt, [doc] * len(src), *sides)
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


def plant_negatives(
    src: np.ndarray, tgt: np.ndarray, docs: Sequence[str], *, memory_mb: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows (int32 src, int32 tgt) of wrong pairs that are hard to tell from right ones.

    Row i of ``src`` and ``tgt`` (n, dim) is a gold pair of document ``docs[i]``, in the document's order.
    Planted are, for each row, its nearest wrong neighbour on either side and the next sentence of its
    document. A row whose text on one side is the same as row i's is no wrong neighbour of i. Each pair comes
    once, in the order of rows.
    """
    src_texts, tgt_texts = _number_rows(src), _number_rows(tgt)
    rows = np.arange(len(src))
    names = np.asarray(docs, dtype=str)
    follows = rows[:-1][names[:-1] == names[1:]]
    pairs = [np.column_stack([follows, follows + 1])]
    for queries, others, is_src in ((src, tgt, True), (tgt, src, False)):
        near = nearest(queries, others, NEAR_ROWS, memory_mb).rows  # (n, k)
        is_wrong = (src_texts[near] != src_texts[:, None]) & (tgt_texts[near] != tgt_texts[:, None])
        wrong = near[rows, is_wrong.argmax(axis=1)]
        has_wrong = is_wrong.any(axis=1)
        pair = (rows[has_wrong], wrong[has_wrong])
        pairs.append(np.column_stack(pair if is_src else pair[::-1]))
    planted = np.concatenate(pairs)
    same = (src_texts[planted[:, 0]] == src_texts[planted[:, 1]]) | (
        tgt_texts[planted[:, 0]] == tgt_texts[planted[:, 1]]
    )
    planted = np.unique(planted[~same], axis=0).astype(np.int32)
    return planted[:, 0].copy(), planted[:, 1].copy()


def plant_merges(src: Sequence[str], tgt: Sequence[str], docs: Sequence[str]) -> list[tuple[str, str, int]]:
    """Return wrong beads (source text, target text, row of the gold pair), as alignment makes them.

    One side of gold pair ``row`` took the next sentence of its document too: the source at even rows, the
    target at odd ones.
    """
    merged = []
    for row in range(len(docs) - 1):
        if docs[row] == docs[row + 1]:
            texts = [src[row], tgt[row]]
            texts[row % 2] += f" {(src, tgt)[row % 2][row + 1]}"
            merged.append((*texts, row))
    return merged


def _number_rows(vectors: np.ndarray) -> np.ndarray:
    """Return a number (n,) for each row, the same for equal vectors."""
    return np.unique(np.ascontiguousarray(vectors), axis=0, return_inverse=True)[1].reshape(-1)
