"""Clean pairs into a corpus: each row is kept, or dropped for one named reason."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from stages.clean.corpus import DROPPED_SCHEMA, clean_pairs
from stages.lib.core import cli
from stages.lib.core.engine import open_engine
from stages.lib.core.files import write_json
from stages.lib.core.params import load_params
from stages.lib.core.tables import CORPUS_SCHEMA, PAIR_SCHEMA, read_table, write_table
from stages.lib.text.annotations import JUDGED_SCHEMA, merge, read_judgements

logger = logging.getLogger("clean")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m stages.clean", description=__doc__)
    for option, text in (
        ("--pairs", "table of pairs, from align"),
        ("--annotations", "folder of exported judgements"),
        ("--out", "corpus to write (Parquet)"),
        ("--dropped", "dropped rows with their reasons (Parquet)"),
        ("--judged", "the corpus's judged pairs (Parquet)"),
        ("--stats", "counts to write (JSON)"),
    ):
        parser.add_argument(option, type=Path, required=True, help=text)
    args = parser.parse_args()
    params = load_params()
    judgements = read_judgements(args.annotations, params.pair)
    pairs = read_table(args.pairs, PAIR_SCHEMA)
    with open_engine(params.engine) as engine:
        cleaned = clean_pairs(pairs, params, str(args.pairs), merge(judgements.rows), engine)
    if judgements.skipped:
        cleaned.stats.setdefault("annotations", {})["passed_over"] = judgements.skipped
    write_table(cleaned.corpus, args.out, CORPUS_SCHEMA)
    write_table(cleaned.dropped, args.dropped, DROPPED_SCHEMA)
    write_table(cleaned.judged, args.judged, JUDGED_SCHEMA)
    write_json(args.stats, cleaned.stats)
    total = cleaned.stats["total"]
    logger.info("%s pairs in, %s kept", f"{total['in']:,}", f"{total['kept']:,}")
    for reason, n in total["dropped"].items():
        logger.info("  %s dropped: %s", f"{n:,}", reason)
    if counts := cleaned.stats.get("annotations"):
        logger.info("judged pairs: %s", ", ".join(f"{name} {n}" for name, n in counts.items()))


if __name__ == "__main__":
    cli.run(main)
