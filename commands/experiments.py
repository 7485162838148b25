"""Run the named experiments of assets/experiments.yaml under DVC, and show experiments beside each other.

A trial is one change of params.yaml; what training saw on dev, and test figures where it runs to the report,
go to metrics/recipes.json. A grid has several points, each fine-tuned and then measured on the splits of the
workspace (dvc repro split) and tested query by query; its figures go to metrics/sweeps/. A point that was run
before with the same code, data and settings is not run again.
"""

from __future__ import annotations

import json
import logging
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from commands.benchmarks.strengths import DEV
from commands.check import check_folder
from commands.cli import Parser
from commands.results import fetch_output, read_revision
from stages.evaluate.evidence import collect_evidence, model_signature, sign_settings
from stages.evaluate.retrieval_sets import RetrievalSet, lay_out_split
from stages.finetune.run import run_key
from stages.lib.core import cli
from stages.lib.core.errors import DataError, ParamsError
from stages.lib.core.files import read_json, sha256_file, write_json
from stages.lib.core.params import Params, load_params, read_yaml, unknown
from stages.lib.core.tables import CORPUS_SCHEMA, POOL_SCHEMA, SPLIT_IDENTITY, content_sha256, read_table
from stages.lib.scores.comparison import TEST, compare, correct, measure, rounded
from stages.report.gather import write_csv
from stages.report.tables import VARIANTS, as_text, format_p

if TYPE_CHECKING:
    import polars as pl

log = logging.getLogger("experiments")  # run with -m, __name__ says nothing

LIST = Path("assets/experiments.yaml")
SPLITS = Path("data/splits")
RECIPES, SWEEPS = Path("metrics/recipes.json"), Path("metrics/sweeps")
# A grid's best point has the highest of this.
CHOICE = "dev_mrr_mean"
# The figures of summary.json, as `make experiments` heads their columns.
FIGURES = {"p1": "P@1", "mrr": "MRR", "hard_p1": "hard", "sts": "STS", "chrfpp": "chrF++"}


@dataclass(frozen=True)
class Experiment:
    """One entry of the list: a trial, with the one point ``default``, or a grid with its ``reference``.

    ``points`` are changes of params by name; ``test`` asks for the test set's figures beside those of dev.
    """

    name: str
    why: str
    points: Mapping[str, Mapping[str, Any]]
    reference: str | None
    test: bool

    def of_point(self, point: str) -> str:
        """Return the name of a point as a DVC experiment."""
        parts = ["trial", self.name] if self.reference is None else ["sweep", self.name, point]
        return "-".join(parts).replace("_", "-").replace(".", "-")

    @property
    def sets(self) -> tuple[str, ...]:
        return (DEV, TEST) if self.test else (DEV,)


def read_experiments(path: Path) -> dict[str, Experiment]:
    """Read the list. Raises ParamsError, with the file's name, if it is absent or malformed."""
    experiments = {}
    for name, raw in read_yaml(path).items():
        entry = raw if isinstance(raw, dict) else {}
        points = entry.get("points", {"default": entry.get("set")})
        is_grid = "points" in entry
        if (
            not isinstance(entry.get("why"), str)
            or set(entry) - {"why", "test", *(("points", "reference") if is_grid else ("set",))}
            or not isinstance(points, dict)
            or not all(isinstance(k, str) and isinstance(v, dict) for k, v in points.items())
            or (is_grid and entry.get("reference") not in points)
            or not isinstance(entry.get("test", False), bool)
        ):
            raise ParamsError(
                f"{path}: {name}: expected why (text), perhaps test (true or false), and either set (dotted "
                f"key: value) or points (name: {{key: value}}) with reference (one of them), found {raw!r}"
            )
        experiments[name] = Experiment(
            name, entry["why"], points, entry.get("reference"), entry.get("test", False)
        )
    return experiments


def settings_of(changes: Mapping[str, Any], models: Sequence[str] | None, params: Params) -> dict[str, Any]:
    """Return a point's changes by their keys in params.yaml; ``models`` are set where they are given.

    ``recipe.<key>`` is set where the recipe in use has it: in a model's block, else in ``all``.
    """
    recipe = params.finetune.recipe
    settings: dict[str, Any] = {} if models is None else {"models": list(models)}
    for key, value in changes.items():
        if not key.startswith("recipe."):
            settings[key] = value
            continue
        field = key.removeprefix("recipe.")
        for model in models or params.models:
            block = model if field in params.recipes[recipe].get(model, {}) else "all"
            settings[f"recipes.{recipe}.{block}.{field}"] = value
    return settings


def change(params: Params, settings: Mapping[str, Any], where: str) -> Params:
    """Return the parameters with changes. Raises ParamsError where they are then not valid."""
    from pydantic import ValidationError

    raw = params.model_dump(exclude_unset=True)
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
        raise ParamsError(f"{where}: {faults}; correct {LIST}") from None


# --- DVC ---


def overrides(settings: Mapping[str, Any]) -> list[str]:
    """Return the arguments of `dvc exp run` that change params.yaml: JSON is valid in Hydra's grammar.

    ``++`` also sets a key that params.yaml leaves to its default.
    """
    changes = (f"++{key}={json.dumps(value, ensure_ascii=False)}" for key, value in settings.items())
    return [part for change in changes for part in ("-S", change)]


def run_experiment(name: str, settings: Mapping[str, Any], targets: Sequence[str] = ()) -> None:
    """Run stages (all by default) with changed params as an experiment, in place of older ones of its name.

    `dvc exp run --force` would replace that of this commit alone, and would run every stage anew. Raises
    DataError with the failed stage's own message.
    """
    check_folder(Path.cwd())
    for reference in references(name):
        subprocess.run(["git", "update-ref", "-d", reference], check=True)
    command = ["exp", "run", "--temp", "--name", name, *overrides(settings), *targets]
    log.info("dvc %s", " ".join(command))
    done = subprocess.run([sys.executable, "-m", "dvc", *command], text=True, capture_output=True)
    if done.returncode:
        output = done.stderr or done.stdout
        messages = re.findall(r"^error: (.+)", output, re.MULTILINE)
        reason = messages[-1] if messages else output.strip()[-400:]
        raise DataError(f"{name}: dvc exp run failed: {reason}")


def references(experiment: str) -> list[str]:
    """List the git references of the experiments of a name, whatever commit they started from."""
    listed = subprocess.run(
        ["git", "for-each-ref", "--format=%(refname)", "refs/exps"], text=True, capture_output=True
    )
    return [name for name in listed.stdout.split() if name.rpartition("/")[2] == experiment]


# --- trials ---


def run_trial(trial: Experiment, params: Params) -> dict[str, Any]:
    """Run a trial; return its entry of metrics/recipes.json."""
    (settings,) = trial.points.values()
    name = trial.of_point("default")
    run_experiment(name, settings, [] if trial.test else ["finetune"])
    read = read_revision(name)
    models = settings.get("models", params.models)
    entry = {"why": trial.why, "set": dict(settings), "dev": {}}
    for model in models:
        seeds = json.loads(read(f"models/{model}/training.json"))["seeds"]
        entry["dev"][model] = {
            "dev_pairs": seeds[0]["dev_pairs"],
            **_training(seeds),
            "pretrained": rounded(seeds[0]["dev_pretrained"]),
            "finetuned": [rounded(seed["dev"]) for seed in seeds],
        }
        log.info("%s %s: dev score %.4f", trial.name, model, seeds[0]["dev"]["score"])
    if trial.test:
        entry["test"] = {
            model: {
                variant: trial_figures(json.loads(read(f"metrics/detail/{model}-{variant}.json")))
                for variant in variants
            }
            for model, variants in json.loads(read("metrics/summary.json")).items()
        }
    return entry


def trial_figures(detail: Mapping[str, Any]) -> dict[str, Any]:
    """Return the means of both directions, P@1 of each source, and the test of P@1 where there is one."""
    figures: dict[str, Any] = {
        name: figure["value"]
        for name, figure in detail["metrics"].items()
        if re.search(r"(?<!margin)_(p1|mrr)_mean$|_pearson$|_chrfpp$", name)
    }
    if test := detail.get("compared_with_pretrained", {}).get("test_p1_mean"):
        figures |= {"delta": test["difference"], "p": test["p_holm"]}
    figures["by_source"] = {
        source: {
            name.removeprefix("test_"): {key: figure[key] for key in ("n", "value", "low", "high")}
            for name, figure in sorted(metrics.items())
            if name.startswith("test_p1_")
        }
        for source, metrics in sorted(detail["by_source"].items())
    }
    return rounded(figures)


def _training(seeds: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "train_pairs": seeds[0]["train_pairs"],
        "best_epoch": [seed["best_epoch"] for seed in seeds],
        "scale": [seed["scale"] for seed in seeds],
    }


# --- grids ---


def run_keys(params: Params, models: Sequence[str]) -> dict[str, list[str]]:
    """Return what names the runs of each model: a key for each seed, of all that the run depends on."""
    inputs = [SPLITS / "train.parquet", SPLITS / f"{DEV}.parquet"]
    recipes = {model: params.recipe(params.finetune.recipe, model) for model in models}
    return {
        model: [run_key(model, params, recipe, seed, inputs) for seed in params.finetune.seeds]
        for model, recipe in recipes.items()
    }


def fetch_adapters(revision: str, models: Sequence[str], folder: Path) -> dict[str, Path]:
    """Copy the adapters of an experiment, by model.

    Raises DataError if they were trained on other splits than those here.
    """
    theirs = fetch_output(revision, "data/splits", folder)
    for name in ("train.parquet", f"{DEV}.parquet"):
        if sha256_file(theirs / name) != sha256_file(SPLITS / name):
            raise DataError(
                f"{revision}: trained on another {SPLITS / name} than lies here; run dvc repro split, then "
                "this again"
            )
    return {model: fetch_output(revision, f"models/{model}", folder) for model in models}


def load_sets(grid: Experiment, params: Params) -> tuple[list[RetrievalSet], dict[str, Any]]:
    """Lay out dev, and test where the grid asks for it, among the pool; return their signature too."""
    pool = read_table(SPLITS / "pool.parquet", POOL_SCHEMA)
    tables = {name: read_table(SPLITS / f"{name}.parquet", CORPUS_SCHEMA) for name in grid.sets}
    signature = {f"{name}_sha256": content_sha256(table, SPLIT_IDENTITY) for name, table in tables.items()}
    signature["pool_sha256"] = content_sha256(pool, list(POOL_SCHEMA))
    return [lay_out_split(name, table, pool, params.pair) for name, table in tables.items()], signature


def cosine_ranks(
    model: str, sets: Sequence[RetrievalSet], params: Params, adapters: Path | None
) -> pl.DataFrame:
    """Measure a model; return its ranks by cosine, hard negatives left out."""
    import polars as pl

    ranks = collect_evidence(model, sets, [], params, adapters).ranks
    names = [retrieval.name for retrieval in sets]
    return ranks.filter((pl.col("scoring") == "cosine") & pl.col("benchmark").is_in(names))


def figures_of(ranks: pl.DataFrame, params: Params) -> dict[str, Any]:
    """Return P@1 and MRR of every set and direction, each with its interval and n."""
    metrics = measure(ranks, params.pair, params.evaluate, params.seed)["metrics"]
    return {name: figure for name, figure in metrics.items() if "_p5_" not in name}


def differences(
    ranks: Mapping[tuple[str, str], pl.DataFrame],
    pretrained: Mapping[str, pl.DataFrame],
    reference: str,
    params: Params,
) -> dict[tuple[str, str], dict[str, dict[str, Any]]]:
    """Test every point, a (name, model), against the pretrained model and against the reference point.

    p is corrected for the number of points and models, each kind of comparison by itself.
    """
    by_point: dict[tuple[str, str], dict[str, dict[str, Any]]] = {key: {} for key in ranks}
    for kind in ("pretrained", "reference"):
        tests = {}
        for (point, model), after in ranks.items():
            before = pretrained[model] if kind == "pretrained" else ranks[reference, model]
            if kind == "pretrained" or point != reference:
                test = compare(before, after, params.pair, params.evaluate, params.seed)
                tests[f"{point} {model}"] = by_point[point, model][kind] = test
        correct(tests)
    return by_point


def assemble(
    grid: Experiment,
    keys: Mapping[str, Mapping[str, list[str]]],
    training: Mapping[tuple[str, str], Mapping[str, Any]],
    ranks: Mapping[tuple[str, str], pl.DataFrame],
    pretrained: Mapping[str, pl.DataFrame],
    params: Params,
) -> dict[str, Any]:
    """Make the figures of the points measured so far; the reference is among them."""
    tests = differences(ranks, pretrained, grid.reference, params)
    points: dict[str, Any] = {}
    for (point, model), point_ranks in ranks.items():
        entry = points.setdefault(point, {"set": dict(grid.points[point]), "runs": keys[point], "models": {}})
        entry["models"][model] = {
            **_training(training[point, model]["seeds"]),
            "figures": figures_of(point_ranks, params),
            "against": tests[point, model],
        }
    best = {
        model: max(points, key=lambda point: points[point]["models"][model]["figures"][CHOICE]["value"])
        for model in pretrained
    }
    before = {model: figures_of(model_ranks, params) for model, model_ranks in pretrained.items()}
    record = {"why": grid.why, "reference": grid.reference, "best_on_dev": best, "pretrained": before}
    # A p of 0.0000 would say too much: p keeps its digits.
    return rounded(record | {"points": points}, 6)


def run_grid(grid: Experiment, models: Sequence[str], params: Params, out: Path) -> dict[str, Any]:
    """Run what is not finished, the reference first, and write the figures after each point."""
    settings = {point: settings_of(changes, models, params) for point, changes in grid.points.items()}
    changed = {
        point: change(params, values, f"{grid.name}, point {point}") for point, values in settings.items()
    }
    sets, signature = load_sets(grid, params)
    signature |= sign_settings(params, params.finetune.seeds)
    signature["models"] = {model: model_signature(model, params.models_config[model]) for model in models}
    before = read_json(out)["points"] if out.is_file() else {}
    keys = {point: run_keys(changed[point], models) for point in grid.points}
    kept = {point: before[point] for point in keys if before.get(point, {}).get("runs") == keys[point]}
    pretrained = {model: cosine_ranks(model, sets, params, None) for model in models}
    training: dict[tuple[str, str], Any] = {}
    ranks: dict[tuple[str, str], pl.DataFrame] = {}
    record: dict[str, Any] = {}
    for point in sorted(grid.points, key=lambda name: name != grid.reference):
        experiment = grid.of_point(point)
        if point in kept and references(experiment):
            log.info("%s: finished before, kept", experiment)
        else:
            run_experiment(experiment, settings[point], ["finetune"])
        # By its reference: a name is looked for among the experiments of this commit alone.
        revision = references(experiment)[0]
        with tempfile.TemporaryDirectory() as scratch:
            for model, folder in fetch_adapters(revision, models, Path(scratch)).items():
                training[point, model] = read_json(folder / "training.json")
                ranks[point, model] = cosine_ranks(model, sets, params, folder)
        record = assemble(grid, keys, training, ranks, pretrained, params) | {"signature": signature}
        # Points of an interrupted run that come later stay on record: they are not run again.
        write_json(out, record | {"points": {**kept, **record["points"]}})
        for model in models:
            value = record["points"][point]["models"][model]["figures"][CHOICE]["value"]
            log.info("%s, %s: %s %.4f", experiment, model, CHOICE, value)
    write_json(out, record)
    return record


def grid_rows(
    grid: Experiment, record: Mapping[str, Any], models: Sequence[str]
) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Yield (model, point, entry) in the grid's order, the pretrained model first."""
    for model in models:
        yield model, "pretrained", {"train_pairs": 0, "figures": record["pretrained"][model], "against": {}}
        for point in grid.points:
            yield model, point, record["points"][point]["models"][model]


def write_plot(grid: Experiment, record: Mapping[str, Any], models: Sequence[str], path: Path) -> None:
    """Write a CSV line for each model and point, the pretrained one first, for dvc plots."""
    rows = []
    for model, point, entry in grid_rows(grid, record, models):
        figures = entry["figures"]
        row = {"model": model, "point": point, "train_pairs": entry["train_pairs"]}
        row |= {name: figures[name]["value"] for name in figures if name.endswith("_mean")}
        rows.append(rounded(row | {key: figures[CHOICE][key] for key in ("low", "high")}))
    write_csv(path, rows)


def grid_table(grid: Experiment, record: Mapping[str, Any], models: Sequence[str]) -> str:
    """Lay the points out in the grid's order, the pretrained model first, with a legend."""
    header = ["model", grid.name, "pairs"]
    header += [f"{name} {figure}" for name in grid.sets for figure in ("P@1", "MRR")]
    rows = [[*header, "Δ P@1", "p", f"Δ to {grid.reference}", "p"]]
    for model, point, entry in grid_rows(grid, record, models):
        row = [model, point, f"{entry['train_pairs']:,}"]
        for name in grid.sets:
            p1, mrr = (entry["figures"][f"{name}_{figure}_mean"] for figure in ("p1", "mrr"))
            row += [f"{p1['value']:.3f} [{p1['low']:.3f}, {p1['high']:.3f}]", f"{mrr['value']:.3f}"]
        for kind in ("pretrained", "reference"):
            test = entry["against"].get(kind, {}).get(f"{DEV}_p1_mean")
            row += [f"{100 * test['difference']:+.1f}", format_p(test["p_holm"])] if test else ["", ""]
        rows.append(row)
    before = record["pretrained"][models[0]]
    sizes = ", ".join(
        f"{figure['n']:,} pairs of {name} ({figure['unit']}: {figure['units']})"
        for name, figure in ((name, before[f"{name}_p1_mean"]) for name in grid.sets)
    )
    best = ", ".join(f"{model}: {record['best_on_dev'][model]}" for model in models)
    return "\n".join(
        [
            as_text(rows),
            "",
            f"{grid.why}.",
            f"Mean of both directions; {sizes}. Δ: points of P@1 on dev over the pretrained model, and to "
            f"{grid.reference}; p: paired permutation test, Holm-corrected over points, models and sets.",
            f"Best by MRR on dev: {best}.",
        ]
    )


# --- all experiments beside each other ---


def list_experiments() -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Return (name, parameters by dotted key, summary.json) of the workspace, HEAD and its experiments.

    What DVC cannot read of an experiment is empty. Raises DataError with DVC's message where it fails.
    """
    command = [sys.executable, "-m", "dvc", "exp", "show", "--json"]
    done = subprocess.run(command, text=True, capture_output=True)
    if done.returncode:
        raise DataError(f"dvc exp show failed: {done.stderr.strip()[-400:]}")
    states = []
    for baseline in json.loads(done.stdout):
        runs = [run["revs"][0] for run in baseline["experiments"] or []]
        # Without a name it is the workspace, or a commit by its hash.
        states += [(run["name"] or run["rev"][:9], run["data"] or {}) for run in (baseline, *runs)]

    def content(data: Mapping[str, Any], kind: str, path: str) -> dict[str, Any]:
        return data.get(kind, {}).get(path, {}).get("data") or {}

    return [
        (name, flat(content(data, "params", "params.yaml")), content(data, "metrics", "metrics/summary.json"))
        for name, data in states
    ]


def flat(values: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """Return nested values by dotted key."""
    by_key: dict[str, Any] = {}
    for key, value in values.items():
        by_key |= flat(value, f"{above}{key}.") if isinstance(value, dict) else {f"{above}{key}": value}
    return by_key


def experiments_table(
    experiments: Sequence[tuple[str, Mapping[str, Any], Mapping[str, Any]]],
    model: str | None,
    width: int | None = None,
) -> str:
    """Lay experiments out, a line for each model, pretrained beside fine-tuned, then the changed parameters.

    Shows every model, or one. The columns of ``width`` are never exceeded: the rest follows below.
    """
    readable = [params for _, params, _ in experiments if params]
    every = dict.fromkeys(key for params in readable for key in params)
    changed = [key for key in every if len({json.dumps(params.get(key)) for params in readable}) > 1]
    # The last part of a key, if no other ends so, says enough.
    last = [key.rpartition(".")[2] for key in changed]
    names = [short if last.count(short) == 1 else key for key, short in zip(changed, last, strict=True)]
    shown = {
        figure
        for _, _, summary in experiments
        for name, variants in summary.items()
        if model in (None, name)
        for row in variants.values()
        for figure in row
    }
    figures = [figure for figure in FIGURES if figure in shown]
    rows = [["experiment", "model", *(FIGURES[figure] for figure in figures), "Δ P@1", "p", *names]]
    for name, params, summary in experiments:
        for row_model in [model] if model else list(summary) or [""]:
            before, after = (summary.get(row_model, {}).get(variant, {}) for variant in VARIANTS)
            cells = [
                " → ".join(f"{part[figure]:.3f}" for part in (before, after) if figure in part)
                for figure in figures
            ]
            cells += [f"{100 * after['delta']:+.1f}" if "delta" in after else ""]
            cells += [format_p(after["p"]) if "p" in after else ""]
            rows.append([name, row_model, *cells, *(_value(params.get(key)) for key in changed)])
    return as_text(rows, width)


def _value(value: Any) -> str:
    return " ".join(map(str, value)) or "none" if isinstance(value, list) else str(value)


def show(model: str | None, params: Params, width: int | None) -> str:
    """Return the table of all experiments. Raises ParamsError for a model that params.yaml does not know."""
    if model is not None:
        params.model(model)
    legend = (
        "Means of both directions, pretrained → fine-tuned. Δ P@1: points gained; p: paired permutation "
        "test, Holm-corrected for the models of the run. make compare tests two experiments."
    )
    table = experiments_table(list_experiments(), model, width)
    return f"{table}\n\n{textwrap.fill(legend, width or 110)}"


def run(names: Sequence[str], models: Sequence[str] | None) -> str:
    """Run the named experiments one after the other; return the tables of the grids among them."""
    params = load_params()
    listed = read_experiments(LIST)
    if wrong := [name for name in names if name not in listed]:
        raise ParamsError(f"{LIST}: {unknown('experiment', wrong[0], listed)}")
    tuned = [model for model in models or params.models if params.model(model)]
    tables = []
    trials = [name for name, experiment in listed.items() if experiment.reference is None]
    for experiment in (listed[name] for name in names or trials):
        if experiment.reference is None:
            # What else the file holds (first scouting, by hand) stays as it is.
            record = read_json(RECIPES) if RECIPES.is_file() else {}
            entries = {name: trial for name, trial in record.get("trials", {}).items() if name in listed}
            entries[experiment.name] = run_trial(experiment, params)
            write_json(RECIPES, {**record, "trials": entries})
            continue
        path = SWEEPS / f"{experiment.name}.json"
        record = run_grid(experiment, tuned, params, path)
        write_plot(experiment, record, tuned, path.with_suffix(".csv"))
        tables.append(grid_table(experiment, record, tuned))
    return "\n\n".join(tables)


def main() -> None:
    parser = Parser(prog="python -m commands.experiments", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    running = commands.add_parser("run", help=f"run experiments of {LIST}")
    running.add_argument("names", nargs="*", help="names in the list (default: every trial)")
    running.add_argument("--models", nargs="+", help="models of a grid (default: params.yaml's)")
    showing = commands.add_parser("show", help="show experiments beside each other")
    showing.add_argument("--model", help="this model alone")
    args = parser.parse_args()
    if args.command == "run":
        text = run(args.names, args.models)
    else:
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        text = show(args.model, load_params(), width)
    # The tables are this command's product, so they go to stdout; they have letters outside ASCII.
    sys.stdout.reconfigure(encoding="utf-8")
    sys.stdout.write(f"{text}\n" if text else "")


if __name__ == "__main__":
    cli.run(main)
