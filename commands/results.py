"""Print the result table of the last run."""

from __future__ import annotations

import argparse
import shutil
import sys
import textwrap
from pathlib import Path
from typing import Any

from stages.lib.core import cli
from stages.lib.core.errors import DataError
from stages.lib.core.files import read_json
from stages.lib.core.params import Params, load_params
from stages.report.result_table import VARIANTS, as_markdown, as_text, legend, table_rows, translation_rows


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


def result_table(metrics: Path, params: Params, form: str = "text", width: int | None = None) -> str:
    """Return the tables of the last run with their legend, as ``text`` in so many columns or as ``md``."""
    details = read_details(metrics, params)
    summary = read_json(metrics / "summary.json")
    rows = table_rows({model: summary[model] for model, _ in details}, details, params.pair)
    translated = translation_rows(details, params.pair)
    told = legend(details)
    if form == "md":
        tables = [as_markdown(table) for table in (rows, translated) if table]
        return "\n\n".join([tables[0], "\n".join(f"- {line}" for line in told), *tables[1:]])
    tables = [as_text(table, width) for table in (rows, translated) if table]
    if width is not None:
        told = [textwrap.fill(line, width, subsequent_indent="  ") for line in told]
    return "\n\n".join([tables[0], "\n".join(told), *tables[1:]])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m commands.results", description=__doc__)
    parser.add_argument("--metrics", type=Path, default=Path("metrics"), help="folder (default: metrics)")
    parser.add_argument("--format", choices=("text", "md"), default="text", help="md for a paper")
    args = parser.parse_args()
    # A file or a pipe is as wide as it needs to be; COLUMNS, which a shell may set, is the user's word.
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    # The table is this command's product, so it goes to stdout; it has letters outside ASCII.
    sys.stdout.reconfigure(encoding="utf-8")
    sys.stdout.write(result_table(args.metrics, load_params(), args.format, width) + "\n")


if __name__ == "__main__":
    cli.run(main)
