"""Adapters on upper layers: cached lower layers give the gradients of the whole model."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from stages.finetune.contrastive import ContrastiveBatches, choose_rows, fit, forward
from stages.finetune.lower_layers import LowerLayers
from stages.lib.core.errors import ModelError
from stages.lib.core.params import ModelConfig, load_params
from stages.lib.models import add_lora, encode, load_adapter, load_encoder, save_adapter
from tests.hub_checkpoints import make_labse, make_minilm
from tests.phrases import PHRASES, corpus

ROOT = Path(__file__).parents[3]
TEXTS = [text for pair in PHRASES[:12] for text in pair]
RECIPE = load_params(ROOT / "params.yaml").recipe("default", "minilm")


@pytest.fixture(scope="module", params=[make_minilm, make_labse], ids=["minilm", "labse"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "model"
    request.param(path, TEXTS)
    return path


def load(folder: Path, **recipe: object):
    """The model in evaluation mode, with an adapter that has weights on its last layer."""
    config = ModelConfig(kind="sentence_transformer", id=str(folder), lora_targets=["query", "value"])
    model = load_encoder("x", config)
    torch.manual_seed(1)
    chosen = RECIPE.model_copy(update={"adapter_layers": 1} | recipe)
    add_lora(model, chosen, config)
    with torch.no_grad():
        for value in trained(model).values():
            value.normal_(std=0.2)
    return model, chosen, config


def trained(model) -> dict[str, torch.Tensor]:
    return {name: value for name, value in model.named_parameters() if value.requires_grad}


def test_only_the_upper_layers_get_adapters_of_the_recipe_s_targets(folder: Path) -> None:
    model, *_ = load(folder)
    last = model.transformers_model.config.num_hidden_layers - 1
    assert {name.split("encoder.layer.")[1].split(".")[0] for name in trained(model)} == {str(last)}
    assert {name.split(".lora_")[0].rpartition(".")[2] for name in trained(model)} == {"query", "value"}
    wide, *_ = load(folder, targets="all-linear", adapter_layers=0)
    names = {name.split(".lora_")[0].rpartition(".")[2] for name in trained(wide)}
    assert names >= {"query", "key", "value", "dense"}
    assert any(".layer.0." in name for name in trained(wide))


def test_vectors_and_gradients_are_those_of_the_whole_model(folder: Path) -> None:
    model, *_ = load(folder)
    lower = LowerLayers(model, 1)
    weight = torch.randn(len(TEXTS), model.get_embedding_dimension(), generator=torch.manual_seed(2))
    gradients, vectors = [], []
    # The second time all states are there; other texts beside a text change nothing.
    for layers in (None, lower, lower):
        model.zero_grad()
        found = forward(model, TEXTS, "tk", layers)
        (found * weight).sum().backward()
        vectors.append(found.detach())
        gradients.append({name: value.grad.clone() for name, value in trained(model).items()})
    alone = forward(model, TEXTS[:1], "tk", lower).detach()
    assert torch.allclose(alone, vectors[0][:1], atol=1e-5)
    for other in (1, 2):
        assert torch.allclose(vectors[0], vectors[other], atol=1e-5)
        for name, expected in gradients[0].items():
            assert torch.allclose(gradients[other][name], expected, atol=1e-4), name
    assert max(float(value.abs().max()) for value in gradients[0].values()) > 1e-3


def test_a_run_with_cached_layers_trains_and_its_adapter_loads(folder: Path, tmp_path: Path) -> None:
    model, recipe, config = load(folder, epochs=2, batch_size=8, chunk=3, pivots=[], min_words=0)
    before = encode(model, TEXTS, "tk")
    rows = choose_rows(corpus(PHRASES[:16]), recipe, "ru")
    scores = iter((0.1, 0.2, 0.3))
    lower = LowerLayers(model, recipe.adapter_layers)
    make = partial(ContrastiveBatches.of, lower=lower)
    progress = fit(model, rows, recipe, 1, lambda: {"score": next(scores)}, tmp_path / "last.pt", make)
    after = encode(model, TEXTS, "tk")
    assert progress.best_epoch == 2
    assert np.abs(after - before).max() > 1e-4
    assert np.abs(lower.encode(model, TEXTS, "tk") - after).max() < 1e-5
    save_adapter(model, tmp_path / "adapter")
    again = load_encoder("x", config)
    load_adapter(again, tmp_path / "adapter")
    assert np.array_equal(encode(again, TEXTS, "tk"), after)


def test_layers_that_a_model_lacks_are_named(folder: Path) -> None:
    config = ModelConfig(kind="sentence_transformer", id=str(folder), lora_targets=["query"])
    model = load_encoder("x", config)
    with pytest.raises(ModelError, match=r"adapter_layers 99: the model has \d layers; set the recipe's"):
        add_lora(model, RECIPE.model_copy(update={"adapter_layers": 99}), config)
    with pytest.raises(ModelError, match="adapter_layers 9: expected fewer than the layers"):
        LowerLayers(model, 9)
