"""PDF reading against plain, single-process pdfminer.high_level.extract_text.

Books are typeset by the tests' own generator; both readers read the same files, in turn, in one run,
and the shortest time of each counts. Ratios above 1 mean that ours is faster.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import platform
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from stages.extract.pdf.book import Limits
from stages.extract.pdf.reader import read_pdf
from stages.lib.core.cli import run
from stages.lib.core.files import write_json
from tests.stages.extract.pdf.make_pdf import make_book


def _seconds(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _ratio(path: Path, workers: int, limits: Limits, repeats: int) -> float:
    """Return how many times the wall-clock time of ours theirs takes."""
    from pdfminer.high_level import extract_text

    ours, theirs = [], []
    for _ in range(repeats):
        # Ours is short and more easily disturbed: it runs before and after each run of theirs.
        ours.append(_seconds(lambda: read_pdf(path, workers, limits)))
        theirs.append(_seconds(lambda: extract_text(str(path))))
        ours.append(_seconds(lambda: read_pdf(path, workers, limits)))
    return min(theirs) / min(ours)


def measure(folder: Path, pages: int, repeats: int) -> dict[str, Any]:
    """Return how many times faster we read pages with a layout, and plain ones."""
    workers = min(2, os.cpu_count() or 1)
    layout_pages = 60
    make_book(folder / "layout.pdf", layout_pages, seed=2)
    make_book(folder / "plain.pdf", pages, seed=3, rich=False)
    # The layout reader alone, on every page: no help from the fast path.
    layout = _ratio(folder / "layout.pdf", workers, Limits(fast_path=False), repeats)
    plain = _ratio(folder / "plain.pdf", workers, Limits(), repeats)
    return {
        "against": "pdfminer.high_level.extract_text, one process",
        "layout_ratio": round(layout, 2),
        "plain_ratio": round(plain, 1),
        "n": {"layout_pages": layout_pages, "plain_pages": pages, "repeats": repeats},
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
    parser.add_argument("--pages", type=int, default=600, help="plain pages (default 600)")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each reader (default 3)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        write_json(args.out, measure(Path(folder), args.pages, args.repeats))


if __name__ == "__main__":
    run(main)
