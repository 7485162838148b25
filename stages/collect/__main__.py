"""Collect the raw files of one source into one tar."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from stages.collect.transports import collect
from stages.lib.core import cli
from stages.lib.core.params import load_params

log = logging.getLogger("collect")


def main() -> None:
    """Parse the command line and collect one source."""
    parser = argparse.ArgumentParser(prog="python -m stages.collect", description=__doc__)
    parser.add_argument("--source", required=True, help="a file of sources/, without .yaml")
    parser.add_argument("--out", required=True, type=Path, help="the tar to write, data/raw/SOURCE.tar")
    args = parser.parse_args()
    count = collect(args.source, load_params().source(args.source), args.out)
    log.info("%s: %s files packed", args.source, f"{count:,}")


if __name__ == "__main__":
    cli.run(main)
