"""Work for Ray's workers, in a module that they can import."""

from __future__ import annotations

import logging
import os
import signal
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
        if what == "die" or (what == "die once" and attempt == 0):
            os.kill(os.getpid(), signal.SIGKILL)
        if what == "log":
            logging.getLogger("stages.lib.somewhere").warning("shard %d logs", number)
        return number, os.getpid(), self.calls
