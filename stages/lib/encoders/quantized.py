"""Linear layers in int8, for encoding on a CPU: weights once, activations as they come."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from stages.lib.errors import ModelError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


def quantize(model: SentenceTransformer) -> None:
    """Turn the model's linear layers into int8 ones, in place; it can then encode and nothing else.

    Dynamic quantisation (Jacob et al. 2018): a weight matrix has one scale for each output, an activation
    matrix one scale for each call. Raises ModelError off the CPU, where there are no such kernels, and for a
    model that carries an adapter: merge it first.
    """
    import torch

    from stages.lib.encoders.adapters import has_lora

    if model.device.type != "cpu":
        raise ModelError(
            f"int8 encoding runs on the CPU alone, the model is on {model.device}; set int8: false"
        )
    if has_lora(model):
        raise ModelError("the model carries an adapter, which int8 layers cannot; call merge() first")
    settings = {torch.nn.Linear: torch.ao.quantization.per_channel_dynamic_qconfig}
    with warnings.catch_warnings():
        # torch names its successor, torchao, whose int8 kernels for CPUs need a compiler at run time.
        warnings.simplefilter("ignore", DeprecationWarning)
        for module in model:
            torch.ao.quantization.quantize_dynamic(module, settings, dtype=torch.qint8, inplace=True)
    model.eval()
