"""Monotonic sentence alignment with many-to-many beads, by sentence vectors.

The idea is that of vecalign (Thompson & Koehn 2019, D19-1136): dynamic programming over beads by their
similarity, the cosine on the scale on which random pairs of the two documents have 0 and equal texts 1, first
on shortened documents and then only near the path found. It departs from the paper in this:

- What a bead gains over leaving its sentences out is summed up, and a bead less similar than ``floor`` is not
  allowed at all, so that a missing chapter is left out instead of being matched with what is there.
- A bead gains the similarity of its best two sentences, and with a higher weight what its others add to it:
  a sentence without a partner lowers the similarity of its neighbour's bead, however high that still is.
  This alone tells 95 % of two sentences joined from one taken into its neighbour's bead, with the lengths
  98 % (NTREX, five pairs of languages); the similarity itself adds nothing to that.
- The kinds of beads have prior odds (as in Gale & Church 1993, J93-1004), but those of the document itself:
  counted in what was aligned so far. Where much is left out, more is.
- A bead pays for unequal lengths; the expected ratio is that of what was aligned so far.
- Random pairs are not sampled: the mean cosine to all sentences of the other side is the product with
  their mean.
- Concatenations are not all encoded. A first pass takes the weighted sum of the sentences' vectors for the
  vector of their concatenation; its cosines follow from those of the sentences. Only spans on paths nearly as
  good as the best are then encoded, and the second pass may use no others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from stages.lib.core.errors import DataError

Embed = Callable[[Sequence[str]], np.ndarray]  # texts to float32 unit vectors (n, dim)

# Documents with more pairs of sentences than this are first aligned at half their length.
FULL_CELLS = 1 << 16
# Documents are not halved below so few sentences.
FEW_SENTENCES = 32
# Pairs of cosine 0 that every sentence is thought to have beside those of the document: in a document of a
# few sentences the right pair would else be most of what "random pairs" are.
PRIOR_PAIRS = 4
# What is thought to have been seen beside the document's own: matched, 1-0 and 0-1 beads, and sentences of
# src and of tgt in a bead beyond the first.
PRIOR_KINDS = np.array([8.0, 0.5, 0.5, 0.75, 0.75])
# Times that the kinds are counted and the document is aligned anew; a third time changes next to nothing.
ROUNDS = 2
# Encoded vectors are stored as float16 by some callers.
UNIT_TOLERANCE = 1e-2


@dataclass(frozen=True)
class AlignSettings:
    """How documents are aligned; on the scale of similarity where random pairs have 0 and equal texts 1.

    They were chosen on Text+Berg dev and on NTREX texts of 60 sentences (ru-tk, ru-tr, ru-en, en-tr, en-tk)
    as they are, joined at random, and with a third of one side's blocks or a sixth of its sentences deleted;
    the mean strict F1 moves by less than 0.01 for an ``even`` 0.1 less or more, and by less than 0.005 for a
    ``join`` of 1.5 or 2.5, a ``length`` of 0.3 or 0.6 and a ``prior`` of 0.03 or 0.07.
    """

    # Most sentences of either side in a bead (1-7).
    max_bead: int = 4
    # Similarity at which two sentences are as likely a pair as not, if all kinds of beads are as frequent.
    even: float = 0.28
    # Weight of what the other sentences of a bead add to the similarity of its best two.
    join: float = 2.0
    # Cost of lengths that differ, times |src - tgt| / (src + tgt) in characters.
    length: float = 0.4
    # Weight of the log-odds of the kinds of beads.
    prior: float = 0.05
    # Least similarity of a bead.
    floor: float = 0.1
    # A span of sentences is encoded if the best path through it costs at most so much more than the best.
    slack: float = 0.3
    # Most spans encoded, for each sentence of the two documents.
    budget: float = 0.5
    # Distance from the path of the halved documents that is searched, in sentences of either side.
    radius: int = 8

    def __post_init__(self) -> None:
        if not 1 <= self.max_bead <= 7:
            raise DataError(f"align: max_bead: expected 1 to 7 sentences, found {self.max_bead}")


@dataclass(frozen=True)
class Alignment:
    """Beads in order, covering every sentence of both sides once; sentences left out are 1-0 or 0-1 beads.

    ``beads``: int32 (n, 4): src_start, src_end, tgt_start, tgt_end. ``confidence``: float32 (n,), 0 to 1, the
    similarity of the bead, 0 for 1-0 and 0-1. ``score``: the mean confidence of the document's characters,
    0 to 1. ``encoded``: texts that were passed to the embedding functions.
    """

    beads: np.ndarray
    confidence: np.ndarray
    score: float
    encoded: int


class _Document(NamedTuple):
    name: str
    texts: Sequence[str]
    vectors: np.ndarray
    embed: Embed

    def goes_after(self, other: _Document) -> bool:
        """Order documents by what they hold alone."""
        if len(self.texts) != len(other.texts):
            return len(self.texts) > len(other.texts)
        if list(self.texts) != list(other.texts):
            return list(self.texts) > list(other.texts)
        return self.vectors.tobytes() > other.vectors.tobytes()


class _Side(NamedTuple):
    """One side at one level of detail: unit vectors (n, dim), their weights and lengths (n,), all float32."""

    vectors: np.ndarray
    weights: np.ndarray
    lengths: np.ndarray


class _Spans(NamedTuple):
    """The spans of up to ``width`` sentences of one side, row a - 1 for those of a; see the kernels."""

    sentences: np.ndarray
    weights: np.ndarray
    inverse: np.ndarray
    means: np.ndarray
    lengths: np.ndarray
    # Where a span's encoded vector is in ``vectors``, -1 for none; int32 (width, n).
    rows: np.ndarray
    vectors: np.ndarray


class _Band(NamedTuple):
    """The lattice points and the pairs of sentences that are looked at; int64, see the kernels."""

    low: np.ndarray
    high: np.ndarray
    start: np.ndarray
    cell_low: np.ndarray
    cell_start: np.ndarray


def align_document(
    src: Sequence[str],
    tgt: Sequence[str],
    src_vectors: np.ndarray,
    tgt_vectors: np.ndarray,
    embed_src: Embed,
    embed_tgt: Embed,
    settings: AlignSettings | None = None,
) -> Alignment:
    """Align the sentences of two documents, given their unit vectors (n_src, dim) and (n_tgt, dim).

    ``embed_src`` and ``embed_tgt`` are called at most once each, with sentences joined by a space. The result
    depends on nothing but the arguments; the two sides swapped give the same beads, mirrored. Time and memory
    grow with the number of sentences. An empty side leaves all sentences of the other out.

    Raises DataError if a vector is missing, not finite, not of unit length, or if dimensions differ.
    """
    settings = settings or AlignSettings()
    src_vectors = _check_vectors(src_vectors, len(src), "src")
    tgt_vectors = _check_vectors(tgt_vectors, len(tgt), "tgt")
    if len(src) == 0 or len(tgt) == 0:
        return _leave_out(len(src), len(tgt))
    if src_vectors.shape[1] != tgt_vectors.shape[1]:
        raise DataError(
            f"align: the vectors of src have {src_vectors.shape[1]} dimensions, those of tgt "
            f"{tgt_vectors.shape[1]}; embed both with the same model"
        )
    # Ties are broken by the order of the sides: so which is first depends on what they hold.
    first = _Document("src", src, src_vectors, embed_src)
    second = _Document("tgt", tgt, tgt_vectors, embed_tgt)
    if not first.goes_after(second):
        return _align(first, second, settings)
    found = _align(second, first, settings)
    return replace(found, beads=np.ascontiguousarray(found.beads[:, [2, 3, 0, 1]]))


def _align(src: _Document, tgt: _Document, settings: AlignSettings) -> Alignment:
    """Align two documents that have sentences."""
    from stages.align import kernels

    width = settings.max_bead
    levels = _shorten(_make_side(src.texts, src.vectors), _make_side(tgt.texts, tgt.vectors))
    ratio = float(levels[0][0].lengths.sum() / levels[0][1].lengths.sum())
    low, high = _everywhere(*levels[-1])
    # Of shortened documents only the way is wanted, so nothing is too unlike to be on it; but a random pair
    # must gain nothing there, or a missing chapter is bridged by such pairs.
    coarse_settings = replace(settings, even=0.0, prior=0.0, floor=-np.inf)
    while len(levels) > 1:
        src_side, tgt_side = levels.pop()
        coarse = _first_pass(src_side, tgt_side, low, high, 2, _costs(coarse_settings, ratio))
        ratio = _ratio(src_side, tgt_side, coarse.beads, ratio)
        low, high = _near(coarse.beads * 2, *levels[-1], settings.radius)

    src_side, tgt_side = levels[0]
    costs = _costs(settings, ratio)
    first = _first_pass(src_side, tgt_side, low, high, width, costs)
    losses = kernels.find_losses(first.band, first.cells, first.src, first.tgt, costs, width, first.gains)
    chosen = _choose(*losses, settings.slack, int(settings.budget * (len(src.texts) + len(tgt.texts))))
    src_spans, n_src = _encode(first.src, src, tgt_side, chosen[0])
    tgt_spans, n_tgt = _encode(first.tgt, tgt, src_side, chosen[1])

    ratio = _ratio(src_side, tgt_side, first.beads, ratio)
    beads = first.beads
    for _ in range(ROUNDS):
        costs = _costs(settings, ratio, beads)
        moves = kernels.forward(first.band, first.cells, src_spans, tgt_spans, costs, width, True)[1]
        beads = kernels.trace(first.band.low, first.band.start, moves)
    beads = _sort_left_out(beads)
    confidence = np.clip(kernels.rate(beads, src_spans, tgt_spans), 0.0, 1.0)
    sizes = _sizes(src_side, beads[:, :2]) / src_side.lengths.sum()
    sizes += _sizes(tgt_side, beads[:, 2:]) / tgt_side.lengths.sum()
    score = float(np.clip(confidence.astype(np.float64) @ sizes / 2, 0.0, 1.0))
    return Alignment(beads, confidence, score, n_src + n_tgt)


class _Pass(NamedTuple):
    band: _Band
    cells: np.ndarray
    src: _Spans
    tgt: _Spans
    gains: np.ndarray
    beads: np.ndarray


def _first_pass(
    src: _Side, tgt: _Side, low: np.ndarray, high: np.ndarray, width: int, costs: np.ndarray
) -> _Pass:
    """Align with weighted sums for the vectors of spans."""
    from stages.align import kernels

    band = _make_band(low, high, width)
    cells = kernels.fill_cells(src.vectors, tgt.vectors, band.cell_low, band.cell_start)
    src_spans, tgt_spans = _describe(src, tgt, width), _describe(tgt, src, width)
    gains, moves = kernels.forward(band, cells, src_spans, tgt_spans, costs, width, False)
    return _Pass(band, cells, src_spans, tgt_spans, gains, kernels.trace(band.low, band.start, moves))


def _check_vectors(vectors: np.ndarray, n: int, what: str) -> np.ndarray:
    """Return them as contiguous float32 if there is one unit vector for each of ``n`` texts."""
    vectors = np.require(vectors, np.float32, ["C", "W"])
    if vectors.ndim != 2 or len(vectors) != n:
        raise DataError(
            f"align: {what}: expected {n:,} vectors for {n:,} texts, found shape {vectors.shape}; "
            "a missing vector is an error: embed the texts anew"
        )
    norms = np.sqrt(np.einsum("nd,nd->n", vectors, vectors))
    wrong = np.flatnonzero(~(np.abs(norms - 1.0) <= UNIT_TOLERANCE))  # also where the norm is not a number
    if len(wrong):
        raise DataError(
            f"align: {what}: vector {wrong[0]:,} has norm {norms[wrong[0]]:.3g}, expected 1 "
            f"({len(wrong):,} such vectors); embed the texts anew and normalise"
        )
    return vectors


def _leave_out(n: int, m: int) -> Alignment:
    """Return the alignment of a side with nothing."""
    steps = np.arange(n + m, dtype=np.int32)
    src, tgt = np.minimum(steps, n), np.maximum(steps - n, 0)
    ends = np.minimum(steps + 1, n), np.maximum(steps + 1 - n, 0)
    beads = np.stack([src, ends[0], tgt, ends[1]], axis=1).astype(np.int32)
    return Alignment(beads, np.zeros(len(beads), np.float32), 0.0, 0)


def _make_side(texts: Sequence[str], vectors: np.ndarray) -> _Side:
    lengths = np.array([max(1, len(text)) for text in texts], np.float32)
    # As the encoders do that sum over tokens, by the root: 0.92 is then the mean cosine of a sum of two
    # sentences to the vector of their concatenation (``use``), 0.89 without weights.
    return _Side(vectors, np.sqrt(lengths), lengths)


def _halve(side: _Side) -> _Side:
    """Return the side with every two sentences as one, whose vector is their weighted sum."""
    n = len(side.vectors) // 2
    sums = side.vectors[::2] * side.weights[::2, None]
    sums[:n] += side.vectors[1::2] * side.weights[1::2, None]
    weights = np.sqrt(np.einsum("nd,nd->n", sums, sums))
    sums /= np.maximum(weights, 1e-6)[:, None]
    lengths = side.lengths[::2].copy()
    lengths[:n] += side.lengths[1::2]
    return _Side(sums, weights, lengths)


def _shorten(src: _Side, tgt: _Side) -> list[tuple[_Side, _Side]]:
    """Return the sides, and after them their halves, quarters and so on, until all pairs can be looked at."""
    levels = [(src, tgt)]
    while (
        len(src.lengths) * len(tgt.lengths) > FULL_CELLS
        and min(len(src.lengths), len(tgt.lengths)) > FEW_SENTENCES
    ):
        src, tgt = _halve(src), _halve(tgt)
        levels.append((src, tgt))
    return levels


def _costs(settings: AlignSettings, ratio: float, beads: np.ndarray | None = None) -> np.ndarray:
    """Return what the kernels read: see ``gain`` there.

    ``ratio``: characters of src for each of tgt; ``beads``: what was aligned so far, whose kinds are counted.
    """
    seen = PRIOR_KINDS
    if beads is not None:
        src, tgt = beads[:, 1] - beads[:, 0], beads[:, 3] - beads[:, 2]
        full = _is_matched(beads)
        more = (src[full] - 1).sum(), (tgt[full] - 1).sum()
        seen = seen + np.array([full.sum(), (tgt == 0).sum(), (src == 0).sum(), *more])
    odds = np.log(seen / seen[:3].sum())
    # Of two sentences against leaving out both, and of one more in a bead against leaving out that one.
    pair = settings.prior * (odds[0] - odds[1] - odds[2])
    more = settings.prior * (odds[3:] - odds[0] - odds[1:3])
    base = pair - settings.even
    return np.array([base, settings.join, settings.length, *more, settings.floor, 1.0 / ratio])


def _sizes(side: _Side, spans: np.ndarray) -> np.ndarray:
    """Characters of each span (start, end); float64 (n,)."""
    total = np.concatenate([[0.0], np.cumsum(side.lengths, dtype=np.float64)])
    return total[spans[:, 1]] - total[spans[:, 0]]


def _ratio(src: _Side, tgt: _Side, beads: np.ndarray, otherwise: float) -> float:
    """Return the characters of src for each of tgt in what is aligned."""
    matched = _is_matched(beads)
    tgt_size = _sizes(tgt, beads[matched, 2:]).sum()
    return float(_sizes(src, beads[matched, :2]).sum() / tgt_size) if tgt_size else otherwise


def _is_matched(beads: np.ndarray) -> np.ndarray:
    return (beads[:, 0] < beads[:, 1]) & (beads[:, 2] < beads[:, 3])


def _everywhere(src: _Side, tgt: _Side) -> tuple[np.ndarray, np.ndarray]:
    rows = len(src.lengths) + 1
    return np.zeros(rows, np.int64), np.full(rows, len(tgt.lengths), np.int64)


def _near(beads: np.ndarray, src: _Side, tgt: _Side, radius: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the first and last column of each lattice row that is within ``radius`` of a path.

    A run of sentences that are left out on both sides is a straight line: their order says nothing.
    """
    n, m = len(src.lengths), len(tgt.lengths)
    matched = beads[_is_matched(beads)]
    points = np.concatenate([[[0, 0]], matched.reshape(-1, 2, 2).transpose(0, 2, 1).reshape(-1, 2), [[n, m]]])
    x, y = np.minimum(points[:, 0], n), np.minimum(points[:, 1], m)
    rows = np.arange(n + 1)
    left, right = np.searchsorted(x, rows, "left"), np.searchsorted(x, rows, "right")
    between = np.interp(rows, x, y)  # where no point lies on the row
    first = np.where(left < right, y[np.minimum(left, len(y) - 1)], np.floor(between)).astype(np.int64)
    last = np.where(left < right, y[right - 1], np.ceil(between)).astype(np.int64)
    low = np.maximum(first[np.maximum(rows - radius, 0)] - radius, 0)
    high = np.minimum(last[np.minimum(rows + radius, n)] + radius, m)
    return low, high


def _make_band(low: np.ndarray, high: np.ndarray, width: int) -> _Band:
    """Lay out the band, and the pairs of sentences that beads of up to ``width`` inside of it need."""
    n = len(low) - 1
    rows = np.arange(n)
    cell_low = low[np.maximum(rows - width + 1, 0)]
    cell_high = high[np.minimum(rows + width, n)]
    return _Band(low, high, _offsets(high - low + 1), cell_low, _offsets(cell_high - cell_low))


def _offsets(sizes: np.ndarray) -> np.ndarray:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])


def _describe(side: _Side, other: _Side, width: int) -> _Spans:
    from stages.align import kernels

    inverse, means, lengths = kernels.describe_spans(*side, _mean(other), width)
    rows = np.full(means.shape, -1, np.int32)
    none = np.empty((0, side.vectors.shape[1]), np.float32)
    return _Spans(side.vectors, side.weights, inverse, means, lengths, rows, none)


def _mean(side: _Side) -> np.ndarray:
    """Return the vector whose cosine to a text is the text's mean cosine to random texts of the side."""
    return (side.vectors.sum(axis=0, dtype=np.float64) / (len(side.vectors) + PRIOR_PAIRS)).astype(np.float32)


def _choose(
    src_losses: np.ndarray, tgt_losses: np.ndarray, slack: float, most: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return which spans of several sentences are worth encoding, as bool (width, n) of each side."""
    losses = np.concatenate([src_losses.ravel(), tgt_losses.ravel()])
    is_sentence = np.zeros(len(losses), bool)
    is_sentence[: src_losses.shape[1]] = True
    is_sentence[src_losses.size : src_losses.size + tgt_losses.shape[1]] = True
    losses[is_sentence] = np.inf
    order = np.argsort(losses, kind="stable")[:most]
    chosen = np.zeros(len(losses), bool)
    chosen[order[losses[order] <= slack]] = True
    return (
        chosen[: src_losses.size].reshape(src_losses.shape),
        chosen[src_losses.size :].reshape(tgt_losses.shape),
    )


def _encode(spans: _Spans, document: _Document, other: _Side, chosen: np.ndarray) -> tuple[_Spans, int]:
    """Encode the chosen spans; also return how many texts that took."""
    places = np.argwhere(chosen)
    joined = [" ".join(document.texts[i : i + a + 1]) for a, i in places.tolist()]
    unique = {text: n for n, text in enumerate(dict.fromkeys(joined))}
    if not unique:
        return spans, 0
    where = f"concatenations of {document.name}"
    vectors = _check_vectors(document.embed(list(unique)), len(unique), where)
    if vectors.shape[1] != document.vectors.shape[1]:
        raise DataError(
            f"align: {where}: expected {document.vectors.shape[1]} dimensions as the sentences have, "
            f"found {vectors.shape[1]}; embed both with the same model"
        )
    rows, means = spans.rows.copy(), spans.means.copy()
    rows[chosen] = [unique[text] for text in joined]
    means[chosen] = (vectors @ _mean(other))[rows[chosen]]
    return spans._replace(rows=rows, means=means, vectors=vectors), len(unique)


def _sort_left_out(beads: np.ndarray) -> np.ndarray:
    """Put 1-0 before 0-1 beads in every run of them."""
    steps = beads[:, [1, 3]] - beads[:, [0, 2]]
    is_matched = steps.min(axis=1) > 0
    run = 2 * np.cumsum(is_matched) - is_matched
    steps = steps[np.lexsort([steps[:, 0] == 0, run])]
    ends = np.cumsum(steps, axis=0, dtype=np.int32)
    starts = ends - steps
    return np.stack([starts[:, 0], ends[:, 0], starts[:, 1], ends[:, 1]], axis=1).astype(np.int32)
