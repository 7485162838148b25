"""Compare two experiments query by query: paired tests on their stored ranks, not on their means.

A and B are what git or DVC can name: an experiment, a branch, a tag, a commit, or `workspace` for the results
that lie here.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages.lib.core import cli
from stages.lib.core.errors import DataError
from stages.lib.core.files import read_json
from stages.lib.core.params import Params, load_params
from stages.lib.core.tables import read_table
from stages.lib.scores.comparison import RANKS_SCHEMA, compare, correct
from stages.report.result_table import as_text, format_p

if TYPE_CHECKING:
    import polars as pl

WORKSPACE = "workspace"
# What two results must share for their queries to be the same ones.
_SHARED = ("pair", "test_sha256", "gold_sha256", "pool_sha256", "normalisation")


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
        found = read_json(path)
        runs[path.parent.name] = Run(
            signature=found["signature"],
            metrics=found["metrics"],
            ranks=read_table(path.parent / "ranks.parquet", RANKS_SCHEMA),
        )
    if not runs:
        raise DataError(f"{folder}: no <model>-<variant> result in it; run dvc repro, or dvc pull")
    return runs


def fetch_results(revision: str, folder: Path) -> Path:
    """Copy the results of a revision out of DVC's cache into ``folder``; return where they are.

    Raises DataError if the revision is unknown or its results are neither in the cache nor in a remote.
    """
    if revision == WORKSPACE:
        return Path("results")
    return fetch_output(revision, "results", folder)


def fetch_output(revision: str, path: str, folder: Path) -> Path:
    """Copy an output of a revision out of DVC's cache to the same path below ``folder``; return that.

    Raises DataError if the revision is unknown or the output is neither in the cache nor in a remote.
    """
    import dvc.api
    from dvc.exceptions import DvcException
    from dvc.scm import SCMError
    from dvc_data.index import DataIndexDirError

    try:
        files = dvc.api.DVCFileSystem(".", rev=revision)
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        files.get(path, str(folder / path), recursive=True)
    except SCMError:
        raise DataError(
            f"{revision}: neither an experiment nor a branch, tag or commit here; dvc exp list names them"
        ) from None
    except (DvcException, DataIndexDirError, OSError) as error:
        raise DataError(
            f"{revision}: its {path} are not in DVC's cache ({error}); "
            "fetch them with dvc exp pull or dvc pull"
        ) from None
    return folder / path


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
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for name in shared:
        for key in _SHARED:
            was, now = before[name].signature.get(key), after[name].signature.get(key)
            if was != now:
                raise DataError(
                    f"{name}: {key} is {was} in {names[0]} and {now} in {names[1]}; "
                    "figures of different data cannot be compared; run both on the same sources and split"
                )
        found[name] = {}
        if before[name].ranks.equals(after[name].ranks):
            continue
        found[name] = compare(
            before[name].ranks, after[name].ranks, params.pair, params.evaluate, params.seed
        )
        for metric, test in found[name].items():
            test |= {
                side: run.metrics[metric]["value"] for side, run in (("a", before[name]), ("b", after[name]))
            }
    correct(found)
    return found


def comparison_table(found: Mapping[str, Mapping[str, dict[str, Any]]], names: tuple[str, str]) -> str:
    """Lay the comparisons out, a line for each run and metric, with a legend."""
    rows = [["run", "metric", "n", "A", "B", "B - A", "interval", "p", "p Holm"]]
    for run, metrics in found.items():
        for metric, test in metrics.items():
            rows.append(
                [
                    *(run, metric, f"{test['n']:,}"),
                    *(f"{test['a']:.4f}", f"{test['b']:.4f}", f"{test['difference']:+.4f}"),
                    f"[{test['low']:+.4f}, {test['high']:+.4f}]",
                    *(format_p(test[key]) for key in ("p", "p_holm")),
                ]
            )
    parts = [f"A: {names[0]}, B: {names[1]}."]
    if len(rows) > 1:
        test = next(test for metrics in found.values() for test in metrics.values())
        parts = [
            as_text(rows),
            "",
            f"{parts[0]} Paired permutation test on the ranks of each query, by {test['unit']}. p Holm: "
            "test_p1_mean corrected for the number of runs, every other row for the number of such rows.",
        ]
    if same := [run for run, metrics in found.items() if not metrics]:
        parts.append(f"The same ranks in both: {', '.join(same)}.")
    return "\n".join(parts)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m commands.compare", description=__doc__)
    parser.add_argument("a", help="experiment, branch, tag, commit or workspace")
    parser.add_argument("b", help="the same, compared against A")
    args = parser.parse_args()
    params = load_params()
    names = (args.a, args.b)
    with tempfile.TemporaryDirectory() as scratch:
        sides = []
        for side, name in zip("ab", names, strict=True):
            sides.append(read_runs(fetch_results(name, Path(scratch) / side)))
    # The table is this command's product, so it goes to stdout; it has letters outside ASCII.
    sys.stdout.reconfigure(encoding="utf-8")
    sys.stdout.write(comparison_table(compare_runs(*sides, names, params), names) + "\n")


if __name__ == "__main__":
    cli.run(main)
