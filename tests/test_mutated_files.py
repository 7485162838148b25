"""300 mutated files of each format: one line or a result, in bounded time and memory, nothing left behind."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.mutated_files import PREPARE
from tests.run_command import run_command


@pytest.mark.slow
@pytest.mark.parametrize("kind", PREPARE)
def test_mutated_files_are_read_or_refused_in_one_line(kind: str, tmp_path: Path) -> None:
    done = run_command(tmp_path, "tests.mutated_files", kind, "300")
    assert done.returncode == 0, done.stderr[-2000:]
    row = json.loads(done.stdout.splitlines()[-1])
    print({name: value for name, value in row.items() if name != "faults"})
    assert row["faults"] == []
    assert row["tried"] == row.get("read", 0) + row.get("refused", 0) == 300
    assert row["peak_mb"] < 1500
