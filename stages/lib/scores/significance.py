"""Confidence intervals, paired tests and the correction for multiple testing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from stages.lib.core.errors import DataError

# Below this many documents a bootstrap over documents is too coarse: sentences are resampled instead.
MIN_DOCUMENTS = 20

# Rows of resamples made at once; keeps memory flat for large test sets.
_CHUNK = 500


@dataclass(frozen=True)
class Interval:
    """A mean with its interval; ``unit`` is what was resampled, ``units`` how many of them there are."""

    value: float
    low: float
    high: float
    n: int
    unit: str
    units: int
    method: str


@dataclass(frozen=True)
class Paired:
    """A difference of means (after minus before) with its interval and two-sided p."""

    difference: float
    low: float
    high: float
    p: float
    n: int
    unit: str
    units: int


def seed_spread(by_seed: Mapping[str, float]) -> dict[str, Any]:
    """Return ``by_seed`` and ``spread`` (standard deviation) of several training seeds; nothing for one."""
    if len(by_seed) == 1:
        return {}
    return {"by_seed": dict(by_seed), "spread": float(np.std(list(by_seed.values()), ddof=1))}


def limits(samples: np.ndarray, confidence: float) -> tuple[float, float]:
    """Return the percentile interval of resampled values."""
    low, high = np.quantile(samples, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def resampling_units(docs: Sequence[str]) -> tuple[np.ndarray, str]:
    """Number the unit of each row and name it: ``document``, or ``sentence`` below ``MIN_DOCUMENTS``."""
    names, numbers = np.unique(np.asarray(docs, dtype=str), return_inverse=True)
    if len(names) < MIN_DOCUMENTS:
        return np.arange(len(docs)), "sentence"
    return numbers, "document"


def bootstrap_interval(
    values: np.ndarray, docs: Sequence[str], *, resamples: int, confidence: float, seed: int
) -> Interval:
    """Estimate a mean over queries and its percentile interval, resampling whole documents.

    A document brings all its queries, so the mean of a resample is a sum over a sum. Where every unit says
    the same, as with P@1 = 1, resampling shows no width: hits (all 0 or all 1) then get the exact binomial
    (Clopper-Pearson) interval over the units, other values a width of zero.
    """
    _check(values, docs)
    numbers, unit = resampling_units(docs)
    sums, sizes = _per_unit(values, numbers)
    value, units = float(values.mean()), len(sizes)
    low = high = value
    method = "bootstrap"
    if np.all(values == values[0]):
        if values[0] in (0.0, 1.0):
            low, high = exact_binomial_interval(int(values[0]) * units, units, confidence)
            method = "clopper-pearson"
    else:
        low, high = limits(_resampled_means(sums, sizes, resamples, seed), confidence)
    return Interval(value, low, high, len(values), unit, units, method)


def paired_test(
    before: np.ndarray,
    after: np.ndarray,
    docs: Sequence[str],
    *,
    permutations: int,
    resamples: int,
    confidence: float,
    seed: int,
) -> Paired:
    """Test whether two systems differ on the same queries. This is the primary test of the project.

    A paired permutation test: under the null hypothesis the two systems' answers to a document can be
    exchanged, so the sign of each document's summed difference is flipped at random (all 2^units flips
    when there are no more than ``permutations``). p is two-sided and never 0: (1 + as extreme) / (1 +
    permutations). The interval of the difference is a percentile bootstrap over the same units.
    """
    _check(before, docs)
    _check(after, docs)
    differences = np.asarray(after, dtype=np.float64) - np.asarray(before, dtype=np.float64)
    numbers, unit = resampling_units(docs)
    sums, sizes = _per_unit(differences, numbers)
    low, high = limits(_resampled_means(sums, sizes, resamples, seed), confidence)
    p = sign_flip_p(sums, permutations, seed)
    return Paired(float(differences.mean()), low, high, p, len(differences), unit, len(sizes))


def sign_flip_p(sums: np.ndarray, permutations: int, seed: int) -> float:
    """Return the two-sided p of a total under random signs of its terms; exact when few terms are not 0."""
    moving = sums[sums != 0]  # a unit without a difference is the same under both signs
    observed = abs(moving.sum()) - 1e-9  # equal totals may differ in the last bit
    if len(moving) == 0:
        return 1.0
    if len(moving) <= 30 and 2 ** len(moving) <= permutations:
        codes = np.arange(2 ** len(moving))[:, None] >> np.arange(len(moving))
        totals = (1 - 2 * (codes & 1)) @ moving
        return float(np.mean(np.abs(totals) >= observed))
    rng = np.random.default_rng(seed)
    extreme = 0
    for start in range(0, permutations, _CHUNK):
        rows = min(_CHUNK, permutations - start)
        signs = 1.0 - 2.0 * rng.integers(0, 2, size=(rows, len(moving)), dtype=np.int8)
        extreme += int(np.count_nonzero(np.abs(signs @ moving) >= observed))
    return (1 + extreme) / (1 + permutations)


def mcnemar_p(before: np.ndarray, after: np.ndarray) -> float:
    """Return the exact two-sided McNemar p of two lists of hits (0 or 1) on the same queries.

    Secondary: it takes queries as independent, which sentences of one document are not.
    """
    from scipy.stats import binomtest

    before, after = np.asarray(before) > 0.5, np.asarray(after) > 0.5
    won, lost = int(np.sum(after & ~before)), int(np.sum(before & ~after))
    return float(binomtest(won, won + lost, 0.5).pvalue) if won + lost else 1.0


def holm(p_values: Sequence[float]) -> list[float]:
    """Correct p values for their number (Holm 1979), in the order given."""
    count = len(p_values)
    corrected = [0.0] * count
    largest = 0.0
    for position, index in enumerate(sorted(range(count), key=lambda i: p_values[i])):
        largest = max(largest, min(1.0, (count - position) * p_values[index]))
        corrected[index] = largest
    return corrected


def exact_binomial_interval(successes: int, n: int, confidence: float) -> tuple[float, float]:
    """Return the Clopper-Pearson interval of a share."""
    from scipy.stats import beta

    tail = (1 - confidence) / 2
    low = 0.0 if successes == 0 else float(beta.ppf(tail, successes, n - successes + 1))
    high = 1.0 if successes == n else float(beta.ppf(1 - tail, successes + 1, n - successes))
    return low, high


def _check(values: np.ndarray, docs: Sequence[str]) -> None:
    if len(values) == 0 or len(values) != len(docs):
        raise DataError(
            f"significance: expected a document for each of at least one value, "
            f"found {len(values)} values and {len(docs)} documents"
        )


def _per_unit(values: np.ndarray, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return each unit's sum and size."""
    return np.bincount(numbers, weights=values), np.bincount(numbers).astype(np.float64)


def _resampled_means(sums: np.ndarray, sizes: np.ndarray, resamples: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    units = len(sums)
    means = np.empty(resamples)
    for start in range(0, resamples, _CHUNK):
        rows = min(_CHUNK, resamples - start)
        drawn = rng.integers(0, units, size=(rows, units), dtype=np.int32)
        means[start : start + rows] = sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    return means
