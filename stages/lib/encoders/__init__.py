"""Sentence encoders: loading, encoding and LoRA adapters. Torch is imported when a function is called."""

from __future__ import annotations

from stages.lib.encoders.adapters import add_lora, base_name, load_adapter, merge, save_adapter, scale_adapter
from stages.lib.encoders.encoding import encode
from stages.lib.encoders.loading import load_encoder, save_encoder

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
