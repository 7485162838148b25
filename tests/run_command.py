"""Run a command of the repository as a user does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def run_command(folder: Path, *arguments: str | Path, **env: str) -> subprocess.CompletedProcess[str]:
    """Run ``python -m ARGUMENTS`` in a folder, with this repository's code to import; keep both streams."""
    return subprocess.run(
        [sys.executable, "-m", *map(str, arguments)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **env},
        capture_output=True,
        encoding="utf-8",
        timeout=600,
        check=False,
    )
