"""The records of a crawl: pages, or references to books, as ``make crawl`` packs them."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import IO, Any

from tqdm import tqdm

from stages.extract.blocks import clean_line
from stages.lib.core.archives import RawFile
from stages.lib.core.errors import SourceError

# The packed file of a crawl, inside the raw tar.
RECORDS = "records.jsonl.gz"
MAX_LINE_BYTES = 64 * 2**20
_CHUNK = 1 << 18
# Not eight digits in a row: those are numbers of articles too.
_DAY = re.compile(r"(?<!\d)(20\d\d)([-/])(\d\d)\2(\d\d)(?!\d)")


def last_records(name: str, files: Mapping[str, RawFile], report: Counter[str]) -> Iterator[dict[str, Any]]:
    """Yield the last record of each key; two passes, so that only keys are in memory."""
    last: dict[bytes, int] = {}
    if RECORDS not in files:
        raise SourceError(f"{name}: raw tar without {RECORDS}; run the collect stage again (dvc repro)")
    with files[RECORDS].open() as file:
        for place, record in enumerate(read_records(file, Counter())):
            last[_record_id(record)] = place
    with files[RECORDS].open() as file:
        records = enumerate(read_records(file, report))
        for place, record in tqdm(records, name, unit=" records", disable=None):
            if last[_record_id(record)] == place:
                yield record
            else:
                report["records superseded by later ones"] += 1


def read_records(file: IO[bytes], report: Counter[str]) -> Iterator[dict[str, Any]]:
    """Yield the whole records of a packed file; torn, damaged and malformed ones are counted."""
    for line in _read_lines(file, report):
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            report["records not read: no JSON"] += 1
            continue
        if isinstance(record, dict) and isinstance(record.get("url"), str):
            yield record
        else:
            report["records not read: no address"] += 1


def _read_lines(file: IO[bytes], report: Counter[str]) -> Iterator[bytes]:
    """Yield the lines of a gzip file of many members, and go on after a damaged member with the next one."""
    magic = b"\x1f\x8b\x08"
    data, line = b"", b""
    while True:
        decoder = zlib.decompressobj(wbits=31)
        begun = False
        while not decoder.eof:
            data = data or file.read(_CHUNK)
            if not data:
                if begun:
                    report["records not read: torn at the end of the file"] += 1
                elif line:
                    yield line
                return
            begun = True
            try:
                text = decoder.decompress(data, _CHUNK)
            except zlib.error:
                report["records not read: damaged"] += 1
                data, line = _next_member(file, data, magic), b""
                break
            data = decoder.unused_data if decoder.eof else decoder.unconsumed_tail
            *whole, line = (line + text).split(b"\n") if b"\n" in text else (line + text,)
            yield from (each for each in whole if each)
            if len(line) > MAX_LINE_BYTES:
                report["records not read: too large"] += 1
                data, line = _next_member(file, data, magic), b""
                break


def _next_member(file: IO[bytes], data: bytes, magic: bytes) -> bytes:
    """Return what is left from the next member's beginning on."""
    data = data[1:]
    while True:
        place = data.find(magic)
        if place >= 0:
            return data[place:]
        chunk = file.read(_CHUNK)
        if not chunk:
            return b""
        data = data[-2:] + chunk


def _record_id(record: Mapping[str, Any]) -> bytes:
    return hashlib.blake2b(
        str(record.get("key") or record["url"]).encode("utf-8", "replace"), digest_size=12
    ).digest()


def unit_of(record: Mapping[str, Any]) -> str:
    """Return the name that the versions of a document share.

    Versions that the crawl matched by date and title alone are candidates only: each is a document of its own
    here, and align decides what belongs together.
    """
    doc = None if record.get("paired") == "date+title" else record.get("doc")
    if isinstance(doc, str) and clean_line(doc.partition("/")[2]):
        return clean_line(doc.partition("/")[2])
    return hashlib.sha256(record["url"].encode("utf-8", "replace")).hexdigest()[:16]


def address_of(record: Mapping[str, Any]) -> str | None:
    for url in (record.get("canonical"), record["url"]):
        if isinstance(url, str) and url.startswith(("http://", "https://")):
            # An address cannot carry lone surrogates; a damaged record can.
            return url.encode("utf-8", "replace").decode()
    return None


def day_of(record: Mapping[str, Any]) -> str | None:
    """Return the day of publication, ISO 8601: as the page says it, else as its address does."""
    in_address = _DAY.search(record["url"])
    for day in (str(record.get("published"))[:10], "-".join(in_address.group(1, 3, 4)) if in_address else ""):
        with suppress(ValueError):  # 30 February
            return dt.date.fromisoformat(day).isoformat()
    return None
