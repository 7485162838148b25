"""Embed the segments of the pair's languages and the pivots, each text once."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from stages.lib.core import cli
from stages.lib.core.engine import open_engine
from stages.lib.core.files import atomic_path
from stages.lib.core.params import Params, load_params
from stages.lib.core.tables import SEGMENT_SCHEMA, read_table
from stages.lib.models.vectors import Embedder, write_extract

log = logging.getLogger("embed")


def embed(segments: Path, out: Path, params: Params, embedder: Embedder) -> int:
    """Write the vectors of exactly the sources that params lists into a folder; return how many there are."""
    import polars as pl

    langs = {params.pair.src, params.pair.tgt, *params.align.pivots}
    total = 0
    with atomic_path(out) as folder:
        folder.mkdir()
        for name in params.sources:
            table = read_table(segments / f"{name}.parquet", SEGMENT_SCHEMA)
            total += write_extract(table.filter(pl.col("lang").is_in(langs)), embedder, folder, name)
    return total


def main() -> None:
    """Parse the command line and embed the listed sources."""
    parser = argparse.ArgumentParser(prog="python -m stages.embed", description=__doc__)
    parser.add_argument("--segments", required=True, type=Path, help="folder of segment tables")
    parser.add_argument("--out", required=True, type=Path, help="folder of vectors to write")
    args = parser.parse_args()
    params = load_params()
    with open_engine(params.engine) as engine:
        embedder = Embedder.of(params.align.model, params, engine=engine)
        total = embed(args.segments, args.out, params, embedder)
    log.info(
        "%s vectors by %s: %s encoded, %s from the store",
        f"{total:,}",
        embedder.name,
        f"{embedder.encoded:,}",
        f"{embedder.read:,}",
    )


if __name__ == "__main__":
    cli.run(main)
