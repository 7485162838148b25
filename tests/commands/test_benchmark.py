"""The command behind ``make benchmarks``, with a keyword encoder and a benchmark of 24 sentences."""

from __future__ import annotations

import json
import logging
import sys

import pytest

from commands import benchmark
from stages.lib.benchmarks import Benchmark
from stages.lib.errors import DownloadError, ModelError
from stages.lib.params import Params, load_params
from tests.stages.keyword_encoder import KEYWORDS, encode, load_encoder


@pytest.fixture(scope="module")
def params() -> Params:
    raw = load_params().model_dump() | {"models": ["use"], "baselines": ["minilm_en"]}
    raw["evaluate"] |= {"bootstrap": 200, "permutations": 500}
    return Params.model_validate(raw)


def small_benchmark(name: str = "ntrex", docs: bool = True) -> Benchmark:
    return Benchmark(
        name=name,
        src_lang="ru",
        tgt_lang="tk",
        src=tuple(f"Новое слово {ru}" for ru, _ in KEYWORDS),
        tgt=tuple(f"Söz {tk.strip()} bar" for _, tk in KEYWORDS),
        docs=tuple(f"news-{n // 2}" for n in range(len(KEYWORDS))) if docs else None,
        license="CC0-1.0",
        sha256={"ru": "0" * 64, "tk": "1" * 64},
    )


@pytest.fixture
def models(tmp_path, monkeypatch):
    monkeypatch.setattr("stages.lib.encoders.load_encoder", load_encoder)
    monkeypatch.setattr("stages.lib.encoders.encode", encode)
    folder = tmp_path / "models" / "use" / "seed-1"
    folder.mkdir(parents=True)
    (folder / "adapter_model.safetensors").write_bytes(b"1")
    return tmp_path / "models"


def test_figures_are_nested_by_benchmark_model_variant_and_metric(models, params):
    found = benchmark.evaluate_all([small_benchmark(), small_benchmark("flores", docs=False)], models, params)
    assert set(found) == {"ntrex", "flores"}
    for models_found in found.values():
        variants = {model: sorted(figures) for model, figures in models_found.items()}
        assert variants == {"use": ["finetuned", "pretrained"], "minilm_en": ["pretrained"]}
    before, after = found["ntrex"]["use"]["pretrained"], found["ntrex"]["use"]["finetuned"]
    assert after["p1_ru_tk"] == 1.0
    # The keyword that the pretrained encoder does not know leaves a vector of its own, by luck the right one.
    assert before["p1_ru_tk"] == 1.0
    assert before["p1_mean_low"] <= before["p1_mean"] <= before["p1_mean_high"]
    assert (before["n"], before["unit"], before["units"]) == (24, "sentence", 24)  # 12 documents are too few
    flores = found["flores"]["use"]["pretrained"]
    assert (flores["unit"], flores["units"]) == ("sentence", 24)  # it tells no documents
    assert after["hard_n_ru_tk"] == 24
    assert {"delta_p1_mean", "p_p1_mean", "p_hard_p1_ru_tk", "margin_p1_ru_tk"} <= set(after)
    assert after["comparisons"] == 2  # one model's P@1, mean of both directions, on two benchmarks
    assert not any(key.startswith("p_") for key in before)
    assert after["signature"]["benchmark_sha256"]["tk"] == "1" * 64


def test_a_benchmark_not_at_hand_is_skipped_with_a_line(monkeypatch, params, caplog):
    def load(name, *_):
        if name == "flores":
            raise DownloadError("rus_Cyrl.devtest: cannot be reached")
        return small_benchmark(name)

    monkeypatch.setattr(benchmark, "load_benchmark", load)
    with caplog.at_level(logging.WARNING):
        found = benchmark.benchmarks_at_hand(["ntrex", "flores"], params)
    assert [one.name for one in found] == ["ntrex"]
    assert "flores skipped: rus_Cyrl.devtest: cannot be reached" in caplog.text
    with pytest.raises(DownloadError, match="none of flores is at hand"):
        benchmark.benchmarks_at_hand(["flores"], params)


def test_a_model_without_adapter_is_named(tmp_path, models, params):
    with pytest.raises(ModelError, match="use: no adapter; run dvc repro finetune@use"):
        benchmark.evaluate_all([small_benchmark()], tmp_path / "none", params)


def test_command_writes_one_file(tmp_path, models, params, monkeypatch):
    monkeypatch.setattr(benchmark, "load_benchmark", lambda name, *_: small_benchmark(name))
    monkeypatch.setattr(benchmark, "load_params", lambda: params)
    out = tmp_path / "metrics" / "benchmarks.json"
    argv = ["benchmark", "--benchmarks", "ntrex", "--models", str(models), "--out", str(out)]
    monkeypatch.setattr(sys, "argv", argv)
    benchmark.main()
    assert set(json.loads(out.read_text(encoding="utf-8"))) == {"ntrex"}
