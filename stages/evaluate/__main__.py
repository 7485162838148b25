"""Evaluate one model, pretrained or fine-tuned: test set, judged pairs, graded pairs, listed benchmarks."""

from __future__ import annotations

import argparse
from pathlib import Path

from stages.evaluate.results import evaluate
from stages.lib.core import cli
from stages.lib.core.errors import ParamsError
from stages.lib.core.params import load_params


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True, help="a model of assets/models/, without .yaml")
    parser.add_argument("--variant", required=True, choices=("pretrained", "finetuned"))
    for name, what in (
        ("splits", "folder with train, dev, test, gold and pool (.parquet)"),
        ("sts", "the repository's own graded pairs (.tsv)"),
        ("fingerprints", "hashes of the benchmarks that training lacks"),
        ("out", "folder for the figures and their evidence"),
    ):
        parser.add_argument(f"--{name}", type=Path, required=True, help=what)
    parser.add_argument("--adapter", type=Path, help="folder with seed-<n>/; for --variant finetuned only")
    args = parser.parse_args()

    params = load_params()
    params.model(args.model)
    if (args.variant == "finetuned") != (args.adapter is not None):
        raise ParamsError(
            f"--variant {args.variant}: --adapter goes with finetuned and with nothing else; "
            f"{'add' if args.variant == 'finetuned' else 'drop'} --adapter"
        )
    evaluate(
        *(args.model, args.variant, args.splits, args.sts, args.fingerprints, args.adapter, args.out, params)
    )


if __name__ == "__main__":
    cli.run(main)
