"""Cases of tests that are data: texts and what is expected of them, in a ``cases.yaml`` beside the tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml


def read_cases(test: str) -> dict[str, list[Any]]:
    """Return the lists of ``cases.yaml`` in the folder of a test file, by name."""
    return yaml.safe_load(Path(test).with_name("cases.yaml").read_text(encoding="utf-8"))
