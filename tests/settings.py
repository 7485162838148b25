"""The repository's settings, changed, in a folder of a test's own."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from stages.lib.core.params import PINS, read_settings

ROOT = Path(__file__).resolve().parents[1]


def write_settings(folder: Path, change: Callable[[dict[str, Any]], object] = lambda raw: None) -> Path:
    """Write params.yaml and the pins into ``folder`` after ``change``; return the path of params.yaml.

    ``change`` gets one dict with the fields of Params, for instance ``raw["sources_config"]["zod"]``.
    """
    raw = read_settings(ROOT / "params.yaml")
    change(raw)
    return write_raw(folder, raw)


def write_raw(folder: Path, raw: dict[str, Any]) -> Path:
    """Write settings and pins, in one dict with the fields of Params, into ``folder``."""
    params = {key: value for key, value in raw.items() if key not in PINS}
    for field, place in PINS.items():
        if place.endswith(".yaml"):
            _write(folder / place, raw[field])
        else:
            for name, value in raw[field].items():
                _write(folder / place / f"{name}.yaml", value)
    _write(folder / "params.yaml", params)
    return folder / "params.yaml"


def _write(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(value, sort_keys=False, allow_unicode=True), encoding="utf-8")


def copy_pins(folder: Path) -> None:
    """Copy the pins, and not params.yaml, into ``folder``."""
    for place in PINS.values():
        target = folder / place
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.suffix:
            shutil.copy(ROOT / place, target)
        else:
            shutil.copytree(ROOT / place, target, dirs_exist_ok=True)
