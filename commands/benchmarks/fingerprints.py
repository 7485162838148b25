"""Fingerprints of the pinned benchmarks, by which split keeps their sentences out of training."""

from __future__ import annotations

import logging
from pathlib import Path

from stages.evaluate.benchmarks import content_pins, read_texts
from stages.lib.core.errors import ParamsError
from stages.lib.core.params import Params, unknown
from stages.lib.text.fingerprints import make_fingerprint, write_fingerprints

log = logging.getLogger("benchmarks")


def fingerprint_benchmarks(params: Params, without: list[str], cache_dir: Path, out: Path) -> None:
    """Fetch every benchmark of assets/benchmarks.yaml but those named, and write their hashes to ``out``.

    Raises ParamsError on an unknown name and DownloadError if a benchmark cannot be fetched: only the caller
    leaves one out, never an accident of the network.
    """
    for name in without:
        if name not in params.benchmarks_config:
            raise ParamsError(f"--without: {unknown('benchmark', name, params.benchmarks_config)}")
    fingerprints = []
    for name, config in sorted(params.benchmarks_config.items()):
        if name in without:
            continue
        made = make_fingerprint(name, content_pins(config), read_texts(name, params, cache_dir))
        log.info("%s: %s sentences, %s n-grams", name, f"{len(made.sentences):,}", f"{len(made.ngrams):,}")
        fingerprints.append(made)
    write_fingerprints(out, fingerprints, left_out=without)
