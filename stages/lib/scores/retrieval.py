"""Cross-lingual retrieval on arrays: ranks of the right candidates; hits at k (P@1) and reciprocal ranks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from stages.lib.core.errors import DataError

Scoring = Literal["cosine", "margin"]

# Scores closer than this are a tie: float32 products of unit vectors are no more exact, and equal vectors
# must tie whatever block of a matrix product they fall into.
TIE = 1e-6

# A block of scores takes at most this many bytes, so memory does not grow with the pool.
BLOCK_BYTES = 64 * 2**20


def ranks(
    queries: np.ndarray,
    candidates: np.ndarray,
    gold: Sequence[Sequence[int]],
    *,
    scoring: Scoring = "cosine",
    query_density: np.ndarray | None = None,
    candidate_density: np.ndarray | None = None,
    block_bytes: int = BLOCK_BYTES,
) -> np.ndarray:
    """Rank the best right candidate of each query; 1 is best.

    ``queries`` (n, dim) and ``candidates`` (m, dim) hold L2-normalised float32 rows; ``gold[i]`` lists the
    candidates that are right for query i. The other right candidates of a query never push its rank down.
    Ties are counted pessimistically: a wrong candidate within ``TIE`` of the best right one goes before it,
    so that an encoder that maps everything to one vector gets nothing. Margin scoring divides the cosine by
    the mean of the two densities (see :func:`densities`), which must then be given.

    Returns int64 (n,). Raises DataError on vectors that are not finite, on a query without a right
    candidate and on shapes that do not fit.
    """
    _check_vectors(queries, "queries")
    _check_vectors(candidates, "candidates")
    if len(gold) != len(queries):
        raise DataError(f"ranks: expected gold for {len(queries)} queries, found {len(gold)} lists")
    if scoring == "margin" and (query_density is None or candidate_density is None):
        raise DataError(
            "ranks: margin scoring needs the densities of queries and candidates; call densities()"
        )
    sizes = np.array([len(right) for right in gold], dtype=np.int64)
    if len(sizes) and sizes.min() == 0:
        raise DataError(f"ranks: query {int(sizes.argmin())} has no right candidate; each query needs one")
    starts = np.concatenate([[0], np.cumsum(sizes)])
    flat = np.fromiter((index for right in gold for index in right), dtype=np.int64, count=int(starts[-1]))
    if len(flat) and not (flat.min() >= 0 and flat.max() < len(candidates)):
        raise DataError(f"ranks: a right candidate's number is outside 0..{len(candidates) - 1}")

    found = np.empty(len(queries), dtype=np.int64)
    for start, stop in _blocks(len(queries), len(candidates), block_bytes):
        scores = queries[start:stop] @ candidates.T  # (b, m)
        if scoring == "margin":
            scores /= (query_density[start:stop, None] + candidate_density[None, :]) / 2
        rows = np.repeat(np.arange(stop - start), sizes[start:stop])
        columns = flat[starts[start] : starts[stop]]
        best = np.maximum.reduceat(scores[rows, columns], starts[start:stop] - starts[start])
        scores[rows, columns] = -np.inf
        found[start:stop] = 1 + np.count_nonzero(scores >= (best - TIE)[:, None], axis=1)
    return found


def densities(
    left: np.ndarray, right: np.ndarray, k: int = 4, block_bytes: int = BLOCK_BYTES
) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean cosine of each row to its k nearest rows on the other side, for both sides.

    These are the two sums of the ratio margin of Artetxe & Schwenk (2019, P19-1309), each over k:
    ``margin(x, y) = cos(x, y) / ((density(x) + density(y)) / 2)``. Fewer than k rows: all of them are used.
    """
    _check_vectors(left, "left side")
    _check_vectors(right, "right side")
    of_left = np.empty(len(left), dtype=np.float32)
    k_left, k_right = min(k, len(right)), min(k, len(left))
    top = np.full((0, len(right)), -np.inf, dtype=np.float32)  # the k best of each column so far
    for start, stop in _blocks(len(left), len(right), block_bytes):
        scores = left[start:stop] @ right.T  # (b, m)
        # Sorted before the mean: the order inside a partition is no promise, and float sums depend on it.
        of_left[start:stop] = np.sort(np.partition(scores, -k_left, axis=1)[:, -k_left:], axis=1).mean(axis=1)
        if len(scores) > k_right:
            scores = np.partition(scores, -k_right, axis=0)[-k_right:]
        top = np.concatenate([top, scores])
        if len(top) > k_right:
            top = np.partition(top, -k_right, axis=0)[-k_right:]
    return of_left, np.sort(top, axis=0).mean(axis=0, dtype=np.float32)


def hits(found: np.ndarray, k: int) -> np.ndarray:
    """Return 1.0 where the right candidate is among the first k, else 0.0; their mean is P@k."""
    return (found <= k).astype(np.float64)


def reciprocals(found: np.ndarray) -> np.ndarray:
    """Return 1/rank; the mean is MRR, over the whole candidate list."""
    return 1.0 / found


def _check_vectors(vectors: np.ndarray, what: str) -> None:
    if vectors.ndim != 2 or len(vectors) == 0:
        raise DataError(f"retrieval: {what}: expected (n, dim) vectors, found shape {vectors.shape}")
    if not np.isfinite(vectors).all():
        row = int(np.argmin(np.isfinite(vectors).all(axis=1)))
        raise DataError(f"retrieval: {what}: row {row} is not finite; the encoder gave no usable vector")


def _blocks(n_rows: int, n_columns: int, block_bytes: int) -> list[tuple[int, int]]:
    height = max(1, block_bytes // (4 * n_columns))
    return [(start, min(n_rows, start + height)) for start in range(0, n_rows, height)]
