"""The command behind ``make sweep``: the grids, their figures, and one grid run for real and broken off."""

from __future__ import annotations

import csv
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

from commands import sweep, trials
from stages.lib.core.errors import DataError, ParamsError
from stages.lib.core.params import Params, load_params
from stages.lib.core.tables import table_from_rows
from stages.lib.scores.comparison import RANKS_SCHEMA
from tests.commands.test_trials import apply, git, write
from tests.small_run import ROOT, dvc, environment, make_workspace, small_params

LISTED = ROOT / "assets/sweeps.yaml"
NAMES = ("data-size", "rank", "lr", "pivot")
GRID = "grid:\n  why: x\n  reference: {reference}\n  points: {points}\n"


@pytest.fixture(scope="module")
def params() -> Params:
    raw = load_params(ROOT / "params.yaml").model_dump()
    raw["evaluate"] |= {"bootstrap": 200, "permutations": 500}
    return Params.model_validate(raw)


@pytest.mark.parametrize("name", NAMES)
def test_every_point_of_every_grid_gives_valid_params_with_its_values(name, params, tmp_path):
    grid = sweep.read_sweep(LISTED, name)
    assert len({grid.experiment(point) for point in grid.points}) == len(grid.points) >= 4
    for point, changes in grid.points.items():
        settings = sweep.settings_of(changes, ["use", "use_tr"], params)
        by_dvc = apply(settings, tmp_path)  # what `dvc exp run -S` makes of it
        ours = sweep.change(params, settings, point)
        assert ours.models == ["use", "use_tr"]
        assert ours.model_copy(update={"evaluate": by_dvc.evaluate}) == by_dvc
        for key, value in changes.items():
            if key.startswith("recipe."):
                recipes = [ours.recipe("default", model) for model in ("use", "use_tr")]
                assert [getattr(recipe, key.removeprefix("recipe.")) for recipe in recipes] == [value] * 2
            else:
                assert ours.finetune.train_share == value


def test_a_model_with_a_value_of_its_own_gets_the_new_one_there(params):
    settings = sweep.settings_of({"recipe.r": 4}, ["use", "nllb_mini"], params)
    assert settings == {
        "models": ["use", "nllb_mini"],
        "recipes.default.all.r": 4,
        "recipes.default.nllb_mini.r": 4,
    }
    changed = sweep.change(params, settings, "here")
    assert {model: changed.recipe("default", model).r for model in settings["models"]} == {
        "use": 4,
        "nllb_mini": 4,
    }
    # What was given is as it was.
    assert params.recipe("default", "use").r != 4


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected grids by name, found NoneType"),
        ("grid: [\n", "not valid YAML"),
        ("other: {}\n", "no sweep 'grid'; known: other"),
        ("grid:\n", "sweep grid: expected why"),
        (GRID.format(reference="b", points="{a: {}}"), "sweep grid: expected why"),
        (GRID.format(reference="1", points="{1: {}}"), "sweep grid: expected why"),
        (GRID.format(reference="a", points="{a: 1}"), "sweep grid: expected why"),
        (GRID.format(reference="a", points="{a: {}}") + "  tset: true\n", "sweep grid: expected why"),
    ],
)
def test_a_bad_list_is_named_with_its_grid(tmp_path, text, message):
    with pytest.raises(DataError, match=message) as caught:
        sweep.read_sweep(write(tmp_path / "sweeps.yaml", text), "grid")
    assert "sweeps.yaml: " in str(caught.value)
    with pytest.raises(DataError, match=r"none\.yaml: not found"):
        sweep.read_sweep(tmp_path / "none.yaml", "grid")


def test_a_value_that_is_none_is_told_before_anything_runs(params, tmp_path):
    grid = sweep.Sweep("grid", "x", "a", {"a": {}, "b": {"finetune.train_share": 2.0}}, False)
    with pytest.raises(ParamsError, match=r"sweep grid, point b: .*less than or equal to 1"):
        sweep.run_sweep(grid, ["use"], params, tmp_path, tmp_path / "out.json")
    assert list(tmp_path.iterdir()) == []


def ranks(right: int):
    """Ranks of 40 queries of 20 documents, the first ``right`` of them 1."""
    rows = [
        ("dev", way, "cosine", 0, f"{n:016x}", "django", f"django/{n // 2}", 1 if n < right else 2)
        for way in ("ru_tk", "tk_ru")
        for n in range(40)
    ]
    return table_from_rows(rows, RANKS_SCHEMA)


def test_points_are_tested_against_the_pretrained_model_and_the_reference(params, tmp_path):
    grid = sweep.Sweep("grid", "why", "b", {"a": {"finetune.train_share": 0.5}, "b": {}, "c": {}}, False)
    found = sweep.assemble(
        grid,
        keys={point: {"use": [point * 24]} for point in grid.points},
        training={
            (point, "use"): {"seeds": [{"train_pairs": n, "best_epoch": 2, "scale": 0.25}]}
            for n, point in enumerate(grid.points)
        },
        ranks={("b", "use"): ranks(20), ("a", "use"): ranks(10), ("c", "use"): ranks(40)},
        pretrained={"use": ranks(0)},
        params=params,
    )
    assert found["best_on_dev"] == {"use": "c"}
    points = {name: entry["models"]["use"] for name, entry in found["points"].items()}
    assert points["a"]["figures"]["dev_p1_mean"]["value"] == 0.25
    assert points["a"]["figures"]["dev_p1_mean"]["n"] == 40
    against = points["a"]["against"]
    assert against["pretrained"]["dev_p1_mean"]["difference"] == 0.25
    assert against["reference"]["dev_p1_mean"]["difference"] == -0.25
    assert against["pretrained"]["dev_p1_mean"]["family"] == 3
    assert against["reference"]["dev_p1_mean"]["family"] == 2  # the reference is not compared with itself
    assert set(points["b"]["against"]) == {"pretrained"}
    text = sweep.sweep_table(grid, found, ["use"])
    assert [line.split()[1] for line in text.splitlines()[2:6]] == ["pretrained", "a", "b", "c"]
    assert "40 pairs of dev (document: 20)" in text
    assert "Best by MRR on dev: use: c." in text
    sweep.write_plot(grid, found, ["use"], tmp_path / "grid.csv")
    with (tmp_path / "grid.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(row["model"], row["point"], row["train_pairs"], row["dev_p1_mean"]) for row in rows] == [
        *(("use", "pretrained", "0", "0.0"), ("use", "a", "0", "0.25")),
        *(("use", "b", "1", "0.5"), ("use", "c", "2", "1.0")),
    ]
    # The limits are those of what the plot shows and the choice looks at.
    assert all(float(row["low"]) <= float(row["dev_mrr_mean"]) <= float(row["high"]) for row in rows)


def start_sweep(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "commands.sweep", "data-size"],
        cwd=folder,
        env={**environment(), "GIT_AUTHOR_NAME": "t", "GIT_COMMITTER_NAME": "t"},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


@pytest.mark.slow
def test_a_grid_is_run_and_what_was_finished_before_a_kill_is_kept(tmp_path: Path) -> None:
    folder = make_workspace(tmp_path / "a", small_params())
    shutil.rmtree(folder / ".dvc")
    git(folder, "init", "--quiet")
    git(folder, "config", "user.email", "t@example.org")
    git(folder, "config", "user.name", "t")
    dvc(folder, "init", "--quiet")
    shutil.copy(ROOT / ".gitignore", folder)
    grid = yaml.safe_load(LISTED.read_text(encoding="utf-8"))["data-size"]
    grid["points"] = {name: grid["points"][name] for name in ("0.25", "1")}
    write(folder / "assets/sweeps.yaml", yaml.safe_dump({"data-size": grid}))
    dvc(folder, "repro", "split")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "start")

    out = folder / "metrics/sweeps/data-size.json"
    with start_sweep(folder) as process:
        until = time.monotonic() + 300
        while not out.is_file() and process.poll() is None and time.monotonic() < until:
            time.sleep(0.1)
        os.killpg(process.pid, signal.SIGKILL)
    first = json.loads(out.read_text(encoding="utf-8"))
    assert set(first["points"]) == {"1"}  # the reference goes first
    before = [git(folder, "rev-parse", one) for one in references(folder, "sweep-data-size-1")]
    assert len(before) == 1

    with start_sweep(folder) as process:
        table, said = process.communicate(timeout=600)
    assert process.returncode == 0, said[-2000:]
    assert "sweep-data-size-1: finished before, kept" in said
    assert "sweep-data-size-0-25: finished" not in said
    assert [git(folder, "rev-parse", one) for one in references(folder, "sweep-data-size-1")] == before
    found = json.loads(out.read_text(encoding="utf-8"))
    points = {name: entry["models"]["use"] for name, entry in found["points"].items()}
    assert set(points) == {"0.25", "1"}
    assert 0 < points["0.25"]["train_pairs"] < points["1"]["train_pairs"]
    assert points["1"]["figures"] == first["points"]["1"]["models"]["use"]["figures"]
    for figures in (points["1"]["figures"], found["pretrained"]["use"]):
        assert figures["dev_mrr_mean"]["n"] > 0
        assert figures["test_mrr_mean"]["n"] > 0
    # One comparison with the reference, on dev and on test.
    assert points["0.25"]["against"]["reference"]["dev_p1_mean"]["family"] == 2
    assert "Best by MRR on dev: use: " in table
    assert (folder / "metrics/sweeps/data-size.csv").is_file()
    # The workspace is as it was.
    assert not (folder / "models").exists()
    assert load_params(folder / "params.yaml").finetune.train_share == 1.0


def references(folder: Path, experiment: str) -> list[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        return trials.references(experiment)
