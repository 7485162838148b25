"""What many tests share."""

from __future__ import annotations

from pathlib import Path

import pytest
from filelock import FileLock

from tests.small_run import dvc, make_workspace, small_params


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A workspace in which the small pipeline has run, once for all tests: read it, or copy it, only."""
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "finished-run"
    with FileLock(f"{folder}.lock"):
        if not (folder / "metrics/summary.json").is_file():
            dvc(make_workspace(folder, small_params()), "repro")
    return folder
