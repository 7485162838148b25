"""TMX 1.4b, the exchange format of translation memories (Localization Industry Standards Association, 2005).

XML 1.0 has no place for most control characters, U+FFFE and U+FFFF, not even escaped. Our own files have each
as U+241B (␛), its number in hexadecimal, and a semicolon, as in ``␛0004;``; a ␛ that stands in the text is
``␛241B;``. The reader undoes it where the header names Köpri as the tool.
"""

from __future__ import annotations

import codecs
import gzip
import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from stages.extract.pairs.corpus import GivenPair, listed_file
from stages.extract.pairs.lines import UNREADABLE, Recoded, unpack, utf_16_of
from stages.lib.core.archives import RawFile
from stages.lib.core.errors import DataError
from stages.lib.core.params import SourceConfig

if TYPE_CHECKING:
    from lxml import etree

TOOL = "kopri"
_ESCAPED = re.compile("\u241b([0-9A-F]{4});")
# The most bytes without the end of a unit: no unit is as long, and memory is bounded by it.
MAX_UNIT_BYTES = 4 << 20
# Inline elements whose content is code of another format, no text.
_CODES = frozenset(("bpt", "ept", "it", "ph", "ut"))
# What breaks a line in the formats that memories come from: kinds of code, tags, and line ends themselves.
_BREAKS = frozenset(("lb", "br", "break", "linebreak", "line-break", "newline", "lf", "cr", "crlf", "pb"))
_BREAK = re.compile(
    r"</?\s*(?:[\w-]+:)?(?:br|cr|p|div|li|ul|ol|tr|td|th|table|h[1-6]|hr|dt|dd|lb|line-?break)\b"
    r"|[\n\r\u2028\u2029]|\\[nr]\b|\\(?:line|par|tab)\b|\[(?:br|lf|cr)\]",
    re.IGNORECASE,
)
_XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
# ISO 639-2 and 639-3 codes that TMX files use beside the two-letter ones.
_TWO_LETTERS = {
    "rus": "ru", "tuk": "tk", "eng": "en", "tur": "tr", "aze": "az", "azj": "az", "uzb": "uz", "uzn": "uz",
    "kaz": "kk", "kir": "ky", "tgk": "tg",
}  # fmt: skip


def read(config: SourceConfig, files: Mapping[str, RawFile]) -> Iterator[GivenPair | None]:
    """Yield the units of one memory, in every language it has; the document is the property ``x-doc``."""
    name, content = listed_file(config, files)
    with content.open() as file:
        for number, unit in enumerate(read_tmx(file, name), start=1):
            if unit is None:
                yield None
            else:
                yield GivenPair(number, unit.texts, name, unit.properties.get("x-doc") or None)


def _unescape(text: str) -> str:
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text)


@dataclass(frozen=True)
class Unit:
    """One translation unit: texts by two-letter language, the first filled variant of each; properties."""

    name: str
    texts: dict[str, str]
    properties: dict[str, str]


def read_tmx(file: IO[bytes], where: str) -> Iterator[Unit | None]:
    """Yield the units of a TMX file, plain or gzipped, in its order, in constant memory.

    A unit with bytes or characters that XML cannot hold is None; elsewhere they do not matter. Native code
    inside inline elements is left out; where it breaks a line, a space stands for it. The document type is
    not loaded, and nothing outside the file is opened. Raises DataError if the file is no TMX, if it declares
    entities of its own (XML puts them into attributes unasked), or if ``MAX_UNIT_BYTES`` come without a unit.
    """
    from lxml import etree

    is_ours = False
    is_tmx = False
    is_checked = False
    try:
        watched = _Watched(unpack(file), where)
        text = Recoded(watched, _encoding_of(watched), _Mender())  # type: ignore[arg-type]
    except LookupError as error:
        raise DataError(f"{where}: {error}; expected an encoding that Python knows") from None
    parser = etree.iterparse(
        text,
        events=("start", "end"),
        tag=("{*}header", "{*}tu", "{*}tmx"),
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
    )
    try:
        for event, element in parser:
            if not is_checked:
                _refuse_entities(element, where)
                is_checked = True
            name = etree.QName(element).localname
            is_tmx = is_tmx or name == "tmx"
            if name == "header" and event == "start":
                is_ours = element.get("creationtool") == TOOL
            elif name == "tu" and event == "end":
                yield _read_unit(element, is_ours, where)
                # A unit that was read, and all that stands before it, is dropped from the tree.
                element.clear()
                for part in (element, *element.iterancestors()):
                    while part.getparent() is not None and part.getprevious() is not None:
                        del part.getparent()[0]
                watched.unread = 0
    except (etree.XMLSyntaxError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{where}: not a TMX file ({error}); get the file again, or repair it") from None
    if not is_tmx:
        raise DataError(f"{where}: not a TMX file: it has no <tmx> element")


class _Watched:
    """A file of which at most ``MAX_UNIT_BYTES`` are read before somebody sets ``unread`` to zero."""

    def __init__(self, file: IO[bytes], where: str) -> None:
        self._file, self._where = file, where
        self.head = file.read(1024)
        self._is_started = False
        self.unread = 0

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size) if self._is_started or not self.head else self.head
        self._is_started = True
        self.unread += len(data)
        if self.unread > MAX_UNIT_BYTES:
            raise DataError(
                f"{self._where}: more than {MAX_UNIT_BYTES >> 20} MB without the end of a translation unit; "
                "expected units of sentences; look into the file, and take out what is none"
            )
        return data


def _encoding_of(file: _Watched) -> str:
    if encoding := utf_16_of(file.head):
        return encoding
    declared = re.match(rb"(?:\xef\xbb\xbf)?\s*<\?xml[^>]*?encoding\s*=\s*[\"']([\w.-]+)", file.head)
    name = declared[1].decode("ascii") if declared else "utf-8"
    # Bytes that declare UTF-16 in single bytes are not in it.
    name = "utf-8" if name.lower().startswith("utf") else name
    return "utf-8-sig" if codecs.lookup(name).name == "utf-8" else name


class _Mender:
    """Puts UNREADABLE in place of what XML 1.0 cannot hold, and takes the encoding's name out."""

    _FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
    _NUMBER = re.compile("&#(x[0-9A-Fa-f]{1,8}|[0-9]{1,10});")
    _ENCODING = re.compile(r"(<\?xml[^>]*?)\s+encoding\s*=\s*(?:\"[^\"]*\"|'[^']*')")

    def __init__(self) -> None:
        self._rest = ""
        self._is_first = True

    def __call__(self, text: str, is_last: bool) -> str:
        text = self._rest + text
        # A number, or the declaration, may be cut in two.
        cut = len(text) if is_last else max(text.rfind("&", len(text) - 14), -1)
        cut = len(text) if cut < 0 else cut
        text, self._rest = text[:cut], text[cut:]
        if self._is_first and text:
            text = self._ENCODING.sub(r"\1", text.lstrip("\ufeff"), count=1)
            self._is_first = False
        return self._NUMBER.sub(self._mend, self._FORBIDDEN.sub(UNREADABLE, text))

    def _mend(self, match: re.Match[str]) -> str:
        digits = match[1]
        number = int(digits[1:], 16) if digits[0] == "x" else int(digits)
        is_char = number <= 0x10FFFF and (number in (9, 10, 13) or not self._FORBIDDEN.match(chr(number)))
        return match[0] if is_char else UNREADABLE


def _refuse_entities(element: etree._Element, where: str) -> None:
    declared = element.getroottree().docinfo.internalDTD
    for entity in () if declared is None else declared.iterentities():
        raise DataError(
            f"{where}: declares an entity of its own, {entity.name}; refusing to read it, write the text out"
        )


def _read_unit(element: etree._Element, is_ours: bool, where: str) -> Unit | None:
    restore = _unescape if is_ours else str
    texts: dict[str, str] = {}
    properties: dict[str, str] = {}
    for child in element:
        name = _local_name(child, where)
        if name == "prop":
            properties.setdefault(child.get("type", ""), restore("".join(child.itertext())))
        elif name == "tuv":
            lang = _language(child.get(_XML_LANG) or child.get("lang") or "")
            segments = [part for part in child if _local_name(part, where) == "seg"]
            if lang and segments and not texts.get(lang, "").strip():
                texts[lang] = restore("".join(_text_parts(segments[0], where)))
    if any(UNREADABLE in text for text in (*texts.values(), *properties.values())):
        return None
    return Unit(restore(element.get("tuid", "")), texts, properties)


def _text_parts(element: etree._Element, where: str) -> Iterator[str]:
    yield element.text or ""
    for child in element:
        name = _local_name(child, where)
        if name in _CODES:
            yield " " * _breaks_line(child)
        elif name:
            yield from _text_parts(child, where)
        yield child.tail or ""


def _breaks_line(code: etree._Element) -> bool:
    """Tell whether native code ends a line or a block, by its kind or by its content."""
    kind = code.get("type", "").lower().removeprefix("x-")
    content = "".join(code.itertext())
    return kind in _BREAKS or bool(_BREAK.search(content))


def _local_name(element: etree._Element, where: str) -> str:
    """Return an element's name without its namespace, "" for a comment or an instruction."""
    from lxml import etree

    if isinstance(element, etree._Entity):
        raise DataError(
            f"{where}: line {element.sourceline}: uses an entity of its own, {element.text}; "
            "refusing to read it, write the text out"
        )
    return etree.QName(element).localname if isinstance(element.tag, str) else ""


def _language(code: str) -> str:
    base = re.split(r"[-_]", code.strip().lower())[0]
    return _TWO_LETTERS.get(base, base)
