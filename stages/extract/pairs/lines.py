"""Lines of foreign files, plain or gzipped, and the escapes that keep a text on its line."""

from __future__ import annotations

import codecs
import gzip
import io
import re
import zlib
from collections.abc import Callable, Iterator
from typing import IO

from stages.lib.core.errors import DataError

# The longest line that is read, in bytes: no sentence is as long, and memory is bounded by it.
MAX_LINE_BYTES = 1 << 20
# Stands for bytes that are no text in their encoding; Unicode has no character at this place.
UNREADABLE = "\ufdd0"
codecs.register_error("unreadable", lambda error: (UNREADABLE, error.end))  # type: ignore[attr-defined]

_CHUNK = 1 << 16
_ESCAPES = {"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"}
_ESCAPED = re.compile(r"[\\\t\n\r]")
_SEQUENCE = re.compile(r"\\([\\tnr])")
_PLAIN = {escaped[1]: char for char, escaped in _ESCAPES.items()}


class Recoded(io.RawIOBase):
    """A file of any encoding as UTF-8, in constant memory, with UNREADABLE for what is no text in it.

    ``change`` is applied to each piece of the text and told whether it is the last.
    """

    def __init__(
        self, file: IO[bytes], encoding: str, change: Callable[[str, bool], str] = lambda text, _: text
    ) -> None:
        self._file, self._change = file, change
        self._decoder = codecs.getincrementaldecoder(encoding)("unreadable")
        self._ready = b""
        self._is_done = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while not self._ready and not self._is_done:
            data = self._file.read(_CHUNK)
            self._is_done = not data
            text = self._change(self._decoder.decode(data, not data), not data)
            self._ready = text.encode("utf-8", "unreadable")
        size = min(len(buffer), len(self._ready))
        buffer[:size] = self._ready[:size]
        self._ready = self._ready[size:]
        return size


def unpack(file: IO[bytes]) -> IO[bytes]:
    """Return a file as it is, or if it is gzipped what is in it."""
    is_packed = file.read(2) == b"\x1f\x8b"
    file.seek(0)
    return gzip.GzipFile(fileobj=file) if is_packed else file  # type: ignore[return-value]


def utf_16_of(head: bytes) -> str:
    """Return which UTF-16 a file's start is in, by its mark or its zero bytes; "" if in none."""
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    # Spaces and Latin letters have a zero byte, always on the same side; a text that holds zeros has not.
    even, odd = (head[place::2].count(0) for place in (0, 1))
    if max(even, odd) < max(10, 0.03 * len(head)) or min(even, odd):
        return ""
    return "utf-16-be" if even else "utf-16-le"


def read_lines(file: IO[bytes], where: str, encoding: str = "utf-8") -> Iterator[tuple[int, str | None]]:
    r"""Yield number (from 1) and text of each line, without its ``\n`` or ``\r\n``, in constant memory.

    UTF-16 is told by its mark or its zero bytes. A line that is not in ``encoding``, or longer than
    MAX_LINE_BYTES, is None. Only ``\n`` ends a line: U+2028 or a form feed inside a sentence would put the
    lines of two files out of step. U+FEFF at the very beginning is a byte order mark. Raises DataError if a
    gzipped file is torn or damaged.
    """
    number = 0
    try:
        file = unpack(file)
        encoding = utf_16_of(file.read(4096)) or encoding
        file.seek(0)
        if encoding != "utf-8":
            file = io.BufferedReader(Recoded(file, encoding))
        while line := file.readline(MAX_LINE_BYTES + 1):
            number += 1
            if len(line) > MAX_LINE_BYTES:
                while line and not line.endswith(b"\n"):
                    line = file.readline(MAX_LINE_BYTES)
                yield number, None
                continue
            text = _decode(line, is_first=number == 1)
            yield number, None if encoding != "utf-8" and UNREADABLE in (text or "") else text
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
