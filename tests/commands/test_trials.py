"""The command behind ``make trials``: the list, the arguments for DVC, and one trial run for real."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from commands import trials
from stages.lib.core.errors import DataError
from stages.lib.core.params import Params, load_params
from tests.settings import write_settings
from tests.small_run import ROOT, environment, make_workspace, small_params

LISTED = ROOT / "assets/trials.yaml"


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_the_list_is_read_with_numbers_as_params_yaml_has_them(tmp_path: Path) -> None:
    path = write(tmp_path / "trials.yaml", "low:\n  why: slowly\n  set: {recipes.default.all.lr: 1e-5}\n")
    assert trials.read_trials(path) == {"low": {"why": "slowly", "set": {"recipes.default.all.lr": 1e-5}}}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected trials by name, found NoneType"),
        ("- default\n", "expected trials by name, found list"),
        ("default: [\n", "not valid YAML"),
        ("default:\n", "trial default: expected why"),
        ("default: {why: x}\n", "trial default: expected why"),
        ("default: {set: {}}\n", "trial default: expected why"),
        ("default: {why: x, set: [seed]}\n", "trial default: expected why"),
        ("default: {why: x, set: {}, sett: {}}\n", "trial default: expected why"),
        ("default: {why: x, set: {}, evaluate: perhaps}\n", "trial default: expected why"),
    ],
)
def test_a_bad_list_is_named_with_its_trial(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        trials.read_trials(write(tmp_path / "trials.yaml", text))
    assert "trials.yaml: " in str(caught.value)


def test_a_missing_list_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.yaml: not found"):
        trials.read_trials(tmp_path / "none.yaml")


def apply(settings: dict, folder: Path) -> Params:
    """Let DVC's own code change a copy of params.yaml, as `dvc exp run -S` does, and read it."""
    from dvc.utils.hydra import apply_overrides

    write_settings(folder)
    apply_overrides(folder / "params.yaml", trials.overrides(settings)[1::2])
    return load_params(folder / "params.yaml")


@pytest.mark.parametrize("name", sorted(trials.read_trials(LISTED)))
def test_every_listed_trial_gives_valid_params_with_its_values(name: str, tmp_path: Path) -> None:
    settings = trials.read_trials(LISTED)[name]["set"]
    arguments = trials.overrides(settings)
    assert arguments[::2] == ["-S"] * len(settings)
    found = apply(settings, tmp_path).model_dump()
    for key, value in settings.items():
        place = found
        for part in key.split("."):
            place = place[part]
        assert place == value


def test_values_of_every_kind_reach_params_yaml(tmp_path: Path) -> None:
    settings = {
        "recipes.default.all.lr": 2e-05,  # DVC writes it so; PyYAML alone would read a string
        "recipes.default.all.pivots": [],
        "models": ["use"],
        "pdf.ocr": False,
        "finetune.recipe": "study",
    }
    found = apply(settings, tmp_path)
    assert found.recipe("default", "use").lr == 2e-05
    assert found.recipe("default", "use").pivots == []
    assert (found.models, found.pdf.ocr, found.finetune.recipe) == (["use"], False, "study")


def test_an_unknown_trial_is_named_before_anything_runs(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setattr(trials, "run_experiment", lambda *_: pytest.fail("a trial ran"))
    out = tmp_path / "recipes.json"
    argv = ["trials", "--trials", str(LISTED), "--out", str(out), "--only", "default", "defualt"]
    monkeypatch.setattr(sys, "argv", argv)
    with pytest.raises(DataError, match="no trial defualt; known: default, study"):
        trials.main()
    assert not out.exists()


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def run_trials(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "commands.trials", *arguments],
        cwd=folder,
        env={**environment(), "GIT_AUTHOR_NAME": "t", "GIT_COMMITTER_NAME": "t"},
        text=True,
        capture_output=True,
        timeout=900,
    )


@pytest.mark.slow
def test_a_trial_is_an_experiment_whose_figures_are_kept(tmp_path: Path) -> None:
    folder = make_workspace(tmp_path / "a", small_params())
    shutil.rmtree(folder / ".dvc")
    git(folder, "init", "--quiet")
    git(folder, "config", "user.email", "t@example.org")
    git(folder, "config", "user.name", "t")
    subprocess.run(
        [sys.executable, "-m", "dvc", "init", "--quiet"], cwd=folder, env=environment(), check=True
    )
    shutil.copy(ROOT / ".gitignore", folder)
    listed = {
        "default": {"why": "as it is", "set": {}},
        "names": {"why": "shorter ones too", "set": {"recipes.default.all.min_words": 3}},
    }
    write(folder / "assets/trials.yaml", yaml.safe_dump(listed))
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "start")

    done = run_trials(folder)
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads((folder / "metrics/recipes.json").read_text(encoding="utf-8"))["trials"]
    assert set(found) == {"default", "names"}
    dev = {name: trial["dev"]["use"] for name, trial in found.items()}
    assert dev["names"]["train_pairs"] > dev["default"]["train_pairs"] > 0
    assert dev["names"]["pretrained"] == dev["default"]["pretrained"]
    assert 0 < dev["default"]["finetuned"][0]["score"] < 1
    # The workspace is as it was, and the experiments are there to be looked at.
    assert not (folder / "models").exists()
    assert load_params(folder / "params.yaml").recipe("default", "use").min_words == 5
    names = git(folder, "for-each-ref", "--format=%(refname)", "refs/exps").split()
    kept = sorted(os.path.basename(name) for name in names if "trial-" in name)
    assert kept == ["trial-default", "trial-names"]

    # Run again after another commit, a trial replaces the older one of its name.
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "trials")
    done = run_trials(folder, "--only", "names")
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads((folder / "metrics/recipes.json").read_text(encoding="utf-8"))["trials"] == found
    names = git(folder, "for-each-ref", "--format=%(refname)", "refs/exps").split()
    assert sorted(os.path.basename(name) for name in names if "trial-" in name) == kept

    # What a stage refuses is told in the stage's own words.
    settings = {"clean.min_letters": 0}
    write(folder / "assets/trials.yaml", yaml.safe_dump({"none": {"why": "no letters", "set": settings}}))
    done = run_trials(folder)
    assert done.returncode == 1
    assert (
        done.stderr.strip()
        .splitlines()[-1]
        .startswith(
            "error: trial-none: dvc exp run failed: params.yaml: clean.min_letters: input should be greater"
        )
    )


@pytest.mark.slow
def test_a_trial_that_dvc_refuses_is_one_line_and_leaves_no_figures(tmp_path: Path) -> None:
    folder = make_workspace(tmp_path / "a", small_params())  # without git there are no experiments
    done = run_trials(folder, "--only", "default")
    assert done.returncode == 1
    assert done.stderr.strip().splitlines()[-1].startswith("error: trial-default: dvc exp run failed")
    assert not (folder / "metrics/recipes.json").exists()
