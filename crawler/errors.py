"""The crawler's error, and those of the disk; their messages are one line."""

from __future__ import annotations

import errno
import os
import socket
import sqlite3
import ssl
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

_DISK = {
    *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO),
    *(errno.ENOENT, errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ESTALE, errno.EMFILE, errno.ENFILE),
}
_DATABASE = {
    *(sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY),
    *(sqlite3.SQLITE_PERM, sqlite3.SQLITE_BUSY),
}


class CrawlError(Exception):
    """A crawl cannot start or go on: what, where, expected, found, what to do."""


def is_of_disk(error: BaseException | None) -> bool:
    """Return whether an error says that a file cannot be written or read, not that the program is wrong."""
    if isinstance(error, sqlite3.Error):
        return _code(error) in _DATABASE
    # Errors of TLS and of host names have numbers of their own.
    is_of_network = isinstance(error, (ssl.SSLError, socket.gaierror))
    return isinstance(error, OSError) and not is_of_network and error.errno in _DISK


def is_of_damage(error: sqlite3.Error) -> bool:
    """Return whether an error says that a database is not whole."""
    return _code(error) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _code(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def disk_message(error: Exception, file: Path) -> str:
    """Say what the disk refused; ``file`` is named if the error names none."""
    place = getattr(error, "filename2", None) or getattr(error, "filename", None) or file
    reason = getattr(error, "strerror", None) or error
    if isinstance(error, sqlite3.Error) and is_of_damage(error):
        return f"{place}: {reason}; delete it, then the same command begins with what is stored"
    return f"{place}: {reason}; see that it may be written and has room, then the same command goes on"


def print_error(message: str) -> None:
    """Write an error as one line."""
    end_of_progress = "\r\x1b[K" if sys.stderr.isatty() else ""
    sys.stderr.write(f"{end_of_progress}error: {' '.join(message.split())}\n")
    sys.stderr.flush()


@contextmanager
def stopping_at_disk_errors(file: Path) -> Iterator[None]:
    """End the process as ``stop`` does where what is done inside fails because of the disk."""
    try:
        yield
    except OSError as error:
        if is_of_disk(error):
            stop(error, file)
        raise


def stop(error: Exception, file: Path) -> NoReturn:
    """End the process here and now because of the disk.

    Scrapy would go on, and pages whose links could not be queued would count as dealt with. A crawl that is
    killed at any point goes on where it was, so this is the safest place to end.
    """
    try:
        print_error(disk_message(error, file))
    finally:
        os._exit(1)  # also where the message goes to a file on the same full disk
