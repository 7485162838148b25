"""TMX 1.4b, the exchange format of translation memories (Localization Industry Standards Association, 2005).

XML 1.0 has no place for most control characters, U+FFFE and U+FFFF, not even escaped. Our own files have each
as U+241B (␛), its number in hexadecimal, and a semicolon, as in ``␛0004;``; a ␛ that stands in the text is
``␛241B;``. The reader undoes it where the header names Köpri as the tool.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from stages.extract.pairs.corpus import GivenPair, listed_file
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
_XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
# ISO 639-2 and 639-3 codes that TMX files use beside the two-letter ones.
_TWO_LETTERS = {
    "rus": "ru", "tuk": "tk", "eng": "en", "tur": "tr", "aze": "az", "azj": "az", "uzb": "uz", "uzn": "uz",
    "kaz": "kk", "kir": "ky", "tgk": "tg",
}  # fmt: skip


def read(config: SourceConfig, files: Mapping[str, RawFile]) -> Iterator[GivenPair]:
    """Yield the units of one memory, in every language it has; the document is the property ``x-doc``."""
    name, content = listed_file(config, files)
    with content.open() as file:
        for number, unit in enumerate(read_tmx(file, name), start=1):
            yield GivenPair(number, unit.texts, name, unit.properties.get("x-doc") or None)


def _unescape(text: str) -> str:
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text)


@dataclass(frozen=True)
class Unit:
    """One translation unit: texts by two-letter language, the first variant of each, and its properties."""

    name: str
    texts: dict[str, str]
    properties: dict[str, str]


def read_tmx(file: IO[bytes], where: str) -> Iterator[Unit]:
    """Yield the units of a TMX file in its order, in constant memory.

    Native code inside inline elements is left out. The document type is not loaded, and nothing outside the
    file is opened. Raises DataError if the file is no TMX, if it declares entities of its own (XML puts them
    into attributes unasked), or if ``MAX_UNIT_BYTES`` come without a unit.
    """
    from lxml import etree

    is_ours = False
    is_tmx = False
    is_checked = False
    watched = _Watched(file, where)
    parser = etree.iterparse(
        watched,
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
    except etree.XMLSyntaxError as error:
        raise DataError(f"{where}: not a TMX file ({error}); get the file again, or repair it") from None
    if not is_tmx:
        raise DataError(f"{where}: not a TMX file: it has no <tmx> element")


class _Watched:
    """A file of which at most ``MAX_UNIT_BYTES`` are read before somebody sets ``unread`` to zero."""

    def __init__(self, file: IO[bytes], where: str) -> None:
        self._file, self._where = file, where
        self.unread = 0

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self.unread += len(data)
        if self.unread > MAX_UNIT_BYTES:
            raise DataError(
                f"{self._where}: more than {MAX_UNIT_BYTES >> 20} MB without the end of a translation unit; "
                "expected units of sentences; look into the file, and take out what is none"
            )
        return data


def _refuse_entities(element: etree._Element, where: str) -> None:
    declared = element.getroottree().docinfo.internalDTD
    for entity in () if declared is None else declared.iterentities():
        raise DataError(
            f"{where}: declares an entity of its own, {entity.name}; refusing to read it, write the text out"
        )


def _read_unit(element: etree._Element, is_ours: bool, where: str) -> Unit:
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
            if lang and segments:
                texts.setdefault(lang, restore("".join(_text_parts(segments[0], where))))
    return Unit(restore(element.get("tuid", "")), texts, properties)


def _text_parts(element: etree._Element, where: str) -> Iterator[str]:
    yield element.text or ""
    for child in element:
        if _local_name(child, where) not in ("", *_CODES):
            yield from _text_parts(child, where)
        yield child.tail or ""


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
