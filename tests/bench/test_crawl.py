"""The crawl benchmark measures a real crawl, and its figures keep their limit."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.crawl import LIMIT_MB, measure


@pytest.mark.slow
def test_memory_is_read_while_a_real_crawl_runs(tmp_path: Path) -> None:
    figures = measure(120, tmp_path)
    assert figures["pages"] == 120
    assert figures["requests"] > 120
    assert 20 < figures["mb_at_a_tenth"] <= figures["mb_most"]
    assert figures["growth_mb"] <= LIMIT_MB


def test_the_committed_figures_are_of_two_thousand_pages_and_keep_the_limit() -> None:
    figures = json.loads((Path(__file__).parents[2] / "metrics/bench/crawl.json").read_text(encoding="utf-8"))
    assert figures["pages"] >= 2000
    assert abs(figures["growth_mb"]) <= figures["limit_mb"] == LIMIT_MB
