"""Print the result table of the last run."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from stages.lib import cli
from stages.lib.errors import DataError
from stages.lib.files import read_json
from stages.lib.params import Params, load_params
from stages.lib.result_table import VARIANTS, as_text, legend, table_rows, translation_rows


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


def result_table(metrics: Path, params: Params) -> str:
    """Return the table of the last run with its legend."""
    details = read_details(metrics, params)
    summary = read_json(metrics / "summary.json")
    rows = table_rows({model: summary[model] for model, _ in details}, details, params.pair)
    lines = [as_text(rows), "", *legend(details)]
    if translated := translation_rows(details, params.pair):
        lines += ["", as_text(translated)]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--metrics", type=Path, default=Path("metrics"), help="folder (default: metrics)")
    args = parser.parse_args()
    # The table is this command's product, so it goes to stdout; it has letters outside ASCII.
    sys.stdout.reconfigure(encoding="utf-8")
    sys.stdout.write(result_table(args.metrics, load_params()) + "\n")


if __name__ == "__main__":
    cli.run(main)
