"""The engine benchmark runs real stages on Ray; its committed figures show equal bytes."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import polars as pl
import pytest

from bench.engine import SOURCE, measure
from stages.clean import corpus as clean
from stages.collect.transports import collect
from stages.extract.sources import extract
from stages.lib.core.params import load_params
from stages.lib.models import vectors

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="Ray is not installed (make engine-install)"
)
def test_vectors_and_corpus_are_the_same_bytes_on_two_workers(tmp_path, monkeypatch):
    params = load_params(ROOT / "params.yaml")
    config = params.source(SOURCE)
    collect(SOURCE, config, tmp_path / "raw.tar")
    langs = (params.pair.src, params.pair.tgt)
    table = extract(SOURCE, config, tmp_path / "raw.tar", langs).filter(pl.col("lang").is_in(langs))
    # Many small shards.
    monkeypatch.setattr(vectors, "SHARD_TEXTS", 50)
    monkeypatch.setattr(clean, "SHARD_ROWS", 20)
    figures = measure(table.group_by("lang", maintain_order=True).head(260), 2, tmp_path, params)
    assert figures["identical"]
    assert figures["files_compared"] >= 5
    assert figures["n"]["kept"] > 20


def test_the_committed_figures_are_of_the_same_bytes() -> None:
    figures = json.loads((ROOT / "metrics/bench/engine.json").read_text(encoding="utf-8"))
    assert figures["identical"]
    assert figures["n"]["texts"] > 5_000
    assert set(figures["ray_vs_local_seconds"]) >= {"local", "ray", "ratio"}
