"""Documents that people hand over: Word files and plain text, their encoding, and the language of any text.

Nothing in a file is trusted: sizes count as they are after decompression, XML with a document type is
refused before anything in it is expanded, and nothing is ever unpacked to disk.
"""

from __future__ import annotations

import io
import re
import unicodedata
import zipfile
import zlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath
from xml.parsers import expat

from stages.extract.html import Block
from stages.extract.transliterate import IS_CYRILLIC, to_latin
from stages.lib.core.errors import DataError
from stages.lib.text.language import MIN_WORDS, LanguageCheck
from stages.lib.text.letters import script_of

MAX_FILE_BYTES = 64 * 2**20
MAX_MEMBERS = 5_000
MAX_UNPACKED_BYTES = 256 * 2**20
# Word's own XML packs 10 to 30 times; a part that packs better than this is no text.
MAX_RATIO = 200
_RATIO_FROM_BYTES = 4 * 2**20
_CHUNK = 1 << 16


# ---------------------------------------------------------------------------------------------------------
# DOCX
# ---------------------------------------------------------------------------------------------------------


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
                    found, size = _read_part(archive, members[name], where, spent)
                    blocks += found
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


# ---------------------------------------------------------------------------------------------------------
# Plain text
# ---------------------------------------------------------------------------------------------------------

_SOFT_BREAK = re.compile("\u00ad\\s*")
# Letters that Russian, Kazakh and Tajik (Cyrillic) or Turkmen and its neighbours (Latin) are written with.
_EXPECTED = {
    "cp1251": frozenset("абвгдеёжзийклмнопрстуфхцчшщъыьэюя«»—–№…“”„’"),
    "koi8-r": frozenset("абвгдеёжзийклмнопрстуфхцчшщъыьэюя"),
    "cp866": frozenset("абвгдеёжзийклмнопрстуфхцчшщъыьэюя"),
    "cp1250": frozenset("äçňöşüýž«»—–…“”„’"),
    "cp1254": frozenset("çğıöşüâî«»—–…“”„’"),
}


def clean_line(text: str) -> str:
    """Return text on one line: NFC, no soft hyphens, no invisible characters."""
    text = _SOFT_BREAK.sub("", text)
    kept = (
        " " if char.isspace() else char
        for char in text
        if char.isspace() or unicodedata.category(char) not in ("Cf", "Cc", "Cs", "Co", "Cn")
    )
    return unicodedata.normalize("NFC", " ".join("".join(kept).split()))


def decode_text(data: bytes, where: str) -> tuple[str, str]:
    """Return a plain text and its encoding: by its mark, UTF-8, or the 8-bit code that makes it readable.

    Raises DataError if it is binary, or readable in none.
    """
    if len(data) > MAX_FILE_BYTES:
        raise DataError(f"{where}: {len(data):,} bytes, over the limit of {MAX_FILE_BYTES:,}")
    for mark, encoding in (
        (b"\xef\xbb\xbf", "utf-8-sig"),
        (b"\xff\xfe", "utf-16"),
        (b"\xfe\xff", "utf-16"),
    ):
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


# ---------------------------------------------------------------------------------------------------------
# Language
# ---------------------------------------------------------------------------------------------------------

_SAMPLE_CHARS = 4_000
_BY_SCRIPT = {"Cyrl": ("ru", "kk", "ky", "tg"), "Latn": ("tk", "tr", "az", "uz", "en")}
_NAME_CODES = {"tm": "tk", "kz": "kk"}


@dataclass(frozen=True)
class Decision:
    """The language of a text, None where it cannot be told, and the evidence for it over the next best.

    Evidence is in the units of LanguageCheck: about one for a telling word. ``is_cyrillic``: the text is
    Turkmen or Uzbek in Cyrillic letters, to be converted.
    """

    lang: str | None
    evidence: float
    is_cyrillic: bool = False


@lru_cache(maxsize=16)
def _check(lang: str) -> LanguageCheck:
    return LanguageCheck(lang)


def decide_language(text: str) -> Decision:
    """Decide the language of a text from its script, words and letters, whatever it is filed under.

    Looks at 4,000 characters, from the beginning, the middle and the end.
    """
    if len(text) > _SAMPLE_CHARS:
        third, middle = _SAMPLE_CHARS // 3, len(text) // 2
        text = f"{text[:third]} {text[middle : middle + third]} {text[-third:]}"
    letters = [script for script in map(script_of, text) if script]
    if len(text.split()) < MIN_WORDS or not letters:
        return Decision(None, 0.0)
    script = max(_BY_SCRIPT, key=letters.count)
    if letters.count(script) < 0.5 * len(letters):
        return Decision(None, 0.0)
    for lang, is_cyrillic in IS_CYRILLIC.items():
        if script == "Cyrl" and is_cyrillic(text):
            evidence = -_check(lang).score(to_latin(text, lang)).evidence
            if evidence > 0:
                return Decision(lang, evidence, True)
    # How much speaks against each language, of what speaks for any other.
    against = {lang: _check(lang).score(text).evidence for lang in _BY_SCRIPT[script]}
    lang = min(against, key=against.__getitem__)
    return Decision(lang, -against[lang]) if against[lang] < 0 else Decision(None, 0.0)


def split_name(path: PurePosixPath, langs: Collection[str]) -> tuple[str, str | None]:
    """Return what the language versions of a file share in their names, and the language in this one.

    ``dir/name.ru.txt``, ``dir/name_tk.pdf``, ``dir/name-tk.docx`` and ``ru/dir/name.txt`` name a language.
    """
    parts = list(path.parts)
    name = path.name[: len(path.name) - len(path.suffix)]
    lang = None
    found = re.fullmatch(r"(.+)[._-]([A-Za-z]{2})", name)
    if found and _code(found[2]) in langs:
        name, lang = found[1], _code(found[2])
    else:
        for place, part in enumerate(parts[:-1]):
            if _code(part) in langs:
                lang = _code(part)
                del parts[place]
                break
    return "/".join([*parts[:-1], name]), lang


def _code(text: str) -> str:
    return _NAME_CODES.get(text.lower(), text.lower())


# A block in another language than its document speaks for itself with more than a name or two.
_FOREIGN_WORDS = 8
_FOREIGN_EVIDENCE = 4.0


def is_foreign(text: str, lang: str) -> bool:
    """Tell whether a block of eight words or more is clearly in another language than ``lang``."""
    return len(text.split()) >= _FOREIGN_WORDS and _check(lang).score(text).evidence >= _FOREIGN_EVIDENCE
