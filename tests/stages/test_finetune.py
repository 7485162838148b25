from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from stages.lib.encoders import encode, load_encoder
from stages.lib.params import load_params
from stages.lib.tables import CORPUS_SCHEMA, write_table
from tests.phrases import PHRASES, corpus

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [
    sys.executable,
    "-m",
    "stages.finetune",
    "--model",
    "use",
    "--splits",
    "splits",
    "--out",
    "models/use",
]


def workspace(folder: Path, epochs: int = 2) -> Path:
    """A folder with splits of the phrases and the repository's params, the study's recipe made quick."""
    folder.mkdir(exist_ok=True)
    text = (ROOT / "params.yaml").read_text(encoding="utf-8")
    text = text.replace("recipe: default", "recipe: study", 1)
    text = text.replace("lr: 1.0e-5", "lr: 2e-3", 1).replace("epochs: 5", f"epochs: {epochs}", 1)
    text = text.replace("interpolate:\n        - 1.0", "interpolate: [0.5, 1.0]", 1)
    assert "lr: 2e-3" in text
    (folder / "params.yaml").write_text(text, encoding="utf-8")
    write_table(corpus(PHRASES[:16]), folder / "splits/train.parquet", CORPUS_SCHEMA)
    write_table(corpus(PHRASES[16:]), folder / "splits/dev.parquet", CORPUS_SCHEMA)
    return folder


def start(folder: Path, *command: str) -> subprocess.Popen[str]:
    env = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        command or COMMAND, cwd=folder, env=env, text=True, stderr=subprocess.PIPE, stdout=subprocess.PIPE
    )


def hashes(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_an_adapter_is_trained_saved_and_changes_what_the_encoder_says(tmp_path: Path) -> None:
    folder = workspace(tmp_path / "a")
    process = start(folder)
    _, err = process.communicate(timeout=600)
    assert process.returncode == 0, err
    report = json.loads((folder / "models/use/training.json").read_text(encoding="utf-8"))
    seed = report["seeds"][0]
    assert seed["train_pairs"] == 16
    assert seed["dev_pairs"] == 8
    assert len(seed["history"]) >= 2
    assert [row["scale"] for row in seed["interpolation"]] == [0.5, 1.0]
    adapter = folder / "models/use/seed-1"
    config = load_params().models_config["use"]
    texts = [src for src, _ in PHRASES]
    before = encode(load_encoder("use", config), texts, "ru")
    after = encode(load_encoder("use", config, adapter), texts, "ru")
    assert 1e-4 < float(np.abs(before - after).max()) < 1.0
    assert (adapter / "live/plots/metrics/score.tsv").is_file()
    assert str(tmp_path) not in "".join(
        path.read_text(encoding="utf-8", errors="ignore") for path in (folder / "models").rglob("*.json")
    )
    assert not list(folder.glob("models/.*"))
    assert not list(folder.glob(".cache/kopri/finetune/*"))  # checkpoints are for killed runs alone


@pytest.mark.skipif(importlib.util.find_spec("wandb") is not None, reason="wandb is installed")
def test_a_missing_tracker_is_told_before_training(tmp_path: Path) -> None:
    folder = workspace(tmp_path / "a")
    text = (folder / "params.yaml").read_text(encoding="utf-8")
    (folder / "params.yaml").write_text(text.replace("tracker: none", "tracker: wandb"), encoding="utf-8")
    process = start(folder)
    _, err = process.communicate(timeout=600)
    assert process.returncode == 1
    assert err.startswith("error: finetune.tracker is wandb and the package wandb is not installed")
    assert not (folder / "models").exists()


@pytest.mark.slow
def test_a_killed_run_resumes_to_the_bytes_of_an_unbroken_one(tmp_path: Path) -> None:
    whole, broken = workspace(tmp_path / "whole", 3), workspace(tmp_path / "broken", 3)
    for folder in (whole, broken):
        text = (folder / "params.yaml").read_text(encoding="utf-8")
        assert "seeds:\n    - 1\n" in text
        text = text.replace("seeds:\n    - 1\n", "seeds: [1, 2]\n")
        (folder / "params.yaml").write_text(text, encoding="utf-8")
    process = start(whole)
    _, err = process.communicate(timeout=600)
    assert process.returncode == 0, err
    process = start(broken)
    deadline = time.monotonic() + 600
    while len(list(broken.glob(".cache/kopri/finetune/*/last.pt"))) < 2:  # the second seed has begun
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert not (broken / "models/use").exists()
    process = start(broken)
    _, err = process.communicate(timeout=600)
    assert process.returncode == 0, err
    resumed = re.findall(r"resuming after epoch (\d)", err)
    assert len(resumed) == 2
    assert "epoch 1: loss" not in err  # the first seed was finished and is not trained again
    assert sorted(path.name for path in (whole / "models/use").iterdir()) == [
        "seed-1",
        "seed-2",
        "training.json",
    ]
    assert hashes(broken / "models/use") == hashes(whole / "models/use")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (["--model", "labze"], "not in params.yaml's models_config"),
        (["--splits", "nowhere"], "nowhere/train.parquet: not found"),
    ],
)
def test_wrong_arguments_give_one_line_and_no_output(
    tmp_path: Path, change: list[str], expected: str
) -> None:
    folder = workspace(tmp_path / "a")
    process = start(folder, *COMMAND, *change)
    _, err = process.communicate(timeout=600)
    assert process.returncode == 1
    assert err.strip().count("\n") == 0
    assert expected in err
    assert not (folder / "models").exists()
