"""The packed file of a site: one gzip member for each record, append-only, crash-safe.

A kill loses at most the record being written: its member is torn, and the next opening cuts it off. Readers
see an ordinary ``.jsonl.gz``; of several records with one ``key`` the last one counts.
"""

from __future__ import annotations

import fcntl
import gzip
import io
import json
import logging
import os
import shutil
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from crawler.errors import CrawlError

logger = logging.getLogger(__name__)

_CHUNK = 1 << 18
# No record is near this; a member that grows past it is a bomb or damage.
MAX_RECORD = 256 << 20


@dataclass(frozen=True)
class Span:
    """Where a record lies in the file."""

    offset: int
    length: int


class TornMember(Exception):
    """A member ends before its end, or is not gzip at all."""


def pack(record: dict[str, Any]) -> bytes:
    """Pack a record into one gzip member; same record, same bytes."""
    line = json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n"
    # Pages decode to lone surrogates now and then; JSON escapes keep them, UTF-8 cannot.
    data = line.encode("utf-8", errors="backslashreplace")
    return gzip.compress(data, compresslevel=6, mtime=0)


def unpack(member: bytes) -> dict[str, Any]:
    """Read one member back."""
    return json.loads(gzip.decompress(member))


def _members(file: Any, offset: int) -> Iterator[tuple[int, int, bytes]]:
    """Yield (offset, length, content) of each gzip member from here on.

    Raises TornMember, with the offset of the damage, at the first one that is not whole.
    """
    pending = b""
    while True:
        decoder = zlib.decompressobj(wbits=31)
        parts: list[bytes] = []
        size = used = 0
        while not decoder.eof:
            data = pending or file.read(_CHUNK)
            pending = b""
            if not data:
                if used:
                    raise TornMember(offset)
                return
            try:
                parts.append(decoder.decompress(data, MAX_RECORD - size + 1))
            except zlib.error:
                raise TornMember(offset) from None
            size += len(parts[-1])
            if size > MAX_RECORD:
                raise CrawlError(
                    f"a record at byte {offset} is over {MAX_RECORD:,} bytes; the file is not ours"
                )
            used += len(data)
        pending = decoder.unused_data
        used -= len(pending)
        yield offset, used, b"".join(parts)
        offset += used


class PackedFile:
    """A site's packed file, open for appending by one process at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.cut_bytes = 0
        path.parent.mkdir(parents=True, exist_ok=True)
        _unlink_from_cache(path)
        self._file: IO[bytes] = path.open("a+b")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # One that has just ended may have put a compacted file in the place of the one opened here.
            is_held = os.path.samestat(os.fstat(self._file.fileno()), path.stat())
        except (BlockingIOError, FileNotFoundError):
            is_held = False
        if not is_held:
            self._file.close()
            raise CrawlError(f"{path}: another crawl is writing it; wait for it, or end it")
        for name in (".compact", ".copy"):
            path.with_name(f".{path.name}{name}").unlink(missing_ok=True)

    @property
    def size(self) -> int:
        return os.fstat(self._file.fileno()).st_size

    def close(self) -> None:
        self._file.close()

    def scan(self, offset: int = 0) -> Iterator[tuple[Span, dict[str, Any]]]:
        """Yield every record from a member's offset on, and cut a torn tail off the file.

        Raises CrawlError if whole members follow the damage: that is no kill, and nothing is cut.
        """
        with self.path.open("rb") as file:
            file.seek(offset)
            try:
                for start, length, content in _members(file, offset):
                    yield Span(start, length), self._parse(content, start)
            except TornMember as torn:
                self._cut(int(torn.args[0]))

    def _parse(self, content: bytes, offset: int) -> dict[str, Any]:
        try:
            record = json.loads(content)
        except ValueError:
            raise CrawlError(
                f"{self.path}: byte {offset}: not a JSON record; restore it (dvc checkout)"
            ) from None
        if not isinstance(record, dict) or not isinstance(record.get("url"), str):
            raise CrawlError(f"{self.path}: byte {offset}: a record without url; restore it (dvc checkout)")
        return record

    def _cut(self, offset: int) -> None:
        with self.path.open("rb") as file:
            file.seek(offset + 1)
            tail = file.read(MAX_RECORD)
        # A kill tears the last member; a whole member after the damage means another kind of damage.
        start = tail.find(b"\x1f\x8b\x08")
        while start >= 0:
            try:
                next(iter(_members(io.BytesIO(tail[start:]), 0)))
            except (TornMember, StopIteration, CrawlError):
                start = tail.find(b"\x1f\x8b\x08", start + 1)
                continue
            raise CrawlError(
                f"{self.path}: damaged at byte {offset:,}, whole records follow it; restore it (dvc checkout)"
            )
        self.cut_bytes = self.size - offset
        logger.warning("%s: cut %s bytes of a record that was not finished", self.path, f"{self.cut_bytes:,}")
        self._file.truncate(offset)
        self._sync()

    def append(self, record: dict[str, Any]) -> Span:
        """Write a record and wait until it is on the disk."""
        member = pack(record)
        span = Span(self.size, len(member))
        self._file.write(member)
        self._sync()
        return span

    def _sync(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())

    def read(self, span: Span) -> dict[str, Any]:
        """Read the record at a place that ``scan`` or ``append`` gave."""
        with self.path.open("rb") as file:
            file.seek(span.offset)
            return unpack(file.read(span.length))

    def tail(self, size: int, length: int = 64) -> bytes:
        """Return the bytes before ``size``, to recognise a file by."""
        with self.path.open("rb") as file:
            file.seek(max(0, size - length))
            return file.read(min(size, length))

    def compact(self, spans: Iterable[Span]) -> None:
        """Rewrite the file with these records only, in this order; the file is whole at every moment."""
        temporary = self.path.with_name(f".{self.path.name}.compact")
        with self.path.open("rb") as source, temporary.open("wb") as target:
            for span in spans:
                source.seek(span.offset)
                target.write(source.read(span.length))
            target.flush()
            os.fsync(target.fileno())
        fresh = temporary.open("a+b")
        fcntl.flock(fresh, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.replace(temporary, self.path)
        self._file.close()
        self._file = fresh


def _unlink_from_cache(path: Path) -> None:
    """Give a file that is a link into a DVC cache a body of its own, so that appending spares the cache."""
    if not path.exists():
        if path.is_symlink():
            raise CrawlError(f"{path}: a link to nothing; run dvc checkout or delete it")
        return
    status = path.stat()
    if path.is_symlink() or status.st_nlink > 1 or not os.access(path, os.W_OK):
        temporary = path.with_name(f".{path.name}.copy")
        shutil.copyfile(path, temporary)
        temporary.chmod(0o644)
        os.replace(temporary, path)
