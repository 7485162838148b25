"""The whole pipeline under DVC, on the sources that need no network and a quick recipe."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from tests.settings import copy_pins

ROOT = Path(__file__).resolve().parents[1]
CODE = (
    *("stages", "commands", "crawler", "assets", "sources", "data/annotations", "metrics/interpolation.json"),
    *("dvc.yaml", ".dvcignore"),
)


def small_params(sources: list[str]) -> dict:
    """The repository's own parameters, with few sources, one model and one short epoch."""
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    params["sources"] = sources
    params["models"], params["baselines"] = ["use"], []
    params["split"] |= {"test_sources": [], "train_sources": ["babel"], "min_test": 5, "min_dev": 5}
    recipe = params["recipes"]["default"]
    recipe["all"] |= {"epochs": 1, "min_words": 5, "pivots": [], "batch_size": 32}
    params["recipes"]["default"] = {"all": recipe["all"], "use": {}}
    params["evaluate"] |= {"bootstrap": 200, "permutations": 200}
    params["align"] |= {"pivots": [], "background": 256}
    return params


def workspace(folder: Path, sources: list[str]) -> Path:
    folder.mkdir()
    for name in CODE:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            (folder / name).parent.mkdir(exist_ok=True)
            shutil.copy(source, folder / name)
    write_params(folder, small_params(sources))
    dvc(folder, "init", "--no-scm", "--quiet")
    return folder


def write_params(folder: Path, params: dict) -> None:
    copy_pins(folder)
    (folder / "params.yaml").write_text(yaml.safe_dump(params, allow_unicode=True), encoding="utf-8")


def environment() -> dict[str, str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "OMP_NUM_THREADS": "2", "DVC_NO_ANALYTICS": "1"}


def dvc(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "dvc", *arguments],
        cwd=folder,
        env=environment(),
        text=True,
        capture_output=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout + done.stderr


def mend(folder: Path) -> None:
    command = [sys.executable, "-m", "commands.mend"]
    subprocess.run(command, cwd=folder, env=environment(), check=True)


def outputs(folder: Path) -> dict[str, str]:
    files = [
        path
        for name in ("data", "models", "results", "metrics", "report")
        for path in (folder / name).rglob("*")
    ]
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(files)
        if path.is_file() and path.name != ".gitignore"
    }


def test_the_pipeline_runs_from_installed_packages_to_the_table_and_then_has_nothing_to_do(
    tmp_path: Path,
) -> None:
    folder = workspace(tmp_path / "a", ["django", "pycountry", "babel"])
    dvc(folder, "repro")
    summary = json.loads((folder / "metrics/summary.json").read_text(encoding="utf-8"))
    assert set(summary) == {"use"}
    assert set(summary["use"]) == {"pretrained", "finetuned"}
    assert 0 < summary["use"]["pretrained"]["test_p1_ru_tk"] < 1
    corpus = json.loads((folder / "metrics/corpus.json").read_text(encoding="utf-8"))
    assert corpus
    again = dvc(folder, "repro")
    assert "Running stage" not in again
    table = subprocess.run(
        [sys.executable, "-m", "commands.results"],
        cwd=folder,
        env=environment(),
        text=True,
        capture_output=True,
    )
    assert "finetuned" in table.stdout


@pytest.mark.slow
def test_dropping_a_source_gives_the_bytes_of_a_fresh_run_without_it(tmp_path: Path) -> None:
    fresh = workspace(tmp_path / "fresh", ["django", "babel"])
    dvc(fresh, "repro")
    changed = workspace(tmp_path / "changed", ["django", "pycountry", "babel"])
    dvc(changed, "repro")
    write_params(changed, small_params(["django", "babel"]))
    dvc(changed, "repro")
    found = {name: digest for name, digest in outputs(changed).items() if "pycountry" not in name}
    assert found == outputs(fresh)


@pytest.mark.slow
def test_killed_in_every_stage_the_pipeline_ends_with_the_same_bytes(tmp_path: Path) -> None:
    whole = workspace(tmp_path / "whole", ["django", "babel"])
    dvc(whole, "repro")
    killed = workspace(tmp_path / "killed", ["django", "babel"])
    for stage in ("collect", "extract", "embed", "align", "clean", "split", "finetune", "evaluate", "report"):
        mend(killed)  # as make repro does: the kill may have come while DVC wrote a file of its own
        with subprocess.Popen(
            [sys.executable, "-m", "dvc", "repro"],
            cwd=killed,
            env=environment(),
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as process:
            said, seen = [], False
            for line in process.stdout:
                said.append(line)
                if seen := line.startswith(f"> python -m stages.{stage} "):
                    break
            assert seen, f"{stage} never ran: {''.join(said)[-2000:]}"
            # Into the stage; the quick ones end after a second, and then DVC itself would be what is killed.
            time.sleep(0.5)
            os.killpg(process.pid, signal.SIGKILL)
    mend(killed)
    dvc(killed, "repro")
    assert outputs(killed) == outputs(whole)
    assert not [path for path in killed.rglob("*.part") if ".dvc" not in path.parts]
