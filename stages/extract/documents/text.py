"""Plain text files: their encoding and their paragraphs."""

from __future__ import annotations

from collections.abc import Iterator

from stages.extract.blocks import Block, clean_line
from stages.lib.core.errors import DataError
from stages.lib.text.letters import script_of

MAX_FILE_BYTES = 64 * 2**20
# Letters that Russian, Kazakh and Tajik (Cyrillic) or Turkmen and its neighbours (Latin) are written with.
_EXPECTED = {
    "cp1251": frozenset("абвгдеёжзийклмнопрстуфхцчшщъыьэюя«»—–№…“”„’"),
    "koi8-r": frozenset("абвгдеёжзийклмнопрстуфхцчшщъыьэюя"),
    "cp866": frozenset("абвгдеёжзийклмнопрстуфхцчшщъыьэюя"),
    "cp1250": frozenset("äçňöşüýž«»—–…“”„’"),
    "cp1254": frozenset("çğıöşüâî«»—–…“”„’"),
}


def decode_text(data: bytes, where: str) -> tuple[str, str]:
    """Return a plain text and its encoding: by its mark, UTF-8, or the 8-bit code that makes it readable.

    Raises DataError if it is binary, or readable in none.
    """
    if len(data) > MAX_FILE_BYTES:
        raise DataError(f"{where}: {len(data):,} bytes, over the limit of {MAX_FILE_BYTES:,}")
    for mark, encoding in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if data.startswith(mark):
            try:
                return data.decode(encoding), encoding
            except UnicodeDecodeError as error:
                raise DataError(f"{where}: marked as {encoding}, but broken ({error.reason})") from None
    if b"\0" in data:
        raise DataError(f"{where}: has zero bytes; not a text file")
    try:
        return data.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        pass
    # Half a megabyte tells as much as the whole.
    sample = data[: 1 << 19]
    scores = {encoding: _readability(sample, encoding) for encoding in _EXPECTED}
    best = max(scores, key=scores.__getitem__)
    if scores[best] < 0.8:
        raise DataError(f"{where}: neither UTF-8 nor {', '.join(_EXPECTED)}; save it as UTF-8")
    return data.decode(best, errors="replace"), best


def _readability(data: bytes, encoding: str) -> float:
    """Return the share of the non-ASCII characters that the encoding makes letters of its languages.

    Capitals inside words count against it (KOI8-R and Windows-1251 have them where the other has small ones),
    and so do Cyrillic letters beside Latin ones.
    """
    text = data.decode(encoding, errors="replace")
    expected = _EXPECTED[encoding]
    total = good = 0
    before = " "
    for char in text:
        if char > "\x7f":
            total += 1
            is_shouting = char.isupper() and before.islower()
            good += (char.lower() in expected) - is_shouting
        if char.isalpha() and before.isalpha() and char.isascii() != before.isascii():
            good -= "Cyrl" in (script_of(char), script_of(before))
        before = char
    return good / total if total else 1.0


def read_text(data: bytes, where: str) -> list[Block]:
    """Return the paragraphs of a plain text file.

    Lines are paragraphs, unless blank lines part the text and its lines have the length of a page: then the
    lines between blank ones are one paragraph.
    """
    text, _ = decode_text(data, where)
    lines = [line.rstrip() for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
    lengths = sorted(len(line) for line in lines if line)
    is_wrapped = (
        len(lengths) > 1 and "" in lines[:-1] and lengths[-1] <= 120 and lengths[3 * len(lengths) // 4] >= 40
    )
    blocks: list[Block] = []
    for group in _groups(lines) if is_wrapped else ([line] for line in lines):
        if cleaned := clean_line("\n".join(group)):
            blocks.append(Block("paragraph", cleaned))
    return blocks


def _groups(lines: list[str]) -> Iterator[list[str]]:
    group: list[str] = []
    for line in [*lines, ""]:
        if line:
            group.append(line)
        elif group:
            yield group
            group = []
