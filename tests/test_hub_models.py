"""The study's three models, as small checkpoints in a hub cache: loaded, tuned, reported, offline."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from stages.finetune.contrastive import choose_rows, fit, forward
from stages.lib.core.errors import ModelError
from stages.lib.core.params import ModelConfig, load_params
from stages.lib.models import add_lora, encode, load_encoder, merge, save_adapter, save_encoder
from tests.hub_checkpoints import put_in_cache
from tests.phrases import PHRASES, corpus
from tests.small_run import ROOT, copy_run, dvc, make_repository

NAMES = ("labse", "minilm", "nllb")
TEXTS = [text for pair in PHRASES for text in pair]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hub cache with the three checkpoints under the ids and revisions of params.yaml."""
    folder = tmp_path_factory.mktemp("hub")
    for name in NAMES:
        put_in_cache(folder, name, config(name), TEXTS)
    return folder


@pytest.fixture(autouse=True)
def offline(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache))
    monkeypatch.setenv("HF_HUB_CACHE", str(cache))  # for processes that a test starts
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


def config(name: str) -> ModelConfig:
    return load_params(ROOT / "params.yaml").models_config[name]


def tuned(name: str):
    """The model with an adapter that has weights, as after training."""
    model = load_encoder(name, config(name))
    torch.manual_seed(1)
    add_lora(model, load_params(ROOT / "params.yaml").recipe("study", name), config(name))
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.normal_(std=0.1)
    return model


@pytest.mark.parametrize("name", ["labse", "minilm"])
def test_the_vectors_are_those_of_sentence_transformers(name: str, cache: Path) -> None:
    from sentence_transformers import SentenceTransformer

    folder = next(cache.glob(f"models--*{config(name).id.split('/')[1]}/snapshots/*"))
    expected = SentenceTransformer(str(folder)).encode(TEXTS, normalize_embeddings=True)
    found = encode(load_encoder(name, config(name)), TEXTS, "ru")
    assert np.abs(found - expected).max() < 1e-5
    assert float((found @ found.T).min()) < 0.9  # not one vector for all


@pytest.mark.parametrize("name", ["labse", "minilm"])
def test_an_adapter_is_read_and_a_merged_model_too_by_the_libraries_alone(name: str, tmp_path: Path) -> None:
    from peft import PeftModel
    from sentence_transformers import SentenceTransformer

    model = tuned(name)
    expected = encode(model, TEXTS, None)
    save_adapter(model, tmp_path / "adapter")
    settings = (tmp_path / "adapter/adapter_config.json").read_text(encoding="utf-8")
    assert json.loads(settings)["base_model_name_or_path"] == config(name).id
    assert str(tmp_path) not in settings
    by_us = load_encoder(name, config(name), tmp_path / "adapter")
    assert np.array_equal(encode(by_us, TEXTS, None), expected)
    by_library = load_encoder(name, config(name))
    by_library.load_adapter(str(tmp_path / "adapter"))
    assert np.abs(encode(by_library, TEXTS, None) - expected).max() < 1e-6
    plain = load_encoder(name, config(name))
    PeftModel.from_pretrained(plain.transformers_model, str(tmp_path / "adapter"))
    assert np.abs(encode(plain, TEXTS, None) - expected).max() < 1e-6
    merge(model)
    save_encoder(model, tmp_path / "merged", name)
    merged = SentenceTransformer(str(tmp_path / "merged")).encode(TEXTS, normalize_embeddings=True)
    assert np.abs(merged - expected).max() < 1e-5


def test_an_adapter_stays_float32_on_a_bfloat16_model() -> None:
    # As on a GPU; so small a model can do it on the CPU too.
    model = load_encoder("labse", config("labse")).to(torch.bfloat16)
    add_lora(model, load_params(ROOT / "params.yaml").recipe("study", "labse"), config("labse"))
    trained = [value for value in model.parameters() if value.requires_grad]
    assert {value.dtype for value in trained} == {torch.float32}
    model(model.preprocess(TEXTS[:2]))["sentence_embedding"].float().sum().backward()
    assert any(float(value.grad.abs().max()) > 0 for value in trained)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "more", [{}, {"hard_negatives": 1, "keep_weight": 1.0}], ids=["default", "contrastive"]
)
def test_every_recipe_trains_every_encoder(name: str, more: dict, tmp_path: Path) -> None:
    chosen = load_params(ROOT / "params.yaml").recipe("default", name)
    quick = {"epochs": 1, "batch_size": 8, "chunk": min(chosen.chunk, 3), "pivots": [], "min_words": 0}
    chosen = chosen.model_copy(update=quick | more)
    model = load_encoder(name, config(name))
    before = encode(model, TEXTS, "tk")
    np.testing.assert_allclose(forward(model, TEXTS, "tk").detach().numpy(), before, atol=1e-5)
    torch.manual_seed(1)
    add_lora(model, chosen, config(name))
    trained = [key for key, value in model.named_parameters() if value.requires_grad]
    assert all("lora_" in key for key in trained)
    assert {key.split(".lora_")[0].rpartition(".")[2] for key in trained} == set(config(name).lora_targets)
    rows = choose_rows(corpus(PHRASES[:16]), chosen, "ru")
    scores = iter((0.1, 0.2))
    progress = fit(model, rows, chosen, 1, lambda: {"score": next(scores)}, tmp_path / "last.pt")
    assert progress.best_epoch == 1
    assert np.abs(encode(model, TEXTS, "tk") - before).max() > 1e-4


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("labse", "2_Dense/model.safetensors"),
        ("labse", "1_Pooling/config.json"),
        ("minilm", "tokenizer.json"),
        ("nllb", "model.safetensors"),
    ],
)
def test_a_file_that_the_cache_lacks_is_named(
    name: str, file: str, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(cache, tmp_path / "hub")
    folder = next((tmp_path / "hub").glob(f"models--*{config(name).id.split('/')[1]}/snapshots/*"))
    (folder / file).unlink(missing_ok=True)
    (folder / file).with_name("pytorch_model.bin").unlink(missing_ok=True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    with pytest.raises(ModelError, match=f"^model {name}: {file} of {config(name).id} .*HF_HUB_OFFLINE is"):
        load_encoder(name, config(name))


@pytest.mark.slow
def test_the_whole_matrix_runs_from_the_hub_cache_by_dvc_exp_run(finished_run: Path, tmp_path: Path) -> None:
    folder = copy_run(finished_run, tmp_path / "study")
    make_repository(folder)
    changes = ["models=[labse,nllb,minilm]", "finetune.recipe=study", "finetune.seeds=[1,2]"]
    # The study's recipe, but short.
    changes += ["recipes.study.all.epochs=1", "recipes.study.all.min_words=6", "recipes.study.all.lr=2e-3"]
    dvc(folder, "exp", "run", *(part for change in changes for part in ("-S", change)))
    summary = json.loads((folder / "metrics/summary.json").read_text(encoding="utf-8"))
    assert set(summary) == set(NAMES)
    moved = []
    for name in NAMES:
        assert set(summary[name]) == {"pretrained", "finetuned"}
        detail = json.loads((folder / f"metrics/detail/{name}-finetuned.json").read_text(encoding="utf-8"))
        assert detail["signature"]["model"]["revision"] == config(name).revision
        spread = detail["metrics"]["test_p1_ru_tk"]
        assert set(spread["by_seed"]) == {"1", "2"}
        assert spread["value"] == pytest.approx(np.mean(list(spread["by_seed"].values())), abs=1e-4)
        for seed in (1, 2):
            adapter = folder / f"models/{name}/seed-{seed}"
            assert config(name).id in (adapter / "README.md").read_text(encoding="utf-8")
            after = encode(load_encoder(name, config(name), adapter), TEXTS, "ru")
            moved.append(float(np.abs(after - encode(load_encoder(name, config(name)), TEXTS, "ru")).max()))
        for file in (folder / "models" / name).rglob("*"):
            assert file.is_dir() or str(tmp_path).encode() not in file.read_bytes()
    assert "chrfpp" in summary["nllb"]["finetuned"]
    assert "chrfpp" not in summary["labse"]["finetuned"]
    # Some runs of random weights do best as they began; not all do.
    assert max(moved) > 1e-3
