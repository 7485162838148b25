"""The whole pipeline under DVC: from installed packages to the table, changed, and killed in every stage."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.settings import write_raw
from tests.small_run import SOURCES, copy_run, dvc, environment, make_workspace, outputs, run, small_params

STAGES = ("collect", "extract", "embed", "align", "clean", "split", "finetune", "evaluate", "report")


def test_the_pipeline_runs_from_installed_packages_to_the_table_and_then_has_nothing_to_do(
    finished_run: Path, tmp_path: Path
) -> None:
    folder = copy_run(finished_run, tmp_path / "a")
    summary = json.loads((folder / "metrics/summary.json").read_text(encoding="utf-8"))
    assert set(summary) == {"use"}
    assert set(summary["use"]) == {"pretrained", "finetuned"}
    assert 0 < summary["use"]["pretrained"]["p1"] < 1
    assert "Running stage" not in dvc(folder, "repro")
    assert "finetuned" in run(folder, "-m", "commands.results")


@pytest.mark.slow
def test_dropping_a_source_gives_the_bytes_of_a_fresh_run_without_it(
    finished_run: Path, tmp_path: Path
) -> None:
    folder = copy_run(finished_run, tmp_path / "a")
    write_raw(folder, small_params((*SOURCES, "pycountry")))
    dvc(folder, "repro")
    assert outputs(folder)["data/corpus.parquet"] != outputs(finished_run)["data/corpus.parquet"]
    write_raw(folder, small_params())
    dvc(folder, "repro")
    kept = {name: digest for name, digest in outputs(folder).items() if "pycountry" not in name}
    assert kept == outputs(finished_run)


@pytest.mark.slow
def test_a_change_of_one_model_s_recipe_retrains_that_model_only(finished_run: Path, tmp_path: Path) -> None:
    folder = copy_run(finished_run, tmp_path / "a")
    raw = small_params()
    raw["models"] = ["use", "use_tr"]
    raw["recipes"]["default"]["use_tr"] = {}
    write_raw(folder, raw)
    dvc(folder, "repro", "finetune")
    raw["recipes"]["default"]["use"] = {"lr": 1e-3}
    write_raw(folder, raw)
    printed = dvc(folder, "repro", "finetune")
    assert "Running stage 'finetune@use'" in printed
    assert "Running stage 'finetune@use_tr'" not in printed


@pytest.mark.slow
def test_killed_in_every_stage_the_pipeline_ends_with_the_same_bytes(
    finished_run: Path, tmp_path: Path
) -> None:
    killed = make_workspace(tmp_path / "killed", small_params())
    for stage in STAGES:
        run(killed, "-m", "commands.check")  # as make repro does
        with subprocess.Popen(
            [sys.executable, "-m", "dvc", "repro"],
            cwd=killed,
            env=environment(),
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as process:
            printed, is_running = [], False
            for line in process.stdout:
                printed.append(line)
                if is_running := line.startswith(f"> python -m stages.{stage} "):
                    break
            assert is_running, f"{stage} never ran: {''.join(printed)[-2000:]}"
            # Into the stage; the quick ones end after a second, and then DVC itself would be what is killed.
            time.sleep(0.5)
            os.killpg(process.pid, signal.SIGKILL)
    run(killed, "-m", "commands.check")
    dvc(killed, "repro")
    assert outputs(killed) == outputs(finished_run)
    assert not [path for path in killed.rglob("*.part") if ".dvc" not in path.parts]
