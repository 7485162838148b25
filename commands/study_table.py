"""Print the published study's tables beside ours, as Markdown."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from commands.results import read_details
from stages.lib.core import cli
from stages.lib.core.files import read_json
from stages.lib.core.params import load_params
from stages.report.study import study_table


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m commands.study_table", description=__doc__)
    parser.add_argument("--metrics", type=Path, default=Path("metrics"), help="folder (default: metrics)")
    args = parser.parse_args()
    params = load_params()
    details = read_details(args.metrics, params)
    benchmarks = args.metrics / "benchmarks.json"
    # The same tables as report/study.md, and what `make benchmarks` found beside the pipeline.
    found = read_json(benchmarks) if benchmarks.is_file() else None
    sys.stdout.reconfigure(encoding="utf-8")
    sys.stdout.write(study_table(details, params.pair, found) + "\n")


if __name__ == "__main__":
    cli.run(main)
