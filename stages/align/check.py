"""Measure alignment and scores on a keyed source with its keys hidden."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from stages.align.alignments import alignment_rows
from stages.align.beads import Alignment
from stages.align.calibration import CONFIDENCE
from stages.align.candidates import Side, align_sides
from stages.align.documents import Document, pair_documents
from stages.align.keys import pair_by_key
from stages.align.samples import EmbedTexts, GoldSample, plant
from stages.align.scores import SourceScores
from stages.lib.models.vectors import to_unit
from stages.lib.scores.significance import bootstrap_interval
from stages.lib.text.sentences import split_sentences

if TYPE_CHECKING:
    import polars as pl

    from stages.lib.core.params import Params

# Behind each interval; align's own, so that a change of evaluate's does not align anew.
RESAMPLES = 2000

Hits = tuple[Sequence[bool], Sequence[str]]  # what was hit, and the document that each belongs to


class HiddenSide(NamedTuple):
    """All segments of one language as one text; the (document, key) of each is what to compare with."""

    side: Side
    places: list[tuple[str, str | None]]

    @property
    def docs(self) -> list[str]:
        return [doc for doc, _ in self.places]

    @property
    def names(self) -> list[str]:
        """Name segments by document and key, or by their number."""
        return [
            str(n) if key is None else f"{doc.partition('/')[2]} {key}"
            for n, (doc, key) in enumerate(self.places, start=1)
        ]


def hide_keys(segments: pl.DataFrame, vectors: np.ndarray, params: Params) -> tuple[HiddenSide, HiddenSide]:
    """Return both sides, in the order of documents; ``row`` of the segments points into ``vectors``."""
    import polars as pl

    sides = []
    for lang in (params.pair.src, params.pair.tgt):
        rows = segments.filter(pl.col("lang") == lang).sort("doc", "n")
        unit = to_unit(vectors[rows["row"].to_numpy()])
        sides.append(HiddenSide(_side(lang, rows["text"].to_list(), unit), rows.select("doc", "key").rows()))
    return tuple(sides)


def _side(lang: str, texts: list[str], vectors: np.ndarray) -> Side:
    return Side("", lang, texts, np.arange(len(texts)), vectors)


def gold_pairs(src: HiddenSide, tgt: HiddenSide) -> set[tuple[int, int]]:
    """Return the pairs of positions whose document and key are the same."""
    rows = {place: row for row, place in enumerate(tgt.places) if place[1] is not None}
    return {(row, rows[place]) for row, place in enumerate(src.places) if place in rows}


def align_hidden(
    source: str, doc: str, segments: pl.DataFrame, vectors: np.ndarray, params: Params, embed: EmbedTexts
) -> list[tuple]:
    """Align all segments of either language as one text; return rows of ALIGNMENT_SCHEMA."""
    sides = hide_keys(segments, vectors, params)
    return _rows(source, doc, sides, align_sides(sides[0].side, sides[1].side, embed, params.align))


def _rows(source: str, doc: str, sides: tuple[HiddenSide, HiddenSide], alignment: Alignment) -> list[tuple]:
    src, tgt = sides
    names = (src.names, tgt.names)
    return alignment_rows(source, doc, (src.side, tgt.side), alignment, names, gold_pairs(*sides))


def check_source(
    name: str, segments: pl.DataFrame, rows: np.ndarray, scores: SourceScores
) -> tuple[dict[str, Any], list[tuple]] | None:
    """Check a source with keys as if it had none; None if it has no pair.

    ``segments`` have ``row``, which points into the vectors ``rows``. Returns the figures of
    `check_alignment` and of `check_scores`, and the rows of the alignment (ALIGNMENT_SCHEMA).
    """
    import polars as pl

    params, embed = scores.common.params, scores.common.embed
    checked = check_alignment(name, segments.filter(pl.col("key").is_not_null()), rows, params, embed)
    if checked is None:
        return None
    figures, alignment = checked
    return {**figures, "scores": check_scores(name, segments, rows, scores)}, alignment


def check_alignment(
    source: str, segments: pl.DataFrame, vectors: np.ndarray, params: Params, embed: EmbedTexts
) -> tuple[dict[str, Any], list[tuple]] | None:
    """Align a source's two languages as one text each and compare with its keys; None if it has no pair.

    Returns figures, and the rows of the alignment. Figures are precision, recall and F1 with intervals,
    resampled by document:

    - ``paragraphs``: a bead is right if it is one segment beside the one of the same document and key;
    - ``sentences``: the segments cut into sentences; a bead is right if all of it lies in one document, and
      the figures are shares of sentences;
    - ``documents``: the documents with their names hidden.
    """
    sides = hide_keys(segments, vectors, params)
    gold = gold_pairs(*sides)
    if not gold:
        return None
    alignment = align_sides(sides[0].side, sides[1].side, embed, params.align)
    figures = {
        "paragraphs": _check_paragraphs(alignment, sides[0].docs, gold, params.seed),
        "sentences": _check_sentences(sides, params, embed),
        "documents": _check_documents(sides, params),
    }
    return figures, _rows(source, source, sides, alignment)


def _check_paragraphs(
    alignment: Alignment, src_docs: list[str], gold: set[tuple[int, int]], seed: int
) -> dict[str, Any]:
    beads = alignment.beads.tolist()
    matched = [bead for bead in beads if bead[1] > bead[0] and bead[3] > bead[2]]
    is_right = [(b - a, d - c) == (1, 1) and (a, c) in gold for a, b, c, d in matched]
    right = {(bead[0], bead[2]) for bead, is_hit in zip(matched, is_right, strict=True) if is_hit}
    expected = sorted(gold)
    figures = _figures(
        (is_right, [src_docs[bead[0]] for bead in matched]),
        ([pair in right for pair in expected], [src_docs[row] for row, _ in expected]),
        seed,
    )
    return {**figures, "beads": _kinds(beads)}


def _check_sentences(
    sides: tuple[HiddenSide, HiddenSide], params: Params, embed: EmbedTexts
) -> dict[str, Any]:
    cut, docs = [], []
    for side, places in sides:
        sentences = [split_sentences(text, side.lang) for text in side.texts]
        docs.append([doc for (doc, _), parts in zip(places, sentences, strict=True) for _ in parts])
        texts = [text for parts in sentences for text in parts]
        cut.append(_side(side.lang, texts, embed(texts, side.lang)))
    beads = align_sides(*cut, embed, params.align).beads.tolist()
    shared = set(docs[0]) & set(docs[1])
    chosen: list[tuple[bool, str]] = []
    right: set[tuple[int, int]] = set()
    for a, b, c, d in beads:
        if b > a and d > c:
            inside = docs[0][a:b] + docs[1][c:d]
            is_right = len(set(inside)) == 1
            chosen += [(is_right, doc) for doc in inside]
            if is_right:
                right |= {(0, row) for row in range(a, b)} | {(1, row) for row in range(c, d)}
    expected = [
        ((side, row) in right, doc) for side in (0, 1) for row, doc in enumerate(docs[side]) if doc in shared
    ]
    return {
        **_figures(_columns(chosen), _columns(expected), params.seed),
        "beads": _kinds(beads),
        "sentences": [len(side.texts) for side in cut],
    }


def _check_documents(sides: tuple[HiddenSide, HiddenSide], params: Params) -> dict[str, Any]:
    documents, names = [], []
    for hidden in sides:
        by_doc: dict[str, list[int]] = {}
        for row, doc in enumerate(hidden.docs):
            by_doc.setdefault(doc, []).append(row)
        known = {}
        anonymous = []
        for doc, rows in by_doc.items():
            texts = [hidden.side.texts[row] for row in rows]
            name = hashlib.sha256("\0".join(texts).encode()).hexdigest()
            known[name] = doc
            anonymous.append(Document(name, hidden.side.vectors[rows], texts))
        documents.append(sorted(anonymous, key=lambda document: document.id))
        names.append(known)
    paired = pair_documents(*documents, min_score=params.align.min_document_score)
    pairs = [(names[0][pair.src], names[1][pair.tgt]) for pair in paired]
    right = {src for src, tgt in pairs if src == tgt}
    shared = sorted(set(sides[0].docs) & set(sides[1].docs))
    return _figures(
        ([src == tgt for src, tgt in pairs], [src for src, _ in pairs]),
        ([doc in right for doc in shared], shared),
        params.seed,
    )


def _columns(rows: list[tuple[bool, str]]) -> Hits:
    return [is_hit for is_hit, _ in rows], [doc for _, doc in rows]


def _figures(chosen: Hits, expected: Hits, seed: int) -> dict[str, Any]:
    """Return precision (over what was chosen), recall (over what was expected) and F1 (over both).

    F1 = 2 * right / (chosen + expected) is the share of hits in the two lists together, so that the same
    bootstrap serves all three.
    """
    both = ([*chosen[0], *expected[0]], [*chosen[1], *expected[1]])
    figures: dict[str, Any] = {}
    for name, (hits, docs) in (("precision", chosen), ("recall", expected), ("f1", both)):
        if not hits:
            figures[name] = {"value": 0.0, "low": 0.0, "high": 1.0, "n": 0}
            continue
        interval = bootstrap_interval(
            np.array(hits, dtype=np.float64), docs, resamples=RESAMPLES, confidence=CONFIDENCE, seed=seed
        )
        keys = ("value", "low", "high", "n", "unit", "units")
        figures[name] = {key: getattr(interval, key) for key in keys}
    return figures


def _kinds(beads: Sequence[Sequence[int]]) -> dict[str, int]:
    return dict(sorted(Counter(f"{b - a}-{d - c}" for a, b, c, d in beads).items()))


def check_scores(
    name: str, segments: pl.DataFrame, rows: np.ndarray, scores: SourceScores
) -> dict[str, Any] | None:
    """Return how the threshold and the probabilities do on a source that they were not fitted to.

    Right are its pairs by key, wrong ones are planted as for the calibration, both kinds weighing one half;
    ``brier`` is the mean squared error of the probability. None where there is too little text.
    """
    params = scores.common.params
    langs = (params.pair.src, params.pair.tgt)
    sample = GoldSample(params.align.background, params.align.min_words)
    sample.offer(name, pair_by_key(segments, *langs), rows)
    gold = sample.of(name)
    if gold is None or len(gold.src) < 2:
        return None
    wrong_src, wrong_tgt, _ = plant(gold, scores.common.embed, *langs, params.align.memory_mb)
    right, is_right_kept = scores.rate(gold.src_vectors, gold.tgt_vectors)
    wrong, is_wrong_kept = scores.rate(wrong_src, wrong_tgt)
    recall, fallout = float(is_right_kept.mean()), float(is_wrong_kept.mean())
    return {
        "right": len(right),
        "wrong": len(wrong),
        "precision": recall / (recall + fallout) if recall + fallout else None,
        "recall": recall,
        "brier": float(((1 - right) ** 2).mean() + (wrong**2).mean()) / 2,
    }
