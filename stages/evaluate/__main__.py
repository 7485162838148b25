"""Evaluate one model, pretrained or fine-tuned: test set, judged pairs, graded pairs, listed benchmarks."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from stages.evaluate.results import evaluate
from stages.lib.core import cli
from stages.lib.core.errors import ParamsError
from stages.lib.core.params import load_params

log = logging.getLogger("evaluate")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True, help="a model of assets/models/, without .yaml")
    parser.add_argument("--variant", required=True, choices=("pretrained", "finetuned"))
    parser.add_argument(
        "--splits", type=Path, required=True, help="folder with train, dev, test, gold and pool (.parquet)"
    )
    parser.add_argument("--sts", type=Path, required=True, help="the repository's own graded pairs (.tsv)")
    parser.add_argument(
        "--fingerprints", type=Path, required=True, help="hashes of the benchmarks that training lacks"
    )
    parser.add_argument(
        "--adapter", type=Path, help="folder with seed-<n>/ adapters; for --variant finetuned only"
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for the figures and their evidence")
    args = parser.parse_args()

    params = load_params()
    if args.model not in params.models_config:
        raise ParamsError(
            f"--model {args.model}: no file of assets/models/; "
            f"known: {', '.join(sorted(params.models_config))}"
        )
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
