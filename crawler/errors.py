"""The crawler's error, and the one place where an error of a file or database ends a crawl in one line."""

from __future__ import annotations

import errno
import os
import socket
import sqlite3
import ssl
import sys
from pathlib import Path

# Errors of the network that have no class of their own.
_NETWORK = (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL)


class CrawlError(Exception):
    """A crawl cannot start or go on: what, where, expected, found, what to do."""


def is_file_error(error: BaseException | None) -> bool:
    """Return whether an error is of a file or of the queue's database, not of the network or the program."""
    if isinstance(error, sqlite3.Error):
        # The others mean a wrong statement or value.
        return type(error) in (sqlite3.OperationalError, sqlite3.DatabaseError)
    if isinstance(error, (ConnectionError, TimeoutError, ssl.SSLError, socket.gaierror)):
        return False
    if getattr(error, "errno", None) in _NETWORK:
        return False
    # A firewall's "not permitted" names no file.
    is_named = not isinstance(error, PermissionError) or error.filename is not None
    return isinstance(error, OSError) and error.errno is not None and is_named


def file_message(error: BaseException, file: Path) -> str:
    """Return the line for such an error; ``file`` is named if the error names none."""
    place = getattr(error, "filename2", None) or getattr(error, "filename", None) or file
    reason = getattr(error, "strerror", None) or error
    if type(error) is sqlite3.DatabaseError:
        return f"{place}: {reason}; delete it, the same command then continues from the stored pages"
    return f"{place}: {reason}; check that it is writable and has room, then run the same command to continue"


def print_error(message: str) -> None:
    """Write an error as one line."""
    sys.stderr.write(f"error: {' '.join(message.split())}\n")
    sys.stderr.flush()


def stop_at_file_error(error: BaseException | None, file: Path) -> None:
    """End the process if the error is one of a file.

    Scrapy would go on, and pages whose links could not be queued would count as done. A crawl that is killed
    at any moment continues where it was, so ending at once is the safest.
    """
    if error is not None and is_file_error(error):
        print_error(file_message(error, file))
        os._exit(1)
