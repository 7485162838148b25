"""Mine translations among unordered sentences by margin (Artetxe & Schwenk 2019, P19-1309).

A cosine alone favours sentences that lie near everything. The margin sets it against the mean cosine of
either sentence to its k nearest of the other language, so that one threshold fits all sentences.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

import numpy as np

from stages.lib.core.engine import LOCAL, Engine
from stages.lib.core.errors import DataError

log = logging.getLogger(__name__)

Margin = Literal["ratio", "distance", "absolute"]
Retrieval = Literal["forward", "backward", "intersection", "max_weight"]

# Below a million rows exact search costs less than it saves (FIELD: 100,000 x 100,000 in 180 CPU-seconds).
EXACT_ROWS = 1_000_000
# Of the inverted lists above that, this share is looked at for each query.
PROBE_SHARE = 1 / 64
# Mean cosines below this are no neighbourhood; a ratio over them would be a number without meaning.
MIN_DENSITY = 0.01
# Cosines in one shard of an exact search: about 13 s of a core at 512 dimensions.
SHARD_COSINES = 1 << 30
# The last bits of a matrix product change with its shape and the number of threads. So it finds so many more
# neighbours than are asked for, and those that stay are chosen by products of single rows.
SPARE = 4
# Queries whose inverted lists one thread reads at a time.
_LIST_QUERIES = 1024
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
        is_neighbour = self.rows >= 0
        total = np.where(is_neighbour, self.cosines, 0).sum(axis=1, dtype=np.float64)
        return np.maximum(total / np.maximum(is_neighbour.sum(axis=1), 1), MIN_DENSITY).astype(np.float32)


def mine(
    src: np.ndarray,
    tgt: np.ndarray,
    *,
    k: int,
    margin: Margin,
    retrieval: Retrieval,
    memory_mb: int,
    engine: Engine = LOCAL,
) -> Mined:
    """Find the pairs of rows that translate each other, each with its margin.

    ``src`` (n_src, dim) and ``tgt`` (n_tgt, dim) hold L2-normalised rows, float32 or float16, in memory or
    memory-mapped. ``forward`` gives each source row its best target by margin among its ``k`` nearest,
    ``backward`` the reverse, ``intersection`` what both agree on, and ``max_weight`` takes the union of the
    two by falling margin, each row once. No threshold is applied: see ``stages.align.calibration``.

    Pairs come by falling score, ties by source row and then target row. An empty side gives no pairs.
    Raises DataError on vectors that are not finite or whose dimensions differ.
    """
    check_vectors(src, tgt, "mining")
    if len(src) == 0 or len(tgt) == 0:
        return Mined(*(np.empty(0, dtype) for dtype in (np.int32, np.int32, np.float32)))
    forth = nearest(src, tgt, k, memory_mb, engine)
    back = nearest(tgt, src, k, memory_mb, engine)
    return choose(forth, back, margin, retrieval)


def choose(forth: Neighbours, back: Neighbours, margin: Margin, retrieval: Retrieval) -> Mined:
    """Score the neighbours of either side, and keep those that ``retrieval`` asks for."""
    src_density, tgt_density = forth.densities(), back.densities()
    tgt_rows, forward = _best(forth, src_density, tgt_density, margin)  # (n_src,)
    src_rows, backward = _best(back, tgt_density, src_density, margin)  # (n_tgt,)
    ahead = np.column_stack([np.arange(len(tgt_rows)), tgt_rows])
    behind = np.column_stack([src_rows, np.arange(len(src_rows))])
    if retrieval == "forward":
        pairs, score = ahead, forward
    elif retrieval == "backward":
        pairs, score = behind, backward
    elif retrieval == "intersection":
        agrees = src_rows[np.maximum(tgt_rows, 0)] == ahead[:, 0]
        pairs, score = ahead[agrees], forward[agrees]
    else:
        pairs, score = np.concatenate([ahead, behind]), np.concatenate([forward, backward])
    is_pair = (pairs >= 0).all(axis=1)
    pairs, score = pairs[is_pair], score[is_pair]
    order = np.lexsort((pairs[:, 1], pairs[:, 0], -score))
    pairs, score = pairs[order].astype(np.int32), score[order]
    if retrieval == "max_weight":
        kept = match_greedily(pairs[:, 0], pairs[:, 1])
        pairs, score = pairs[kept], score[kept]
    return Mined(np.ascontiguousarray(pairs[:, 0]), np.ascontiguousarray(pairs[:, 1]), score)


def match_greedily(src: np.ndarray, tgt: np.ndarray) -> np.ndarray:
    """Walk a list of pairs, best first, and keep each whose two rows are both still free.

    Returns the positions kept, int64, rising. Works in rounds, each keeping every pair that is the first
    remaining for both its rows: the same pairs as the walk one by one.
    """
    remaining = np.arange(len(src))
    kept: list[np.ndarray] = []
    while len(remaining):
        first_src = np.zeros(len(remaining), dtype=bool)
        first_tgt = np.zeros(len(remaining), dtype=bool)
        first_src[np.unique(src[remaining], return_index=True)[1]] = True
        first_tgt[np.unique(tgt[remaining], return_index=True)[1]] = True
        taken = remaining[first_src & first_tgt]
        kept.append(taken)
        is_free = ~np.isin(src[remaining], src[taken]) & ~np.isin(tgt[remaining], tgt[taken])
        remaining = remaining[is_free]
    return np.sort(np.concatenate(kept)) if kept else np.empty(0, dtype=np.int64)


def nearest(
    queries: np.ndarray, rows: np.ndarray, k: int, memory_mb: int, engine: Engine = LOCAL
) -> Neighbours:
    """Find the ``k`` rows of highest cosine to each query; all of them where there are fewer.

    Exact up to ``EXACT_ROWS`` rows, by inverted lists above. Both sides are read in blocks, so that what this
    holds at once stays within ``memory_mb`` (the answer, 8 bytes a neighbour, comes on top). Equal cosines
    are in the order of rows. The answer is the same to the last bit for every engine and number of threads,
    the exact one for every ``memory_mb`` too.

    Shards are blocks of queries; for inverted lists, which are made of a block of rows, they are those.
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
    neighbours, cosines = _no_neighbours(len(queries), k)
    if is_exact:
        height = _block_rows(queries.shape[1], memory_mb, 2)
        size = min(height, max(1024, SHARD_COSINES // max(1, len(rows))))
        search: _ExactSearch | _ListSearch = _ExactSearch(rows, k, height)
        blocks = range(0, len(queries), size)
        shards = (queries[start : start + size] for start in blocks)
    else:
        # The lists hold their rows once more.
        size = _block_rows(queries.shape[1], memory_mb, 3)
        search = _ListSearch(queries, k)
        blocks = range(0, len(rows), size)
        shards = (rows[start : start + size] for start in blocks)
    results = engine.run(search, shards)
    with tqdm(blocks, unit="block", desc="search", disable=None, leave=False) as progress:
        for start, (which, near) in zip(progress, results, strict=True):
            if is_exact:
                neighbours[start : start + size], cosines[start : start + size] = which, near
            else:
                which = np.where(which < 0, -1, which + start).astype(np.int32)
                neighbours, cosines = _merge(neighbours, cosines, which, near)
    return Neighbours(neighbours, cosines)


def _no_neighbours(n: int, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Return rows and cosines (n, k) that say that nothing is near."""
    return np.full((n, k), -1, dtype=np.int32), np.full((n, k), -np.inf, dtype=np.float32)


@dataclass(frozen=True)
class _ExactSearch:
    """Finds the k nearest of all rows to a block of queries."""

    rows: np.ndarray
    k: int
    height: int

    def __call__(self, queries: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the neighbours and their cosines, int32 and float32 (n, k)."""
        import faiss

        block = _as_float32(queries)
        neighbours, cosines = _no_neighbours(len(block), self.k)
        # Products of unit rows are off by less than this.
        slack = np.float32(block.shape[1] * 2.0**-23)
        for first in range(0, len(self.rows), self.height):
            rows = _as_float32(self.rows[first : first + self.height])
            k, width = min(self.k, len(rows)), min(self.k + SPARE, len(rows))
            near, which = faiss.knn(block, rows, width, metric=faiss.METRIC_INNER_PRODUCT)
            exact, which = _settle(block, rows, which.astype(np.int32), k)
            if width < len(rows):
                # Too many rows have about the cosine of the last one: any of those left out may belong here.
                is_tie = np.flatnonzero(exact[:, -1] <= near[:, -1] + slack)
                exact[is_tie], which[is_tie] = _scan(block[is_tie], rows, k)
            neighbours, cosines = _merge(neighbours, cosines, which + np.int32(first), exact)
            del rows  # or they would be held beside the next
        return neighbours, cosines


@dataclass(frozen=True)
class _ListSearch:
    """Finds the k nearest of a block of rows to all queries, by inverted lists of that block."""

    queries: np.ndarray
    k: int

    def __call__(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the neighbours and their cosines, int32 (-1 where none is) and float32 (n, k)."""
        import faiss

        rows = _as_float32(rows)
        lists = max(1, int(4 * len(rows) ** 0.5))
        index = faiss.IndexIVFFlat(
            faiss.IndexFlatIP(rows.shape[1]), rows.shape[1], lists, faiss.METRIC_INNER_PRODUCT
        )
        index.nprobe = max(8, int(lists * PROBE_SHARE))
        k = min(self.k, len(rows))
        neighbours, cosines = _no_neighbours(len(self.queries), k)

        def make() -> None:
            index.train(rows)
            index.add(rows)

        def search(part: slice) -> tuple[slice, np.ndarray]:
            return part, index.search(_as_float32(self.queries[part]), k)[1].astype(np.int32)

        # Where lists begin, and which are read, depends on last bits: a product is made on one thread and in
        # blocks of one size, and threads share out such blocks. The setting is that of each thread.
        threads = faiss.omp_get_max_threads()
        with ThreadPoolExecutor(threads, initializer=faiss.omp_set_num_threads, initargs=(1,)) as pool:
            pool.submit(make).result()
            for part, which in pool.map(search, _slices(len(self.queries), _LIST_QUERIES)):
                cosines[part], neighbours[part] = _settle(_as_float32(self.queries[part]), rows, which, k)
        return neighbours, cosines


def _slices(total: int, size: int) -> Iterator[slice]:
    return (slice(start, min(start + size, total)) for start in range(0, total, size))


def _settle(
    queries: np.ndarray, rows: np.ndarray, which: np.ndarray, k: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the k nearest of each query's candidates ``which`` (n, width), -1 for none: cosines, rows."""
    cosines = np.full(which.shape, -np.inf, dtype=np.float32)
    for part in _slices(len(queries), 1024):
        for column in range(which.shape[1]):
            named = which[part, column]
            cosines[part, column] = np.where(
                named < 0, -np.inf, paired_cosines(queries[part], rows[np.maximum(named, 0)])
            )
    order = np.lexsort((which, -cosines), axis=1)[:, :k]
    return np.take_along_axis(cosines, order, axis=1), np.take_along_axis(which, order, axis=1)


def _scan(queries: np.ndarray, rows: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the k nearest rows of each query, cosines and rows, by products of single rows."""
    distinct, place = np.unique(queries, axis=0, return_inverse=True)
    which = np.empty((len(distinct), k), dtype=np.int32)
    cosines = np.empty((len(distinct), k), dtype=np.float32)
    for n, query in enumerate(distinct):
        products = np.concatenate(
            [
                paired_cosines(rows[part], np.broadcast_to(query, rows[part].shape))
                for part in _slices(len(rows), 1024)
            ]
        )
        which[n] = np.argsort(-products, kind="stable")[:k]
        cosines[n] = products[which[n]]
    return cosines[place.ravel()], which[place.ravel()]


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
    scores = margins(near.cosines, own_density[:, None], other_density[near.rows], margin)
    scores = np.where(near.rows >= 0, scores, -np.inf)  # (n, k)
    best = scores.max(axis=1, keepdims=True)
    rows = np.where(scores == best, near.rows, np.iinfo(np.int32).max).min(axis=1)
    return rows, best[:, 0]


def margins(
    cosines: np.ndarray, src_density: np.ndarray, tgt_density: np.ndarray, margin: Margin
) -> np.ndarray:
    """Return cosines of pairs set against the mean density of either side, float32 of the cosines' shape."""
    if margin == "absolute":
        return cosines.astype(np.float32)
    around = (src_density + tgt_density) / 2
    return (cosines - around if margin == "distance" else cosines / around).astype(np.float32)


def paired_cosines(src: np.ndarray, tgt: np.ndarray) -> np.ndarray:
    """Return float32 (n,): the product of row i with row i, summed in one order whatever n is."""
    return np.einsum("nd,nd->n", _as_float32(src), _as_float32(tgt))


def _block_rows(dim: int, memory_mb: int, blocks: int) -> int:
    """Return how many rows each of so many float32 blocks can have beside faiss's own buffers."""
    free = max(memory_mb - _SEARCH_MB, 1) << 20
    return max(1024, free // (blocks * 4 * dim))


def _as_float32(vectors: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(vectors, dtype=np.float32)


def _merge(
    rows: np.ndarray, cosines: np.ndarray, more_rows: np.ndarray, more_cosines: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Join two lists of neighbours and keep the nearest, as many as the first has columns."""
    k = rows.shape[1]
    rows, cosines = np.hstack([rows, more_rows]), np.hstack([cosines, more_cosines])
    cosines[rows < 0] = -np.inf
    order = np.lexsort((rows, -cosines), axis=1)[:, :k]
    return np.take_along_axis(rows, order, axis=1), np.take_along_axis(cosines, order, axis=1)
