"""Embed the segments of the pair's languages and the pivots, each text once."""

from __future__ import annotations

import logging
from pathlib import Path

from stages.lib.core.files import atomic_path
from stages.lib.core.params import Params
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
