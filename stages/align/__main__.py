"""Pair the segments of the source and pivot languages with the target language; score every pair."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from stages.align.pairs import align
from stages.lib.core import cli
from stages.lib.core.engine import open_engine
from stages.lib.core.files import write_json
from stages.lib.core.params import load_params
from stages.lib.core.tables import ALIGNMENT_SCHEMA, DOCUMENT_SCHEMA, PAIR_SCHEMA, write_table
from stages.lib.models.vectors import Embedder
from stages.lib.text.annotations import judged

log = logging.getLogger("align")


def main() -> None:
    """Parse the command line and align the listed sources."""
    parser = argparse.ArgumentParser(prog="python -m stages.align", description=__doc__)
    for name, description in (
        ("segments", "folder of segment tables"),
        ("vectors", "folder of their vectors, from embed"),
        ("annotations", "folder of exported judgements"),
        ("out", "the pair table to write"),
        ("below-threshold", "table of candidates not kept to write"),
        ("documents", "table of aligned documents to write"),
        ("alignments", "table of their beads to write"),
        ("stats", "JSON of counts by source to write"),
        ("quality", "JSON of calibration and checks to write"),
    ):
        parser.add_argument(f"--{name}", required=True, type=Path, help=description)
    args = parser.parse_args()
    params = load_params()
    judgements = judged(args.annotations, params.pair)
    with open_engine(params.engine) as engine:
        embedder = Embedder.of(params.align.model, params, engine=engine)
        aligned = align(args.segments, args.vectors, params, embedder.unit, judgements, engine)
    write_table(aligned.pairs, args.out, PAIR_SCHEMA)
    write_table(aligned.below_threshold, args.below_threshold, PAIR_SCHEMA)
    write_table(aligned.documents, args.documents, DOCUMENT_SCHEMA)
    write_table(aligned.alignments, args.alignments, ALIGNMENT_SCHEMA)
    write_json(args.stats, aligned.stats)
    write_json(args.quality, aligned.quality)
    log.info(
        "%s; %s",
        ", ".join(f"{lang}-{params.pair.tgt}: {n:,} pairs" for lang, n in aligned.stats["total"].items()),
        ", ".join(f"{n:,} {method}" for method, n in aligned.stats["by_method"].items()),
    )


if __name__ == "__main__":
    cli.run(main)
