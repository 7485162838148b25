"""Word files: paragraphs, items, headings, table cells and footnotes of a DOCX.

Nothing in a file is trusted: sizes count as they are after decompression, XML with a document type is
refused before anything in it is expanded, and nothing is ever unpacked to disk.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from pathlib import PurePosixPath
from xml.parsers import expat

from stages.extract.blocks import Block, clean_line
from stages.extract.documents.text import MAX_FILE_BYTES
from stages.lib.core.errors import DataError

MAX_MEMBERS = 5_000
MAX_UNPACKED_BYTES = 256 * 2**20
# Word's own XML packs 10 to 30 times; a part that packs better than this is no text.
MAX_RATIO = 200
_RATIO_FROM_BYTES = 4 * 2**20
_CHUNK = 1 << 16


def read_docx(data: bytes, where: str) -> list[Block]:
    """Return the paragraphs, items, headings and table cells of a Word file, footnotes last.

    Deleted text, comments, headers and footers are left out. Raises DataError, in one line with ``where`` in
    front, for what is no whole DOCX and for bombs of any kind.
    """
    if len(data) > MAX_FILE_BYTES:
        raise DataError(f"{where}: {len(data):,} bytes, over the limit of {MAX_FILE_BYTES:,}")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = _checked_members(archive, where)
            if "word/document.xml" not in members:
                raise DataError(f"{where}: no word/document.xml in it; not a DOCX file")
            blocks: list[Block] = []
            spent = 0
            for name in ("word/document.xml", "word/footnotes.xml", "word/endnotes.xml"):
                if name in members:
                    part_blocks, size = _read_part(archive, members[name], where, spent)
                    blocks += part_blocks
                    spent += size
    except (zipfile.BadZipFile, NotImplementedError, zlib.error, EOFError, OSError, RuntimeError) as error:
        raise DataError(f"{where}: not a whole DOCX file ({error})") from None
    return blocks


def _checked_members(archive: zipfile.ZipFile, where: str) -> dict[str, zipfile.ZipInfo]:
    infos = archive.infolist()
    if len(infos) > MAX_MEMBERS:
        raise DataError(f"{where}: {len(infos):,} members, over the limit of {MAX_MEMBERS:,}")
    total = 0
    members: dict[str, zipfile.ZipInfo] = {}
    for info in infos:
        path = PurePosixPath(info.filename)
        if path.is_absolute() or ".." in path.parts or "\\" in info.filename or info.filename[1:2] == ":":
            raise DataError(f"{where}: member {info.filename!r} leaves the file; refusing to read it")
        if info.flag_bits & 0x1:
            raise DataError(f"{where}: it is encrypted; save it without a password")
        if info.filename in members:
            raise DataError(f"{where}: member {info.filename!r} comes twice; refusing to read it")
        total += info.file_size
        if total > MAX_UNPACKED_BYTES:
            raise DataError(f"{where}: over {MAX_UNPACKED_BYTES:,} bytes once unpacked; refusing to read it")
        members[info.filename] = info
    return members


def _read_part(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, where: str, spent: int
) -> tuple[list[Block], int]:
    """Parse one part as it is unpacked, so that what it claims to be does not matter."""
    reader = _WordReader(f"{where}: {info.filename}")
    size = 0
    with archive.open(info) as part:
        while chunk := part.read(_CHUNK):
            size += len(chunk)
            is_too_dense = size > _RATIO_FROM_BYTES and size > MAX_RATIO * max(1, info.compress_size)
            if is_too_dense or spent + size > MAX_UNPACKED_BYTES:
                raise DataError(
                    f"{where}: {info.filename} unpacks to over {size:,} bytes from {info.compress_size:,}; "
                    "refusing to read it"
                )
            reader.feed(chunk)
    return reader.close(), size


_WORD_SPACES = (
    "http://schemas.openxmlformats.org/wordprocessingml/2006/main ",
    "http://purl.oclc.org/ooxml/wordprocessingml/main ",
)
_FALLBACK = "http://schemas.openxmlformats.org/markup-compatibility/2006 Fallback"


class _WordReader:
    """Turns WordprocessingML into blocks; text boxes come after the paragraph that holds them."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._parser.buffer_text = True
        self._parser.StartDoctypeDeclHandler = self._refuse_doctype
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters
        self._blocks: list[Block] = []
        self._open: list[tuple[list[str], list[str]]] = []  # (text, [kind]) of each open paragraph
        self._cells = 0
        self._skipped = 0
        self._is_text = False

    def feed(self, chunk: bytes) -> None:
        self._parse(chunk, False)

    def close(self) -> list[Block]:
        self._parse(b"", True)
        return self._blocks

    def _parse(self, chunk: bytes, is_last: bool) -> None:
        try:
            self._parser.Parse(chunk, is_last)
        except (expat.ExpatError, ValueError, LookupError) as error:
            raise DataError(f"{self._where}: not well-formed XML ({error})") from None

    def _refuse_doctype(self, *_: object) -> None:
        raise DataError(
            f"{self._where}: declares a document type, which Word never does; refusing to read it"
        )

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if self._skipped or name == _FALLBACK:
            self._skipped += 1
            return
        local = _word_name(name)
        if local == "p":
            self._open.append(([], ["cell" if self._cells else "paragraph"]))
        elif local == "tc":
            self._cells += 1
        elif local == "t":
            self._is_text = True
        elif not self._open:
            return
        elif local in ("tab", "br", "cr"):
            self._open[-1][0].append(" ")
        elif local == "noBreakHyphen":
            self._open[-1][0].append("-")
        elif local == "numPr" and self._open[-1][1][0] == "paragraph":
            self._open[-1][1][0] = "item"
        elif local == "pStyle" or local == "outlineLvl":
            style = next((value for key, value in attributes.items() if key.endswith(" val")), "")
            if re.match(r"(?:heading|title|заголовок|\d$)", style, re.IGNORECASE):
                self._open[-1][1][0] = "heading"

    def _end(self, name: str) -> None:
        if self._skipped:
            self._skipped -= 1
            return
        local = _word_name(name)
        if local == "p" and self._open:
            parts, kind = self._open.pop()
            if text := clean_line("".join(parts)):
                self._blocks.append(Block(kind[0], text))
        elif local == "tc":
            self._cells -= 1
        elif local == "t":
            self._is_text = False

    def _characters(self, data: str) -> None:
        if self._is_text and not self._skipped and self._open:
            self._open[-1][0].append(data)


def _word_name(name: str) -> str:
    return next((name[len(space) :] for space in _WORD_SPACES if name.startswith(space)), "")
