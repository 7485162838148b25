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
    for field, place in PINS.items():
        content = raw.pop(field)
        files = (
            {place: content}
            if place.endswith(".yaml")
            else {f"{place}/{name}.yaml": value for name, value in content.items()}
        )
        for file, value in files.items():
            _write(folder / file, value)
    _write(folder / "params.yaml", raw)
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
