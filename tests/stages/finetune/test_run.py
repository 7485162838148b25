from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch
from safetensors.torch import load_file

from stages.lib.core.params import load_params
from stages.lib.core.tables import CORPUS_SCHEMA, write_table
from stages.lib.models import encode, load_encoder
from tests.phrases import PHRASES, corpus
from tests.settings import write_settings

ROOT = Path(__file__).resolve().parents[3]
COMMAND = [
    sys.executable,
    "-m",
    "stages.finetune",
    "--splits",
    "splits",
    "--out",
    "models/use",
    "--model",
    "use",
]


def workspace(
    folder: Path,
    recipe: dict[str, object] | None = None,
    dev: slice = slice(16, None),
    nllb_mini: Path = ROOT / "assets/nllb_mini",
    **finetune: object,
) -> Path:
    """A folder with splits of the phrases and the repository's params, a quick recipe of the study."""

    def change(raw: dict) -> None:
        raw["finetune"] |= {"recipe": "study"} | finetune
        quick = {"lr": 2e-3, "epochs": 2, "interpolate": [0.5, 1.0]}
        raw["recipes"]["study"]["all"] |= quick | (recipe or {})
        raw["models_config"]["nllb_mini"]["id"] = str(nllb_mini)

    write_settings(folder, change)
    write_table(corpus(PHRASES[:16]), folder / "splits/train.parquet", CORPUS_SCHEMA)
    write_table(corpus(PHRASES[dev]), folder / "splits/dev.parquet", CORPUS_SCHEMA)
    return folder


def start(folder: Path, *more: str) -> subprocess.Popen[str]:
    env = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    pipes = {"stderr": subprocess.PIPE, "stdout": subprocess.DEVNULL}
    return subprocess.Popen([*COMMAND, *more], cwd=folder, env=env, text=True, **pipes)


def finish(folder: Path, *more: str, code: int = 0) -> str:
    """Run to the end, with more arguments, and return what was printed on stderr."""
    process = start(folder, *more)
    _, err = process.communicate(timeout=600)
    assert process.returncode == code, err
    return err


def wait_for_checkpoints(folder: Path, process: subprocess.Popen[str], count: int = 1) -> None:
    deadline = time.monotonic() + 600
    while len(list(folder.glob(".cache/kopri/finetune/*/last.pt"))) < count:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)


def hashes(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_an_adapter_is_trained_saved_and_changes_what_the_encoder_says(tmp_path: Path) -> None:
    folder = workspace(tmp_path / "a")
    finish(folder)
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
    folder = workspace(tmp_path / "a", tracker="wandb")
    err = finish(folder, code=1)
    assert err.startswith("error: finetune.tracker is wandb and the package wandb is not installed")
    assert not (folder / "models").exists()


@pytest.mark.slow
def test_a_killed_run_resumes_to_the_bytes_of_an_unbroken_one(tmp_path: Path) -> None:
    whole, broken = (workspace(tmp_path / name, {"epochs": 3}, seeds=[1, 2]) for name in ("whole", "broken"))
    finish(whole)
    process = start(broken)
    wait_for_checkpoints(broken, process, 2)  # the second seed has begun
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert not (broken / "models/use").exists()
    err = finish(broken)
    assert err.count("resuming after epoch") == 2
    assert "epoch 1: loss" not in err  # the first seed was finished and is not trained again
    names = sorted(path.name for path in (whole / "models/use").iterdir())
    assert names == ["seed-1", "seed-2", "training.json"]
    assert hashes(broken / "models/use") == hashes(whole / "models/use")


def without_dropout(folder: Path) -> Path:
    """A copy of nllb_mini that draws nothing at random in training."""
    shutil.copytree(ROOT / "assets/nllb_mini", folder)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    assert config["dropout"] > 0
    config["dropout"] = 0.0
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "changes"),
    [
        # 16 pairs in batches of 5: one process has more of a batch than the other, and one pair is left over.
        ("use", {"batch_size": 5}),
        ("use", {"batch_size": 5, "chunk": 2, "accumulate": 2, "hard_negatives": 1, "keep_weight": 1.0}),
        ("nllb_mini", {"batch_size": 5, "accumulate": 2}),
    ],
    ids=["whole batches", "chunks and negatives", "translation"],
)
def test_two_processes_train_the_adapter_of_one(tmp_path: Path, model: str, changes: dict) -> None:
    # Dev has training pairs in it, so that the score rises and what is saved has been trained.
    base = without_dropout(tmp_path / "nllb_mini")
    folders = []
    for processes in (1, 2):
        folder = workspace(
            *(tmp_path / str(processes), changes | {"dropout": 0.0}, slice(8, None), base),
            processes=processes,
        )
        err = finish(folder, "--model", model, "--out", "out")
        assert err.count("16 training pairs") == 1  # of two processes one speaks
        folders.append(folder / "out")
    one, two = (json.loads((folder / "training.json").read_text(encoding="utf-8")) for folder in folders)
    (one,), (two,) = one["seeds"], two["seeds"]
    assert two["best_epoch"] == one["best_epoch"] > 0
    assert two["dev"]["score"] > two["dev_pretrained"]["score"]
    for row, other in zip(one["history"], two["history"], strict=True):
        assert other == pytest.approx(row, abs=1e-5)
    # Where a gradient is next to nothing, rounding decides about AdamW's step: a few weights of a hundred
    # thousand differ by a good part of one. All together, the difference is 4e-5 of their length.
    weights = [load_file(folder / "seed-1/adapter_model.safetensors") for folder in folders]
    for half in ("lora_A", "lora_B"):
        first, second = (
            torch.cat([values.flatten() for key, values in sorted(tensors.items()) if half in key])
            for tensors in weights
        )
        assert 0 < float((first - second).norm() / first.norm()) < 1e-3
    assert float(first.abs().max()) > 2e-3  # lora_B starts at zero
    assert sorted(hashes(folders[0])) == sorted(hashes(folders[1]))


def children(process: subprocess.Popen[str]) -> list[psutil.Process]:
    return sorted(psutil.Process(process.pid).children(), key=psutil.Process.create_time)


@pytest.mark.slow
def test_two_processes_end_together_and_resume_together(tmp_path: Path) -> None:
    whole, broken = (
        workspace(tmp_path / name, {"epochs": 6, "patience": 6}, processes=2) for name in ("whole", "broken")
    )
    finish(whole)
    # One of the two is killed: one line, and nothing left running.
    process = start(broken)
    wait_for_checkpoints(broken, process)
    workers = children(process)
    assert len(workers) == 2
    workers[1].kill()
    _, err = process.communicate(timeout=600)
    assert process.returncode == 1
    assert [line for line in err.splitlines() if "rror" in line] == [
        "error: finetune: process 2 of 2 was ended by SIGKILL; what was finished is kept, run the same "
        "command to go on (SIGKILL is often a lack of memory)"
    ]
    assert "Traceback" not in err
    assert not any(worker.is_running() for worker in workers)
    # The launcher is killed: the two end without it.
    process = start(broken)
    while not process.stderr.readline().startswith("stages.finetune.contrastive: resuming after epoch"):
        assert process.poll() is None
    workers = children(process)
    process.kill()
    process.communicate()
    _, alive = psutil.wait_procs(workers, timeout=120)
    assert not alive
    assert not (broken / "models/use").exists()
    assert "resuming after epoch" in finish(broken)
    assert hashes(broken / "models/use") == hashes(whole / "models/use")


@pytest.mark.slow
def test_what_both_processes_find_wrong_is_said_once(tmp_path: Path) -> None:
    folder = workspace(tmp_path / "a", processes=2)
    err = finish(folder, "--splits", "nowhere", code=1)
    assert err.startswith("error: nowhere/train.parquet: not found; run the stage that writes it")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (["--model", "labze"], "unknown model 'labze'; did you mean 'labse'"),
        (["--splits", "nowhere"], "nowhere/train.parquet: not found"),
    ],
)
def test_wrong_arguments_give_one_line_and_no_output(tmp_path: Path, change: list, expected: str) -> None:
    folder = workspace(tmp_path / "a")
    err = finish(folder, *change, code=1)
    assert err.strip().count("\n") == 0
    assert expected in err
    assert not (folder / "models").exists()
