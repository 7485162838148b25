"""Reads a whole PDF into blocks, with a row of the report for every page.

Pages are read in worker processes (pebble), each bounded in time and memory.
"""

from __future__ import annotations

import gc
import multiprocessing
import queue
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError, TimeoutError
from pathlib import Path
from typing import Any

from pebble import ProcessExpired, ProcessFuture, ProcessPool

from stages.extract.hyphens import Vocabulary
from stages.extract.pdf import worker
from stages.extract.pdf.book import Book, Limits, PageText, ReportRow
from stages.extract.pdf.flow import build_blocks
from stages.extract.pdf.fonts import repair_pages
from stages.extract.pdf.furniture import find_running_lines

# Most pages of one task: handing one over takes about as long as reading a plain page.
CHUNK = 8
# Workers that may die or overrun their time before the rest of a file is given up.
MAX_DEATHS = 20


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
    # A book is many small tuples, which the cycle collector would go over again and again.
    was_on = gc.isenabled()
    gc.disable()
    try:
        return _read(path, workers, limits)
    finally:
        if was_on:
            gc.enable()


def _read(path: Path, workers: int, limits: Limits) -> Book:
    pages: list[PageText] = []
    vocabulary = Vocabulary()
    report: list[ReportRow] = []
    with Pages(path, workers, limits) as reading:
        for item in reading.read():
            if isinstance(item, ReportRow):
                report.append(item)
            else:
                pages.append(item)
                # While the workers read on. Fonts that may be broken are judged when all pages are there;
                # running headers add words, which does no harm.
                if not _is_doubtful(item):
                    vocabulary.add_lines(line.text for line in item.lines)
        # The workers end, which takes them a while, as the book is put together.
        reading.stop()
        return _put_together(pages, vocabulary, report)


def _put_together(pages: list[PageText], vocabulary: Vocabulary, report: list[ReportRow]) -> Book:
    pages.sort(key=lambda page: page.number)
    doubtful = {page.number for page in pages if _is_doubtful(page)}
    pages = repair_pages(pages, vocabulary)
    report += [ReportRow(page.number, page.status, page.reason) for page in pages]  # type: ignore[arg-type]
    report.sort(key=lambda row: row.page)
    running = find_running_lines(pages)
    pages = [
        page._replace(lines=[line for place, line in enumerate(page.lines) if (index, place) not in running])
        for index, page in enumerate(pages)
    ]
    for page in pages:
        if page.number in doubtful:
            vocabulary.add_lines(line.text for line in page.lines)
    return Book(build_blocks(pages, vocabulary), report)


def _is_doubtful(page: PageText) -> bool:
    return any(line.spans for line in page.lines)


def _context() -> Any:
    """Return how workers start: forked from a small server that has imported the readers.

    A fork of the caller would bring its threads and its memory along; a new interpreter takes a tenth of a
    second for each file.
    """
    methods = multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn")
    context.set_forkserver_preload(list(worker.READERS))
    return context


def _index(item: int | PageText) -> int:
    return item if isinstance(item, int) else item.number - 1


class Pages:
    """The pages of one file as tasks of a pool (a context): a few each, and one more for a scan."""

    def __init__(self, path: Path, workers: int, limits: Limits) -> None:
        self.limits = limits
        self._options = (max(1, workers), 0, worker.start, (str(path), limits), _context())
        self.pool = ProcessPool(*self._options)
        # Pages (from 0, or scans) and seconds of each task that is out, and pages to ask for again.
        self.pending: dict[ProcessFuture[list[PageText]], tuple[Sequence[Any], float]] = {}
        self.again: list[int] = []
        self.done: queue.SimpleQueue[ProcessFuture[list[PageText]]] = queue.SimpleQueue()
        self.deaths = 0
        self.failure = ""
        self._ending = threading.Thread(target=self._end)

    def __enter__(self) -> Pages:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._ending.join()

    def stop(self) -> None:
        """Let the workers end, without waiting for them."""
        if not self._ending.ident:
            self._ending.start()

    def _end(self) -> None:
        self.pool.stop()
        self.pool.join()

    def read(self) -> Iterator[PageText | ReportRow]:
        """Yield each page once, in any order, and rows of page 0 for what concerns the whole file.

        A page on which a worker dies, runs out of memory or overruns its time comes back without lines and
        with status "error"; the pages after it are read by a fresh worker.
        """
        seconds = self.limits.open_seconds
        try:
            count, remark = self.pool.schedule(worker.open_file, timeout=seconds).result()
        except (ValueError, TimeoutError, ProcessExpired, RuntimeError) as error:
            reason = self._reason(error, seconds)
            yield ReportRow(0, "error", reason + " while opening" * isinstance(error, TimeoutError))
            return
        # One worker looks for damage while the other begins to read; pages wait for what it finds.
        search = self.pool.schedule(worker.search_damage, timeout=seconds)
        most = self.limits.max_pages
        if count > most:
            reason = f"{count} pages, over the limit of {most}: pages after that are not read"
            yield ReportRow(0, "error", reason)
        waiting: list[PageText] = []
        for page in self._pages(range(min(count, most))):
            waiting.append(page)
            if search.done():
                yield from (self._with_damage(other, search) for other in waiting)
                waiting.clear()
        yield from (self._with_damage(other, search) for other in waiting)
        remark = "; ".join(filter(None, (remark, self._damage(search)[1])))
        if remark:
            yield ReportRow(0, "error" if remark.startswith("truncated") else "repaired", remark)

    def _damage(self, search: ProcessFuture[tuple[dict[int, str], str]]) -> tuple[dict[int, str], str]:
        try:
            return search.result()
        except (CancelledError, TimeoutError, ProcessExpired, RuntimeError) as error:
            return {}, f"not searched for damage: {self._reason(error, self.limits.open_seconds)}"

    def _with_damage(self, page: PageText, search: ProcessFuture[tuple[dict[int, str], str]]) -> PageText:
        damage = self._damage(search)[0].get(page.number - 1)
        if not damage:
            return page
        # What was read of a damaged page is kept, but it is not all.
        reason = "; ".join(filter(None, (damage, page.reason)))
        return page._replace(status="error", reason=reason)

    def _pages(self, indices: Sequence[int]) -> Iterator[PageText]:
        size = max(1, min(CHUNK, len(indices) // (8 * self._options[0])))
        for start in range(0, len(indices), size):
            self._ask(worker.read_pages, indices[start : start + size], self.limits.page_seconds)
        while self.pending:
            yield from self._take(self.done.get())
        if self.again:
            self._end()
            self.pool = ProcessPool(*self._options)
            indices, self.again = sorted(self.again), []
            yield from self._pages(indices)

    def _ask(self, work: Callable[..., list[PageText]], argument: Sequence[Any], seconds: float) -> None:
        future = self.pool.schedule(work, (argument,), timeout=seconds)
        self.pending[future] = (argument, seconds)
        future.add_done_callback(self.done.put)

    def _take(self, future: ProcessFuture[list[PageText]]) -> Iterator[PageText]:
        """Yield the pages of a task that has come back, but for those that are asked for once more."""
        asked, seconds = self.pending.pop(future)
        try:
            for page in future.result():
                if page.path == "scan":
                    self._ask(worker.recognise_pages, [page], self.limits.ocr_seconds + seconds)
                else:
                    yield page
            return
        except CancelledError:
            reason = f"not read: {self.failure}"
        except RuntimeError as error:
            # All workers died between two tasks: pebble gives up the pool and all that was to be read.
            reason = self.failure = str(error)
            self.deaths += not self.again
            if self.deaths <= MAX_DEATHS:
                self.again += [_index(item) for item in asked]
                return
        except (TimeoutError, ProcessExpired) as error:
            reason = self.failure = self._reason(error, seconds)
            if len(asked) > 1:
                # One of them did it: each by itself.
                for item in asked:
                    self._ask(worker.read_pages, [item], seconds)
                return
            self.deaths += 1
            if self.deaths == MAX_DEATHS + 1:
                for other in list(self.pending):
                    other.cancel()
        for item in asked:
            yield PageText(_index(item) + 1, 0.0, 0.0, [], "error", reason, "")

    def _reason(self, error: BaseException, seconds: float) -> str:
        if isinstance(error, TimeoutError):
            return f"time limit ({seconds:g} s)"
        if not isinstance(error, ProcessExpired):
            return str(error)
        if error.exitcode == worker.OUT_OF_MEMORY:
            return f"memory limit ({self.limits.memory_mb} MB)"
        code = error.exitcode
        return f"the reader died ({signal.Signals(-code).name if code < 0 else f'exit code {code}'})"
