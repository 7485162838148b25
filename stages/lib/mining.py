"""Mine translations among unordered sentences by margin (Artetxe & Schwenk 2019, P19-1309).

A cosine alone favours sentences that lie near everything. The margin sets it against the mean cosine of
either sentence to its k nearest of the other language, so that one threshold fits all sentences.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Literal

import numpy as np

from stages.lib.errors import DataError

log = logging.getLogger(__name__)

Margin = Literal["ratio", "distance", "absolute"]
Retrieval = Literal["forward", "backward", "intersection", "max_weight"]

# Below a million rows exact search costs less than it saves (FIELD: 100,000 x 100,000 in 180 CPU-seconds).
EXACT_ROWS = 1_000_000
# Of the inverted lists above that, this share is looked at for each query.
PROBE_SHARE = 1 / 64
# Mean cosines below this are no neighbourhood; a ratio over them would be a number without meaning.
MIN_DENSITY = 0.01
# What faiss takes for itself beside the rows: one block of 4,096 x 1,024 cosines and the results.
_SEARCH_MB = 32


@dataclass(frozen=True)
class Mined:
    """Pairs of row numbers, best first: ``src`` and ``tgt`` int32 (n,), ``score`` float32 (n,)."""

    src: np.ndarray
    tgt: np.ndarray
    score: np.ndarray


@dataclass(frozen=True)
class Neighbours:
    """The k nearest rows of the other side, nearest first: int32 and float32 (n, k); -1 where none is."""

    rows: np.ndarray
    cosines: np.ndarray

    def densities(self) -> np.ndarray:
        """Return float32 (n,): the mean cosine to the neighbours, at least ``MIN_DENSITY``."""
        found = self.rows >= 0
        total = np.where(found, self.cosines, 0).sum(axis=1, dtype=np.float64)
        return np.maximum(total / np.maximum(found.sum(axis=1), 1), MIN_DENSITY).astype(np.float32)


def mine(
    src: np.ndarray,
    tgt: np.ndarray,
    *,
    k: int,
    margin: Margin,
    retrieval: Retrieval,
    memory_mb: int,
) -> Mined:
    """Find the pairs of rows that translate each other, each with its margin.

    ``src`` (n_src, dim) and ``tgt`` (n_tgt, dim) hold L2-normalised rows, float32 or float16, in memory or
    memory-mapped. ``forward`` gives each source row its best target by margin among its ``k`` nearest,
    ``backward`` the reverse, ``intersection`` what both agree on, and ``max_weight`` takes the union of the
    two by falling margin, each row once. No threshold is applied: see ``stages.lib.calibration``.

    Pairs come by falling score, ties by source row and then target row. An empty side gives no pairs.
    Raises DataError on vectors that are not finite or whose dimensions differ.
    """
    check_vectors(src, tgt, "mining")
    if len(src) == 0 or len(tgt) == 0:
        return Mined(*(np.empty(0, dtype) for dtype in (np.int32, np.int32, np.float32)))
    forth = nearest(src, tgt, k, memory_mb)
    back = nearest(tgt, src, k, memory_mb)
    return choose(forth, back, margin, retrieval)


def choose(forth: Neighbours, back: Neighbours, margin: Margin, retrieval: Retrieval) -> Mined:
    """Score the neighbours of either side, and keep those that ``retrieval`` asks for."""
    src_density, tgt_density = forth.densities(), back.densities()
    ahead = _best(forth, src_density, tgt_density, margin)  # (n_src,) rows of tgt, their scores
    behind = _best(back, tgt_density, src_density, margin)
    pairs = [np.column_stack([np.arange(len(ahead[0])), ahead[0]])]
    pairs.append(np.column_stack([behind[0], np.arange(len(behind[0]))]))
    scores = [ahead[1], behind[1]]
    if retrieval == "forward":
        chosen, score = pairs[0], scores[0]
    elif retrieval == "backward":
        chosen, score = pairs[1], scores[1]
    elif retrieval == "intersection":
        agrees = behind[0][np.maximum(ahead[0], 0)] == np.arange(len(ahead[0]))
        chosen, score = pairs[0][agrees], scores[0][agrees]
    else:
        chosen, score = np.concatenate(pairs), np.concatenate(scores)
    is_found = (chosen >= 0).all(axis=1)
    chosen, score = chosen[is_found], score[is_found]
    order = np.lexsort((chosen[:, 1], chosen[:, 0], -score))
    chosen, score = chosen[order].astype(np.int32), score[order]
    if retrieval == "max_weight":
        kept = match_greedily(chosen[:, 0], chosen[:, 1])
        chosen, score = chosen[kept], score[kept]
    return Mined(np.ascontiguousarray(chosen[:, 0]), np.ascontiguousarray(chosen[:, 1]), score)


def match_greedily(src: np.ndarray, tgt: np.ndarray) -> np.ndarray:
    """Walk a list of pairs, best first, and keep each whose two rows are both still free.

    Returns the positions kept, int64, rising. Works in rounds, each keeping every pair that is the first
    left for both its rows: the very pairs that the walk one by one would keep.
    """
    left = np.arange(len(src))
    kept: list[np.ndarray] = []
    while len(left):
        first_src = np.zeros(len(left), dtype=bool)
        first_tgt = np.zeros(len(left), dtype=bool)
        first_src[np.unique(src[left], return_index=True)[1]] = True
        first_tgt[np.unique(tgt[left], return_index=True)[1]] = True
        taken = left[first_src & first_tgt]
        kept.append(taken)
        left = left[~np.isin(src[left], src[taken]) & ~np.isin(tgt[left], tgt[taken])]
    return np.sort(np.concatenate(kept)) if kept else np.empty(0, dtype=np.int64)


def margin_scores(
    src: np.ndarray,
    tgt: np.ndarray,
    src_rows: np.ndarray,
    tgt_rows: np.ndarray,
    *,
    k: int,
    margin: Margin,
    memory_mb: int,
) -> np.ndarray:
    """Return float32 (n,): the margin of each named pair among all rows of ``src`` and ``tgt``.

    Raises DataError as :func:`mine` does, and on a row number outside its side.
    """
    check_vectors(src, tgt, "mining")
    for rows, side, name in ((src_rows, src, "src_rows"), (tgt_rows, tgt, "tgt_rows")):
        if len(rows) != len(src_rows) or (len(rows) and not 0 <= np.min(rows) <= np.max(rows) < len(side)):
            raise DataError(
                f"mining: {name}: expected {len(src_rows):,} numbers from 0 to {len(side) - 1:,}, "
                f"found {len(rows):,}" + (f" from {np.min(rows)} to {np.max(rows)}" if len(rows) else "")
            )
    if len(src_rows) == 0:
        return np.empty(0, dtype=np.float32)
    src_density = nearest(src, tgt, k, memory_mb).densities()
    tgt_density = nearest(tgt, src, k, memory_mb).densities()
    cosines = _paired_cosines(src[src_rows], tgt[tgt_rows])
    return _margin(cosines, src_density[src_rows], tgt_density[tgt_rows], margin)


def background_scores(
    src: np.ndarray,
    tgt: np.ndarray,
    *,
    src_background: np.ndarray,
    tgt_background: np.ndarray,
    k: int,
    memory_mb: int,
) -> np.ndarray:
    """Return float32 (n,): the margin ratio of each pair (src[i], tgt[i]) among a fixed background.

    The one feature that calibration compares pairs of every method by: cosine over the mean cosine of either
    side to its ``k`` nearest rows of the other language's background. A background row equal to the pair's
    own partner is left out, so a pair scores the same whether its texts are in the background or not; the
    background should hold no text twice.

    Raises DataError as :func:`mine` does, and if a background is empty.
    """
    check_vectors(src, tgt, "pair scores")
    if len(src) != len(tgt):
        raise DataError(f"pair scores: expected rows in pairs, found {len(src)} source and {len(tgt)} target")
    for side, background, name in ((src, tgt_background, "target"), (tgt, src_background, "source")):
        check_vectors(side, background, f"{name} background")
        if len(background) == 0:
            raise DataError(f"pair scores: the {name} background is empty; expected vectors of any sentences")
    if len(src) == 0:
        return np.empty(0, dtype=np.float32)
    return _margin(
        _paired_cosines(src, tgt),
        _density_without(src, tgt, tgt_background, k, memory_mb),
        _density_without(tgt, src, src_background, k, memory_mb),
        "ratio",
    )


def nearest(queries: np.ndarray, rows: np.ndarray, k: int, memory_mb: int) -> Neighbours:
    """Find the ``k`` rows of highest cosine to each query; all of them where there are fewer.

    Exact up to ``EXACT_ROWS`` rows, by inverted lists above. Both sides are read in blocks, so that what this
    holds at once stays within ``memory_mb`` (the answer, 8 bytes a neighbour, comes on top). Equal cosines
    are in the order of rows.
    """
    from tqdm import tqdm

    k = min(k, len(rows))
    is_exact = len(rows) <= EXACT_ROWS
    log.log(
        logging.INFO if len(queries) >= 10_000 else logging.DEBUG,
        "search: %s queries among %s rows, %s",
        f"{len(queries):,}",
        f"{len(rows):,}",
        "exact" if is_exact else "inverted lists",
    )
    # A block of queries and one of rows, which inverted lists hold once more.
    height = _block_rows(queries.shape[1], memory_mb, 2 if is_exact else 3)
    found = np.full((len(queries), k), -1, dtype=np.int32)
    cosines = np.full((len(queries), k), -np.inf, dtype=np.float32)
    shards = range(0, len(rows), height)
    total = len(shards) * len(queries)
    with tqdm(total=total, unit="query", desc="search", disable=None, leave=False) as progress:
        for first in shards:
            size = min(height, len(rows) - first)
            search = (_exact_search if is_exact else _list_search)(_as_float32(rows[first : first + size]))
            for start in range(0, len(queries), height):
                part = slice(start, start + height)
                near, which = search(_as_float32(queries[part]), min(k, size))
                which = np.where(which < 0, -1, which + first).astype(np.int32)
                found[part], cosines[part] = _merge(found[part], cosines[part], which, near)
                progress.update(len(which))
            search = None  # or these rows would be held beside the next
    return Neighbours(found, cosines)


def check_vectors(src: np.ndarray, tgt: np.ndarray, what: str) -> None:
    """Raise DataError unless both are (n, dim) with the same dim, and finite; memory stays flat."""
    for vectors, side in ((src, "source"), (tgt, "target")):
        if vectors.ndim != 2:
            raise DataError(
                f"{what}: {side} side: expected (n, dim) vectors, found shape {vectors.shape}; "
                "encode the texts first"
            )
        for start in range(0, len(vectors), 65536):
            is_finite = np.isfinite(vectors[start : start + 65536]).all(axis=1)
            if not is_finite.all():
                row = start + int(np.argmin(is_finite))
                raise DataError(
                    f"{what}: {side} side: row {row} is not finite; the encoder gave no usable vector, "
                    "encode its text again"
                )
    if src.shape[1] != tgt.shape[1]:
        raise DataError(
            f"{what}: the sides' dimensions differ, {src.shape[1]} and {tgt.shape[1]}; "
            "encode both with one model"
        )


def _best(
    near: Neighbours, own_density: np.ndarray, other_density: np.ndarray, margin: Margin
) -> tuple[np.ndarray, np.ndarray]:
    """Return each row's neighbour of highest margin, int32 (n,), and that margin; ties take the lower."""
    scores = _margin(near.cosines, own_density[:, None], other_density[near.rows], margin)
    scores = np.where(near.rows >= 0, scores, -np.inf)  # (n, k)
    best = scores.max(axis=1, keepdims=True)
    rows = np.where(scores == best, near.rows, np.iinfo(np.int32).max).min(axis=1)
    return rows, best[:, 0]


def _margin(
    cosines: np.ndarray, src_density: np.ndarray, tgt_density: np.ndarray, margin: Margin
) -> np.ndarray:
    if margin == "absolute":
        return cosines.astype(np.float32)
    around = (src_density + tgt_density) / 2
    return (cosines - around if margin == "distance" else cosines / around).astype(np.float32)


def _paired_cosines(src: np.ndarray, tgt: np.ndarray) -> np.ndarray:
    return np.einsum("nd,nd->n", _as_float32(src), _as_float32(tgt))


def _density_without(
    own: np.ndarray, partner: np.ndarray, background: np.ndarray, k: int, memory_mb: int
) -> np.ndarray:
    """Return each row's mean cosine to its k nearest of the background other than its partner; (n,)."""
    near = nearest(own, background, k + 1, memory_mb)
    rows, cosines = near.rows.copy(), near.cosines.copy()
    for column in range(rows.shape[1]):
        is_partner = _paired_cosines(background[rows[:, column]], partner) > 1 - 1e-4
        rows[is_partner, column] = -1
    # Left of each row: the first k that are not its partner, or its partner alone in a background of one.
    rank = np.cumsum(rows >= 0, axis=1)
    rows[rank > k] = -1
    cosines[rows < 0] = 0
    return Neighbours(rows, cosines).densities()


def _block_rows(dim: int, memory_mb: int, blocks: int) -> int:
    """Return how many rows each of so many float32 blocks can have beside faiss's own buffers."""
    free = max(memory_mb - _SEARCH_MB, 1) << 20
    return max(1024, free // (blocks * 4 * dim))


def _as_float32(vectors: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(vectors, dtype=np.float32)


def _exact_search(shard: np.ndarray):
    import faiss

    return lambda block, k: faiss.knn(block, shard, k, metric=faiss.METRIC_INNER_PRODUCT)


def _list_search(shard: np.ndarray):
    import faiss

    lists = max(1, int(4 * len(shard) ** 0.5))
    index = faiss.IndexIVFFlat(
        faiss.IndexFlatIP(shard.shape[1]), shard.shape[1], lists, faiss.METRIC_INNER_PRODUCT
    )
    index.nprobe = max(8, int(lists * PROBE_SHARE))
    index.train(shard)
    index.add(shard)
    return lambda block, k: index.search(block, k)


def _merge(
    rows: np.ndarray, cosines: np.ndarray, more_rows: np.ndarray, more_cosines: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Join two lists of neighbours and keep the nearest, as many as the first has columns."""
    k = rows.shape[1]
    rows, cosines = np.hstack([rows, more_rows]), np.hstack([cosines, more_cosines])
    cosines[rows < 0] = -np.inf
    order = np.lexsort((rows, -cosines), axis=1)[:, :k]
    return np.take_along_axis(rows, order, axis=1), np.take_along_axis(cosines, order, axis=1)
