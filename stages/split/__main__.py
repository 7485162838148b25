"""Split the corpus by document into train, dev and test; remove leaks of evaluation text from train."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from stages.lib.core import cli
from stages.lib.core.files import atomic_path, write_json
from stages.lib.core.params import load_params
from stages.lib.core.tables import CORPUS_SCHEMA, POOL_SCHEMA, read_table, write_table
from stages.lib.text.annotations import JUDGED_SCHEMA
from stages.lib.text.fingerprints import read_fingerprints
from stages.split.splits import SPLITS, split_corpus

logger = logging.getLogger("split")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m stages.split", description=__doc__)
    for option, text in (
        ("--corpus", "the corpus table"),
        ("--judged", "the corpus's judged pairs, from clean"),
        ("--fingerprints", "fingerprints of the benchmarks"),
        ("--out", "folder for train, dev, test, gold and pool.parquet"),
        ("--stats", "JSON with the counts and the leakage report"),
    ):
        parser.add_argument(option, type=Path, required=True, help=text)
    arguments = parser.parse_args()
    params = load_params()
    corpus = read_table(arguments.corpus, CORPUS_SCHEMA)
    judged = read_table(arguments.judged, JUDGED_SCHEMA)
    splits = split_corpus(corpus, read_fingerprints(arguments.fingerprints), params, judged)
    with atomic_path(arguments.out) as folder:
        folder.mkdir()
        for name in (*SPLITS, "gold"):
            write_table(getattr(splits, name), folder / f"{name}.parquet", CORPUS_SCHEMA)
        write_table(splits.pool, folder / "pool.parquet", POOL_SCHEMA)
    write_json(arguments.stats, splits.stats)
    counts = {**splits.stats["rows"], "pool": len(splits.pool)}
    logger.info("%s", ", ".join(f"{name} {count:,}" for name, count in counts.items()))


if __name__ == "__main__":
    cli.run(main)
