"""Try recipes and settings as DVC experiments; write what dev said of each to metrics/recipes.json.

Each trial is `dvc exp run --temp --name trial-NAME -S ...` and can be looked at with `dvc exp show`. Stages
that DVC has run before with the same code, data and settings come from its cache.
"""

from __future__ import annotations

import argparse
import json
import logging
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stages.lib.core import cli
from stages.lib.core.errors import DataError
from stages.lib.core.files import read_json, write_json
from stages.lib.core.params import load_params
from stages.lib.scores.comparison import rounded

log = logging.getLogger("trials")  # run with -m, __name__ says nothing


def read_named(path: Path, what: str, option: str) -> dict[str, Any]:
    """Read a YAML file of things by name; ``what`` they are and the file's ``option`` are for messages.

    Raises DataError, with the file's name, if it is absent, not YAML, or has no names.
    """
    from ruamel.yaml import YAML  # reads 1e-5 as a number, as params.yaml is read; PyYAML does not
    from ruamel.yaml.error import YAMLError

    try:
        found = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"{path}: not found; give the list of {what} with {option}") from None
    except (YAMLError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: not valid YAML: {error}") from None
    if not isinstance(found, dict) or not found:
        raise DataError(f"{path}: expected {what} by name, found {type(found).__name__}")
    return found


def read_trials(path: Path) -> dict[str, dict[str, Any]]:
    """Read the list of trials: name -> {why, set: {dotted key: value}, evaluate: bool}.

    Raises DataError, with the file's name, if it is absent, not YAML or of another form.
    """
    trials = read_named(path, "trials", "--trials")
    for name, trial in trials.items():
        found = trial if isinstance(trial, dict) else {}
        if (
            {"why", "set"} - set(found)
            or set(found) - {"why", "set", "evaluate"}
            or not isinstance(found["set"], dict)
            or not isinstance(found.get("evaluate", False), bool)
        ):
            raise DataError(
                f"{path}: trial {name}: expected why (text), set (dotted key: value) and perhaps evaluate "
                f"(true or false), found {trial!r}"
            )
    return trials


def overrides(settings: dict[str, Any]) -> list[str]:
    """Return the arguments of `dvc exp run` that change params.yaml: JSON is valid in Hydra's grammar."""
    changes = (f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in settings.items())
    return [part for change in changes for part in ("-S", change)]


def run_experiment(experiment: str, settings: dict[str, Any], targets: Sequence[str] = ()) -> None:
    """Run stages (all by default) with changed params as an experiment, in place of older ones of its name.

    `dvc exp run --force` would replace that of this commit alone, and would run every stage anew.
    """
    for reference in references(experiment):
        subprocess.run(["git", "update-ref", "-d", reference], check=True)
    command = ["exp", "run", "--temp", "--name", experiment, *overrides(settings), *targets]
    log.info("dvc %s", " ".join(command))
    done = subprocess.run([sys.executable, "-m", "dvc", *command], text=True, capture_output=True)
    if done.returncode:
        raise DataError(f"{experiment}: dvc exp run failed: {_reason(done.stderr or done.stdout)}")


def _reason(output: str) -> str:
    """What the stage that failed said in its one line, else the end of what DVC said."""
    said = re.findall(r"^error: (.+)", output, re.MULTILINE)
    return said[-1] if said else output.strip()[-400:]


def references(experiment: str) -> list[str]:
    """List the git references of the experiments of a name, whatever commit they started from."""
    listed = subprocess.run(
        ["git", "for-each-ref", "--format=%(refname)", "refs/exps"], text=True, capture_output=True
    )
    return [one for one in listed.stdout.split() if one.rpartition("/")[2] == experiment]


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
            "pretrained": rounded(seeds[0]["dev_pretrained"]),
            "finetuned": [rounded(seed["dev"]) for seed in seeds],
        }
    return found


def test_figures(experiment: str) -> dict[str, Any]:
    """Read the summary of a trial that ran to the report, and P@1 of each source of the test set."""
    import dvc.api

    def read(path: str) -> Any:
        return json.loads(dvc.api.read(path, rev=experiment))

    summary = read("metrics/summary.json")
    for model, variants in summary.items():
        for variant, figures in variants.items():
            by_source = read(f"metrics/detail/{model}-{variant}.json")["by_source"]
            figures["by_source"] = {
                source: {
                    name.removeprefix("test_"): {
                        key: found[name][key] for key in ("n", "value", "low", "high")
                    }
                    for name in sorted(found)
                    if name.startswith("test_p1_")
                }
                for source, found in sorted(by_source.items())
            }
    return summary


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m commands.trials", description=__doc__)
    parser.add_argument("--trials", type=Path, default=Path("assets/trials.yaml"), help="the list of trials")
    parser.add_argument("--out", type=Path, default=Path("metrics/recipes.json"), help="where the figures go")
    parser.add_argument("--only", nargs="+", default=None, help="names of trials; all if not given")
    args = parser.parse_args()
    params = load_params()
    trials = read_trials(args.trials)
    # What else the file holds (first scouting, by hand) stays as it is.
    record = read_json(args.out) if args.out.is_file() else {}
    results = {name: result for name, result in record.get("trials", {}).items() if name in trials}
    if unknown := [name for name in args.only or [] if name not in trials]:
        raise DataError(f"{args.trials}: no trial {unknown[0]}; known: {', '.join(trials)}")
    for name in args.only or trials:
        trial = trials[name]
        experiment = f"trial-{name.replace('_', '-')}"
        run_experiment(experiment, trial["set"], [] if trial.get("evaluate") else ["finetune"])
        models = trial["set"].get("models", params.models)
        results[name] = {"why": trial["why"], "set": trial["set"], "dev": dev_figures(experiment, models)}
        if trial.get("evaluate"):
            results[name]["test"] = test_figures(experiment)
        write_json(args.out, {**record, "trials": results})
        for model, found in results[name]["dev"].items():
            log.info("%s %s: dev score %.4f", name, model, found["finetuned"][0]["score"])


if __name__ == "__main__":
    cli.run(main)
