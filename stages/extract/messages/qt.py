"""Qt's compiled translation files (.qm)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from stages.extract.segments import Segment, plural_key
from stages.lib.core.archives import RawFile
from stages.lib.core.errors import SourceError
from stages.lib.core.params import SourceConfig

MAGIC = bytes.fromhex("3cb86418caef9c95cd211cbf60a1bddd")
_MESSAGES = 0x69
_END, _TRANSLATION, _OBSOLETE, _SOURCE, _CONTEXT, _COMMENT = 1, 3, 5, 6, 7, 8


@dataclass
class QmMessage:
    """One message: the text in the program, the window it is in, a note that tells twins apart."""

    source: str = ""
    context: str = ""
    comment: str = ""
    translations: list[str] = field(default_factory=list)


def read(
    name: str, config: SourceConfig, files: Mapping[str, RawFile], langs: Sequence[str]
) -> Iterator[Segment]:
    """Yield the translations, and as English the texts that they translate; each window is a unit."""
    english: dict[tuple[str, str], Segment] = {}
    for file in files:
        if not file.endswith(".qm"):
            continue
        lang = PurePosixPath(file).name.split("_")[0]
        for message in read_qm(files[file].read(), f"{name}: {file}"):
            unit = message.context or "main"
            key = f"{message.comment}\x04{message.source}" if message.comment else message.source
            english.setdefault((unit, key), Segment(unit, "en", message.source, key, file))
            forms = message.translations
            categories = {2: ("one", "other"), 3: ("one", "few", "many")}.get(len(forms))
            if lang not in langs:
                continue
            if categories is None:
                yield Segment(unit, lang, forms[0], key, file)
            else:
                for category, text in zip(categories, forms, strict=True):
                    yield Segment(unit, lang, text, plural_key(key, category), file)
    if "en" in langs:
        yield from english.values()


def read_qm(content: bytes, where: str) -> Iterator[QmMessage]:
    """Yield the messages of a .qm file that keeps its source texts, in the file's order.

    Raises SourceError, with ``where``, if it is not such a file.
    """
    if not content.startswith(MAGIC):
        raise SourceError(f"{where}: not a Qt translation file (wrong first 16 bytes)")
    position = len(MAGIC)
    try:
        while position < len(content):
            tag, size = content[position], int.from_bytes(content[position + 1 : position + 5], "big")
            body = content[position + 5 : position + 5 + size]
            if position + 5 > len(content) or len(body) < size:
                raise IndexError
            if tag == _MESSAGES:
                yield from _messages(body)
            position += 5 + size
    except (IndexError, UnicodeDecodeError, ValueError):
        raise SourceError(f"{where}: broken or truncated at byte {position}") from None


def _messages(body: bytes) -> Iterator[QmMessage]:
    message = QmMessage()
    position = 0
    while position < len(body):
        tag = body[position]
        position += 1
        if tag == _END:
            if message.source and message.translations:
                yield message
            message = QmMessage()
            continue
        if tag == _OBSOLETE:
            position += 4
            continue
        if position + 4 > len(body):
            raise IndexError
        size = int.from_bytes(body[position : position + 4], "big")
        position += 4
        if size == 0xFFFFFFFF:  # a null string
            size = 0
        text = body[position : position + size]
        if len(text) < size:
            raise IndexError
        position += size
        if tag == _TRANSLATION:
            message.translations.append(text.decode("utf-16-be"))
        elif tag == _SOURCE:
            message.source = text.decode("utf-8")
        elif tag == _CONTEXT:
            message.context = text.decode("utf-8")
        elif tag == _COMMENT:
            message.comment = text.decode("utf-8")
        else:
            raise ValueError(tag)
