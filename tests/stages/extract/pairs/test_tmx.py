from __future__ import annotations

import gzip
import io
from pathlib import Path

import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
        self._start, self._part, self.told = start.encode(), part.encode(), 0
        self._data = self._start

    def seek(self, place: int, whence: int = 0) -> int:
        self._data = self._start
        return place

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


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("encoding", ["UTF-8", "UTF-16", "windows-1251"])
def test_a_memory_may_be_packed_and_in_any_encoding(pack, encoding: str) -> None:
    content = f"{HEADER}<body>{unit('Вода', 'Suw')}</body></tmx>".replace("UTF-8", encoding)
    assert [found.texts for found in read(pack(content.encode(encoding)))] == [{"ru": "Вода", "tk": "Suw"}]


def test_a_torn_packed_memory_is_one_line() -> None:
    data = gzip.compress(
        f"{HEADER}<body>{''.join(unit(f'Вода {n}', 'Suw') for n in range(99))}</body>".encode()
    )
    with pytest.raises(DataError, match=r"memory\.tmx: not a TMX file"):
        read(data[: len(data) // 2])


@pytest.mark.parametrize(
    "code",
    [
        *("<ph>&lt;br/&gt;</ph>", "<ph x='1' type='lb'/>", "<ph type='x-br'>b</ph>", "<ph>\n</ph>"),
        *("<it pos='begin'>&lt;p&gt;</it>", "<ph>\\n</ph>", "<ut>\\par </ut>", "<bpt i='1'>&lt;li&gt;</bpt>"),
        *("<ph>&amp;#10;&lt;BR&gt;</ph>", "<ph>&#10;</ph>"),
    ],
)
def test_code_that_breaks_a_line_leaves_a_space(code: str) -> None:
    (found,) = read(f"{HEADER}<body>{unit(f'Первая{code}вторая', 'Suw')}</body></tmx>")
    assert found.texts["ru"] == "Первая вторая"


@pytest.mark.parametrize(
    "code", ["<ph>&lt;b&gt;</ph>", "<bpt i='1'>&lt;i&gt;</bpt>", "<ph>&lt;param/&gt;</ph>"]
)
def test_code_that_breaks_none_leaves_nothing(code: str) -> None:
    (found,) = read(f"{HEADER}<body>{unit(f'Слово{code}м', 'Suw')}</body></tmx>")
    assert found.texts["ru"] == "Словом"


@pytest.mark.parametrize("first", ["<seg></seg>", "<seg/>", "<seg>  </seg>", "<seg><ph>x</ph></seg>", ""])
def test_an_empty_variant_does_not_hide_a_filled_one(first: str) -> None:
    variants = f"<tuv xml:lang='ru'>{first}</tuv><tuv xml:lang='ru-RU'><seg>Вода</seg></tuv>"
    variants += "<tuv xml:lang='ru'><seg>Водица</seg></tuv>"
    (found,) = read(f"{HEADER}<body><tu>{variants}</tu></body></tmx>")
    assert found.texts == {"ru": "Вода"}


@pytest.mark.parametrize(
    "bad",
    [
        b"\x04",
        b"&#4;",
        b"&#x1F;",
        b"&#xFFFE;",
        b"&#xD800;",
        b"&#1114112;",
        b"\xff",
        b"\xd0",
        b"\xef\xbf\xbf",
        b"\0",
    ],
)
def test_a_forbidden_character_costs_its_unit_only(bad: bytes) -> None:
    units = [unit(f"Вода {n}", f"Suw {n}").encode() for n in range(3)]
    units[1] = units[1].replace(b" 1<", bad + b"<", 1)
    found = read(HEADER.encode() + b"<body>" + b"".join(units) + b"</body></tmx>")
    assert [unit and unit.texts["tk"] for unit in found] == ["Suw 0", None, "Suw 2"]


@pytest.mark.parametrize("bad", [b"\xe9\xff", b"\x05", b"&#5;"])
def test_stray_bytes_outside_units_do_not_matter(bad: bytes) -> None:
    head = (
        HEADER.encode()
        .replace(b"Gural", b"Gural " + bad)
        .replace(b"/>", b"><note>" + bad + b"</note></header>")
    )
    body = b"<body>" + unit("Вода", "Suw").encode() + b"</body></tmx>"
    assert [found.texts for found in read(head + body)] == [{"ru": "Вода", "tk": "Suw"}]


@settings(deadline=None, max_examples=40)
@given(st.integers(65_500, 65_560))
def test_a_number_that_is_cut_by_a_block_is_whole(place: int) -> None:
    content = f"{HEADER}<body>{unit('Вода', 'Suw')}<!--"
    content += "a" * (place - len(content.encode())) + f"-->{unit('Вода&#x44F;', 'Suw&#4;')}</body></tmx>"
    assert [found and found.texts["tk"] for found in read(content)] == ["Suw", None]
    assert [found and found.texts["ru"] for found in read(content.replace("&#4;", ""))] == ["Вода", "Водая"]
