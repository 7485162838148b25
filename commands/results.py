"""Print the result table of the last run."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from stages.lib import cli
from stages.lib.errors import DataError
from stages.lib.files import read_json
from stages.lib.params import Params, load_params
from stages.lib.result_table import VARIANTS, as_text, legend, table_rows


def result_table(metrics: Path, params: Params) -> str:
    """Read summary.json and the details, and return the table with its legend.

    Models come in the order of params.yaml; those in the summary alone follow.
    """
    summary = read_json(metrics / "summary.json")
    names = [name for name in [*params.models, *params.baselines] if name in summary]
    names += sorted(set(summary) - set(names))
    ordered = {name: summary[name] for name in names}
    if not ordered:
        raise DataError(f"{metrics / 'summary.json'}: no model in it; run dvc repro")
    details = {
        (model, variant): read_json(metrics / "detail" / f"{model}-{variant}.json")
        for model in ordered
        for variant in VARIANTS
        if variant in ordered[model]
    }
    rows = table_rows(ordered, details, params.pair)
    return "\n".join([as_text(rows), "", *legend(details)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--metrics", type=Path, default=Path("metrics"), help="folder (default: metrics)")
    args = parser.parse_args()
    # The table is this command's product, so it goes to stdout; it has letters outside ASCII.
    sys.stdout.reconfigure(encoding="utf-8")
    sys.stdout.write(result_table(args.metrics, load_params()) + "\n")


if __name__ == "__main__":
    cli.run(main)
