"""Check params.yaml before DVC reads it.

DVC reruns only what changed, so a key that no stage asks for would pass in silence; it names an unknown
source without the nearest known one; and a language that no text can be told by is found out minutes later.
"""

from __future__ import annotations

import argparse

from stages.lib.core.cli import run
from stages.lib.core.errors import ParamsError
from stages.lib.core.params import load_params, unknown
from stages.lib.models.respell import tables_by_language
from stages.lib.text.language import check_known


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m commands.check", description=__doc__.splitlines()[0])
    parser.add_argument("--model", help="also check that params.yaml has this model")
    args = parser.parse_args()
    params = load_params()
    if args.model is not None and args.model not in params.models_config:
        raise ParamsError(f"MODEL: {unknown('model', args.model, params.models_config)}")
    for lang in (params.pair.src, params.pair.tgt):
        check_known(lang)
    for name in [*params.models, *params.baselines, params.align.model]:
        tables_by_language(params.models_config[name].respell)


if __name__ == "__main__":
    run(main)
