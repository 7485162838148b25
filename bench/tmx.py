"""Measure the TMX writer's time and memory against translate-toolkit's.

Each side runs in a process of its own on the same generated pairs, so that its peak memory is its own; rounds
take turns and the best counts.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import itertools
import logging
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from commands.exports.rows import Row
from commands.exports.tmx import write_tmx
from stages.extract.pairs.tmx import read_tmx
from stages.lib.core.cli import run
from stages.lib.core.errors import DataError
from stages.lib.core.files import write_json

log = logging.getLogger(__name__)

PAIRS = 20_000
_TEXTS = (
    (
        "Сохраните файл <{n}> перед выходом & проверьте его.",
        "Çykmazdan öň <{n}> faýly saklaň & barlaň.",
    ),
    ("Каждый имеет право на образование ({n}).", "Her kimiň bilim almaga hukugy bar ({n})."),
    ('Откройте "{n}"\tи подождите.', 'Açyň "{n}"\twe garaşyň.'),
)


def make_rows(count: int) -> Iterator[Row]:
    """Yield so many different pairs, with markup, quotes and tabs in them."""
    for n, (src, tgt) in zip(range(count), itertools.cycle(_TEXTS), strict=False):
        yield Row(
            pair_id=f"{n:016x}", src=src.format(n=n), tgt=tgt.format(n=n), source="bench",
            doc=f"bench/{n // 100}", key=str(n), n_src=n, n_tgt=n, method="given", score=None,
            license="CC0-1.0",
        )  # fmt: skip


def write_ours(count: int, path: Path) -> float:
    """Write, read back and compare; return the seconds of writing, raise DataError on a difference."""
    start = time.perf_counter()
    write_tmx(make_rows(count), path, "ru", "tk")
    seconds = time.perf_counter() - start
    with path.open("rb") as file:
        for row, unit in itertools.zip_longest(make_rows(count), read_tmx(file, path.name)):
            if row is None or unit is None or unit.texts != {"ru": row["src"], "tk": row["tgt"]}:
                raise DataError(f"{path.name}: read back {unit}, expected {row}")
    return seconds


def write_peer(count: int, path: Path) -> float:
    """Write the texts alone with translate-toolkit, and return the seconds."""
    from translate.storage.tmx import tmxfile

    start = time.perf_counter()
    store = tmxfile(sourcelanguage="ru", targetlanguage="tk")
    for row in make_rows(count):
        store.addtranslation(row["src"], "ru", row["tgt"], "tk")
    with path.open("wb") as file:
        store.serialize(file)
    return time.perf_counter() - start


def run_side(side: str, count: int, folder: Path) -> tuple[float, float]:
    """Return seconds of writing and peak megabytes of one side in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.tmx", "--side", side, "--pairs", str(count),
         "--out", str(folder / f"{side}-{count}.tmx")],
        cwd=Path(__file__).parents[1], text=True, capture_output=True, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        raise DataError(f"{side}, {count:,} pairs: {done.stderr.strip()[-300:]}")
    seconds, peak = done.stdout.split()
    return float(seconds), float(peak)


def measure(pairs: int, rounds: int) -> dict[str, Any]:
    """Return the figures of one run."""
    with tempfile.TemporaryDirectory(prefix="kopri-tmx-") as name:
        sides = {"ours": [], "peer": []}
        for _ in range(rounds):
            for side, figures in sides.items():
                figures.append(run_side(side, pairs, Path(name)))
    seconds = {side: min(figure[0] for figure in figures) for side, figures in sides.items()}
    peaks = {side: [figure[1] for figure in figures] for side, figures in sides.items()}
    return {
        "pairs": pairs,
        "read_back_equal": True,  # or write_ours raises
        "speed_over_peer": round(seconds["peer"] / seconds["ours"], 2),
        "peer_memory_over_ours": round(min(peaks["peer"]) / max(peaks["ours"]), 2),
        "against": "translate-toolkit's TMX store on the same pairs",
        "rounds": rounds,
        "cores": os.cpu_count(),
        "versions": {
            "python": platform.python_version(),
            **{name: importlib.metadata.version(name) for name in ("lxml", "translate-toolkit")},
        },
    }


def main() -> None:
    """Measure and write the figures, or run one side."""
    import resource

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="JSON file for the figures")
    parser.add_argument("--pairs", type=int, default=PAIRS, help=f"pairs to write (default: {PAIRS})")
    parser.add_argument("--rounds", type=int, default=3, help="rounds against the peer (default: 3)")
    parser.add_argument("--side", choices=("ours", "peer"), help="write this side's file to --out instead")
    options = parser.parse_args()
    if options.side:
        write = write_ours if options.side == "ours" else write_peer
        seconds = write(options.pairs, options.out)
        # On Linux in kilobytes.
        peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        sys.stdout.write(f"{seconds} {peak_mb}\n")
        return
    figures = measure(options.pairs, options.rounds)
    log.info("%s", figures)
    write_json(options.out, figures)


if __name__ == "__main__":
    run(main)
