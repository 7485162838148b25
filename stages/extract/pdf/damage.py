"""Detect corrupt streams, which readers silently truncate."""

from __future__ import annotations

import mmap
import re
import zlib
from collections.abc import Iterator
from typing import Any

# What is unpacked of one stream and of a file; what lies behind is not checked.
MAX_STREAM_BYTES = 64 * 2**20
MAX_FILE_BYTES = 2**30
_CHUNK = 1 << 16
# A stream's dictionary is shorter than this.
_REACH = 4096
_DEPTH = 3
_DIGITS = bytes(range(33, 118))
_VALUES = bytes(max(0, code - 33) for code in range(256))
_STREAM = re.compile(rb"stream\r?\n")
_HEAD = re.compile(rb"(\d{1,9})\s+\d{1,5}\s+obj\b")
_FILTER = re.compile(rb"/Filter\s*\[?\s*/(FlateDecode|ASCII85Decode\s*/FlateDecode)\b")
# Pictures, font files and cross-references hold no text of a page.
_NO_TEXT = re.compile(rb"/Subtype\s*/(?:Image|Type1C|CIDFontType0C|OpenType)\b|/Length1\b|/Type\s*/XRef\b")


def find_damage(path: str) -> tuple[dict[int, str], str]:
    """Return pages (from 0) with damaged content and what it is, and a remark on damage that is no page's.

    Content that is not compressed, or in another way than Flate, cannot be checked, nor can encrypted files.
    """
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        # The last object of a number counts: earlier ones have been replaced.
        faults = {} if data.find(b"/Encrypt") >= 0 else dict(_streams(data))
    broken = {number: fault for number, fault in faults.items() if fault}
    if not broken:
        return {}, ""
    pages: dict[int, str] = {}
    placed: set[int] = set()
    try:
        for index, numbers in enumerate(_numbers_by_page(path)):
            if found := sorted(numbers & broken.keys()):
                pages[index] = f"content damaged ({broken[found[0]]}): text is missing or wrong from there on"
                placed.update(found)
    except Exception as error:
        return pages, f"damaged: {len(broken)} streams ({type(error).__name__} in looking for their pages)"
    objects = [number for number in broken.keys() - placed if broken[number].startswith("objects")]
    return pages, f"damaged: {len(objects)} packs of objects" if objects else ""


def _streams(data: mmap.mmap) -> Iterator[tuple[int, str]]:
    """Yield the number of each stream object, with its fault or ""."""
    at = total = 0
    while total < MAX_FILE_BYTES and (match := _STREAM.search(data, at)):
        before = data[max(at, match.start() - _REACH) : match.start()]
        at = match.end()
        heads = [] if before.endswith(b"end") else list(_HEAD.finditer(before))
        if not heads:
            continue
        about = before[heads[-1].end() :]
        packing = _FILTER.search(about)
        if packing is None or _NO_TEXT.search(about):
            yield int(heads[-1][1]), ""
            continue
        is_ascii = packing[1].startswith(b"ASCII85")
        fault, size, stop = _check_ascii(data, at) if is_ascii else _check_flate(data, at)
        total += size
        at = max(at, stop)
        kind = "objects, " if fault and re.search(rb"/Type\s*/ObjStm\b", about) else ""
        yield int(heads[-1][1]), kind + fault


def _check_flate(data: Any, start: int) -> tuple[str, int, int]:
    """Unpack a stream to see whether it can be; return its fault, its size unpacked, and where it ends."""
    decoder = zlib.decompressobj()
    size, at = 0, start
    packed = out = b""
    while not decoder.eof:
        if not packed:
            packed = data[at : at + _CHUNK]
            at += len(packed)
        if not packed and len(out) < _CHUNK:
            return "cut off", size, start
        try:
            out = decoder.decompress(packed, _CHUNK)
        except zlib.error as error:
            if _lacks_checksum(data, start):
                return "", size, start
            return str(error).partition("data: ")[2] or "not packed", size, start
        size += len(out)
        if size > MAX_STREAM_BYTES:
            return "", size, start
        packed = decoder.unconsumed_tail
    return "", size, at - len(decoder.unused_data)


def _lacks_checksum(data: Any, start: int) -> bool:
    """Tell whether the text is whole and only the checksum after it was left out, as some programs do."""
    decoder = zlib.decompressobj(wbits=-15)
    at = start + 2
    while not decoder.eof:
        packed = decoder.unconsumed_tail or data[at : at + _CHUNK]
        at += 0 if decoder.unconsumed_tail else len(packed)
        if not packed:
            return False
        try:
            decoder.decompress(packed, MAX_STREAM_BYTES)
        except zlib.error:
            return False
    return decoder.unused_data.lstrip()[:3] == b"end"


def _check_ascii(data: mmap.mmap, start: int) -> tuple[str, int, int]:
    stop = data.find(b"~>", start)
    if stop < 0:
        return "cut off", 0, start
    try:
        packed = _decode_ascii(data[start:stop])
    except ValueError:
        return "invalid ASCII85", 0, stop
    fault, size, _ = _check_flate(packed, 0)
    return fault, size, stop


def _decode_ascii(text: bytes) -> bytes:
    """Decode ASCII85, in a tenth of the time of the standard library's function.

    Five digits of base 85 are four bytes. All groups are put together at once, each in eight bytes of a long
    integer. Raises ValueError for what is not in it.
    """
    text = text.translate(None, b" \t\n\r\v\f\0").removeprefix(b"<~").replace(b"z", b"!!!!!")
    if text.translate(None, _DIGITS):
        raise ValueError("not a digit of base 85")
    padding = -len(text) % 5
    text = (text + b"u" * padding).translate(_VALUES)
    n = len(text) // 5
    total = 0
    for place in range(5):
        lanes = bytearray(8 * n)
        lanes[::8] = text[place::5]
        total = 85 * total + int.from_bytes(lanes, "little")
    lanes = bytearray(total.to_bytes(8 * n, "little"))
    if any(lanes[4::8]):
        raise ValueError("a group of more than four bytes")
    data = bytearray(4 * n)
    for place in range(4):
        data[place::4] = lanes[3 - place :: 8]
    return bytes(data[: 4 * n - padding])


def _numbers_by_page(path: str) -> Iterator[set[int]]:
    """Yield the numbers of the objects that hold each page's content, its forms and its maps of letters."""
    from pdfminer.pdfdocument import PDFDocument
    from pdfminer.pdfpage import PDFPage
    from pdfminer.pdfparser import PDFParser
    from pdfminer.pdftypes import stream_value

    with open(path, "rb") as file:
        for page in PDFPage.create_pages(PDFDocument(PDFParser(file), caching=True)):
            numbers = {stream_value(item).objid for item in page.contents}
            _add_resources(page.resources, numbers, _DEPTH)
            yield {number for number in numbers if number is not None}


def _add_resources(resources: Any, numbers: set[Any], depth: int) -> None:
    from pdfminer.pdftypes import PDFStream, dict_value, resolve1

    resources = resolve1(resources)
    if not isinstance(resources, dict) or depth == 0:
        return
    for font in dict_value(resources.get("Font") or {}).values():
        numbers.add(getattr(dict_value(font).get("ToUnicode"), "objid", None))
    for item in dict_value(resources.get("XObject") or {}).values():
        drawn = resolve1(item)
        if isinstance(drawn, PDFStream) and drawn.objid not in numbers:
            numbers.add(drawn.objid)
            _add_resources(drawn.attrs.get("Resources"), numbers, depth - 1)
