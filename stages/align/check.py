"""How well alignment does on a source whose keys say the truth, with the keys hidden."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from stages.align.alignments import alignment_rows
from stages.align.beads import Alignment
from stages.align.calibration import CONFIDENCE
from stages.align.documents import Document, pair_documents
from stages.align.found import Side, align_sides
from stages.align.scores import EmbedTexts
from stages.lib.models.vectors import to_unit
from stages.lib.scores.significance import bootstrap_interval
from stages.lib.text.sentences import split_sentences

if TYPE_CHECKING:
    import polars as pl

    from stages.lib.core.params import Params

# Behind each interval; align's own, so that a change of evaluate's does not align anew.
RESAMPLES = 2000


def check_source(
    source: str, segments: pl.DataFrame, vectors: np.ndarray, params: Params, embed: EmbedTexts
) -> tuple[dict[str, Any], list[tuple]] | None:
    """Align a source's two languages as one text each and compare with its keys; None if it has no pair.

    ``segments`` have ``row``, which points into ``vectors``. Returns figures, and the rows of the alignment
    (ALIGNMENT_SCHEMA). Figures are precision, recall and F1 with intervals, resampled by document:

    - ``paragraphs``: a bead is right if it is one segment beside the one of the same document and key;
    - ``sentences``: the segments cut into sentences; a bead is right if all of it lies in one document, and
      the figures are shares of sentences;
    - ``documents``: the documents with their names hidden.
    """
    sides, keys = read_hidden(segments, vectors, params)
    gold = gold_pairs(keys)
    if not gold:
        return None
    docs = tuple([doc for doc, _ in side] for side in keys)
    alignment = align_sides(*sides, embed, params.align)
    figures = {
        "paragraphs": _check_paragraphs(alignment, docs, gold, params),
        "sentences": _check_sentences(sides, docs, params, embed),
        "documents": _check_documents(sides, docs, params),
    }
    return figures, alignment_rows(source, source, sides, alignment, _names(keys), gold)


def align_hidden(
    source: str, doc: str, segments: pl.DataFrame, vectors: np.ndarray, params: Params, embed: EmbedTexts
) -> list[tuple]:
    """Align all segments of either language as one text; return rows of ALIGNMENT_SCHEMA."""
    sides, keys = read_hidden(segments, vectors, params)
    alignment = align_sides(*sides, embed, params.align)
    return alignment_rows(source, doc, sides, alignment, _names(keys), gold_pairs(keys))


def _names(
    keys: tuple[Sequence[tuple[str, str | None]], Sequence[tuple[str, str | None]]],
) -> tuple[list[str], list[str]]:
    """Name each side's segments by document and key, or by their number."""
    return tuple(
        [
            str(n) if key is None else f"{doc.partition('/')[2]} {key}"
            for n, (doc, key) in enumerate(side, start=1)
        ]
        for side in keys
    )


def read_hidden(
    segments: pl.DataFrame, vectors: np.ndarray, params: Params
) -> tuple[tuple[Side, Side], tuple[list[tuple[str, str | None]], list[tuple[str, str | None]]]]:
    """Return all segments of either language as one text, and each one's (document, key) to compare with."""
    import polars as pl

    sides, keys = [], []
    for lang in (params.pair.src, params.pair.tgt):
        rows = segments.filter(pl.col("lang") == lang).sort("doc", "n")
        sides.append(_side(lang, rows["text"].to_list(), to_unit(vectors[rows["row"].to_numpy()])))
        keys.append(list(rows.select("doc", "key").iter_rows()))
    return tuple(sides), tuple(keys)


def gold_pairs(
    keys: tuple[Sequence[tuple[str, str | None]], Sequence[tuple[str, str | None]]],
) -> set[tuple[int, int]]:
    """Return the pairs of positions whose document and key are the same."""
    place = {key: row for row, key in enumerate(keys[1]) if key[1] is not None}
    return {(row, place[key]) for row, key in enumerate(keys[0]) if key in place}


def _side(lang: str, texts: list[str], vectors: np.ndarray) -> Side:
    return Side("", lang, texts, np.arange(len(texts)), vectors, None, "")


def _check_paragraphs(
    alignment: Alignment, docs: tuple[list[str], list[str]], gold: set[tuple[int, int]], params: Params
) -> dict[str, Any]:
    beads = alignment.beads.tolist()
    full = [bead for bead in beads if bead[1] > bead[0] and bead[3] > bead[2]]
    is_right = [(b - a, d - c) == (1, 1) and (a, c) in gold for a, b, c, d in full]
    found = {(a, c) for (a, _, c, _), right in zip(full, is_right, strict=True) if right}
    ordered = sorted(gold)
    figures = _figures(
        (is_right, [docs[0][bead[0]] for bead in full]),
        ([pair in found for pair in ordered], [docs[0][a] for a, _ in ordered]),
        params,
    )
    return {**figures, "beads": _kinds(beads)}


def _check_sentences(
    sides: tuple[Side, Side], docs: tuple[list[str], list[str]], params: Params, embed: EmbedTexts
) -> dict[str, Any]:
    cut, places = [], []
    for side, names in zip(sides, docs, strict=True):
        sentences = [split_sentences(text, side.lang) for text in side.texts]
        places.append([name for name, texts in zip(names, sentences, strict=True) for _ in texts])
        texts = [text for texts in sentences for text in texts]
        cut.append(_side(side.lang, texts, embed(texts, side.lang)))
    beads = align_sides(*cut, embed, params.align).beads.tolist()
    shared = set(places[0]) & set(places[1])
    placed: list[tuple[bool, str]] = []
    right: set[tuple[int, int]] = set()
    for a, b, c, d in beads:
        if b > a and d > c:
            inside = places[0][a:b] + places[1][c:d]
            placed += [(len(set(inside)) == 1, doc) for doc in inside]
            if len(set(inside)) == 1:
                right |= {(0, row) for row in range(a, b)} | {(1, row) for row in range(c, d)}
    wanted = [
        ((side, row) in right, doc)
        for side in (0, 1)
        for row, doc in enumerate(places[side])
        if doc in shared
    ]
    return {
        **_figures(tuple(zip(*placed, strict=True)), tuple(zip(*wanted, strict=True)), params),
        "beads": _kinds(beads),
        "sentences": [len(side.texts) for side in cut],
    }


def _check_documents(
    sides: tuple[Side, Side], docs: tuple[list[str], list[str]], params: Params
) -> dict[str, Any]:
    hidden, names = [], []
    for side, own in zip(sides, docs, strict=True):
        found, known = [], {}
        for doc in dict.fromkeys(own):
            rows = [row for row, name in enumerate(own) if name == doc]
            texts = [side.texts[row] for row in rows]
            name = hashlib.sha256("\0".join(texts).encode()).hexdigest()
            known[name] = doc
            found.append(Document(name, side.vectors[rows], texts))
        hidden.append(sorted(found, key=lambda document: document.id))
        names.append(known)
    paired = pair_documents(*hidden, min_score=params.align.min_document_score)
    pairs = [(names[0][pair.src], names[1][pair.tgt]) for pair in paired]
    found = {src for src, tgt in pairs if src == tgt}
    shared = sorted(set(docs[0]) & set(docs[1]))
    return _figures(
        ([src == tgt for src, tgt in pairs], [src for src, _ in pairs]),
        ([doc in found for doc in shared], shared),
        params,
    )


def _figures(
    chosen: tuple[Sequence[bool], Sequence[str]],
    wanted: tuple[Sequence[bool], Sequence[str]],
    params: Params,
) -> dict[str, Any]:
    """Return precision (over what was chosen), recall (over what was wanted) and F1 (over both).

    F1 = 2 * right / (chosen + wanted) is the share of hits in the two lists together, so that the same
    bootstrap serves all three. Each list is of hits and of the documents they belong to.
    """
    both = ([*chosen[0], *wanted[0]], [*chosen[1], *wanted[1]]) if chosen else wanted
    found = {}
    for name, lists in (("precision", chosen), ("recall", wanted), ("f1", both)):
        if not lists or not lists[0]:
            found[name] = {"value": 0.0, "low": 0.0, "high": 1.0, "n": 0}
            continue
        interval = bootstrap_interval(
            np.array(lists[0], dtype=np.float64),
            lists[1],
            resamples=RESAMPLES,
            confidence=CONFIDENCE,
            seed=params.seed,
        )
        found[name] = {
            "value": interval.value,
            "low": interval.low,
            "high": interval.high,
            "n": interval.n,
            "unit": interval.unit,
            "units": interval.units,
        }
    return found


def _kinds(beads: Sequence[Sequence[int]]) -> dict[str, int]:
    return dict(sorted(Counter(f"{b - a}-{d - c}" for a, b, c, d in beads).items()))
