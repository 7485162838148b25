"""Read the word lists and rule tables of assets/."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from stages.lib.core.params import read_yaml

FOLDER = Path(__file__).resolve().parents[3] / "assets"


@lru_cache
def read_asset(name: str) -> dict[str, Any]:
    """Return the content of ``assets/<name>.yaml``, read once; callers do not change it.

    Raises ParamsError if the file is absent or not valid YAML.
    """
    return read_yaml(FOLDER / f"{name}.yaml")
