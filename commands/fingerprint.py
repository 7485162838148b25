"""Write the fingerprints of the pinned benchmarks; a maintenance command, not a stage of the pipeline."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from stages.evaluate.benchmarks import content_pins, read_texts
from stages.lib.core.cli import run
from stages.lib.core.errors import ParamsError
from stages.lib.core.fetch import CACHE_DIR
from stages.lib.core.params import Params, load_params
from stages.lib.text.fingerprints import make_fingerprint, write_fingerprints

logger = logging.getLogger("fingerprint")


def fingerprint_benchmarks(params: Params, without: list[str], cache_dir: Path, out: Path) -> None:
    """Fetch every benchmark of ``benchmarks_config`` but those named, and write their hashes to ``out``.

    Raises ParamsError on an unknown name and DownloadError if a benchmark cannot be had: leaving one out
    is the caller's word, never an accident of the network.
    """
    if unknown := sorted(set(without) - set(params.benchmarks_config)):
        known = ", ".join(sorted(params.benchmarks_config))
        raise ParamsError(f"--without: unknown benchmark {unknown[0]!r}; known: {known}")
    fingerprints = []
    for name, config in sorted(params.benchmarks_config.items()):
        if name in without:
            continue
        made = make_fingerprint(name, content_pins(config), read_texts(name, params, cache_dir))
        logger.info("%s: %s sentences, %s n-grams", name, f"{len(made.sentences):,}", f"{len(made.ngrams):,}")
        fingerprints.append(made)
    write_fingerprints(out, fingerprints, left_out=without)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("assets/fingerprints.json.gz"),
        help="the file to write (default: %(default)s)",
    )
    parser.add_argument(
        "--without",
        action="append",
        default=[],
        metavar="NAME",
        help="leave out this benchmark (repeat for several); the file says so",
    )
    arguments = parser.parse_args()
    fingerprint_benchmarks(load_params(), arguments.without, CACHE_DIR, arguments.out)


if __name__ == "__main__":
    run(main)
