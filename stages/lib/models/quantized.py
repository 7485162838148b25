"""Linear layers in int8, for encoding on a CPU."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from stages.lib.core.errors import ModelError
from stages.lib.models.adapters import has_lora
from stages.lib.models.encode import encode

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

# What activations look like is learnt from these; any ordinary text would do.
CALIBRATION = {
    "ru": [
        "Каждый человек имеет право на образование.",
        "Сохраните изменения перед тем, как закрыть окно.",
        "Сегодня в Ашхабаде ясно, +27 °C, ветер 3–5 м/с.",
        "Нет",
        "Поезд из Мары отправляется в 18:45 с первого пути, билеты продаются в кассе и на сайте.",
    ],
    "tk": [
        "Her bir adamyň bilim almaga hukugy bardyr.",
        "Penjiräni ýapmazdan öň üýtgeşmeleri ýatda saklaň.",
        "Şu gün Aşgabatda howa açyk, ýel sekuntda 3-5 metr.",
        "Hawa",
        "Otly sagat 18:45-de birinji ýoldan ugraýar, petekler kassada we saýtda satylýar.",
    ],
    "en": [
        "Everyone has the right to education.",
        "Error: the file %s could not be opened (code 404).",
        "Two students read a book about the history of the Silk Road in the library yesterday.",
    ],
    "tr": [
        "Herkesin eğitim hakkı vardır.",
        "Pencereyi kapatmadan önce değişiklikleri kaydedin.",
        "Bugün hava çok güzel!",
    ],
}
# Where the range goes: 0 leaves it in the activations, 1 moves it into the weights (0.5 is the paper's).
SMOOTHING = 0.5
_STEPS = 127  # of int8 on either side of zero
_TINY = 1.0e-5


class Int8Linear(nn.Module):
    """A linear layer whose product is of int8 by int8, summed in int32.

    SmoothQuant (Xiao et al. 2023): input columns are divided, and weight columns multiplied, by what shares
    the range between the two; a few columns of large activations would take the steps of all others. Then a
    weight row has one scale, and a row of activations (a token) one of its own, taken as it comes.
    """

    def __init__(self, layer: nn.Linear, largest: Tensor) -> None:
        """``largest`` (in,) are the largest absolute inputs of ``layer`` by column."""
        super().__init__()
        weight = layer.weight.detach()
        # A column below the mean needs no smoothing; one that is zero in so few texts need not be in others.
        smooth = largest.clamp_min(float(largest.mean()) + _TINY) ** SMOOTHING
        smooth /= weight.abs().amax(dim=0).clamp_min(_TINY) ** (1 - SMOOTHING)
        weight = weight * smooth
        scale = weight.abs().amax(dim=1).clamp_min(_TINY) / _STEPS
        self.register_buffer("unsmooth", 1 / smooth)
        self.register_buffer("scale", scale)
        self.register_buffer("weight_t", (weight / scale[:, None]).round().to(torch.int8).T.contiguous())
        self.register_buffer("bias", None if layer.bias is None else layer.bias.detach())

    def forward(self, x: Tensor) -> Tensor:
        rows = x.reshape(-1, x.shape[-1]) * self.unsmooth  # (n, in)
        steps = rows.abs().amax(dim=1, keepdim=True).clamp_min_(_TINY).div_(_STEPS)
        product = torch._int_mm(rows.div_(steps).round_().to(torch.int8), self.weight_t)  # (n, out), int32
        found = product.float().mul_(steps).mul_(self.scale)
        if self.bias is not None:
            found.add_(self.bias)
        return found.view(*x.shape[:-1], -1)


def quantize(model: SentenceTransformer) -> None:
    """Turn the linear layers that encoding uses into int8 ones, in place; the model can then only encode.

    Raises ModelError off the CPU, where the product has no such kernel, and for a model that carries an
    adapter: merge it first.
    """
    if model.device.type != "cpu":
        raise ModelError(
            f"int8 encoding runs on the CPU alone, the model is on {model.device}; set int8: false"
        )
    if has_lora(model):
        raise ModelError("the model carries an adapter, which int8 layers cannot; call merge() first")
    largest: dict[str, Tensor] = {}
    layers = {name: layer for name, layer in model.named_modules() if isinstance(layer, nn.Linear)}

    def watch(name: str) -> nn.Module:
        def note(layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            columns = inputs[0].reshape(-1, inputs[0].shape[-1]).abs().amax(dim=0)
            largest[name] = torch.maximum(largest[name], columns) if name in largest else columns

        return layers[name].register_forward_pre_hook(note)

    hooks = [watch(name) for name in layers]
    for lang, texts in CALIBRATION.items():
        encode(model, texts, lang)
    for hook in hooks:
        hook.remove()
    # A layer that was not called is a decoder's, or one whose weights its encoder uses by itself.
    for name, columns in largest.items():
        parent, _, child = name.rpartition(".")
        setattr(model.get_submodule(parent), child, Int8Linear(layers[name], columns.clone()))
    model.requires_grad_(False)
    model.eval()
