"""Print the last run's tables, compare two experiments query by query, keep the figures of another pair."""

from __future__ import annotations

import json
import re
import shutil
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from commands.cli import Parser
from stages.lib.core import cli
from stages.lib.core.errors import DataError
from stages.lib.core.files import read_json, write_json
from stages.lib.core.markdown import markdown_table
from stages.lib.core.params import PINS, Pair, Params, load_params
from stages.lib.core.tables import read_table
from stages.lib.scores.comparison import RANKS_SCHEMA, compare, correct
from stages.report.study import study_table
from stages.report.tables import VARIANTS, Details, as_text, format_p, legend, table_rows, translation_rows

if TYPE_CHECKING:
    import polars as pl

METRICS = Path("metrics")
WORKSPACE = "workspace"
# What two results must share for their queries to be the same.
_SHARED = ("pair", "test_sha256", "gold_sha256", "pool_sha256", "normalisation")
# What the signatures of all results of a run share.
_SHARED_BY_RUN = ("candidates", "settings", "test_sha256", "pool_sha256", "versions")
# The metrics that a row of the tables has.
_SHOWN = re.compile(
    r"(test_(p1|mrr)|hard_p1)_(?!mean)\w\w+_\w\w+|sts_ru_smoke_pearson|mt_.+_(chrfpp|bleu|ter)"
)


# --- the last run ---


def read_details(metrics: Path, params: Params) -> dict[tuple[str, str], dict[str, Any]]:
    """Read the details of every model and variant in summary.json, keyed by (model, variant).

    Models come in the order of params.yaml; those in the summary alone follow. Raises DataError if there is
    none.
    """
    summary = read_json(metrics / "summary.json")
    names = [name for name in [*params.models, *params.baselines] if name in summary]
    names += sorted(set(summary) - set(names))
    if not names:
        raise DataError(f"{metrics / 'summary.json'}: no model in it; run dvc repro")
    return {
        (model, variant): read_json(metrics / "detail" / f"{model}-{variant}.json")
        for model in names
        for variant in VARIANTS
        if variant in summary[model]
    }


def result_table(details: Details, pair: Pair, form: str = "text", width: int | None = None) -> str:
    """Return the tables with their legend, as ``text`` in at most ``width`` columns or as ``md``."""
    tables = [rows for rows in (table_rows(details, pair), translation_rows(details, pair)) if rows]
    lines = legend(details)
    if form == "md":
        first, *others = map(markdown_table, tables)
        return "\n\n".join([first, "\n".join(f"- {line}" for line in lines), *others])
    first, *others = (as_text(rows, width) for rows in tables)
    if width is not None:
        lines = [textwrap.fill(line, width, subsequent_indent="  ") for line in lines]
    return "\n\n".join([first, "\n".join(lines), *others])


def study_page(details: Details, metrics: Path, pair: Pair) -> str:
    """Return the published study's tables beside ours, and beside what `make benchmarks` measured."""
    benchmarks = metrics / "benchmarks.json"
    return study_table(details, pair, read_json(benchmarks) if benchmarks.is_file() else None)


# --- two experiments ---


@dataclass(frozen=True)
class Run:
    """One model and variant of one experiment."""

    signature: dict[str, Any]
    metrics: dict[str, Any]
    ranks: pl.DataFrame


def read_runs(folder: Path) -> dict[str, Run]:
    """Read every ``<model>-<variant>`` of a results folder, by that name, in order.

    Raises DataError if there is none or one is broken.
    """
    runs = {}
    for path in sorted(folder.glob("*-*/metrics.json")):
        raw = read_json(path)
        ranks = read_table(path.parent / "ranks.parquet", RANKS_SCHEMA)
        runs[path.parent.name] = Run(raw["signature"], raw["metrics"], ranks)
    if not runs:
        raise DataError(f"{folder}: no <model>-<variant> result in it; run dvc repro, or dvc pull")
    return runs


@contextmanager
def _from_revision(revision: str, path: str) -> Iterator[None]:
    """Turn what DVC raises where a revision or a file of it is not at hand into one line."""
    from dvc.exceptions import DvcException
    from dvc.scm import SCMError
    from dvc_data.index import DataIndexDirError

    try:
        yield
    except SCMError:
        raise DataError(
            f"{revision}: no experiment, branch, tag or commit here; dvc exp list names them"
        ) from None
    except (DvcException, DataIndexDirError, OSError) as error:
        raise DataError(
            f"{revision}: {path} is neither in git nor in DVC's cache ({error}); "
            "run the experiment to its report, or fetch it with dvc exp pull or dvc pull"
        ) from None


def fetch_output(revision: str, path: str, folder: Path) -> Path:
    """Copy an output of a revision out of DVC's cache to the same path below ``folder``; return that.

    ``workspace`` stands for what lies here. Raises DataError if the revision is unknown or the output is
    neither in the cache nor in a remote.
    """
    import dvc.api

    if revision == WORKSPACE:
        return Path(path)
    with _from_revision(revision, path):
        files = dvc.api.DVCFileSystem(".", rev=revision)
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        files.get(path, str(folder / path), recursive=True)
    return folder / path


def read_revision(revision: str) -> Callable[[str], str]:
    """Return a function that reads a text file as it is in an experiment, branch or commit.

    It raises DataError where there is no such revision, or the revision has no such file.
    """
    import dvc.api

    def read(path: str) -> str:
        with _from_revision(revision, path):
            return dvc.api.read(path, rev=revision)

    return read


def compare_runs(
    before: Mapping[str, Run], after: Mapping[str, Run], names: tuple[str, str], params: Params
) -> dict[str, dict[str, dict[str, Any]]]:
    """Test each result that both experiments have, B against A; p is corrected over all of them.

    Returns figures by run and metric; a run whose ranks are the same in both has none, and is no comparison
    to correct for. Raises DataError where test set, pool or pair differ, or none is shared.
    """
    shared = [name for name in after if name in before]
    if not shared:
        raise DataError(
            f"{names[0]} has {', '.join(before)} and {names[1]} has {', '.join(after)}: "
            "nothing to compare; evaluate the same models in both"
        )
    tests: dict[str, dict[str, dict[str, Any]]] = {}
    for name in shared:
        was, now = before[name], after[name]
        for key in _SHARED:
            if was.signature.get(key) != now.signature.get(key):
                raise DataError(
                    f"{name}: {key} is {was.signature.get(key)} in {names[0]} and "
                    f"{now.signature.get(key)} in {names[1]}; figures of different data cannot be compared; "
                    "run both on the same sources and split"
                )
        tests[name] = {}
        if not was.ranks.equals(now.ranks):
            tests[name] = compare(was.ranks, now.ranks, params.pair, params.evaluate, params.seed)
        for metric, test in tests[name].items():
            test |= {"a": was.metrics[metric]["value"], "b": now.metrics[metric]["value"]}
    correct(tests)
    return tests


def comparison_table(tests: Mapping[str, Mapping[str, dict[str, Any]]], names: tuple[str, str]) -> str:
    """Lay the comparisons out, a line for each run and metric, with a legend."""
    rows = [["run", "metric", "n", "A", "B", "B - A", "interval", "p", "p Holm"]]
    for run, metrics in tests.items():
        for metric, test in metrics.items():
            row = [run, metric, f"{test['n']:,}", f"{test['a']:.4f}", f"{test['b']:.4f}"]
            row += [f"{test['difference']:+.4f}", f"[{test['low']:+.4f}, {test['high']:+.4f}]"]
            rows.append([*row, *(format_p(test[key]) for key in ("p", "p_holm"))])
    parts = [f"A: {names[0]}, B: {names[1]}."]
    if len(rows) > 1:
        test = next(test for metrics in tests.values() for test in metrics.values())
        parts = [
            as_text(rows),
            "",
            f"{parts[0]} Paired permutation test on the ranks of each query, by {test['unit']}. p Holm: "
            "test_p1_mean corrected for the number of runs, every other row for the number of such rows.",
        ]
    if same := [run for run, metrics in tests.items() if not metrics]:
        parts.append(f"The same ranks in both: {', '.join(same)}.")
    return "\n".join(parts)


def compare_experiments(a: str, b: str, params: Params) -> str:
    """Compare two experiments, branches, commits or the workspace; return the table."""
    with tempfile.TemporaryDirectory() as scratch:
        sides = [
            read_runs(fetch_output(name, "results", Path(scratch) / side))
            for side, name in (("a", a), ("b", b))
        ]
    return comparison_table(compare_runs(*sides, (a, b), params), (a, b))


# --- another language pair ---


def pair_record(params: Params, read: Callable[[str], str]) -> dict[str, Any]:
    """Return what the tables of one run are made of; ``read`` gives a file of the run by its path."""
    summary = json.loads(read("metrics/summary.json"))
    figures: dict[str, dict[str, Any]] = {}
    shared: dict[str, Any] = {}
    for model in [*params.models, *params.baselines]:
        for variant in (name for name in VARIANTS if name in summary[model]):
            detail = json.loads(read(f"metrics/detail/{model}-{variant}.json"))
            compared = detail.get("compared_with_pretrained", {})
            # The report has refused results that differ in these.
            shared = {key: detail["signature"][key] for key in _SHARED_BY_RUN}
            figures.setdefault(model, {})[variant] = {
                "metrics": {name: one for name, one in detail["metrics"].items() if _SHOWN.fullmatch(name)},
                "compared_with_pretrained": {
                    name: test
                    for name, test in compared.items()
                    if name == "test_p1_mean" or _SHOWN.fullmatch(name)
                },
                "signature": {key: detail["signature"][key] for key in ("model", "seeds")},
            }
    corpus = json.loads(read("metrics/corpus.json"))
    return {
        "pair": params.pair.model_dump(),
        "corpus": {
            "pairs_in": corpus["align"]["total"][params.pair.src],
            "rows": corpus["split"]["rows"],
            "test_by_source": corpus["split"]["by_source"]["test"],
            "train_by_src_lang": corpus["split"]["train_by_src_lang"],
        },
        "models": list(figures),
        "signature": shared,
        "figures": figures,
    }


def record_details(record: Mapping[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the details of a record by (model, variant), as the tables take them."""
    return {
        (model, variant): {**kept, "signature": {**record["signature"], **kept["signature"]}}
        for model in record["models"]
        for variant, kept in record["figures"][model].items()
    }


def keep_pair(experiment: str, folder: Path) -> str:
    """Keep an experiment's figures in ``folder``/SRC-TGT.json; return their tables as Markdown."""
    read = read_revision(experiment)
    with tempfile.TemporaryDirectory(prefix="kopri-pair-") as scratch:
        # The pins beside it are those of the workspace: a pair changes settings alone.
        for place in PINS.values():
            (Path(scratch) / place).parent.mkdir(parents=True, exist_ok=True)
            (Path(scratch) / place).symlink_to(Path(place).resolve())
        path = Path(scratch) / "params.yaml"
        path.write_text(read("params.yaml"), encoding="utf-8")
        params = load_params(path)
    record = pair_record(params, read)
    write_json(folder / f"{params.pair.src}-{params.pair.tgt}.json", record)
    return result_table(record_details(record), params.pair, "md")


def main() -> None:
    parser = Parser(prog="python -m commands.results", description=__doc__)
    commands = parser.add_subparsers(dest="command")
    table = commands.add_parser("table", help="the result table of the last run")
    table.add_argument("--format", choices=("text", "md"), default="text", help="md for a paper")
    commands.add_parser("study", help="the published study's tables beside ours, as Markdown")
    comparison = commands.add_parser("compare", help="test two experiments query by query, on stored ranks")
    comparison.add_argument("a", help="experiment, branch, tag, commit or workspace")
    comparison.add_argument("b", help="the same, compared against A")
    pair = commands.add_parser("pair", help="keep the figures of a run with another language pair")
    pair.add_argument("experiment", help="an experiment (dvc exp list), branch or commit")
    for command in (table, pair, commands.choices["study"]):
        command.add_argument("--metrics", type=Path, default=METRICS, help="folder (default: metrics)")
    args = parser.parse_args(sys.argv[1:] or ["table"])
    params = load_params()
    if args.command == "compare":
        text = compare_experiments(args.a, args.b, params)
    elif args.command == "pair":
        text = keep_pair(args.experiment, args.metrics / "pairs")
    else:
        details = read_details(args.metrics, params)
        # A file or a pipe is as wide as it needs to be; COLUMNS is what the user's shell says.
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        text = (
            study_page(details, args.metrics, params.pair)
            if args.command == "study"
            else result_table(details, params.pair, args.format, width)
        )
    # The text is this command's product, so it goes to stdout; it has letters outside ASCII.
    sys.stdout.reconfigure(encoding="utf-8")
    sys.stdout.write(text + "\n")


if __name__ == "__main__":
    cli.run(main)
