"""Read the segments of one source, in every language it has, out of its raw files."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from stages.extract.sources import extract
from stages.lib.core import cli
from stages.lib.core.engine import open_engine
from stages.lib.core.params import load_params
from stages.lib.core.tables import SEGMENT_SCHEMA, write_table

log = logging.getLogger("extract")


def main() -> None:
    """Parse the command line and extract one source."""
    parser = argparse.ArgumentParser(prog="python -m stages.extract", description=__doc__)
    parser.add_argument("--source", required=True, help="a file of sources/, without .yaml")
    parser.add_argument("--raw", required=True, type=Path, help="the tar that collect wrote")
    parser.add_argument("--out", required=True, type=Path, help="the segment table to write")
    args = parser.parse_args()
    params = load_params()
    with open_engine(params.engine) as engine:
        segments = extract(args.source, params.source(args.source), args.raw, engine=engine, pdf=params.pdf)
    write_table(segments, args.out, SEGMENT_SCHEMA)
    log.info(
        "%s: %s segments in %d languages", args.source, f"{len(segments):,}", segments["lang"].n_unique()
    )


if __name__ == "__main__":
    cli.run(main)
