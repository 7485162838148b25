"""Semantic textual similarity: does the cosine of two sentences follow the grade that people gave them?

This is the check against forgetting. There is no such test in Turkmen, so it says what fine-tuning did to the
languages that the encoder knew before. The table of similarities is the evidence: every figure, interval and
test can be made again from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from stages.lib.core.errors import DataError
from stages.lib.scores.significance import Interval, Paired, limits, seed_spread

if TYPE_CHECKING:
    import polars as pl

    from stages.lib.core.params import EvaluateParams

Kind = Literal["pearson", "spearman"]
# The study reports Pearson's r, MTEB Spearman's.
KINDS: tuple[Kind, ...] = ("pearson", "spearman")

# One row is one graded pair under one adapter; seed is 0 for a pretrained model, n numbers the set's pairs.
STS_SCHEMA = {"set": "String", "seed": "Int32", "n": "Int32", "similarity": "Float32", "grade": "Float32"}

# Rows of resamples made at once; keeps memory flat for large sets.
_CHUNK = 500


# --- correlations of arrays ---------------------------------------------------------------------------------


def correlation(similarity: np.ndarray, grades: np.ndarray, kind: Kind) -> np.ndarray:
    """Correlate along the last axis, ``(..., n)`` each; ties get their mean rank under ``spearman``.

    Where one of the two does not vary at all, nothing follows anything, and the correlation is 0.
    """
    x, y = _scores(similarity, kind), _scores(grades, kind)
    x = x - x.mean(axis=-1, keepdims=True)
    y = y - y.mean(axis=-1, keepdims=True)
    scale = np.sqrt((x * x).sum(axis=-1) * (y * y).sum(axis=-1))
    return np.divide((x * y).sum(axis=-1), scale, out=np.zeros_like(scale), where=scale > 1e-12)


def _scores(values: np.ndarray, kind: Kind) -> np.ndarray:
    from scipy.stats import rankdata

    values = np.asarray(values, dtype=np.float64)
    return rankdata(values, axis=-1) if kind == "spearman" else values


def resampled(
    similarities: Sequence[np.ndarray], grades: np.ndarray, kind: Kind, resamples: int, seed: int
) -> np.ndarray:
    """Return the mean correlation over ``similarities``, (n,) each, in bootstrap resamples of the pairs.

    The same ``n`` and ``seed`` draw the same pairs, so that two systems' values can be subtracted.
    """
    rng = np.random.default_rng(seed)
    found = np.empty(resamples)
    for start in range(0, resamples, _CHUNK):
        drawn = rng.integers(0, len(grades), size=(min(_CHUNK, resamples - start), len(grades)))
        rows = [correlation(values[drawn], grades[drawn], kind) for values in similarities]
        found[start : start + len(drawn)] = np.mean(rows, axis=0)
    return found


def exchange_p(
    before: np.ndarray,
    after: Sequence[np.ndarray],
    grades: np.ndarray,
    kind: Kind,
    permutations: int,
    seed: int,
) -> float:
    """Return the two-sided p of the difference of two correlations with the same grades.

    A paired permutation test: under the null hypothesis the two systems' answers to a pair, brought to one
    scale (z-scores, or those of the ranks), can be exchanged. p is never 0: (1 + as extreme) / (1 +
    permutations). With several ``after`` the statistic is the mean of the differences.
    """
    grades = _z(_scores(grades, kind))
    old, new = _z(_scores(before, kind)), [_z(_scores(values, kind)) for values in after]

    def mixed(own: np.ndarray, other: np.ndarray, swaps: np.ndarray) -> np.ndarray:
        """Correlate own, with other's answer where swapped, with the grades; swaps (b, n) of 0 and 1."""
        columns = np.stack([(other - own) * grades, other - own, other**2 - own**2], axis=1)  # (n, 3)
        product, total, squares = (swaps @ columns + [own @ grades, own.sum(), own @ own]).T
        spread = np.sqrt(np.maximum(squares - total**2 / len(grades), 1e-12))
        return product / spread

    def statistic(swaps: np.ndarray) -> np.ndarray:
        return np.mean([mixed(n, old, swaps) - mixed(old, n, swaps) for n in new], axis=0)

    observed = abs(float(statistic(np.zeros((1, len(grades))))[0])) - 1e-9
    rng = np.random.default_rng(seed)
    extreme = 0
    for start in range(0, permutations, _CHUNK):
        rows = min(_CHUNK, permutations - start)
        swaps = rng.integers(0, 2, size=(rows, len(grades)), dtype=np.int8).astype(np.float64)
        extreme += int(np.count_nonzero(np.abs(statistic(swaps)) >= observed))
    return (1 + extreme) / (1 + permutations)


def _z(values: np.ndarray) -> np.ndarray:
    """Shift to mean 0 and scale to norm 1; all zeros where nothing varies."""
    values = values - values.mean()
    return values / max(float(np.linalg.norm(values)), 1e-12)


# --- figures from the table ---------------------------------------------------------------------------------


def _by_seed(frame: pl.DataFrame, name: str) -> tuple[dict[int, np.ndarray], np.ndarray]:
    """Return a set's similarities by seed, in the order of its pairs, and its grades."""
    import polars as pl

    rows = frame.filter(pl.col("set") == name)
    parts = {seed: rows.filter(pl.col("seed") == seed).sort("n") for seed in sorted(rows["seed"].unique())}
    first = next(iter(parts.values()))
    for seed, part in parts.items():
        if not part["grade"].equals(first["grade"]):
            raise DataError(f"STS set {name}: seed {seed} has other pairs; run evaluate again")
    return {seed: part["similarity"].to_numpy() for seed, part in parts.items()}, first["grade"].to_numpy()


def measure_sts(frame: pl.DataFrame, settings: EvaluateParams, seed: int) -> dict[str, dict[str, Any]]:
    """Return figures by metric, ``sts_<set>_pearson`` and ``sts_<set>_spearman``.

    The interval is a percentile bootstrap over the pairs. With several training seeds the value is their
    mean, the interval is of that mean, and by_seed and spread (standard deviation) are added.
    """
    figures = {}
    for name in frame["set"].unique(maintain_order=True):
        similarities, grades = _by_seed(frame, name)
        for kind in KINDS:
            found = {str(s): float(correlation(values, grades, kind)) for s, values in similarities.items()}
            means = resampled(list(similarities.values()), grades, kind, settings.bootstrap, seed)
            interval = limits(means, settings.confidence)
            value, n = float(np.mean(list(found.values()))), len(grades)
            figure = asdict(Interval(value, *interval, n, "pair", n, "bootstrap"))
            figures[f"sts_{name}_{kind}"] = figure | seed_spread(found)
    return figures


def compare_sts(
    before: pl.DataFrame, after: pl.DataFrame, settings: EvaluateParams, seed: int
) -> dict[str, dict[str, Any]]:
    """Test after against before on the same pairs, for each set that both have; returns figures by metric.

    The interval of the difference is a bootstrap that draws the same pairs for both.
    """
    shared = set(before["set"].unique())
    found = {}
    for name in (name for name in after["set"].unique(maintain_order=True) if name in shared):
        (was, grades), (now, same) = _by_seed(before, name), _by_seed(after, name)
        if len(was) != 1 or not np.array_equal(grades, same):
            raise DataError(f"STS set {name}: the two results have other pairs; run evaluate again for both")
        old, new = next(iter(was.values())), list(now.values())
        for kind in KINDS:
            difference = np.mean([correlation(values, grades, kind) for values in new])
            difference -= correlation(old, grades, kind)
            moved = resampled(new, grades, kind, settings.bootstrap, seed)
            moved -= resampled([old], grades, kind, settings.bootstrap, seed)
            interval = limits(moved, settings.confidence)
            p, n = exchange_p(old, new, grades, kind, settings.permutations, seed), len(grades)
            found[f"sts_{name}_{kind}"] = asdict(Paired(float(difference), *interval, p, n, "pair", n))
    return found
