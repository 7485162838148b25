"""LoRA adapters: add, scale, merge, save and load.

Layers are replaced inside the model's first module, which stays what it is, so that everything that works
with the model works with an adapter on it. Saved adapters have peft's own file layout and no local path.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

from stages.lib.core.errors import ModelError
from stages.lib.core.files import atomic_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sentence_transformers import SentenceTransformer
    from torch import nn

    from stages.lib.core.params import ModelConfig, Recipe

# Above any adapter that helps: a damaged file may name one that no memory holds.
_MAX_RANK = 4096
_PREFIX = "base_model.model."  # how peft names weights in adapter_model.safetensors
_NAME = "default"


def add_lora(model: SentenceTransformer, recipe: Recipe, config: ModelConfig) -> None:
    """Put a fresh adapter on the recipe's or the model's target layers and freeze everything else.

    Layers behind the transformer, such as LaBSE's dense one, are frozen too: an adapter does not hold them.
    The adapter is float32 whatever the base is, for bfloat16 would round a small learning rate's steps away.
    The adapter starts as no change at all. Its random half comes from torch's generator: seed that first.
    """
    from peft import LoraConfig

    if has_lora(model):
        raise ModelError("the model already carries an adapter; merge it or load the model again")
    if config.int8:
        raise ModelError(f"{config.id}: int8 layers cannot be trained; load the model with int8: false")
    if not config.lora_targets:
        raise ModelError(
            f"{config.id}: lora_targets is empty; name its layers, or all-linear, in assets/models/*.yaml"
        )
    targets = recipe.targets or config.lora_targets
    if targets == "all-linear":  # peft resolves this word for transformers models only
        targets = _linear_names(_base(model))
    lora = LoraConfig(
        r=recipe.r,
        lora_alpha=recipe.alpha,
        lora_dropout=recipe.dropout,
        target_modules=targets,
        layers_to_transform=_upper_layers(model, recipe.adapter_layers),
        base_model_name_or_path=base_name(config),
        revision=config.revision,
    )
    _inject(model, lora)


def _upper_layers(model: SentenceTransformer, count: int) -> list[int] | None:
    """Return the numbers of the upper ``count`` layers; None, for all, where ``count`` is 0."""
    layers = getattr(getattr(_base(model), "config", None), "num_hidden_layers", 0)
    if count and not count <= layers:
        raise ModelError(
            f"adapter_layers {count}: the model has {layers or 'no numbered'} layers; "
            "set the recipe's adapter_layers to 0"
        )
    return list(range(layers - count, layers)) if count else None


def base_name(config: ModelConfig) -> str:
    """Name the model that an adapter belongs to, without a path of this machine: a folder by its own name."""
    return Path(config.id).resolve().name if Path(config.id).is_dir() else config.id


def save_adapter(model: SentenceTransformer, path: Path) -> None:
    """Write adapter_config.json and adapter_model.safetensors; loading them gives the present model.

    A scale set by scale_adapter is multiplied into the weights.
    """
    from peft import get_peft_model_state_dict
    from safetensors.torch import save_file

    if not has_lora(model):
        raise ModelError(f"{path}: the model carries no adapter to save; call add_lora first")
    weights = {}
    # "auto", peft's default, asks the model hub whether the vocabulary has grown.
    state = get_peft_model_state_dict(_base(model), adapter_name=_NAME, save_embedding_layers=False)
    for key, value in state.items():
        layer = _base(model).get_submodule(key.partition(".lora_")[0])
        factor = layer.scaling[_NAME] * layer.r[_NAME] / layer.lora_alpha[_NAME] if ".lora_B." in key else 1
        weights[_PREFIX + key] = (value.detach() * factor).cpu().contiguous()
    lora = _base(model).peft_config[_NAME].to_dict()
    # peft holds sets here, whose order changes from run to run.
    settings = {key: sorted(value) if isinstance(value, set) else value for key, value in lora.items()}
    settings |= {"inference_mode": True}
    with atomic_path(path) as temporary:
        temporary.mkdir()
        save_file(
            dict(sorted(weights.items())), temporary / "adapter_model.safetensors", metadata={"format": "pt"}
        )
        text = json.dumps(settings, indent=2, sort_keys=True, ensure_ascii=False)
        (temporary / "adapter_config.json").write_text(text + "\n", encoding="utf-8")


def load_adapter(model: SentenceTransformer, path: Path) -> None:
    """Put a saved adapter on the model.

    Raises ModelError if a file is missing or the adapter was made for other layers.
    """
    import torch
    from peft import LoraConfig, set_peft_model_state_dict
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    for name in ("adapter_config.json", "adapter_model.safetensors"):
        if not (path / name).is_file():
            raise ModelError(f"{path}/{name}: not found; run the finetune stage that writes this adapter")
    try:
        settings = json.loads((path / "adapter_config.json").read_text(encoding="utf-8"))
        weights = load_file(path / "adapter_model.safetensors")
        lora = LoraConfig.from_peft_type(**settings)
    except (ValueError, TypeError, RecursionError, SafetensorError) as error:
        raise ModelError(f"{path}: not an adapter ({error}); run finetune again") from error
    if not isinstance(lora.r, int) or not 0 < lora.r <= _MAX_RANK:
        raise ModelError(f"{path}: its rank is {lora.r!r}, expected 1 to {_MAX_RANK}; run finetune again")
    if has_lora(model):
        raise ModelError(f"{path}: the model already carries an adapter; load the model again")
    try:
        with torch.random.fork_rng(devices=[]):  # the first weights are drawn, then overwritten
            _inject(model, lora)
        named = {key.removeprefix(_PREFIX): value for key, value in weights.items()}
        keys = set_peft_model_state_dict(_base(model), named, adapter_name=_NAME)
    except (ValueError, RuntimeError) as error:  # no such layers, other shapes
        raise ModelError(f"{path}: the adapter does not fit the model ({error})") from error
    if odd := [*keys.unexpected_keys, *(key for key in keys.missing_keys if ".lora_" in key)]:
        raise ModelError(f"{path}: made for another model; {odd[0]} does not fit, use the adapter's own base")
    model.requires_grad_(False)


def scale_adapter(model: SentenceTransformer, factor: float) -> None:
    """Set the adapter's strength: 0 is the pretrained model, 1 the tuned one. Not cumulative."""
    layers = list(_lora_layers(model))
    if not layers:
        raise ModelError("the model carries no adapter to scale; call add_lora or load_adapter first")
    for _, layer in layers:
        layer.set_scale(_NAME, factor)


def merge(model: SentenceTransformer) -> None:
    """Add the adapter, at its present scale, into the weights; the model is then an ordinary one."""
    base = _base(model)
    for name, layer in list(_lora_layers(model)):
        layer.merge()
        parent, _, child = name.rpartition(".")
        setattr(base.get_submodule(parent), child, layer.get_base_layer())
    if hasattr(base, "peft_config"):
        del base.peft_config


def adapter_folders(path: Path) -> dict[int, Path]:
    """Find a model's adapters, ``seed-<n>`` each, by seed. Raises ModelError if there is none."""
    found = {}
    for folder in path.glob("seed-*"):
        number = folder.name.removeprefix("seed-")
        if folder.is_dir() and number.isdigit():
            found[int(number)] = folder
    if not found:
        raise ModelError(f"{path}: no seed-<n> folder with an adapter; run dvc repro finetune@{path.name}")
    return dict(sorted(found.items()))


def adapter_sha256(folder: Path) -> str:
    """Hash an adapter's weights and settings, not its logs."""
    digest = hashlib.sha256()
    for file in sorted([*folder.glob("*.safetensors"), *folder.glob("adapter_config.json")]):
        digest.update(file.name.encode() + b"\0" + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def has_lora(model: SentenceTransformer) -> bool:
    return next(_lora_layers(model), None) is not None


def _base(model: SentenceTransformer) -> nn.Module:
    """The module that adapters belong to: the transformers model, or the encoder itself."""
    inner = getattr(model, "transformers_model", None)
    return model[0] if inner is None else inner


def _inject(model: SentenceTransformer, lora: object) -> None:
    from peft import inject_adapter_in_model

    model.requires_grad_(False)
    inject_adapter_in_model(lora, _base(model), adapter_name=_NAME)
    for _, layer in _lora_layers(model):  # peft gives them the base's type
        layer.lora_A.float()
        layer.lora_B.float()


def _linear_names(base: nn.Module) -> list[str]:
    import torch

    return sorted(name for name, module in base.named_modules() if isinstance(module, torch.nn.Linear))


def _lora_layers(model: SentenceTransformer) -> Iterator[tuple[str, nn.Module]]:
    from peft.tuners.lora import LoraLayer

    for name, module in _base(model).named_modules():
        if isinstance(module, LoraLayer):
            yield name, module
