from __future__ import annotations

import io
from pathlib import Path

import psutil
import pytest

from stages.extract.pairs.tmx import read_tmx
from stages.lib.core.errors import DataError

HEADER = """<?xml version="1.0" encoding="UTF-8"?>
<tmx version="1.4"><header creationtool="Gural" srclang="RU-ru"/>"""


def read(content: str | bytes) -> list:
    data = content if isinstance(content, bytes) else content.encode()
    return list(read_tmx(io.BytesIO(data), "memory.tmx"))


def unit(ru: str, tk: str) -> str:
    return f'<tu><tuv xml:lang="ru-RU"><seg>{ru}</seg></tuv><tuv xml:lang="TUK"><seg>{tk}</seg></tuv></tu>'


def test_foreign_memories_are_read_without_their_codes() -> None:
    content = (
        f"{HEADER}<body><!-- hä --><tu tuid='1'><prop type='x-doc'>iş</prop>"
        "<tuv xml:lang='RU-ru'><seg>Нажмите <bpt i='1'>&lt;b&gt;</bpt>Да<ept i='1'>&lt;/b&gt;</ept>"
        " и <hi>ждите</hi><ph/>.</seg></tuv>"
        "<tuv lang='tuk'><seg>␛0041; basyň</seg></tuv><tuv xml:lang='de'><seg>Ja</seg></tuv></tu>"
        "<tu><tuv xml:lang='ru'><seg>Один</seg></tuv></tu></body></tmx>"
    )
    first, second = read(content)
    assert first.texts == {"ru": "Нажмите Да и ждите.", "tk": "␛0041; basyň", "de": "Ja"}
    assert first.properties == {"x-doc": "iş"}
    assert second.texts == {"ru": "Один"}


def test_utf_16_and_a_document_type_that_is_not_at_hand_are_no_hindrance() -> None:
    content = f"{HEADER}<body>{unit('Вода', 'Suw')}</body></tmx>"
    content = content.replace("UTF-8", "UTF-16").replace("<tmx", '<!DOCTYPE tmx SYSTEM "tmx14.dtd">\n<tmx', 1)
    (found,) = read(content.encode("utf-16"))
    assert found.texts == {"ru": "Вода", "tk": "Suw"}


def test_entities_of_the_file_are_refused(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("açar söz", encoding="utf-8")
    bomb = '<!ENTITY a "salam"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">'
    for declared in (f'<!ENTITY b SYSTEM "{secret.as_uri()}">', bomb):
        content = HEADER.replace("<tmx", f"<!DOCTYPE tmx [{declared}]>\n<tmx", 1)
        with pytest.raises(DataError, match=r"memory\.tmx: declares an entity of its own, [ab];"):
            read(f"{content}<body>{unit('Вода', '&b;')}</body></tmx>")
        # In an attribute XML has them put in before anybody is told; declared is enough, used or not.
        named = unit("Вода", "Suw").replace("<tu", "<tu tuid='&b;'", 1)
        for body in (named, unit("Вода", "Suw")) if declared == bomb else ():
            with pytest.raises(DataError, match=r"memory\.tmx: declares an entity of its own, a;"):
                read(f"{content}<body>{body}</body></tmx>")


class Endless(io.RawIOBase):
    """A file that begins as it should and then goes on and on."""

    def __init__(self, start: str, part: str) -> None:
        self._data, self._part, self.told = start.encode(), part.encode(), 0

    def read(self, size: int = -1) -> bytes:
        while len(self._data) < size:
            self._data += self._part * 100
        told, self._data = self._data[:size], self._data[size:]
        self.told += len(told)
        assert self.told < 50 << 20, "it is read for ever"
        return told


@pytest.mark.parametrize(
    ("start", "part"),
    [
        ("<body><tu>", "<prop type='x'>a</prop>"),
        ("<body><tu>", "<tuv xml:lang='ru'><seg>Вода</seg></tuv>"),
        ("<body>", "<note>Bu bellik</note>"),
        ("<body>", "<!-- bellik -->"),
    ],
)
def test_a_file_that_comes_to_no_unit_is_given_up(start: str, part: str) -> None:
    with pytest.raises(DataError, match=r"memory\.tmx: more than 4 MB without the end of a translation unit"):
        list(read_tmx(Endless(HEADER + start, part), "memory.tmx"))


def test_what_stands_around_units_leaves_the_memory_too() -> None:
    group = f"<group><note>Bellik</note><!-- hä -->{unit('Вода', 'Suw')}</group>"
    units = read_tmx(io.BytesIO(f"{HEADER}<body>{group * 60_000}</body></tmx>".encode()), "memory.tmx")
    held = [psutil.Process().memory_info().rss for n, _ in enumerate(units) if n in (1_000, 59_000)]
    assert held[1] < held[0] + 5 * 2**20


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "not a TMX file"),
        ("Вода\tSuw\n", "not a TMX file"),
        ("<html><body/></html>", "not a TMX file: it has no <tmx> element"),
        (f"{HEADER}<body>{unit('Вода', 'Suw')}", "not a TMX file"),  # torn
        (f"{HEADER}<body><tu></body></tmx>", "not a TMX file"),
    ],
)
def test_what_is_no_memory_is_one_line(content: str, message: str) -> None:
    with pytest.raises(DataError, match=rf"memory\.tmx: {message}"):
        read(content)
