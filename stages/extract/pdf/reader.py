"""Reads a whole PDF into blocks, with a row of the report for every page."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator
from pathlib import Path

from stages.extract.pdf.book import Book, Limits, PageText, ReportRow
from stages.extract.pdf.flow import build_blocks
from stages.extract.pdf.fonts import repair_pages
from stages.extract.pdf.furniture import find_running_lines
from stages.extract.pdf.hyphens import Vocabulary
from stages.extract.pdf.pool import read_pages


def read_pdf(path: Path, workers: int = 2, limits: Limits | None = None) -> Book:
    """Read a PDF file.

    Never raises for what is inside the file: a page that cannot be read, and a file that cannot be
    opened, is a row of the report. Blocks come in reading order, notes after the text of their page.
    """
    limits = limits or Limits()
    try:
        size = path.stat().st_size
    except OSError as error:
        return Book([], [ReportRow(0, "error", f"cannot be read ({error.strerror})")])
    if size > limits.max_file_mb * 1024 * 1024:
        reason = f"{size // (1024 * 1024)} MB, over the limit of {limits.max_file_mb} MB"
        return Book([], [ReportRow(0, "error", reason)])
    with _without_collector():
        return _read(path, workers, limits)


@contextlib.contextmanager
def _without_collector() -> Iterator[None]:
    """Stop the cycle collector: a book is many small tuples, which it would go over again and again."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _read(path: Path, workers: int, limits: Limits) -> Book:
    pages: list[PageText] = []
    vocabulary = Vocabulary()
    report: list[ReportRow] = []
    for item in read_pages(path, workers, limits):
        if isinstance(item, ReportRow):
            report.append(item)
        else:
            pages.append(item)
            # While the workers read on. Fonts that may be broken are judged when all pages are there;
            # running headers add words, which does no harm.
            if not _is_doubtful(item):
                vocabulary.add(line.text for line in item.lines)
    pages.sort(key=lambda page: page.number)
    doubtful = {page.number for page in pages if _is_doubtful(page)}
    pages = repair_pages(pages)
    report += [ReportRow(page.number, page.status, page.reason) for page in pages]  # type: ignore[arg-type]
    report.sort(key=lambda row: row.page)
    running = find_running_lines(pages)
    pages = [
        page._replace(lines=[line for place, line in enumerate(page.lines) if (index, place) not in running])
        for index, page in enumerate(pages)
    ]
    for page in pages:
        if page.number in doubtful:
            vocabulary.add(line.text for line in page.lines)
    return Book(build_blocks(pages, vocabulary), report)


def _is_doubtful(page: PageText) -> bool:
    return any(line.spans for line in page.lines)
