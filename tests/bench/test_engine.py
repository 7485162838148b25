"""The engine benchmark runs real stages on Ray and kills workers; its committed figures show equal bytes."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import polars as pl
import pytest

from bench.engine import LANGS, SITE, agree_on_threads, measure, write_site
from stages.clean import corpus as clean
from stages.lib.core.params import Params, load_params
from stages.lib.models import vectors
from stages.lib.sources import crawls, make_source

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def params() -> Params:
    return load_params(ROOT / "params.yaml")


@pytest.fixture(scope="module")
def messages(tmp_path_factory, params: Params) -> pl.DataFrame:
    """CLDR's names of an installed package, in the bench's languages."""
    raw = tmp_path_factory.mktemp("babel") / "raw.tar"
    source = make_source("babel", params)
    source.collect(raw)
    return source.extract(raw, LANGS).group_by("lang", maintain_order=True).head(260)


def test_messages_become_pages_that_the_crawl_source_reads(tmp_path, messages, params):
    raw = write_site(tmp_path, messages, params)
    assert raw.read_bytes() == write_site(tmp_path / "again", messages, params).read_bytes()
    segments = make_source(SITE, params).extract(raw)
    assert {"ru", "tk"} <= set(segments["lang"])
    texts = set(messages["text"])
    assert sum(text in texts for text in segments["text"]) > 0.5 * len(segments)


def test_vectors_and_neighbours_are_the_same_bits_on_one_thread_and_on_two(messages, params):
    assert agree_on_threads(messages.filter(pl.col("lang") == "tk")["text"].to_list(), params)


@pytest.mark.slow
@pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="Ray is not installed (make engine-install)"
)
def test_segments_vectors_and_corpus_are_the_same_bytes_on_two_workers_of_which_one_is_killed(
    tmp_path, messages, params, monkeypatch
):
    # Many small shards.
    monkeypatch.setattr(crawls, "SHARD_HTML", 20_000)
    monkeypatch.setattr(crawls, "SHARD_TEXT", 5_000)
    monkeypatch.setattr(vectors, "SHARD_TEXTS", 50)
    monkeypatch.setattr(clean, "SHARD_ROWS", 20)
    found = measure(messages, 2, tmp_path, params)
    assert found["identical"]
    assert found["killed_worker_identical"]
    # extract reads pages and cuts sentences, each language is embedded, clean judges: a kill in each.
    assert found["killed_workers"] >= 4
    assert found["retried_shards"]["ray"] == 0
    assert found["retried_shards"]["ray_with_killed_workers"] >= found["killed_workers"]
    assert found["files_compared"] == 6
    assert found["n"]["kept"] > 20


def test_the_committed_figures_are_of_the_same_bytes() -> None:
    figures = json.loads((ROOT / "metrics/bench/engine.json").read_text(encoding="utf-8"))
    assert figures["identical"]
    assert figures["killed_worker_identical"]
    assert figures["retried_shards"]["ray_with_killed_workers"] >= figures["killed_workers"] > 0
    assert figures["threads_identical"]
    assert figures["n"]["texts"] > 5_000
    assert set(figures["ray_vs_local_seconds"]) >= {"local", "ray", "ratio"}
