"""Gather the figures of every stage: summary, details, plots and the result table."""

from __future__ import annotations

import argparse
from pathlib import Path

from stages.lib.core import cli
from stages.lib.core.params import load_params
from stages.report.gather import Inputs, report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name, what in (
        ("results", "folder with <model>-<variant>/"),
        ("stats", "folder of the other stages' JSON files"),
        ("alignments", "the beads of the alignments, from align"),
        ("documents", "the documents aligned by their vectors, from align"),
        ("corpus", "the cleaned corpus"),
        ("splits", "folder of the splits"),
        ("interpolation", "what make benchmarks measured by strength (JSON)"),
        ("params", "the run's parameters, shown in full"),
        ("out", "folder for the JSON and CSV files"),
        ("report", "folder for index.html, results.md and study.md"),
    ):
        parser.add_argument(f"--{name}", type=Path, required=True, help=what)
    args = vars(parser.parse_args())
    out, text = args.pop("out"), args.pop("report")
    report(Inputs(**args), out, text, load_params(args["params"]))


if __name__ == "__main__":
    cli.run(main)
