"""The command behind ``make trials`` and ``make experiments``: list, grids, and experiments run for real."""

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

from commands import experiments
from stages.lib.core.errors import ParamsError
from stages.lib.core.params import Params, load_params
from stages.lib.core.tables import table_from_rows
from stages.lib.scores.comparison import RANKS_SCHEMA
from tests.settings import write_settings
from tests.small_run import ROOT, copy_run, environment, git, make_repository, run

LIST = ROOT / "assets/experiments.yaml"
LISTED = experiments.read_experiments(LIST)
GRID = "grid:\n  why: x\n  reference: {reference}\n  points: {points}\n"


@pytest.fixture(scope="module")
def params() -> Params:
    raw = load_params(ROOT / "params.yaml").model_dump(exclude_unset=True)
    raw["evaluate"] |= {"bootstrap": 200, "permutations": 500}
    return Params.model_validate(raw)


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


# --- the list ---


def test_the_list_is_read_with_numbers_as_params_yaml_has_them(tmp_path: Path) -> None:
    path = write(tmp_path / "list.yaml", "low:\n  why: slowly\n  set: {recipes.default.all.lr: 1e-5}\n")
    (trial,) = experiments.read_experiments(path).values()
    assert (trial.why, trial.reference, trial.test) == ("slowly", None, False)
    assert trial.points == {"default": {"recipes.default.all.lr": 1e-5}}


@pytest.mark.parametrize(
    "text",
    [
        "name:\n",
        "name: {why: x}\n",
        "name: {why: x, set: [seed]}\n",
        "name: {why: x, set: {}, sett: {}}\n",
        "name: {why: x, set: {}, test: perhaps}\n",
        GRID.format(reference="b", points="{a: {}}"),
        GRID.format(reference="1", points="{1: {}}"),
        GRID.format(reference="a", points="{a: 1}"),
        GRID.format(reference="a", points="{a: {}}") + "  tset: true\n",
    ],
)
def test_a_malformed_entry_is_named(tmp_path: Path, text: str) -> None:
    with pytest.raises(ParamsError, match=r"list\.yaml: (name|grid): expected why"):
        experiments.read_experiments(write(tmp_path / "list.yaml", text))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("run default defualt", r"unknown experiment 'defualt'; did you mean 'default'\?"),
        ("run rank --models use use_rt", r"unknown model 'use_rt'; did you mean 'use_tr'\?"),
        ("show --model use_rt", r"unknown model 'use_rt'; did you mean 'use_tr'\?"),
    ],
)
def test_an_unknown_name_is_refused_before_anything_runs(monkeypatch, arguments: str, message: str) -> None:
    monkeypatch.setattr(experiments, "run_experiment", lambda *_: pytest.fail("an experiment ran"))
    monkeypatch.setattr(sys, "argv", ["experiments", *arguments.split()])
    with pytest.raises(ParamsError, match=message):
        experiments.main()


def apply(settings: dict, folder: Path) -> Params:
    """Let DVC's own code change a copy of params.yaml, as `dvc exp run -S` does, and read it."""
    from dvc.utils.hydra import apply_overrides

    write_settings(folder)
    arguments = experiments.overrides(settings)
    assert arguments[::2] == ["-S"] * len(settings)
    apply_overrides(folder / "params.yaml", arguments[1::2])
    return load_params(folder / "params.yaml")


@pytest.mark.parametrize("name", LISTED)
def test_every_point_of_the_list_gives_valid_params_with_its_values(
    name: str, params: Params, tmp_path: Path
) -> None:
    experiment = LISTED[name]
    models = None if experiment.reference is None else ["use", "use_tr"]
    assert len({experiment.of_point(point) for point in experiment.points}) == len(experiment.points)
    for point, changes in experiment.points.items():
        settings = experiments.settings_of(changes, models, params)
        by_dvc = apply(settings, tmp_path)
        ours = experiments.change(params, settings, point)
        assert ours.model_copy(update={"evaluate": by_dvc.evaluate}) == by_dvc
        for key, value in changes.items():
            if key.startswith("recipe."):
                recipes = [by_dvc.recipe("default", model) for model in models]
                assert [getattr(recipe, key.removeprefix("recipe.")) for recipe in recipes] == [value] * 2
                continue
            place = by_dvc.model_dump(exclude_unset=True)
            for part in key.split("."):
                place = place[part]
            assert place == value


def test_a_value_that_dvc_writes_as_text_is_a_number_and_false_is_false(tmp_path: Path) -> None:
    changed = apply({"recipes.default.all.lr": 2e-05, "pdf.ocr": False}, tmp_path)
    assert (changed.recipe("default", "use").lr, changed.pdf.ocr) == (2e-05, False)


def test_a_model_with_a_value_of_its_own_gets_the_new_one_there(params: Params) -> None:
    settings = experiments.settings_of({"recipe.dropout": 0.2}, ["use", "nllb_mini"], params)
    assert set(settings) == {"models", "recipes.default.all.dropout", "recipes.default.nllb_mini.dropout"}
    changed = experiments.change(params, settings, "here")
    assert [changed.recipe("default", model).dropout for model in settings["models"]] == [0.2, 0.2]
    # What was given is as it was.
    assert params.recipe("default", "use").dropout == 0.0


# --- grids ---


def grid_of(points: dict, reference: str) -> experiments.Experiment:
    return experiments.Experiment("grid", "why", points, reference, False)


def test_an_invalid_value_is_named_before_anything_runs(params: Params, tmp_path: Path) -> None:
    grid = grid_of({"a": {}, "b": {"finetune.train_share": 2.0}}, "a")
    with pytest.raises(ParamsError, match=r"grid, point b: .*less than or equal to 1"):
        experiments.run_grid(grid, ["use"], params, tmp_path / "out.json")
    assert list(tmp_path.iterdir()) == []


def ranks(right: int):
    """Ranks of 40 queries of 20 documents, the first ``right`` of them 1."""
    rows = [
        ("dev", way, "cosine", 0, f"{n:016x}", "django", f"django/{n // 2}", 1 if n < right else 2)
        for way in ("ru_tk", "tk_ru")
        for n in range(40)
    ]
    return table_from_rows(rows, RANKS_SCHEMA)


@pytest.fixture(scope="module")
def measured(params: Params) -> tuple[experiments.Experiment, dict]:
    """A grid of three points with the reference b, and its record."""
    grid = grid_of({"a": {"finetune.train_share": 0.5}, "b": {}, "c": {}}, "b")
    keys = {point: {"use": [point * 24]} for point in grid.points}
    training = {
        (point, "use"): {"seeds": [{"best_epoch": 2, "scale": 0.25, "train_pairs": n}]}
        for n, point in enumerate(grid.points)
    }
    by_point = {("b", "use"): ranks(20), ("a", "use"): ranks(10), ("c", "use"): ranks(40)}
    return grid, experiments.assemble(grid, keys, training, by_point, {"use": ranks(0)}, params)


def test_points_are_tested_against_the_pretrained_model_and_the_reference(measured) -> None:
    _, record = measured
    assert record["best_on_dev"] == {"use": "c"}
    points = {name: entry["models"]["use"] for name, entry in record["points"].items()}
    assert points["a"]["figures"]["dev_p1_mean"]["value"] == 0.25
    assert points["a"]["figures"]["dev_p1_mean"]["n"] == 40
    against = points["a"]["against"]
    assert against["pretrained"]["dev_p1_mean"]["difference"] == 0.25
    assert against["reference"]["dev_p1_mean"]["difference"] == -0.25
    assert against["pretrained"]["dev_p1_mean"]["family"] == 3
    assert against["reference"]["dev_p1_mean"]["family"] == 2  # the reference is not compared with itself
    assert set(points["b"]["against"]) == {"pretrained"}


def test_table_and_plot_of_a_grid_have_the_points_in_its_order(measured, tmp_path: Path) -> None:
    text = experiments.grid_table(*measured, ["use"])
    assert [line.split()[1] for line in text.splitlines()[2:6]] == ["pretrained", "a", "b", "c"]
    assert "40 pairs of dev (document: 20)" in text
    assert "Best by MRR on dev: use: c." in text
    experiments.write_plot(*measured, ["use"], tmp_path / "grid.csv")
    with (tmp_path / "grid.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(row["model"], row["point"], row["train_pairs"], row["dev_p1_mean"]) for row in rows] == [
        *(("use", "pretrained", "0", "0.0"), ("use", "a", "0", "0.25")),
        *(("use", "b", "1", "0.5"), ("use", "c", "2", "1.0")),
    ]
    # The limits are those of what the plot shows and the choice looks at.
    assert all(float(row["low"]) <= float(row["dev_mrr_mean"]) <= float(row["high"]) for row in rows)


# --- the table of all experiments ---


def experiment(p1: float, delta: float, lr: float) -> tuple[dict, dict]:
    """The parameters and the summary of one experiment."""
    tuned = {"p1": p1, "mrr": 0.5, "sts": 0.75, "delta": delta, "p": 0.01}
    use = {"pretrained": {"p1": 0.1, "mrr": 0.4, "sts": 0.8}, "finetuned": tuned}
    params = {"seed": 13, "recipes.default.all.lr": lr, "models": ["use", "nllb"]}
    return params, {"use": use, "nllb": {"pretrained": {"p1": 0.3, "chrfpp": 12.5}}}


def test_changed_parameters_stand_beside_the_figures_of_every_model() -> None:
    listed = [("workspace", *experiment(0.2, 0.1, 2e-3)), ("lr-1e-3", *experiment(0.15, 0.05, 1e-3))]
    lines = [line.split() for line in experiments.experiments_table(listed, None).splitlines()]
    assert lines[0][-2:] == ["p", "lr"]  # seed and models are the same in all
    assert lines[2] == [
        *("workspace", "use", "0.100", "→", "0.200", "0.400", "→", "0.500", "0.800", "→", "0.750"),
        *("+10.0", "0.0100", "0.002"),
    ]
    assert lines[3] == ["workspace", "nllb", "0.300", "12.500", "0.002"]
    assert [line[:2] for line in lines[4:]] == [["lr-1e-3", "use"], ["lr-1e-3", "nllb"]]


def test_one_model_is_shown_without_the_figures_that_it_lacks_and_within_the_terminal() -> None:
    listed = [("workspace", *experiment(0.2, 0.1, 2e-3)), ("failed", {}, {})]
    # What DVC cannot read has no parameters, so it does not make all of them changed ones.
    assert "lr" not in experiments.experiments_table(listed, "nllb")
    listed = [listed[0], ("failed", {"pair": "ru"}, {})]
    lines = experiments.experiments_table(listed, "nllb", width=40).splitlines()
    assert max(map(len, lines)) <= 40
    assert [line.split()[:2] for line in lines[2:4]] == [["workspace", "nllb"], ["failed", "nllb"]]
    text = "\n".join(lines)
    assert "chrF++" in text
    assert "STS" not in text
    # A parameter that one experiment lacks is named with the end of its key, if no other ends so.
    assert all(name in text for name in ("seed", "lr", "models"))

    # Keys that end alike are shown whole.
    listed = [("a", {"clean.k": 1, "align.k": 2}, {}), ("b", {"clean.k": 2, "align.k": 1}, {})]
    assert experiments.experiments_table(listed, "use").splitlines()[0].split()[-2:] == ["clean.k", "align.k"]


# --- for real ---


def make_list(folder: Path, listed: dict) -> None:
    write(folder / "assets/experiments.yaml", yaml.safe_dump(listed))


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "commands.experiments", *arguments]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(
        command, cwd=folder, env=environment(), text=True, start_new_session=True, **pipes
    )


def refused(folder: Path, *arguments: str) -> str:
    """Run the command, which fails; return the last line that it printed."""
    with start(folder, *arguments) as process:
        _, errors = process.communicate(timeout=900)
    assert process.returncode == 1, errors[-2000:]
    return errors.strip().splitlines()[-1]


def commits(folder: Path) -> dict[str, str]:
    """The commit of each experiment by its name."""
    listed = git(folder, "for-each-ref", "--format=%(refname) %(objectname)", "refs/exps").splitlines()
    named = [line.split() for line in listed if "/trial-" in line or "/sweep-" in line]
    return {name.rpartition("/")[2]: commit for name, commit in named}


@pytest.mark.slow
def test_a_trial_is_an_experiment_whose_figures_are_kept(finished_run: Path, tmp_path: Path) -> None:
    folder = copy_run(finished_run, tmp_path / "a")
    default = {"why": "as it is", "set": {}}
    names = {"why": "shorter ones too", "test": True, "set": {"recipes.default.all.min_words": 3}}
    make_list(folder, {"default": default, "names": names})
    make_repository(folder)
    before = (folder / "params.yaml").read_bytes()

    run(folder, "-m", "commands.experiments", "run")
    record = json.loads((folder / "metrics/recipes.json").read_text(encoding="utf-8"))["trials"]
    dev = {name: trial["dev"]["use"] for name, trial in record.items()}
    assert dev["names"]["train_pairs"] > dev["default"]["train_pairs"] > 0
    assert dev["names"]["pretrained"] == dev["default"]["pretrained"]
    assert 0 < dev["default"]["finetuned"][0]["score"] < 1
    assert "test" not in record["default"]
    tuned = record["names"]["test"]["use"]["finetuned"]
    assert {"test_p1_mean", "test_mrr_mean", "delta", "p", "by_source"} <= set(tuned)
    # The workspace is as it was, and the experiments are there to be looked at.
    assert (folder / "params.yaml").read_bytes() == before
    assert set(commits(folder)) == {"trial-default", "trial-names"}
    table = run(folder, "-m", "commands.experiments", "show", "--model", "use").splitlines()
    assert table[0].split()[-1] == "min_words"
    (line,) = [line.split() for line in table if line.startswith("trial-names")]
    assert line[1:5] == [
        *("use", f"{tuned['test_p1_mean'] - tuned['delta']:.3f}", "→", f"{tuned['test_p1_mean']:.3f}"),
    ]
    assert line[-1] == "3"

    # Run again after another commit, a trial replaces the older one of its name.
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "trials")
    run(folder, "-m", "commands.experiments", "run", "names")
    assert json.loads((folder / "metrics/recipes.json").read_text(encoding="utf-8"))["trials"] == record
    assert set(commits(folder)) == {"trial-default", "trial-names"}

    # What a stage refuses is told in the stage's own words.
    make_list(folder, {"none": {"why": "no letters", "set": {"clean.min_letters": 0}}})
    failed = "error: trial-none: dvc exp run failed"
    assert refused(folder, "run").startswith(f"{failed}: params.yaml: clean.min_letters: input should be")
    shutil.rmtree(folder / ".git")  # without git there are no experiments
    assert refused(folder, "run").startswith(failed)


@pytest.mark.slow
def test_a_grid_is_run_and_what_was_finished_before_a_kill_is_kept(
    finished_run: Path, tmp_path: Path
) -> None:
    folder = copy_run(finished_run, tmp_path / "a")
    grid = yaml.safe_load(LIST.read_text(encoding="utf-8"))["data-size"]
    grid["points"] = {name: grid["points"][name] for name in ("0.25", "1")}
    make_list(folder, {"data-size": grid})
    make_repository(folder)

    out = folder / "metrics/sweeps/data-size.json"
    with start(folder, "run", "data-size") as process:
        until = time.monotonic() + 300
        while not out.is_file() and process.poll() is None and time.monotonic() < until:
            time.sleep(0.1)
        os.killpg(process.pid, signal.SIGKILL)
    first = json.loads(out.read_text(encoding="utf-8"))
    assert set(first["points"]) == {"1"}  # the reference goes first
    before = commits(folder)["sweep-data-size-1"]

    printed = run(folder, "-m", "commands.experiments", "run", "data-size")
    assert "sweep-data-size-1: finished before, kept" in printed
    assert "sweep-data-size-0-25: finished" not in printed
    assert commits(folder)["sweep-data-size-1"] == before
    record = json.loads(out.read_text(encoding="utf-8"))
    points = {name: entry["models"]["use"] for name, entry in record["points"].items()}
    assert set(points) == {"0.25", "1"}
    assert 0 < points["0.25"]["train_pairs"] < points["1"]["train_pairs"]
    assert points["1"]["figures"] == first["points"]["1"]["models"]["use"]["figures"]
    for figures in (points["1"]["figures"], record["pretrained"]["use"]):
        assert figures["dev_mrr_mean"]["n"] > 0
        assert figures["test_mrr_mean"]["n"] > 0
    # One comparison with the reference, on dev and on test.
    assert points["0.25"]["against"]["reference"]["dev_p1_mean"]["family"] == 2
    assert "Best by MRR on dev: use: " in printed
    assert (folder / "metrics/sweeps/data-size.csv").is_file()
    # The workspace is as it was.
    assert load_params(folder / "params.yaml").finetune.train_share == 1.0
