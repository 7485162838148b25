from __future__ import annotations

import numpy as np
import pytest
import torch

from stages.lib.core.errors import ModelError
from stages.lib.core.params import load_params
from stages.lib.models import add_lora, encode, load_encoder, save_adapter
from stages.lib.models.quantized import Int8Linear
from tests.phrases import PHRASES


def config(name: str, **changes: object):
    return load_params().models_config[name].model_copy(update=changes)


def test_an_int8_layer_computes_what_its_definition_says() -> None:
    torch.manual_seed(1)
    layer = torch.nn.Linear(6, 4).requires_grad_(False)
    x = torch.randn(2, 3, 6) * torch.tensor([1.0, 1, 40, 1, 1, 1])  # one column far larger than the others
    found = Int8Linear(layer, x.abs().amax(dim=(0, 1)))(x)
    assert found.shape == (2, 3, 4)
    assert float((found - layer(x)).abs().max()) < 0.03 * float(layer(x).abs().max())
    # By hand, in float: the same steps.
    largest = x.abs().amax(dim=(0, 1))
    smooth = largest.maximum(largest.mean()).sqrt() / layer.weight.abs().amax(dim=0).sqrt()
    weight = layer.weight * smooth
    scale = weight.abs().amax(dim=1, keepdim=True) / 127
    rows = x / smooth
    steps = rows.abs().amax(dim=2, keepdim=True) / 127
    expected = ((rows / steps).round() * steps) @ ((weight / scale).round() * scale).T + layer.bias
    assert torch.allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize("name", ["minilm_en", "use"])
def test_int8_vectors_are_close_to_the_float_ones(name: str, messages: list[str]) -> None:
    texts = messages[:40]
    plain = encode(load_encoder(name, config(name)), texts, None)
    model = load_encoder(name, config(name, int8=True))
    assert any(isinstance(module, Int8Linear) for module in model.modules())
    found = encode(model, texts, None)
    cosines = (plain * found).sum(axis=1)
    assert cosines.min() >= 0.99
    assert cosines.mean() < 1 - 1e-6  # int8 it is
    assert np.array_equal(found, encode(load_encoder(name, config(name, int8=True)), texts, None))


def test_an_adapter_is_part_of_the_int8_model(tmp_path) -> None:
    recipe = load_params().recipe("study", "minilm_en")
    model = load_encoder("minilm_en", config("minilm_en"))
    torch.manual_seed(1)
    add_lora(model, recipe, config("minilm_en"))
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.normal_(std=0.05)
    texts = [text for pair in PHRASES[:6] for text in pair]
    tuned = encode(model, texts, None)
    save_adapter(model, tmp_path / "adapter")
    int8 = load_encoder("minilm_en", config("minilm_en", int8=True), tmp_path / "adapter")
    found = encode(int8, texts, None)
    before = encode(load_encoder("minilm_en", config("minilm_en")), texts, None)
    assert (tuned * found).sum(axis=1).min() >= 0.99
    assert (before * found).sum(axis=1).min() < 0.97


def test_an_int8_model_is_not_trained() -> None:
    chosen = config("minilm_en", int8=True)
    with pytest.raises(ModelError, match="int8 layers cannot be trained"):
        add_lora(load_encoder("minilm_en", chosen), load_params().recipe("study", "minilm_en"), chosen)
