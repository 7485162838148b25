from __future__ import annotations

import gzip
import io
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.extract.pairs.lines import MAX_LINE_BYTES, escape_line, read_lines, unescape_line
from stages.lib.core.errors import DataError


def lines(data: bytes) -> list[tuple[int, str | None]]:
    return list(read_lines(io.BytesIO(data), "train.src.gz"))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", []),
        ("Вода\nЧай".encode(), ["Вода", "Чай"]),
        (b"\xef\xbb\xbfSuw\r\n\n", ["Suw", ""]),  # byte order mark, CRLF, an empty line
        ("a\u2028b\x0cc\x85d\n".encode(), ["a\u2028b\x0cc\x85d"]),  # line ends that are none here
        (b"Suw\n\xff\xfe\nNan\n", ["Suw", None, "Nan"]),  # no UTF-8
    ],
)
def test_only_a_line_feed_ends_a_line(data: bytes, expected: list) -> None:
    assert lines(data) == list(enumerate(expected, start=1))
    assert lines(gzip.compress(data)) == list(enumerate(expected, start=1))


def test_an_endless_line_is_skipped_in_little_memory_and_the_next_one_read() -> None:
    bomb = gzip.compress(b"a" * (64 * 2**20) + b"\nSuw\n")
    tracemalloc.start()
    try:
        assert lines(bomb) == [(1, None), (2, "Suw")]
        assert tracemalloc.get_traced_memory()[1] < 8 * MAX_LINE_BYTES
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("damage", [lambda data: data[:-20], lambda data: data[:40] + b"\0\0\0" + data[43:]])
def test_a_damaged_gzip_file_is_one_line(damage) -> None:
    data = gzip.compress("".join(f"Setir {n}\n" for n in range(300)).encode())
    with pytest.raises(DataError, match=r"train\.src\.gz: damaged after line [\d,]+ .*get the file again"):
        lines(damage(data))


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_line_escape_keeps_one_line_and_is_undone(text: str) -> None:
    escaped = escape_line(text)
    assert not set(escaped) & set("\t\n\r")
    assert unescape_line(escaped) == text
