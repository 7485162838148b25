"""Pages in parallel over worker processes, each bounded in time and memory."""

from __future__ import annotations

import collections
import contextlib
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stages.extract.pdf.book import Limits, PageText, ReportRow
from stages.extract.pdf.worker import send, take_messages

ROOT = Path(__file__).resolve().parents[3]
# Workers that may die or overrun before the rest of a file is given up.
MAX_DEATHS = 20
MAX_BATCH = 16


class _Worker:
    def __init__(self, path: Path, limits: Limits, wants_damage: bool) -> None:
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
        }
        # -P: its modules come from here, not from the folder that the caller works in.
        # Its own session, so that a Tesseract it may have started is killed with it.
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-c", "from stages.extract.pdf.worker import main; main()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            start_new_session=True,
        )
        self.limits = limits
        self.buffer = bytearray()
        self.waiting: collections.deque[int] = collections.deque()
        self.is_open = False
        self.is_idle = False
        self.deadline = time.monotonic() + limits.open_seconds
        self.ask(("open", str(path), limits, wants_damage))

    def ask(self, message: Any) -> None:
        assert self.process.stdin is not None
        # A worker that is gone is noticed when its output ends.
        with contextlib.suppress(BrokenPipeError):
            send(self.process.stdin, message)

    def fileno(self) -> int:
        assert self.process.stdout is not None
        return self.process.stdout.fileno()

    def give(self, pages: list[int]) -> None:
        self.waiting.extend(pages)
        self.is_idle = False
        self.deadline = time.monotonic() + self.limits.page_seconds
        self.ask(("read", pages))

    def stop(self) -> int:
        """Kill the worker and what it started, by process id; return its exit code."""
        if self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
        code = self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()
        return code


def read_pages(path: Path, workers: int, limits: Limits) -> Iterator[PageText | ReportRow]:
    """Yield each page of a PDF once, in any order, and a row of page 0 for what concerns the whole file.

    A page on which a worker dies, runs out of memory or overruns its time comes back without lines and
    with status "error"; the pages after it are read by a fresh worker.
    """
    pool = _Pool(path, max(1, workers), limits)
    try:
        yield from pool.run()
    finally:
        pool.close()


class _Pool:
    def __init__(self, path: Path, workers: int, limits: Limits) -> None:
        self.path, self.size, self.limits = path, workers, limits
        self.selector = selectors.DefaultSelector()
        self.workers: list[_Worker] = []
        self.todo: collections.deque[int] = collections.deque()
        self.count: int | None = None
        # Pages (from 0) with damaged content.
        self.damaged: dict[int, str] = {}
        self.batch = 1
        self.deaths = 0
        self.failure = ""

    def run(self) -> Iterator[PageText | ReportRow]:
        self._start()
        while self.workers:
            timeout = max(0.0, min(worker.deadline for worker in self.workers) - time.monotonic())
            ready = {key.data for key, _ in self.selector.select(timeout)}
            for worker in list(self.workers):
                if worker in ready:
                    data = os.read(worker.fileno(), 1 << 20)
                    worker.buffer += data
                    for message in take_messages(worker.buffer):
                        yield from self._take(worker, message)
                    if not data and worker in self.workers:
                        yield from self._bury(worker, "")
                elif time.monotonic() > worker.deadline:
                    yield from self._bury(worker, "time limit")
            for worker in list(self.workers):
                if worker.is_idle:
                    if self.todo:
                        worker.give([self.todo.popleft() for _ in range(min(self.batch, len(self.todo)))])
                    elif self._is_over():
                        self._drop(worker)
            yield from self._give_up()

    def close(self) -> None:
        for worker in list(self.workers):
            self._drop(worker)
        self.selector.close()

    def _start(self) -> None:
        # The first one to open the file looks for damage, for all.
        worker = _Worker(self.path, self.limits, self.count is None)
        self.workers.append(worker)
        self.selector.register(worker.fileno(), selectors.EVENT_READ, worker)

    def _drop(self, worker: _Worker) -> int:
        self.selector.unregister(worker.fileno())
        self.workers.remove(worker)
        return worker.stop()

    def _is_over(self) -> bool:
        return not self.todo and not any(worker.waiting for worker in self.workers)

    def _take(self, worker: _Worker, message: tuple[Any, ...]) -> Iterator[PageText | ReportRow]:
        now = time.monotonic()
        if message[0] == "opened":
            worker.is_open = worker.is_idle = True
            worker.deadline = float("inf")
            if self.count is None:
                self.damaged = message[3]
                yield from self._plan(message[1], message[2])
        elif message[0] == "failed":
            self._drop(worker)
            if self.count is None:
                self.count = 0
                yield ReportRow(0, "error", message[1])
            else:
                self.deaths += 1
                self.failure = message[1]
        elif message[0] == "page":
            page: PageText = message[1]
            worker.waiting.popleft()
            worker.deadline = now + self.limits.page_seconds
            yield self._with_damage(page)
        elif message[0] == "ocr":
            worker.deadline = now + self.limits.ocr_seconds + self.limits.page_seconds
        elif message[0] == "done":
            worker.is_idle = True
            worker.deadline = float("inf")

    def _with_damage(self, page: PageText) -> PageText:
        """Keep what was read of a page whose content is damaged, and say that it is not all."""
        if damage := self.damaged.get(page.number - 1):
            reason = "; ".join(filter(None, (damage, page.reason)))
            return page._replace(status="error", reason=reason)
        return page

    def _plan(self, count: int, remark: str) -> Iterator[ReportRow]:
        self.count = min(count, self.limits.max_pages)
        if remark:
            yield ReportRow(0, "error" if remark.startswith("truncated") else "repaired", remark)
        if count > self.limits.max_pages:
            reason = (
                f"{count} pages, over the limit of {self.limits.max_pages}: pages after that are not read"
            )
            yield ReportRow(0, "error", reason)
        self.todo.extend(range(self.count))
        self.batch = max(1, min(MAX_BATCH, self.count // (3 * self.size)))
        # A worker takes about a tenth of a second to start: not worth it for a few pages.
        for _ in range(min(self.size, self.count // 4) - 1):
            self._start()

    def _bury(self, worker: _Worker, reason: str) -> Iterator[PageText | ReportRow]:
        """Take a worker that died or overran out of the pool; report its page, hand on the rest."""
        overran = bool(reason)
        code = self._drop(worker)
        if not reason:
            reason = (
                f"memory limit ({self.limits.memory_mb} MB)"
                if code == 77
                else f"the reader died ({_exit(code)})"
            )
        self.deaths += 1
        self.failure = reason
        if worker.waiting:
            index = worker.waiting.popleft()
            if overran:
                reason = f"time limit ({self.limits.page_seconds:g} s)"
            yield PageText(index + 1, 0.0, 0.0, [], "error", reason, "")
            self.todo.extendleft(reversed(worker.waiting))
        elif self.count is None:
            self.count = 0
            if overran:
                reason = f"time limit ({self.limits.open_seconds:g} s) while opening"
            yield ReportRow(0, "error", reason)
        if self.todo and self.deaths <= MAX_DEATHS:
            self._start()

    def _give_up(self) -> Iterator[PageText]:
        """Report the pages that are left when workers keep dying."""
        if self.todo and (self.deaths > MAX_DEATHS or not self.workers):
            while self.todo:
                index = self.todo.popleft()
                yield PageText(index + 1, 0.0, 0.0, [], "error", f"not read: {self.failure}", "")


def _exit(code: int) -> str:
    if code < 0:
        return signal.Signals(-code).name
    return f"exit code {code}"
