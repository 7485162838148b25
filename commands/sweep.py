"""Run a grid of assets/sweeps.yaml as DVC experiments; write what dev said of each point to metrics/sweeps/.

A point is fine-tuned by `dvc exp run --temp --name sweep-NAME-POINT`; its adapters are then measured here, on
the splits that lie here (dvc repro split), and tested query by query. A point that was run before with the
same code, data and settings is not run again.
"""

from __future__ import annotations

import argparse
import csv
import logging
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from commands.compare import fetch_output
from commands.interpolation import DEV
from commands.trials import read_named, references, run_experiment
from stages.evaluate.evidence import NORMALISATION, collect_evidence, model_signature, versions
from stages.evaluate.retrieval_sets import RetrievalSet, lay_out_split
from stages.finetune.run import run_key
from stages.lib.core import cli
from stages.lib.core.errors import DataError, ParamsError
from stages.lib.core.files import atomic_path, read_json, sha256_file, write_json
from stages.lib.core.params import Params, load_params
from stages.lib.core.tables import (
    CORPUS_SCHEMA,
    POOL_SCHEMA,
    SPLIT_IDENTITY,
    content_sha256,
    read_table,
)
from stages.lib.scores.comparison import TEST, compare, correct, measure, rounded
from stages.report.result_table import as_text, format_p

if TYPE_CHECKING:
    import polars as pl

log = logging.getLogger("sweep")  # run with -m, __name__ says nothing

# What a point is chosen by.
CHOICE = "dev_mrr_mean"


@dataclass(frozen=True)
class Sweep:
    """One grid: its points by name, each a change of params."""

    name: str
    why: str
    reference: str
    points: Mapping[str, Mapping[str, Any]]
    test: bool

    def experiment(self, point: str) -> str:
        return f"sweep-{self.name}-{point}".replace("_", "-").replace(".", "-")

    @property
    def sets(self) -> tuple[str, ...]:
        return (DEV, TEST) if self.test else (DEV,)


def read_sweep(path: Path, name: str) -> Sweep:
    """Read one grid of the list. Raises DataError, with the file's name, if it is absent or malformed."""
    grids = read_named(path, "grids", "--sweeps")
    if name not in grids:
        raise DataError(f"{path}: no sweep {name!r}; known: {', '.join(grids)}")
    try:
        found = Sweep(**{"name": name, "test": False, **grids[name]})
        is_right = found.reference in found.points and all(
            isinstance(point, str) and isinstance(changes, dict) for point, changes in found.points.items()
        )
    except TypeError:
        is_right = False
    if not is_right:
        raise DataError(
            f"{path}: sweep {name}: expected why, points (name: {{key: value}}), reference (one of them) and "
            f"perhaps test (true or false), found {grids[name]!r}"
        )
    return found


def settings_of(changes: Mapping[str, Any], models: Sequence[str], params: Params) -> dict[str, Any]:
    """Return a point's changes by their keys in params.yaml.

    ``recipe.<key>`` is set where the recipe in use has it: in a model's own block, else in ``all``.
    """
    recipe = params.finetune.recipe
    settings: dict[str, Any] = {"models": list(models)}
    for key, value in changes.items():
        if not key.startswith("recipe."):
            settings[key] = value
            continue
        own = key.removeprefix("recipe.")
        for model in models:
            block = model if own in params.recipes[recipe].get(model, {}) else "all"
            settings[f"recipes.{recipe}.{block}.{own}"] = value
    return settings


def change(params: Params, settings: Mapping[str, Any], where: str) -> Params:
    """Return the parameters with changes. Raises ParamsError where they are then not valid."""
    from pydantic import ValidationError

    raw = params.model_dump()
    for key, value in settings.items():
        *parents, last = key.split(".")
        block = raw
        for parent in parents:
            block = block.setdefault(parent, {})
        block[last] = value
    try:
        return Params.model_validate(raw)
    except ValidationError as error:
        faults = "; ".join(str(fault["msg"]) for fault in error.errors())
        raise ParamsError(f"{where}: {faults}; correct assets/sweeps.yaml") from None


def run_keys(params: Params, models: Sequence[str], splits: Path) -> dict[str, list[str]]:
    """Return what names the runs of each model: a key for each seed, of all that the run depends on."""
    inputs = [splits / "train.parquet", splits / f"{DEV}.parquet"]
    return {
        model: [
            run_key(model, params, params.recipe(params.finetune.recipe, model), seed, inputs)
            for seed in params.finetune.seeds
        ]
        for model in models
    }


def fetch_adapters(revision: str, models: Sequence[str], splits: Path, folder: Path) -> dict[str, Path]:
    """Copy the adapters of an experiment, by model.

    Raises DataError if they were trained on other splits than those here.
    """
    theirs = fetch_output(revision, "data/splits", folder)
    for name in ("train.parquet", f"{DEV}.parquet"):
        if sha256_file(theirs / name) != sha256_file(splits / name):
            raise DataError(
                f"{revision}: trained on another {splits / name} than lies here; run dvc repro split, then "
                "this again"
            )
    return {model: fetch_output(revision, f"models/{model}", folder) for model in models}


def load_sets(sweep: Sweep, splits: Path, params: Params) -> tuple[list[RetrievalSet], dict[str, Any]]:
    """Lay out dev, and test where the grid asks for it, among the pool; return their signature too."""
    pool = read_table(splits / "pool.parquet", POOL_SCHEMA)
    tables = {name: read_table(splits / f"{name}.parquet", CORPUS_SCHEMA) for name in sweep.sets}
    signature = {f"{name}_sha256": content_sha256(table, SPLIT_IDENTITY) for name, table in tables.items()}
    signature["pool_sha256"] = content_sha256(pool, list(POOL_SCHEMA))
    return [lay_out_split(name, table, pool, params.pair) for name, table in tables.items()], signature


def plain_ranks(
    name: str, sets: Sequence[RetrievalSet], params: Params, adapters: Path | None
) -> pl.DataFrame:
    """Measure a model; returns its ranks by cosine, hard negatives left out."""
    import polars as pl

    ranks = collect_evidence(name, sets, [], params, adapters).ranks
    own = [one.name for one in sets]
    return ranks.filter((pl.col("scoring") == "cosine") & pl.col("benchmark").is_in(own))


def figures_of(ranks: pl.DataFrame, params: Params) -> dict[str, Any]:
    """Return P@1 and MRR of every set and direction, each with its interval and n."""
    found = measure(ranks, params.pair, params.evaluate, params.seed)["metrics"]
    return {name: figure for name, figure in found.items() if "_p5_" not in name}


def differences(
    ranks: Mapping[tuple[str, str], pl.DataFrame],
    pretrained: Mapping[str, pl.DataFrame],
    reference: str,
    params: Params,
) -> dict[tuple[str, str], dict[str, dict[str, Any]]]:
    """Test every point, a (name, model), against the pretrained model and against the reference point.

    p is corrected for the number of points and models, each kind of comparison by itself.
    """
    found: dict[tuple[str, str], dict[str, dict[str, Any]]] = {key: {} for key in ranks}
    for kind in ("pretrained", "reference"):
        tests = {}
        for (point, model), own in ranks.items():
            before = pretrained[model] if kind == "pretrained" else ranks[reference, model]
            if kind == "pretrained" or point != reference:
                tests[f"{point} {model}"] = compare(before, own, params.pair, params.evaluate, params.seed)
                found[point, model][kind] = tests[f"{point} {model}"]
        correct(tests)
    return found


def assemble(
    sweep: Sweep,
    keys: Mapping[str, Mapping[str, list[str]]],
    training: Mapping[tuple[str, str], Mapping[str, Any]],
    ranks: Mapping[tuple[str, str], pl.DataFrame],
    pretrained: Mapping[str, pl.DataFrame],
    params: Params,
) -> dict[str, Any]:
    """Make the figures of the points measured so far; the reference is among them."""
    tests = differences(ranks, pretrained, sweep.reference, params)
    points: dict[str, Any] = {}
    for (point, model), own in ranks.items():
        seeds = training[point, model]["seeds"]
        entry = points.setdefault(
            point, {"set": dict(sweep.points[point]), "runs": keys[point], "models": {}}
        )
        entry["models"][model] = {
            "train_pairs": seeds[0]["train_pairs"],
            "best_epoch": [seed["best_epoch"] for seed in seeds],
            "scale": [seed["scale"] for seed in seeds],
            "figures": figures_of(own, params),
            "against": tests[point, model],
        }
    before = {model: figures_of(own, params) for model, own in pretrained.items()}
    best = {}
    for model in pretrained:
        by_point = {
            point: entry["models"][model]["figures"][CHOICE]["value"] for point, entry in points.items()
        }
        best[model] = max(by_point, key=lambda point: by_point[point])
    # A p of 0.0000 would say too much: p keeps its digits.
    return rounded(
        {
            "why": sweep.why,
            "reference": sweep.reference,
            "best_on_dev": best,
            "pretrained": before,
            "points": points,
        },
        6,
    )


def run_sweep(sweep: Sweep, models: Sequence[str], params: Params, splits: Path, out: Path) -> dict[str, Any]:
    """Run what is not finished, the reference first, and write the figures after each point."""
    settings = {point: settings_of(changes, models, params) for point, changes in sweep.points.items()}
    changed = {
        point: change(params, found, f"sweep {sweep.name}, point {point}")
        for point, found in settings.items()
    }
    sets, signature = load_sets(sweep, splits, params)
    signature |= {
        "models": {model: model_signature(model, params.models_config[model]) for model in models},
        "normalisation": NORMALISATION,
        "settings": params.evaluate.model_dump(),
        "seeds": {"resampling": params.seed, "training": params.finetune.seeds},
        "versions": versions(),
    }
    record = read_json(out) if out.is_file() else {"points": {}}
    keys = {point: run_keys(changed[point], models, splits) for point in sweep.points}
    is_finished = {point: record["points"].get(point, {}).get("runs") == keys[point] for point in keys}
    pretrained = {model: plain_ranks(model, sets, params, None) for model in models}
    training: dict[tuple[str, str], Any] = {}
    ranks: dict[tuple[str, str], pl.DataFrame] = {}
    found: dict[str, Any] = {}
    for point in sorted(sweep.points, key=lambda name: name != sweep.reference):
        experiment = sweep.experiment(point)
        if is_finished[point] and references(experiment):
            log.info("%s: finished before, kept", experiment)
        else:
            run_experiment(experiment, settings[point], ["finetune"])
        # By its reference: a name is looked for among the experiments of this commit alone.
        revision = references(experiment)[0]
        with tempfile.TemporaryDirectory() as scratch:
            for model, folder in fetch_adapters(revision, models, splits, Path(scratch)).items():
                training[point, model] = read_json(folder / "training.json")
                ranks[point, model] = plain_ranks(model, sets, params, folder)
        found = assemble(sweep, keys, training, ranks, pretrained, params) | {"signature": signature}
        # Points of an interrupted run that come later stay on record: they are not run again.
        kept = {name: record["points"][name] for name in keys if is_finished[name]}
        write_json(out, found | {"points": {**kept, **found["points"]}})
        for model in models:
            log.info("%s, %s: %s %.4f", experiment, model, CHOICE, _dev(found, point, model))
    write_json(out, found)
    return found


def _dev(found: Mapping[str, Any], point: str, model: str) -> float:
    return found["points"][point]["models"][model]["figures"][CHOICE]["value"]


def write_plot(sweep: Sweep, found: Mapping[str, Any], models: Sequence[str], path: Path) -> None:
    """Write a CSV line for each model and point, the pretrained one first, for dvc plots."""
    rows = []
    for model in models:
        entries = {point: found["points"][point]["models"][model] for point in sweep.points}
        before = {"train_pairs": 0, "figures": found["pretrained"][model]}
        for point, entry in {"pretrained": before, **entries}.items():
            figures = entry["figures"]
            row = {"model": model, "point": point, "train_pairs": entry["train_pairs"]}
            row |= {name: figures[name]["value"] for name in figures if name.endswith("_mean")}
            row |= {key: figures[CHOICE][key] for key in ("low", "high")}
            rows.append(rounded(row))
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def sweep_table(sweep: Sweep, found: Mapping[str, Any], models: Sequence[str]) -> str:
    """Lay the points out in the grid's order, the pretrained model first, with a legend."""
    header = ["model", sweep.name, "pairs"]
    for name in sweep.sets:
        header += [f"{name} P@1", f"{name} MRR"]
    rows = [[*header, "Δ P@1", "p", f"Δ to {sweep.reference}", "p"]]

    def cells(figures: Mapping[str, Any]) -> list[str]:
        found = []
        for name in sweep.sets:
            p1 = figures[f"{name}_p1_mean"]
            found.append(f"{p1['value']:.3f} [{p1['low']:.3f}, {p1['high']:.3f}]")
            found.append(f"{figures[f'{name}_mrr_mean']['value']:.3f}")
        return found

    for model in models:
        rows.append([model, "pretrained", "0", *cells(found["pretrained"][model]), *[""] * 4])
        for point in sweep.points:
            entry = found["points"][point]["models"][model]
            row = [model, point, f"{entry['train_pairs']:,}", *cells(entry["figures"])]
            for kind in ("pretrained", "reference"):
                test = entry["against"].get(kind, {}).get(f"{DEV}_p1_mean")
                row += [f"{100 * test['difference']:+.1f}", format_p(test["p_holm"])] if test else ["", ""]
            rows.append(row)
    n = {name: found["pretrained"][models[0]][f"{name}_p1_mean"] for name in sweep.sets}
    sizes = ", ".join(
        f"{one['n']:,} pairs of {name} ({one['unit']}: {one['units']})" for name, one in n.items()
    )
    best = ", ".join(f"{model}: {found['best_on_dev'][model]}" for model in models)
    return "\n".join(
        [
            as_text(rows),
            "",
            f"{sweep.why}.",
            f"Mean of both directions; {sizes}. Δ: points of P@1 on dev over the pretrained model, and to "
            f"{sweep.reference}; p: paired permutation test, Holm-corrected over points, models and sets.",
            f"Best by MRR on dev: {best}.",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m commands.sweep",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", help="a grid in the list")
    parser.add_argument(
        "--models", nargs="+", help="names in models_config; params.yaml's models if not given"
    )
    parser.add_argument("--sweeps", type=Path, default=Path("assets/sweeps.yaml"), help="the list of grids")
    parser.add_argument("--splits", type=Path, default=Path("data/splits"), help="folder of the splits")
    parser.add_argument(
        "--out", type=Path, default=Path("metrics/sweeps"), help="folder for NAME.json and .csv"
    )
    args = parser.parse_args()
    params = load_params()
    models = args.models or params.models
    if unknown := [name for name in models if name not in params.models_config]:
        raise ParamsError(f"--models {unknown[0]}: unknown; known: {', '.join(sorted(params.models_config))}")
    sweep = read_sweep(args.sweeps, args.name)
    found = run_sweep(sweep, models, params, args.splits, args.out / f"{sweep.name}.json")
    write_plot(sweep, found, models, args.out / f"{sweep.name}.csv")
    # The table is this command's product, so it goes to stdout; it has letters outside ASCII.
    sys.stdout.reconfigure(encoding="utf-8")
    sys.stdout.write(sweep_table(sweep, found, models) + "\n")


if __name__ == "__main__":
    cli.run(main)
