"""Sentence encoders: loading, encoding and LoRA adapters. Torch is imported when a function is called."""

from __future__ import annotations

from stages.lib.models.adapters import add_lora, base_name, load_adapter, merge, save_adapter, scale_adapter
from stages.lib.models.encode import encode
from stages.lib.models.load import load_encoder, save_encoder

__all__ = [
    "add_lora",
    "base_name",
    "encode",
    "load_adapter",
    "load_encoder",
    "merge",
    "save_adapter",
    "save_encoder",
    "scale_adapter",
]
