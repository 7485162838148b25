"""Fine-tune one model with LoRA on the training pairs: one adapter for each seed."""

from __future__ import annotations

import argparse
import importlib.util
import sys
from pathlib import Path

from stages.finetune.processes import is_launched, joined, launch
from stages.finetune.run import finetune
from stages.lib.core import cli
from stages.lib.core.errors import ModelError
from stages.lib.core.params import load_params


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True, help="a model of assets/models/, without .yaml")
    parser.add_argument(
        "--splits", type=Path, required=True, help="folder with train.parquet and dev.parquet"
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for the adapters, one for each seed")
    args = parser.parse_args()

    params = load_params()
    params.model(args.model)
    if params.finetune.tracker == "wandb" and importlib.util.find_spec("wandb") is None:
        raise ModelError(
            "finetune.tracker is wandb and the package wandb is not installed; "
            "run pip install wandb, or set finetune.tracker to none"
        )
    if params.finetune.processes > 1 and not is_launched():
        launch("stages.finetune", sys.argv[1:], params.finetune.processes)
        return
    with joined():
        finetune(args.model, params, args.splits, args.out)


if __name__ == "__main__":
    cli.run(main)
