"""PDF reading against plain, single-process pdfminer.high_level.extract_text.

Books are typeset by the tests' own generator; both readers read the same files, in turn, in one run,
and the shortest time of each counts. Ratios above 1 mean that ours is faster.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import platform
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from stages.lib.cli import run
from stages.lib.files import write_json
from stages.lib.pdf import Limits, read_pdf
from tests.stages.lib.pdf.make_pdf import make_book
from tests.stages.lib.pdf.scoring import score


def _seconds(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _ratio(path: Path, workers: int, limits: Limits, repeats: int) -> float:
    from pdfminer.high_level import extract_text

    ours, theirs = [], []
    for _ in range(repeats):
        ours.append(_seconds(lambda: read_pdf(path, workers, limits)))
        theirs.append(_seconds(lambda: extract_text(str(path))))
    return min(theirs) / min(ours)


def _peak_mb(path: Path, workers: int) -> float:
    """Return the memory of this process and of its largest worker so far, in MB."""
    read_pdf(path, workers)
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(resource.getrusage(kind).ru_maxrss for kind in kinds) / 1024


def measure(folder: Path, pages: int, long_pages: int, repeats: int) -> dict[str, Any]:
    """Return the figures: speed on layout pages and on plain ones, quality, growth of memory."""
    workers = min(2, os.cpu_count() or 1)
    gold = make_book(folder / "rich.pdf", pages)
    make_book(folder / "part.pdf", 60, seed=2)
    make_book(folder / "plain.pdf", 2 * pages, seed=3, rich=False)
    make_book(folder / "long.pdf", long_pages, seed=4)
    # Memory first: a process never gives its peak back.
    before = _peak_mb(folder / "rich.pdf", workers)
    growth = _peak_mb(folder / "long.pdf", workers) - before
    book = read_pdf(folder / "rich.pdf", workers)
    quality = score(gold.blocks, gold.hyphens, book.blocks)
    # The layout reader alone, on every page: no help from the fast path.
    layout_ratio = _ratio(folder / "part.pdf", workers, Limits(fast_path=False), repeats)
    plain_ratio = _ratio(folder / "plain.pdf", workers, Limits(), repeats)
    return {
        "against": "pdfminer.high_level.extract_text, one process",
        "layout_ratio": round(layout_ratio, 2),
        "plain_ratio": round(plain_ratio, 1),
        "words_recovered": round(quality.words_recovered, 5),
        "words_added": round(quality.words_added, 5),
        "hyphens_right": round(quality.hyphens_right_share, 5),
        "n": {
            "words": quality.gold,
            "hyphens": quality.hyphens,
            "pages": pages,
            "layout_pages": 60,
            "plain_pages": 2 * pages,
            "repeats": repeats,
        },
        "memory_growth_mb": {"from_pages": pages, "to_pages": long_pages, "growth": round(growth, 1)},
        "workers": workers,
        "cores": os.cpu_count(),
        "versions": {
            "python": platform.python_version(),
            **{name: importlib.metadata.version(name) for name in ("pdfminer.six", "pypdfium2", "reportlab")},
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--out", type=Path, required=True, help="JSON file to write, e.g. metrics/bench/pdf.json"
    )
    parser.add_argument("--pages", type=int, default=200, help="pages of the book (default 200)")
    parser.add_argument(
        "--long-pages", type=int, default=1000, help="pages of the memory test (default 1000)"
    )
    parser.add_argument("--repeats", type=int, default=3, help="runs of each reader (default 3)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        write_json(args.out, measure(Path(folder), args.pages, args.long_pages, args.repeats))


if __name__ == "__main__":
    run(main)
