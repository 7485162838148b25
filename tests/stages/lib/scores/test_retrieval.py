from __future__ import annotations

import numpy as np
import pytest

from stages.lib.core.errors import DataError
from stages.lib.scores.retrieval import densities, ranks


def unit(rows: np.ndarray) -> np.ndarray:
    rows = np.asarray(rows, dtype=np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def vectors() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    queries = rng.normal(size=(120, 24))
    candidates = np.concatenate([queries + 1.3 * rng.normal(size=queries.shape), rng.normal(size=(300, 24))])
    return unit(queries), unit(candidates)


# Keyword one-hot vectors: мост, дом, дорога.
BRIDGE, HOUSE, ROAD = np.eye(3, dtype=np.float32)


def test_ranks_count_the_wrong_candidates_before_the_best_right_one():
    queries = unit([BRIDGE, HOUSE + 0.5 * ROAD, ROAD])
    candidates = unit([BRIDGE, HOUSE, ROAD + 0.6 * HOUSE, HOUSE + 0.45 * ROAD])
    assert ranks(queries, candidates, [[0], [1], [2]]).tolist() == [1, 2, 1]

    # Any right candidate counts, and the others do not push it down.
    queries = unit([BRIDGE + 0.5 * HOUSE])
    candidates = unit([BRIDGE, BRIDGE + 0.1 * HOUSE, BRIDGE + 0.6 * HOUSE, ROAD])
    assert ranks(queries, candidates, [[0]]).tolist() == [3]
    assert ranks(queries, candidates, [[0, 1]]).tolist() == [2]
    assert ranks(queries, candidates, [[0, 2]]).tolist() == [1]

    # Ties count against the model.
    same = np.repeat(unit([BRIDGE + HOUSE + ROAD]), 50, axis=0)
    assert ranks(same, same, [[n] for n in range(50)]).tolist() == [50] * 50


def test_ranks_do_not_depend_on_the_block_size(vectors):
    queries, candidates = vectors
    gold = [[n, 299 - n] for n in range(120)]
    whole = ranks(queries, candidates, gold)
    assert np.array_equal(whole, ranks(queries, candidates, gold, block_bytes=4 * 420 * 7))
    left, right = densities(queries, candidates)
    small_left, small_right = densities(queries, candidates, block_bytes=4 * 420 * 3)
    np.testing.assert_allclose(left, small_left, atol=1e-6)
    np.testing.assert_allclose(right, small_right, atol=1e-6)


def test_margin_is_the_ratio_of_artetxe_and_schwenk(vectors):
    queries, candidates = vectors
    k = 4
    left, right = densities(queries, candidates, k)
    cosine = queries.astype(np.float64) @ candidates.T.astype(np.float64)
    # The formula as printed: each neighbour's cosine over 2k, summed on both sides.
    expected = np.empty_like(cosine)
    for i in range(len(queries)):
        for j in range(len(candidates)):
            around = np.sort(cosine[i])[-k:].sum() / (2 * k) + np.sort(cosine[:, j])[-k:].sum() / (2 * k)
            expected[i, j] = cosine[i, j] / around
    densities_of = {"query_density": left, "candidate_density": right}
    found = ranks(queries, candidates, [[n] for n in range(120)], scoring="margin", **densities_of)
    right_score = expected[np.arange(120), np.arange(120)][:, None]
    assert found.tolist() == (1 + (expected > right_score).sum(axis=1)).tolist()


def test_margin_takes_a_query_back_from_a_hub():
    # The hub is near to every query; the right candidate is near to its own query only.
    hub = BRIDGE + HOUSE + ROAD
    queries = unit([BRIDGE + 0.9 * HOUSE, HOUSE + 0.9 * ROAD, hub, ROAD + 0.9 * HOUSE])
    candidates = unit([BRIDGE, hub])
    own, other = densities(queries, candidates, k=2)
    assert ranks(queries[:1], candidates, [[0]]).tolist() == [2]
    found = ranks(
        queries[:1], candidates, [[0]], scoring="margin", query_density=own[:1], candidate_density=other
    )
    assert found.tolist() == [1]


def test_densities_use_what_there_is_when_there_are_fewer_than_k():
    left, right = densities(unit([BRIDGE, HOUSE]), unit([BRIDGE]), k=4)
    np.testing.assert_allclose(left, [1, 0], atol=1e-6)
    np.testing.assert_allclose(right, [0.5], atol=1e-6)


@pytest.mark.parametrize(
    ("queries", "gold", "message"),
    [
        (unit([BRIDGE, HOUSE]), [[0]], "gold for 2 queries, found 1"),
        (unit([BRIDGE, HOUSE]), [[0], []], "query 1 has no right candidate"),
        (unit([BRIDGE]), [[3]], "outside 0..2"),
        # A comparison with NaN is always false: unchecked, such a query would come out first.
        (np.full((1, 3), np.nan, dtype=np.float32), [[0]], "row 0 is not finite"),
        (np.empty((0, 3), dtype=np.float32), [], "expected \\(n, dim\\) vectors"),
    ],
)
def test_unusable_input_is_refused(queries, gold, message):
    with pytest.raises(DataError, match=message):
        ranks(queries, unit([BRIDGE, HOUSE, ROAD]), gold)
    with pytest.raises(DataError, match="densities"):
        ranks(unit([BRIDGE]), unit([BRIDGE]), [[0]], scoring="margin")
