"""PDF reading against plain, single-process pdfminer.high_level.extract_text.

Books are typeset by the tests' own generator; both readers read the same files, in turn, in one run,
and the shortest time of each counts. Ratios above 1 mean that ours is faster.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.metadata
import multiprocessing
import os
import platform
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from stages.extract.pdf.book import Limits
from stages.extract.pdf.reader import read_pages, read_pdf
from stages.lib.core.cli import run
from stages.lib.core.files import write_json
from tests.stages.extract.pdf.make_pdf import make_book
from tests.stages.extract.pdf.scoring import score


def _processor_seconds() -> float:
    """Return the processor time of this process and of all its children, the server of workers too."""
    times = [os.times()[:4], *(child.cpu_times()[:4] for child in psutil.Process().children())]
    return sum(map(sum, times))


def _cost(work: Callable[[], Any]) -> tuple[float, float]:
    """Return the seconds of wall-clock and of processor time, children included, that a call takes."""
    start, used = time.perf_counter(), _processor_seconds()
    work()
    return time.perf_counter() - start, _processor_seconds() - used


def _ratios(path: Path, workers: int, limits: Limits, repeats: int) -> tuple[float, float]:
    """Return how many times the wall-clock and the processor time of ours theirs takes."""
    from pdfminer.high_level import extract_text

    ours, theirs = [], []
    for _ in range(repeats):
        # Ours is short and more easily disturbed: it runs before and after each run of theirs.
        ours.append(_cost(lambda: read_pdf(path, workers, limits)))
        theirs.append(_cost(lambda: extract_text(str(path))))
        ours.append(_cost(lambda: read_pdf(path, workers, limits)))
    wall, processor = (min(cost[k] for cost in theirs) / min(cost[k] for cost in ours) for k in (0, 1))
    return wall, processor


def _peak_mb(path: Path, workers: int) -> float:
    """Return the largest memory of this process and of one worker together, in MB, looked up at each page."""
    largest = 0
    for _ in read_pages(path, workers, Limits()):
        for process in multiprocessing.active_children():
            with contextlib.suppress(psutil.NoSuchProcess):
                largest = max(largest, psutil.Process(process.pid).memory_info().rss)
    return (psutil.Process().memory_info().rss + largest) / 2**20


def measure(folder: Path, pages: int, long_pages: int, repeats: int) -> dict[str, Any]:
    """Return the figures: speed on layout pages and on plain ones, quality, growth of memory."""
    workers = min(2, os.cpu_count() or 1)
    gold = make_book(folder / "rich.pdf", pages)
    make_book(folder / "part.pdf", 60, seed=2)
    make_book(folder / "plain.pdf", 3 * pages, seed=3, rich=False)
    make_book(folder / "long.pdf", long_pages, seed=4)
    before = _peak_mb(folder / "rich.pdf", workers)
    growth = _peak_mb(folder / "long.pdf", workers) - before
    book = read_pdf(folder / "rich.pdf", workers)
    quality = score(gold.blocks, gold.hyphens, book.blocks)
    # The layout reader alone, on every page: no help from the fast path.
    layout, layout_processor = _ratios(folder / "part.pdf", workers, Limits(fast_path=False), repeats)
    plain, plain_processor = _ratios(folder / "plain.pdf", workers, Limits(), repeats)
    return {
        "against": "pdfminer.high_level.extract_text, one process",
        "layout_ratio": round(layout, 2),
        "plain_ratio": round(plain, 1),
        # The same in processor time, all processes together: what is left where cores are shared.
        "layout_processor_ratio": round(layout_processor, 2),
        "plain_processor_ratio": round(plain_processor, 1),
        "words_recovered": round(quality.words_recovered, 5),
        "words_added": round(quality.words_added, 5),
        "hyphens_right": round(quality.hyphens_right_share, 5),
        "n": {
            "words": quality.gold,
            "hyphens": quality.hyphens,
            "pages": pages,
            "layout_pages": 60,
            "plain_pages": 3 * pages,
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
