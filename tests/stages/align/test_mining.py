from __future__ import annotations

import logging
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.align import mining
from stages.align.mining import match_greedily, mine, nearest
from stages.lib.core.errors import DataError
from stages.lib.models.vectors import to_unit as unit

USUAL = {"k": 4, "margin": "ratio", "retrieval": "max_weight", "memory_mb": 256}
MARGINS = ("ratio", "distance", "absolute")
RETRIEVALS = ("forward", "backward", "intersection", "max_weight")


def translations(n: int, dim: int = 48, noise: float = 0.3, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Row i of the source belongs to row n - 1 - i of the target; all share a common part, as text does."""
    rng = np.random.default_rng(seed)
    src = unit(rng.normal(size=(n, dim)) + 1.0)
    return src, unit(src[::-1] + noise * unit(rng.normal(size=(n, dim))))


def naive_margins(src: np.ndarray, tgt: np.ndarray, k: int, margin: str) -> np.ndarray:
    """The definition of Artetxe & Schwenk, pair by pair."""
    cosines = src.astype(np.float64) @ tgt.T.astype(np.float64)
    found = np.empty_like(cosines)
    for i in range(len(src)):
        for j in range(len(tgt)):
            around = (np.sort(cosines[i])[-k:].mean() + np.sort(cosines[:, j])[-k:].mean()) / 2
            score = {"ratio": cosines[i, j] / around, "distance": cosines[i, j] - around}
            found[i, j] = score.get(margin, cosines[i, j])
    return found


@pytest.mark.parametrize("margin", MARGINS)
@pytest.mark.parametrize("retrieval", RETRIEVALS)
def test_every_planted_translation_is_found(margin: str, retrieval: str) -> None:
    src, tgt = translations(500)
    mined = mine(src, tgt, k=4, margin=margin, retrieval=retrieval, memory_mb=256)
    assert np.array_equal(np.sort(mined.src), np.arange(500))
    assert np.all(mined.src + mined.tgt == 499)
    assert np.all(np.diff(mined.score) <= 0)
    assert (mined.src.dtype, mined.tgt.dtype, mined.score.dtype) == (np.int32, np.int32, np.float32)


@pytest.mark.parametrize("margin", MARGINS)
def test_scores_are_those_of_the_definition(margin: str) -> None:
    src, tgt = translations(40, noise=0.6)
    expected = naive_margins(src, tgt[:33], 4, margin)
    ahead = mine(src, tgt[:33], k=4, margin=margin, retrieval="forward", memory_mb=256)
    # The k nearest hold the best by margin here: a far row does not win by its thin neighbourhood alone.
    assert np.allclose(ahead.score, expected[ahead.src, ahead.tgt], atol=1e-5)
    for row, target in zip(ahead.src, ahead.tgt, strict=True):
        near = np.argsort(-(src[row] @ tgt[:33].T))[:4]
        assert expected[row, target] == pytest.approx(expected[row, near].max(), abs=1e-5)


def test_a_hub_wins_by_cosine_and_loses_by_ratio() -> None:
    src, tgt = translations(200, noise=1.5)
    hub = unit(src.mean(axis=0, keepdims=True))
    with_hub = np.concatenate([tgt, hub])
    by = {
        margin: mine(src, with_hub, k=4, margin=margin, retrieval="forward", memory_mb=256)
        for margin in ("absolute", "ratio")
    }
    taken = {margin: int(np.sum(mined.tgt == 200)) for margin, mined in by.items()}
    right = {margin: int(np.sum(mined.src + mined.tgt == 199)) for margin, mined in by.items()}
    assert taken["absolute"] > 20
    assert taken["ratio"] < taken["absolute"] / 2
    assert right["ratio"] > right["absolute"]


def test_intersection_is_what_both_directions_say_and_max_weight_holds_it() -> None:
    src, tgt = translations(300, noise=0.9)
    mined = {name: mine(src, tgt, **USUAL | {"retrieval": name}) for name in RETRIEVALS}
    found = {
        name: set(zip(pairs.src.tolist(), pairs.tgt.tolist(), strict=True)) for name, pairs in mined.items()
    }
    assert found["intersection"] == found["forward"] & found["backward"]
    assert len(found["intersection"]) < len(found["max_weight"]) < 300
    assert found["max_weight"] <= found["forward"] | found["backward"]
    for side in (0, 1):
        rows = [pair[side] for pair in found["max_weight"]]
        assert len(rows) == len(set(rows))


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=60))
@settings(max_examples=200, deadline=None)
def test_matching_in_rounds_keeps_what_the_walk_one_by_one_keeps(pairs: list[tuple[int, int]]) -> None:
    used_src, used_tgt, walked = set(), set(), []
    for place, (a, b) in enumerate(pairs):
        if a not in used_src and b not in used_tgt:
            used_src.add(a)
            used_tgt.add(b)
            walked.append(place)
    src, tgt = (np.array([pair[side] for pair in pairs], dtype=np.int32) for side in (0, 1))
    assert match_greedily(src, tgt).tolist() == walked


def test_blocks_and_half_precision_change_no_pair(tmp_path) -> None:
    src, tgt = translations(3000)
    whole = mine(src, tgt, **USUAL)
    # 33 MB leave the least block, 1,024 rows of either side.
    for parts in (mine(src, tgt, **USUAL | {"memory_mb": 33}), mine(src, tgt, **USUAL | {"memory_mb": 34})):
        assert set(zip(parts.src, parts.tgt, strict=True)) == set(zip(whole.src, whole.tgt, strict=True))
        assert np.allclose(np.sort(parts.score), np.sort(whole.score), atol=1e-5)
    np.save(tmp_path / "half.npy", src.astype(np.float16))
    half = mine(np.load(tmp_path / "half.npy", mmap_mode="r"), tgt, **USUAL)
    assert set(zip(half.src, half.tgt, strict=True)) == set(zip(whole.src, whole.tgt, strict=True))


def test_search_holds_no_more_than_the_memory_given(tmp_path) -> None:
    rng = np.random.default_rng(2)
    np.save(tmp_path / "rows.npy", rng.normal(size=(80_000, 256)).astype(np.float16))
    rows = np.load(tmp_path / "rows.npy", mmap_mode="r")  # 82 MB as float32
    nearest(rows[:2], rows[:2], 1, 64)  # so that no import is counted
    peaks = {}
    for memory_mb in (64, 512):
        tracemalloc.start()
        nearest(rows[:500], rows, 4, memory_mb)
        peaks[memory_mb] = tracemalloc.get_traced_memory()[1] / 2**20
        tracemalloc.stop()
    assert peaks[64] < 32  # faiss's own 32 MB are not traced
    assert peaks[512] > 78


def test_inverted_lists_above_the_limit_find_nearly_what_exact_search_finds(monkeypatch, caplog) -> None:
    rng = np.random.default_rng(3)
    centres = rng.normal(size=(50, 32))
    src = unit(centres[rng.integers(0, 50, 12_000)] + 0.4 * rng.normal(size=(12_000, 32)))
    tgt = unit(src + 0.03 * rng.normal(size=src.shape))
    caplog.set_level(logging.INFO, logger="stages.align.mining")
    exact = nearest(src, tgt, 4, 256)
    assert "exact" in caplog.messages[-1]
    monkeypatch.setattr(mining, "EXACT_ROWS", 5000)
    listed = nearest(src, tgt, 4, 256)
    assert "inverted lists" in caplog.messages[-1]
    assert np.mean(exact.rows[:, 0] == listed.rows[:, 0]) > 0.98
    assert np.mean([len(set(a) & set(b)) / 4 for a, b in zip(exact.rows, listed.rows, strict=True)]) > 0.9
    assert np.all(listed.cosines <= exact.cosines + 1e-5)


@pytest.mark.parametrize("exact_rows", [10**6, 1000])
def test_neighbours_are_the_same_bits_for_every_number_of_threads_and_size_of_shard(
    exact_rows: int, monkeypatch
) -> None:
    import faiss

    src, tgt = translations(3000, noise=0.7)
    tgt[2000:2040] = tgt[7]  # more equal rows than there are spare ones
    src[:20] = src[2992]  # ... near these
    monkeypatch.setattr(mining, "EXACT_ROWS", exact_rows)
    before = faiss.omp_get_max_threads()
    found = []
    try:
        for threads, cosines in ((1, 1 << 30), (2, 1 << 30), (2, 1), (3, 1_234 * 3000)):
            faiss.omp_set_num_threads(threads)
            monkeypatch.setattr(mining, "SHARD_COSINES", cosines)
            near = nearest(src, tgt, 5, 256)
            found.append(near.rows.tobytes() + near.cosines.tobytes())
    finally:
        faiss.omp_set_num_threads(before)
    assert len(set(found)) == 1
    if exact_rows > 3000:
        near = nearest(src, tgt, 5, 33)
        assert near.rows.tobytes() + near.cosines.tobytes() == found[0]
        exact = np.einsum("qd,rd->qr", src.astype(np.float64), tgt.astype(np.float64))
        assert np.array_equal(near.rows, np.argsort(-exact.astype(np.float32), axis=1, kind="stable")[:, :5])


def test_all_are_neighbours_where_there_are_few() -> None:
    src, tgt = translations(100)
    assert nearest(src, tgt[:3], 5, 256).rows.shape == (100, 3)
    assert np.allclose(nearest(src, tgt[:3], 5, 256).densities(), (src @ tgt[:3].T).mean(axis=1), atol=1e-6)


def test_ten_thousand_equal_sentences_are_used_once_each_and_the_same_way_twice() -> None:
    same = np.repeat(unit(np.ones((1, 16))), 10_000, axis=0)
    first, second = mine(same, same, **USUAL), mine(same, same, **USUAL)
    assert len(first.src) >= 1
    assert len(set(first.src.tolist())) == len(set(first.tgt.tolist())) == len(first.src)
    assert np.allclose(first.score, 1.0, atol=1e-6)
    assert all(
        np.array_equal(getattr(first, name), getattr(second, name)) for name in ("src", "tgt", "score")
    )


@pytest.mark.parametrize("retrieval", RETRIEVALS)
def test_an_empty_side_gives_no_pairs_and_one_sentence_gives_one(retrieval: str) -> None:
    src, tgt = translations(5)
    for left, right in ((src[:0], tgt), (src, tgt[:0]), (src[:0], tgt[:0])):
        none = mine(left, right, **USUAL | {"retrieval": retrieval})
        assert len(none.src) == len(none.tgt) == len(none.score) == 0
    one = mine(src[:1], tgt[4:], **USUAL | {"retrieval": retrieval})
    assert (one.src.tolist(), one.tgt.tolist()) == ([0], [0])
    assert one.score[0] == pytest.approx(1.0)


def test_unusable_vectors_are_one_line_errors() -> None:
    src, tgt = translations(5)
    broken = tgt.copy()
    broken[3, 0] = np.nan
    with pytest.raises(DataError, match="target side: row 3 is not finite"):
        mine(src, broken, **USUAL)
    with pytest.raises(DataError, match="dimensions differ, 48 and 20"):
        mine(src, tgt[:, :20], **USUAL)
