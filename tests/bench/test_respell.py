from __future__ import annotations

import numpy as np
import pytest

from bench.respell import half, score
from stages.lib.core.params import load_params


def test_halves_share_no_document_and_are_about_equal() -> None:
    halves = [half(f"news.{n}") for n in range(1000)]
    assert set(halves) == {"a", "b"}
    assert 400 < halves.count("a") < 600
    assert half("news.1") == half("news.1")


def test_score_counts_both_directions_and_their_mean() -> None:
    src = np.eye(3, dtype=np.float32)
    tgt = np.array([[1, 0, 0], [0, 1, 0], [0, 1, 0]], dtype=np.float32)
    figures = score(src, tgt, ["d1", "d2", "d3"], load_params().evaluate, seed=1)
    # A tie with a wrong candidate counts as a miss: only the first row is sure in both directions.
    assert figures["p1_ru_tk"] == pytest.approx(1 / 3, abs=1e-4)
    assert figures["p1_tk_ru"] == pytest.approx(2 / 3, abs=1e-4)
    assert figures["p1_mean"] == pytest.approx(1 / 2, abs=1e-4)
    low, high = figures["p1_mean_interval"]
    assert low <= figures["p1_mean"] <= high
    assert (figures["n"], figures["documents"]) == (3, 3)
