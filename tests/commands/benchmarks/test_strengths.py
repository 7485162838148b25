"""Adapters at several strengths, with an encoder that knows more words the stronger its adapter is."""

from __future__ import annotations

import csv
import logging
from pathlib import Path

import numpy as np
import pytest

from commands.benchmarks import __main__ as command
from commands.benchmarks import strengths as interpolation
from commands.benchmarks.strengths import Point, evidence_at, graded_sets, largest_harmless, trained_strengths
from stages.evaluate.graded_sets import SMOKE, StsSet
from stages.lib.core.errors import DownloadError, ModelError
from stages.lib.core.files import read_json, write_json
from stages.lib.core.params import Params, load_params
from tests.stages.keyword_encoder import KEYWORDS, KeywordModel, encode
from tests.stages.small_corpus import write_splits

SAVED = 0.5
SMOKE_FILE = Path(__file__).parents[3] / "assets/sts_ru.tsv"


@pytest.fixture(scope="module")
def params() -> Params:
    raw = load_params().model_dump(exclude_unset=True) | {"models": ["use"], "baselines": []}
    raw["evaluate"] |= {"bootstrap": 100, "permutations": 100}
    return Params.model_validate(raw)


def load_encoder(name: str, config: object, adapter: Path | None = None) -> KeywordModel:
    return KeywordModel(0)


def scale_adapter(model: KeywordModel, factor: float) -> None:
    """Half of the words are known at strength 0, all of them at the strength trained, half of it saved."""
    model.known = round(len(KEYWORDS) * (0.5 + 0.5 * factor * SAVED))


@pytest.fixture
def run(tmp_path, monkeypatch) -> Path:
    monkeypatch.setattr("stages.lib.models.load_encoder", load_encoder)
    monkeypatch.setattr("stages.lib.models.encode", encode)
    monkeypatch.setattr("stages.lib.models.scale_adapter", scale_adapter)
    monkeypatch.setenv("KOPRI_MIRROR", str(tmp_path))
    write_splits(tmp_path / "splits")
    for seed in (1, 2):
        folder = tmp_path / "models" / "use" / f"seed-{seed}"
        folder.mkdir(parents=True)
        (folder / "adapter_model.safetensors").write_bytes(bytes([seed]))
    seeds = [{"seed": seed, "scale": SAVED} for seed in (1, 2)]
    write_json(tmp_path / "models" / "use" / "training.json", {"seeds": seeds})

    def unreachable(name: str, *_: object) -> list[StsSet]:
        raise DownloadError(f"benchmark {name}: cannot be reached")

    monkeypatch.setattr(interpolation, "load_sts", unreachable)
    return tmp_path


def test_figures_go_from_the_pretrained_model_to_the_adapter_as_trained(run, params, monkeypatch):
    out = run / "metrics" / "interpolation"
    folders = ["--models", str(run / "models"), "--splits", str(run / "splits"), "--sts", str(SMOKE_FILE)]
    monkeypatch.setattr(command, "load_params", lambda: params)
    command.commands.main(["strengths", *folders, "--out", str(out)])
    with out.with_suffix(".csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["model"] for row in rows} == {"use"}
    assert [float(row["strength"]) for row in rows] == [0.0, 0.25, 0.5, 0.75, 1.0]
    gained = [float(row["test_p1_mean"]) for row in rows]
    assert gained == sorted(gained)
    # Saved at half, an adapter is doubled to be what was trained: then every word is known.
    assert (gained[0], gained[-1]) == (0.5, 1.0)
    assert {"dev_p1_mean", "dev_mrr_mean", "test_mrr_mean", "sts_ru_smoke_pearson"} <= set(rows[0])
    found = read_json(run / "metrics" / "interpolation.json")
    changes = [float(row["sts_ru_smoke_pearson"]) - float(rows[0]["sts_ru_smoke_pearson"]) for row in rows]
    assert [float(row["sts_change"]) for row in rows] == pytest.approx(changes, abs=2e-4)
    use = found["models"]["use"]
    assert use["saved"] == {"1": SAVED, "2": SAVED}
    assert use["signature"]["seeds"]["training"] == [1, 2]
    first, *_, last = use["points"]
    assert first["differences"] == {}
    moved = last["differences"]["test_p1_mean"]
    assert moved["difference"] == 0.5
    assert moved["low"] <= 0.5 <= moved["high"]
    assert set(last["figures"]["sts_ru_smoke_pearson"]) == {"value", "low", "high"}


def test_without_benchmarks_the_small_set_stands_guard_and_a_line_says_so(run, params, caplog):
    with caplog.at_level(logging.WARNING):
        assert [one.name for one in graded_sets(SMOKE_FILE, params)] == [SMOKE]
    assert "sts17 skipped: benchmark sts17: cannot be reached" in caplog.text
    assert "stsb skipped" in caplog.text


def test_the_pretrained_model_is_measured_once_whatever_the_seeds(run, params):
    from stages.evaluate.retrieval_sets import lay_out_split
    from stages.lib.core.tables import CORPUS_SCHEMA, POOL_SCHEMA, read_table

    test = read_table(run / "splits" / "test.parquet", CORPUS_SCHEMA)
    pool = read_table(run / "splits" / "pool.parquet", POOL_SCHEMA)
    sets = [lay_out_split("test", test, pool, params.pair)]
    found = evidence_at("use", (0.0, 1.0), run / "models" / "use", sets, [], params)
    assert set(found[0.0].ranks["seed"]) == {1}
    assert set(found[1.0].ranks["seed"]) == {1, 2}


def point(strength: float, **falls: float) -> Point:
    differences = {f"sts_{name}_pearson": {"difference": -fall} for name, fall in falls.items()}
    return Point(strength, {}, differences)


def test_the_largest_harmless_strength_is_judged_by_every_guarded_set():
    found = [
        point(0.0),
        point(0.25, a=0.004, b=-0.02),
        point(0.5, a=0.01, b=0.0),
        point(0.75, a=0.0, b=0.011),
    ]
    assert largest_harmless(found, ["a", "b"]).strength == 0.5
    assert largest_harmless(found, ["a"]).strength == 0.75
    assert largest_harmless([point(0.0), point(0.25, a=0.5)], ["a"]).strength == 0.0


def test_an_adapter_saved_at_no_strength_cannot_be_made_stronger(run):
    write_json(run / "models" / "use" / "training.json", {"seeds": [{"seed": 1, "scale": 0.0}]})
    with pytest.raises(ModelError, match="seed 1 was saved at strength 0"):
        trained_strengths(run / "models" / "use")


def test_a_seed_without_folder_is_named(run, params):
    write_json(run / "models" / "use" / "training.json", {"seeds": [{"seed": 1, "scale": 0.5}]})
    with pytest.raises(ModelError, match=r"use: seed 2 is in training\.json or has a folder, but not both"):
        evidence_at("use", (0.0,), run / "models" / "use", [], [], params)


@pytest.mark.slow
def test_an_adapter_saved_at_half_is_at_strength_1_what_was_trained(tmp_path):
    import torch

    from stages.lib.models import add_lora, encode, load_encoder, save_adapter, scale_adapter

    params = load_params()
    texts = ["Мост через реку закрыт на ремонт.", "Погода сегодня хорошая."]
    torch.manual_seed(1)
    model = load_encoder("use", params.models_config["use"])
    add_lora(model, params.recipe("study", "use"), params.models_config["use"])
    with torch.no_grad():
        for name, weights in model.named_parameters():
            if "lora_B" in name:
                weights.normal_(std=0.02)
    pretrained = encode(load_encoder("use", params.models_config["use"]), texts, "ru")
    trained = encode(model, texts, "ru")
    scale_adapter(model, SAVED)
    save_adapter(model, tmp_path / "seed-1")
    again = load_encoder("use", params.models_config["use"], adapter=tmp_path / "seed-1")
    scale_adapter(again, 1.0 / SAVED)
    assert np.abs(encode(again, texts, "ru") - trained).max() < 1e-5
    assert np.abs(pretrained - trained).max() > 1e-2
    scale_adapter(again, 0.0)
    assert np.abs(encode(again, texts, "ru") - pretrained).max() < 1e-6
