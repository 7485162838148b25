"""The command behind ``make benchmarks``, with a keyword encoder and benchmarks of 24 sentences."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from commands.benchmarks import __main__ as command
from commands.benchmarks import evaluate as benchmark
from commands.benchmarks.evaluate import Available, evaluate_all
from stages.evaluate.benchmarks import Benchmark
from stages.evaluate.graded_sets import StsSet
from stages.lib.core.errors import DownloadError, ModelError
from stages.lib.core.params import Pair, Params, load_params
from tests.stages.keyword_encoder import KEYWORDS, encode, load_encoder

FINGERPRINTS = Path(__file__).parents[3] / "assets/fingerprints.json.gz"


@pytest.fixture(scope="module")
def params() -> Params:
    raw = load_params().model_dump(exclude_unset=True) | {"models": ["use"], "baselines": ["minilm_en"]}
    # Two names that begin alike.
    raw["benchmarks_config"]["ntrex_dev"] = raw["benchmarks_config"]["flores"]
    raw["evaluate"] |= {"bootstrap": 200, "permutations": 500}
    return Params.model_validate(raw)


def small_benchmark(name: str = "ntrex", docs: bool = True) -> Benchmark:
    return Benchmark(
        name=name,
        src=tuple(f"Новое слово {ru}" for ru, _ in KEYWORDS),
        tgt=tuple(f"Söz {tk.strip()} bar" for _, tk in KEYWORDS),
        docs=tuple(f"news-{n // 2}" for n in range(len(KEYWORDS))) if docs else None,
        sha256={"ru": "0" * 64, "tk": "1" * 64},
    )


@pytest.fixture
def models(tmp_path, monkeypatch):
    monkeypatch.setattr("stages.lib.models.load_encoder", load_encoder)
    monkeypatch.setattr("stages.lib.models.encode", encode)
    folder = tmp_path / "models" / "use" / "seed-1"
    folder.mkdir(parents=True)
    (folder / "adapter_model.safetensors").write_bytes(b"1")
    return tmp_path / "models"


def small_grades(name: str = "stsb_ru") -> StsSet:
    """Graded pairs of which the pretrained encoder, without the last keyword, gets one wrong."""
    words = [ru for ru, _ in KEYWORDS]
    left = [f"Здесь {word} виден." for word in words] * 2
    right = [f"Виден {word} здесь." for word in words] + ["Просто пустая фраза."] * len(words)
    grades = [5.0] * len(words) + [0.0] * len(words)
    return StsSet(name, "ru", "ru", tuple(left), tuple(right), tuple(grades), {"ru": "2" * 64})


def test_figures_are_nested_by_benchmark_model_variant_and_metric(models, params):
    flores = small_benchmark("flores", docs=False)
    at_hand = Available({"ntrex": small_benchmark(), "flores": flores}, {})
    found = evaluate_all(at_hand, models, params, FINGERPRINTS)
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


def test_graded_pairs_stand_beside_retrieval_with_the_paired_difference(models, params, caplog):
    at_hand = Available({"ntrex": small_benchmark()}, {"stsb": [small_grades()]})
    with caplog.at_level(logging.WARNING):
        found = evaluate_all(at_hand, models, params, FINGERPRINTS)["stsb"]
    before, after = found["use"]["pretrained"], found["use"]["finetuned"]
    assert after["stsb_ru_pearson"] == 1.0
    # One of 48 similarities is 1 where its grade is 0: the unknown keyword looks like a text without any.
    assert 0.9 < before["stsb_ru_pearson"] < 1.0
    assert before["stsb_ru_pearson_low"] <= before["stsb_ru_pearson"] <= before["stsb_ru_pearson_high"]
    assert before["stsb_ru_n"] == 48
    gained = round(after["stsb_ru_pearson"] - before["stsb_ru_pearson"], 4)
    assert after["delta_stsb_ru_pearson"] == pytest.approx(gained, abs=1e-4)
    assert after["delta_stsb_ru_pearson_low"] <= gained <= after["delta_stsb_ru_pearson_high"]
    assert after["comparisons"] == 2  # Pearson and Spearman of one set: a family without retrieval
    assert {"p_stsb_ru_pearson", "p_stsb_ru_spearman"} <= set(after)
    assert set(found["minilm_en"]) == {"pretrained"}
    # These test texts are not the pinned files, but their names are fingerprinted ones.
    assert after["signature"]["fingerprinted"]


def test_a_set_in_a_language_that_the_model_does_not_know_is_left_out_with_a_line(
    models, params, monkeypatch, caplog
):
    def encode_known(model, texts, lang, batch_tokens=8192):
        if lang == "ar":
            raise ModelError("language 'ar': the model has no token for it; it knows ru, tk")
        return encode(model, texts, lang)

    monkeypatch.setattr("stages.lib.models.encode", encode_known)
    arabic = StsSet("sts17_ar_ar", "ar", "ar", ("a", "b", "c"), ("a", "d", "e"), (5.0, 0.0, 1.0), {})
    with caplog.at_level(logging.WARNING):
        found = evaluate_all(
            Available({}, {"sts17": [arabic, small_grades("sts17_ru_ru")]}), models, params, FINGERPRINTS
        )
    assert "STS set sts17_ar_ar is left out: language 'ar'" in caplog.text
    figures = found["sts17"]["use"]["finetuned"]
    assert figures["sts17_ru_ru_pearson"] == 1.0
    assert not [name for name in figures if "ar_ar" in name]


def test_benchmarks_whose_names_begin_alike_keep_their_own_figures(models, params, caplog):
    at_hand = Available(
        {"ntrex": small_benchmark(), "ntrex_dev": small_benchmark("ntrex_dev", docs=False)}, {}
    )
    with caplog.at_level(logging.WARNING):
        found = evaluate_all(at_hand, models, params, FINGERPRINTS)
    one, other = (found[name]["use"]["finetuned"] for name in ("ntrex", "ntrex_dev"))
    assert set(one) == set(other)
    assert not any("dev" in key for key in one)
    assert "ntrex_dev: not in" in caplog.text
    assert (one["signature"]["fingerprinted"], other["signature"]["fingerprinted"]) == (True, False)


def test_a_benchmark_without_the_pairs_language_is_skipped_with_a_line(monkeypatch, params, caplog):
    monkeypatch.setattr(benchmark, "load_benchmark", lambda name, *_: small_benchmark(name))
    uzbek = params.model_copy(update={"pair": Pair(src="uz", tgt="tk")})
    with caplog.at_level(logging.WARNING):
        found = benchmark.load_available(["ntrex", "flores"], uzbek)
    assert list(found.parallel) == ["ntrex"]
    assert "flores skipped: it has no uz" in caplog.text


def test_a_benchmark_not_at_hand_is_skipped_with_a_line(monkeypatch, params, caplog):
    def load(name, *_):
        if name == "flores":
            raise DownloadError("rus_Cyrl.devtest: cannot be reached")
        return small_benchmark(name)

    monkeypatch.setattr(benchmark, "load_benchmark", load)
    monkeypatch.setattr(benchmark, "load_sts", lambda name, *_: [small_grades(f"{name}_ru")])
    with caplog.at_level(logging.WARNING):
        found = benchmark.load_available(["ntrex", "flores", "stsb"], params)
    assert (list(found.parallel), list(found.graded)) == (["ntrex"], ["stsb"])
    assert "flores skipped: rus_Cyrl.devtest: cannot be reached" in caplog.text
    with pytest.raises(DownloadError, match="none of flores is at hand"):
        benchmark.load_available(["flores"], params)


def test_a_model_without_adapter_is_named(tmp_path, models, params):
    with pytest.raises(ModelError, match="use: no adapter; run dvc repro finetune@use"):
        evaluate_all(Available({"ntrex": small_benchmark()}, {}), tmp_path / "none", params, FINGERPRINTS)


def test_command_writes_one_file(tmp_path, models, params, monkeypatch):
    monkeypatch.setattr(benchmark, "load_benchmark", lambda name, *_: small_benchmark(name))
    monkeypatch.setattr(command, "load_params", lambda: params)
    out = tmp_path / "metrics" / "benchmarks.json"
    command.commands.main(["evaluate", "--benchmarks", "ntrex", "--models", str(models), "--out", str(out)])
    assert set(json.loads(out.read_text(encoding="utf-8"))) == {"ntrex"}
