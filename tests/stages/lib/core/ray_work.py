"""Work for Ray's workers, in a module that they can import."""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path

from stages.lib.core.errors import DataError


class Work:
    """Writes down each attempt at a shard as a file, then does what the shard says."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.calls = 0

    def __call__(self, shard: tuple[int, str]) -> tuple[int, int, int]:
        """Return the shard's number, the process and how many shards it has had."""
        number, what = shard
        self.calls += 1
        attempt = len(list(self.folder.glob(f"{number}-*")))
        (self.folder / f"{number}-{attempt}-{os.getpid()}").touch()
        if what == "raise":
            raise DataError("habar.txt: not a text file; take it out of data/files")
        if what == "die" or (what == "wait to be killed" and attempt == 0):
            (self.folder / "dying").touch()
            time.sleep(0 if what == "die" else 60)
            os._exit(1)
        if what == "wait for another":
            self._wait_for_another(number)
        if what == "say":
            logging.getLogger("stages.lib.somewhere").warning("shard %d says so", number)
        return number, os.getpid(), self.calls

    def _wait_for_another(self, number: int) -> None:
        """Return as soon as another process has begun a later shard."""
        deadline = time.monotonic() + 600
        while all(
            int(begun) <= number or int(pid) == os.getpid()
            for begun, _, pid in (path.name.split("-") for path in self.folder.glob("*-*-*"))
        ):
            if time.monotonic() > deadline:
                raise TimeoutError(f"nobody else began a shard after {number}")
            time.sleep(0.05)
