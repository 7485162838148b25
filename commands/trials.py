"""Try recipes and settings as DVC experiments; write what dev said of each to metrics/recipes.json.

Each trial is `dvc exp run --temp --name trial-NAME -S ...` and can be looked at with `dvc exp show`. A trial
that is in the file with the same settings and the same committed code is not run again.
"""

from __future__ import annotations

import argparse
import json
import logging
import subprocess
from pathlib import Path
from typing import Any

import yaml

from stages.lib import cli
from stages.lib.errors import DataError
from stages.lib.files import read_json, write_json
from stages.lib.params import load_params

log = logging.getLogger("trials")


def read_trials(path: Path) -> dict[str, dict[str, Any]]:
    """Read the list of trials: name -> {why, set: {dotted key: value}, evaluate: bool}."""
    trials = yaml.safe_load(path.read_text(encoding="utf-8"))
    for name, trial in trials.items():
        unknown = set(trial) - {"why", "set", "evaluate"}
        if unknown or not isinstance(trial.get("set"), dict):
            raise DataError(f"{path}: trial {name}: expected why, set and evaluate, found {sorted(trial)}")
    return trials


def run_trial(name: str, trial: dict[str, Any]) -> str:
    """Run one trial as an experiment and return the experiment's name."""
    experiment = f"trial-{name.replace('_', '-')}"
    overrides = [part for key, value in trial["set"].items() for part in ("-S", f"{key}={json.dumps(value)}")]
    targets = [] if trial.get("evaluate") else ["finetune"]
    command = ["dvc", "exp", "run", "--temp", "--force", "--name", experiment, *overrides, *targets]
    log.info("%s", " ".join(command))
    done = subprocess.run(command, text=True, capture_output=True)
    if done.returncode:
        raise DataError(f"trial {name}: dvc exp run failed: {(done.stderr or done.stdout).strip()[-400:]}")
    return experiment


def dev_figures(experiment: str, models: list[str]) -> dict[str, Any]:
    """Read what training wrote of dev, for each model of an experiment."""
    import dvc.api

    found = {}
    for model in models:
        training = json.loads(dvc.api.read(f"models/{model}/training.json", rev=experiment))
        seeds = training["seeds"]
        found[model] = {
            "dev_pairs": seeds[0]["dev_pairs"],
            "train_pairs": seeds[0]["train_pairs"],
            "best_epoch": [seed["best_epoch"] for seed in seeds],
            "scale": [seed["scale"] for seed in seeds],
            "pretrained": _rounded(seeds[0]["dev_pretrained"]),
            "finetuned": [_rounded(seed["dev"]) for seed in seeds],
        }
    return found


def test_figures(experiment: str) -> dict[str, Any]:
    """Read the summary of a trial that ran to the report."""
    import dvc.api

    return json.loads(dvc.api.read("metrics/summary.json", rev=experiment))


def _rounded(scores: dict[str, float]) -> dict[str, float]:
    return {key: round(value, 4) for key, value in scores.items()}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m commands.trials", description=__doc__)
    parser.add_argument("--trials", type=Path, default=Path("assets/trials.yaml"), help="the list of trials")
    parser.add_argument("--out", type=Path, default=Path("metrics/recipes.json"), help="where the figures go")
    parser.add_argument("--only", nargs="+", default=None, help="names of trials; all if not given")
    args = parser.parse_args()
    params = load_params()
    trials = read_trials(args.trials)
    results = read_json(args.out) if args.out.is_file() else {}
    results = {name: result for name, result in results.items() if name in trials}
    for name in args.only or trials:
        if name not in trials:
            raise DataError(f"{args.trials}: no trial {name}; known: {', '.join(trials)}")
        trial = trials[name]
        experiment = run_trial(name, trial)
        models = trial["set"].get("models", params.models)
        results[name] = {"why": trial["why"], "set": trial["set"], "dev": dev_figures(experiment, models)}
        if trial.get("evaluate"):
            results[name]["test"] = test_figures(experiment)
        write_json(args.out, results)
        for model, found in results[name]["dev"].items():
            log.info("%s %s: dev MRR %.4f", name, model, found["finetuned"][0]["score"])


if __name__ == "__main__":
    cli.run(main)
