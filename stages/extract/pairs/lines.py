"""Lines of foreign files, plain or gzipped, and the escapes that keep a text on its line."""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterator
from typing import IO

from stages.lib.core.errors import DataError

# The longest line that is read, in bytes: no sentence is as long, and memory is bounded by it.
MAX_LINE_BYTES = 1 << 20

_ESCAPES = {"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"}
_ESCAPED = re.compile(r"[\\\t\n\r]")
_SEQUENCE = re.compile(r"\\([\\tnr])")
_PLAIN = {escaped[1]: char for char, escaped in _ESCAPES.items()}


def read_lines(file: IO[bytes], where: str) -> Iterator[tuple[int, str | None]]:
    r"""Yield number (from 1) and text of each line, without its ``\n`` or ``\r\n``, in constant memory.

    A line that is not UTF-8, or longer than MAX_LINE_BYTES, is None. Only ``\n`` ends a line: U+2028 or a
    form feed inside a sentence would put the lines of two files out of step. U+FEFF at the very beginning is
    a byte order mark. Raises DataError if a gzipped file is torn or damaged.
    """
    number = 0
    try:
        if file.read(2) == b"\x1f\x8b":
            file.seek(0)
            file = gzip.GzipFile(fileobj=file)
        else:
            file.seek(0)
        while line := file.readline(MAX_LINE_BYTES + 1):
            number += 1
            if len(line) > MAX_LINE_BYTES:
                while line and not line.endswith(b"\n"):
                    line = file.readline(MAX_LINE_BYTES)
                yield number, None
                continue
            yield number, _decode(line, is_first=number == 1)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(
            f"{where}: damaged after line {number:,} ({error}); get the file again from where it came"
        ) from None


def _decode(line: bytes, *, is_first: bool) -> str | None:
    try:
        text = line.decode("utf-8-sig" if is_first else "utf-8")
    except UnicodeDecodeError:
        return None
    return text.removesuffix("\n").removesuffix("\r")


def escape_line(text: str) -> str:
    r"""Write tab, line feed, carriage return and backslash as ``\t \n \r \\``; all else stays as it is."""
    return _ESCAPED.sub(lambda match: _ESCAPES[match[0]], text)


def unescape_line(text: str) -> str:
    """Undo :func:`escape_line`; a backslash before any other character is left alone."""
    return _SEQUENCE.sub(lambda match: _PLAIN[match[1]], text)
