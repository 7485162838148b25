"""Save a model with its first adapter merged into the weights."""

from __future__ import annotations

import shutil
from pathlib import Path

from stages.lib.core.files import atomic_path
from stages.lib.core.params import Params
from stages.lib.models import load_encoder, merge, save_encoder
from stages.lib.models.adapters import adapter_folders


def save_merged(name: str, models: Path, out: Path, params: Params) -> Path:
    """Write the fine-tuned model to a folder, with its adapter's card as ADAPTER.md; return the adapter.

    Raises ParamsError if params.yaml has no such model, ModelError if it has no adapter.
    """
    config = params.model(name).model_copy(update={"int8": False})
    adapter = next(iter(adapter_folders(models / name).values()))
    # int8 layers are made when a model is loaded; what is saved is what they are made of.
    model = load_encoder(name, config, adapter)
    merge(model)
    with atomic_path(out) as folder:
        save_encoder(model, folder, f"{name}, fine-tuned on {params.pair.src}–{params.pair.tgt}")
        shutil.copy(adapter / "README.md", folder / "ADAPTER.md")
    return adapter
