"""Kills at random moments: the next run gives the same bytes, and nothing is left behind."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.mutated_files import write_pairs
from tests.phrases import PHRASES
from tests.settings import write_settings
from tests.stages.raw_tars import pack

ROOT = Path(__file__).resolve().parents[1]
KILLS = 15
COMMANDS = {
    "extract": ("--source", "tsv", "--raw", "in/raw.tar", "--out", "out/segments.parquet"),
    "clean": (
        *("--pairs", "in/pairs.parquet", "--annotations", "in", "--out", "out/corpus.parquet"),
        *("--dropped", "out/dropped.parquet", "--judged", "out/judged.parquet", "--stats", "out/stats.json"),
    ),
}


def start(folder: Path, stage: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", f"stages.{stage}", *COMMANDS[stage]],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def written(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.slow
@pytest.mark.parametrize("stage", COMMANDS)
def test_a_rerun_after_a_kill_gives_the_same_bytes(stage: str, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    write_settings(tmp_path, lambda raw: raw.update(sources=["tsv"]))
    write_pairs(tmp_path / "in/pairs.parquet")
    table = "src\ttgt\tdoc\n" + "".join(f"{src}\t{tgt}\tb\n" for src, tgt in PHRASES)
    pack(tmp_path / "in/raw.tar", "tsv", {"files/pairs.tsv": table})
    begin = time.monotonic()
    assert start(tmp_path, stage).wait(120) == 0
    lasts = time.monotonic() - begin
    expected = written(tmp_path)
    chance = random.Random(15)
    for _ in range(KILLS):
        process = start(tmp_path, stage)
        time.sleep(chance.uniform(0, lasts))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(60)
        assert start(tmp_path, stage).wait(120) == 0
        assert written(tmp_path) == expected
