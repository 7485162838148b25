"""Save a model, its first adapter merged into the weights, as an ordinary folder for others to load.

sentence-transformers alone reads the folder (transformers, if the model is an NLLB); its README says how.
"""

from __future__ import annotations

import argparse
import logging
import shutil
from pathlib import Path

from stages.lib.core import cli
from stages.lib.core.errors import ParamsError
from stages.lib.core.files import atomic_path
from stages.lib.core.params import Params, load_params
from stages.lib.models import load_encoder, merge, save_encoder
from stages.lib.models.adapters import adapter_folders

log = logging.getLogger("save_model")


def save_model(name: str, models: Path, out: Path, params: Params) -> None:
    """Write the fine-tuned model to a folder, the adapter's card as ADAPTER.md beside the README.

    Raises ParamsError if params.yaml has no such model, ModelError if it has no adapter.
    """
    if name not in params.models_config:
        raise ParamsError(f"--model {name}: unknown; known: {', '.join(sorted(params.models_config))}")
    adapter = next(iter(adapter_folders(models / name).values()))
    # int8 layers are made when a model is loaded; what is saved is what they are made of.
    model = load_encoder(name, params.models_config[name].model_copy(update={"int8": False}), adapter)
    merge(model)
    with atomic_path(out) as folder:
        save_encoder(model, folder, f"{name}, fine-tuned on {params.pair.src}–{params.pair.tgt}")
        shutil.copy(adapter / "README.md", folder / "ADAPTER.md")
    log.info("%s with %s saved in %s", name, adapter, out)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m commands.save_model", description=__doc__)
    parser.add_argument("--model", required=True, help="a fine-tuned model of params.yaml")
    parser.add_argument("--models", type=Path, default=Path("models"), help="folder of adapters")
    parser.add_argument("--out", type=Path, help="the folder to write (default: models/merged/MODEL)")
    args = parser.parse_args()
    out = args.out or args.models / "merged" / args.model
    save_model(args.model, args.models, out, load_params())


if __name__ == "__main__":
    cli.run(main)
