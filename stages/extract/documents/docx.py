"""Word files: paragraphs, items, headings, table cells and footnotes of a DOCX.

Nothing in a file is trusted: sizes count as they are after decompression, XML with a document type is
refused before anything in it is expanded, and nothing is ever unpacked to disk.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from dataclasses import dataclass
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


# What zipfile raises for a damaged archive; ValueError for places before its beginning.
_DAMAGE = (zipfile.BadZipFile, NotImplementedError, zlib.error, EOFError, OSError, RuntimeError, ValueError)


def read_docx(data: bytes, where: str) -> list[Block]:
    """Return the paragraphs, items, headings and table cells of a Word file, footnotes last.

    Deleted, moved away and hidden text, comments, headers and footers are left out. Raises DataError, in one
    line with ``where`` in front, for what is no whole DOCX and for bombs of any kind.
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
            hidden: frozenset[str] = frozenset()
            for name in ("word/styles.xml", "word/document.xml", "word/footnotes.xml", "word/endnotes.xml"):
                if name in members:
                    reader = _WordReader(f"{where}: {name}", hidden)
                    spent += _read_part(archive, members[name], reader, where, spent)
                    blocks += reader.close()
                    hidden = reader.hidden_styles()
    except _DAMAGE as error:
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
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, reader: _WordReader, where: str, spent: int
) -> int:
    """Parse one part as it is unpacked, so that what it claims to be does not matter; return its size."""
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
    return size


_WORD_SPACES = (
    "http://schemas.openxmlformats.org/wordprocessingml/2006/main ",
    "http://purl.oclc.org/ooxml/wordprocessingml/main ",
)
_FALLBACK = "http://schemas.openxmlformats.org/markup-compatibility/2006 Fallback"
# What tracked changes took away, properties as they were before, and the reading aid over a word.
_GONE = frozenset(("del", "moveFrom", "rPrChange", "pPrChange", "rt"))


@dataclass(slots=True)
class _Paragraph:
    """An open paragraph; ``is_joined`` if its end was deleted, so that it goes on in the next one."""

    kind: str
    parts: list[str]
    is_hidden: bool = False
    is_joined: bool = False


class _WordReader:
    """Turns WordprocessingML into blocks; text boxes come after the paragraph that holds them.

    ``hidden`` names the styles whose text is hidden; reading styles.xml finds them (``hidden_styles``).
    """

    def __init__(self, where: str, hidden: frozenset[str]) -> None:
        self._where = where
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._parser.buffer_text = True
        self._parser.StartDoctypeDeclHandler = self._refuse_doctype
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters
        self._blocks: list[Block] = []
        self._open: list[_Paragraph] = []
        # Whether each open run is hidden: a text box has runs inside a run.
        self._runs: list[bool] = []
        self._cells = 0
        self._skipped = 0
        self._paragraph_properties = 0
        self._is_text = False
        # The start of a paragraph whose end was deleted: it goes on in the next one.
        self._pending: list[str] = []
        self._hidden = set(hidden)
        self._style = ""
        self._based_on: dict[str, str] = {}

    def feed(self, chunk: bytes) -> None:
        self._parse(chunk, False)

    def close(self) -> list[Block]:
        self._parse(b"", True)
        return self._blocks

    def hidden_styles(self) -> frozenset[str]:
        """Return the styles whose text is hidden, by themselves or by the style that they are based on."""
        for style in self._based_on:
            base, seen = style, set[str]()
            while base in self._based_on and base not in seen | self._hidden:
                seen.add(base)
                base = self._based_on[base]
            if base in self._hidden:
                self._hidden.add(style)
        return frozenset(self._hidden)

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
        local = _word_name(name)
        if local in ("del", "moveFrom") and self._paragraph_properties and self._open:
            self._open[-1].is_joined = True
        if self._skipped or name == _FALLBACK or local in _GONE:
            self._skipped += 1
            return
        value = next((value for key, value in attributes.items() if key.endswith((" val", " styleId"))), "")
        if local == "p":
            self._open.append(_Paragraph("cell" if self._cells else "paragraph", parts=self._pending))
            self._pending = []
        elif local == "tc":
            self._cells += 1
        elif local == "pPr":
            self._paragraph_properties += 1
        elif local == "t":
            self._is_text = True
        elif local == "style":
            self._style = value
        elif local == "basedOn":
            self._based_on[self._style] = value
        elif local == "r":
            self._runs.append(any(self._runs) or (bool(self._open) and self._open[-1].is_hidden))
        elif local in ("vanish", "rStyle", "pStyle"):
            self._hide(local, value)
        if self._open and not any(self._runs):
            self._add(local, value)

    def _hide(self, local: str, value: str) -> None:
        is_hidden = value in self._hidden if local != "vanish" else value not in ("0", "false", "off")
        if local == "pStyle" and self._open:
            self._open[-1].is_hidden = is_hidden
        elif local == "vanish" and not self._open and self._style:
            self._hidden.update([self._style] if is_hidden else [])
        elif self._runs and not self._paragraph_properties:
            self._runs[-1] = is_hidden or any(self._runs[:-1])

    def _add(self, local: str, value: str) -> None:
        """Take what an element adds to the paragraph, or says of its kind."""
        paragraph = self._open[-1]
        if local in ("tab", "br", "cr"):
            paragraph.parts.append(" ")
        elif local == "noBreakHyphen":
            paragraph.parts.append("-")
        elif local == "numPr" and paragraph.kind == "paragraph":
            paragraph.kind = "item"
        elif local in ("pStyle", "outlineLvl") and re.match(
            r"(?:heading|title|заголовок|\d$)", value, re.IGNORECASE
        ):
            paragraph.kind = "heading"

    def _end(self, name: str) -> None:
        if self._skipped:
            self._skipped -= 1
            return
        local = _word_name(name)
        if local == "p" and self._open:
            paragraph = self._open.pop()
            if paragraph.is_joined:
                self._pending = paragraph.parts
            elif text := clean_line("".join(paragraph.parts)):
                self._blocks.append(Block(paragraph.kind, text))
        elif local == "tc":
            self._cells -= 1
            self._flush()
        elif local in ("body", "footnote", "endnote", "txbxContent"):
            self._flush()
        elif local == "pPr":
            self._paragraph_properties -= 1
        elif local == "r" and self._runs:
            self._runs.pop()
        elif local == "t":
            self._is_text = False

    def _flush(self) -> None:
        """End a paragraph that has no next one to go on in."""
        if text := clean_line("".join(self._pending)):
            self._blocks.append(Block("paragraph", text))
        self._pending = []

    def _characters(self, data: str) -> None:
        if self._is_text and not self._skipped and self._open and not any(self._runs):
            self._open[-1].parts.append(data)


def _word_name(name: str) -> str:
    return next((name[len(space) :] for space in _WORD_SPACES if name.startswith(space)), "")
