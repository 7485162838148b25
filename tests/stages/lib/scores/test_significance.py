from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from stages.lib.core.errors import DataError
from stages.lib.scores.significance import (
    bootstrap_interval,
    exact_binomial_interval,
    holm,
    mcnemar_p,
    paired_test,
    sign_flip_p,
)

SETTINGS = {"resamples": 4000, "confidence": 0.95, "seed": 13}
PAIRED = {**SETTINGS, "permutations": 4000}


def documents(count: int, size: int) -> list[str]:
    return [f"udhr/article-{n:02d}" for n in range(count) for _ in range(size)]


def test_interval_over_single_sentence_documents_agrees_with_scipy():
    values = (np.arange(200) % 3 == 0).astype(float)
    found = bootstrap_interval(values, [f"doc/{n}" for n in range(200)], **SETTINGS)
    expected = stats.bootstrap(
        (values,), np.mean, n_resamples=4000, method="percentile", rng=np.random.default_rng(1)
    ).confidence_interval
    assert (found.value, found.n, found.unit, found.units) == (values.mean(), 200, "document", 200)
    assert found.low == pytest.approx(expected.low, abs=0.01)
    assert found.high == pytest.approx(expected.high, abs=0.01)


def test_sentences_that_agree_inside_documents_widen_the_interval():
    # 40 documents of 10 sentences, all right or all wrong: only 40 independent answers.
    values = np.repeat(np.arange(40) % 2, 10).astype(float)
    by_document = bootstrap_interval(values, documents(40, 10), **SETTINGS)
    by_sentence = bootstrap_interval(values, [f"doc/{n}" for n in range(400)], **SETTINGS)
    ratio = (by_document.high - by_document.low) / (by_sentence.high - by_sentence.low)
    assert ratio == pytest.approx(np.sqrt(10), rel=0.15)


@pytest.mark.parametrize(("count", "unit", "units"), [(19, "sentence", 57), (20, "document", 20)])
def test_below_twenty_documents_sentences_are_resampled_and_named(count, unit, units):
    values = (np.arange(3 * count) % 2).astype(float)
    found = bootstrap_interval(values, documents(count, 3), **SETTINGS)
    assert (found.unit, found.units, found.method) == (unit, units, "bootstrap")


def test_nine_of_nine_is_not_certain():
    found = bootstrap_interval(np.ones(9), ["doc/a"] * 9, **SETTINGS)
    assert found.method == "clopper-pearson"
    assert (found.low, found.high) == pytest.approx((0.6637, 1.0), abs=1e-4)


@pytest.mark.parametrize(("successes", "n"), [(0, 9), (8, 9), (9, 9), (40, 100)])
def test_exact_interval_agrees_with_scipy(successes, n):
    expected = stats.binomtest(successes, n).proportion_ci(0.95, method="exact")
    assert exact_binomial_interval(successes, n, 0.95) == pytest.approx((expected.low, expected.high))


def test_sign_flip_p_of_few_units_counts_every_flip():
    sums = np.array([3.0, 1.0, 2.0, -1.0, 2.5])
    totals = [abs(np.dot(signs, sums)) for signs in itertools.product((1, -1), repeat=5)]
    expected = np.mean([total >= abs(sums.sum()) - 1e-9 for total in totals])
    assert sign_flip_p(sums, permutations=1000, seed=1) == pytest.approx(expected)
    # Units without a difference change nothing.
    assert sign_flip_p(np.append(sums, np.zeros(100)), 1000, 1) == pytest.approx(expected)


def test_sign_flip_p_agrees_with_scipy():
    sums = np.random.default_rng(3).normal(0.25, 1.0, size=60)
    expected = stats.permutation_test(
        (sums, np.zeros(60)),
        lambda x, y, axis: np.mean(x - y, axis=axis),
        permutation_type="samples",
        n_resamples=20_000,
        vectorized=True,
        rng=np.random.default_rng(4),
    ).pvalue
    assert sign_flip_p(sums, permutations=20_000, seed=5) == pytest.approx(expected, abs=0.01)


def test_sign_flip_p_is_never_zero():
    assert sign_flip_p(np.ones(500), permutations=999, seed=1) == pytest.approx(0.001)


def test_paired_test_sees_a_difference_and_its_absence():
    rng = np.random.default_rng(6)
    before = (rng.random(600) < 0.4).astype(float)
    after = np.maximum(before, (rng.random(600) < 0.2).astype(float))
    found = paired_test(before, after, documents(60, 10), **PAIRED)
    assert found.difference == pytest.approx(after.mean() - before.mean())
    assert found.p < 0.001
    assert 0 < found.low < found.difference < found.high
    same = paired_test(before, before, documents(60, 10), **PAIRED)
    assert (same.difference, same.p) == (0.0, 1.0)


def test_p_is_uniform_when_nothing_differs():
    # Under the null, p < 0.2 in about 20 % of 300 trials; correlated sentences do not make it more.
    rng = np.random.default_rng(7)
    docs = documents(30, 5)
    small = 0
    for _ in range(300):
        before, after = (np.repeat(rng.random(30) < 0.5, 5).astype(float) for _ in range(2))
        small += (
            paired_test(before, after, docs, permutations=400, resamples=1, confidence=0.95, seed=1).p < 0.2
        )
    assert 35 <= small <= 85


def test_mcnemar_is_the_binomial_test_of_the_changed_queries():
    before = np.array([1] * 10 + [0] * 10 + [1, 1] + [0] * 9)
    after = np.array([1] * 10 + [0] * 10 + [0, 0] + [1] * 9)
    # 9 won, 2 lost: 2 * (C(11,0) + C(11,1) + C(11,2)) / 2^11.
    assert mcnemar_p(before, after) == pytest.approx(2 * (1 + 11 + 55) / 2**11)
    assert mcnemar_p(before, before) == 1.0


def test_holm_by_hand():
    # Sorted: 0.01*4, 0.02*3, 0.03*2 raised to 0.06, 0.5.
    assert holm([0.03, 0.01, 0.5, 0.02]) == pytest.approx([0.06, 0.04, 0.5, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def test_values_without_documents_are_refused():
    with pytest.raises(DataError, match="2 values and 1 documents"):
        bootstrap_interval(np.ones(2), ["doc/a"], **SETTINGS)
    with pytest.raises(DataError, match="0 values"):
        paired_test(np.ones(0), np.ones(0), [], **PAIRED)
