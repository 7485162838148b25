"""Lines of files that nobody here made, plain or gzipped."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from typing import IO

from stages.lib.core.errors import DataError
from stages.lib.formats.rows import MAX_LINE_BYTES


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
