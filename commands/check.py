"""Check params.yaml before DVC reads it.

DVC reruns only what changed, so a key that no stage asks for would pass in silence, and it names an unknown
source without the nearest known one.
"""

from __future__ import annotations

import argparse

from stages.lib.cli import run
from stages.lib.params import load_params
from stages.lib.sources import make_source


def main() -> None:
    argparse.ArgumentParser(prog="python -m commands.check", description=__doc__.splitlines()[0]).parse_args()
    params = load_params()
    for name in params.sources:
        make_source(name, params)


if __name__ == "__main__":
    run(main)
