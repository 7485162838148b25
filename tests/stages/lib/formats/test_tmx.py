from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from stages.lib.core.errors import DataError
from stages.lib.formats.rows import PROVENANCE, field_text
from stages.lib.formats.tmx import read_tmx, write_tmx
from tests.stages.lib.formats.corpus_rows import ROWS, TEXTS, make_rows

HEADER = """<?xml version="1.0" encoding="UTF-8"?>
<tmx version="1.4"><header creationtool="Gural" srclang="RU-ru"/>"""


def read(content: str | bytes) -> list:
    data = content if isinstance(content, bytes) else content.encode()
    return list(read_tmx(io.BytesIO(data), "memory.tmx"))


def unit(ru: str, tk: str) -> str:
    return f'<tu><tuv xml:lang="ru-RU"><seg>{ru}</seg></tuv><tuv xml:lang="TUK"><seg>{tk}</seg></tuv></tu>'


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tmx") / "corpus.tmx"
    write_tmx(ROWS, path, "ru", "tk")
    return path


def test_texts_and_provenance_come_back_unchanged(written: Path) -> None:
    units = read(written.read_bytes())
    assert [(unit.texts["ru"], unit.texts["tk"]) for unit in units] == TEXTS
    assert [unit.name for unit in units] == [row["pair_id"] for row in ROWS]
    for unit, row in zip(units, ROWS, strict=True):
        assert unit.properties == {
            f"x-{name.replace('_', '-')}": field_text(row[name])
            for name in PROVENANCE
            if name != "pair_id" and row[name] is not None
        }


def test_the_file_is_valid_by_the_document_type_of_tmx_1_4b(written: Path) -> None:
    dtd = etree.DTD(str(Path(__file__).with_name("tmx14.dtd")))
    assert dtd.validate(etree.parse(written)), dtd.error_log.filter_from_errors()
    broken = written.read_text(encoding="utf-8").replace(' o-tmf="parquet"', "")
    assert not dtd.validate(etree.fromstring(broken.encode()))


def test_translate_toolkit_reads_the_same_texts(written: Path) -> None:
    from translate.storage.tmx import tmxfile

    with written.open("rb") as file:
        store = tmxfile(file, "ru", "tk")
    found = [(unit.source, unit.target) for unit in store.units]
    # What XML cannot hold is ␛ and a number to any reader but ours.
    holds_all = [not any(c in "\x00\x01\x02\x08\x0b\x0c\x0e\x1b\x1e\x1f\ufffe\uffff\u241b" for c in src + tgt)
                 for src, tgt in TEXTS]  # fmt: skip
    assert sum(holds_all) == len(TEXTS) - 2
    assert [pair for pair, holds in zip(found, holds_all, strict=True) if holds] == [
        pair for pair, holds in zip(TEXTS, holds_all, strict=True) if holds
    ]
    assert found[28][0].startswith("Управление: ␛0000;␛0001;")


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"])), st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_survives(tmp_path_factory, src: str, tgt: str) -> None:
    path = tmp_path_factory.mktemp("any") / "corpus.tmx"
    write_tmx(make_rows([(src, tgt)]), path, "ru", "tk")
    (found,) = read(path.read_bytes())
    assert found.texts == {"ru": src, "tk": tgt}


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


MEASURE = """
import itertools, resource, sys
from pathlib import Path
from stages.lib.formats.tmx import read_tmx, write_tmx
from tests.phrases import PHRASES
from tests.stages.lib.formats.corpus_rows import make_rows

count, path = int(sys.argv[1]), Path(sys.argv[2])

def rows():
    templates = make_rows(PHRASES)
    for n in range(count):
        row = templates[n % len(templates)]
        src, tgt = f"{row['src']} <{n}> & \\t", f"{row['tgt']} \\x01{n}"
        yield {**row, "pair_id": f"{n:016x}", "src": src, "tgt": tgt}

write_tmx(rows(), path, "ru", "tk")
with path.open("rb") as file:
    for row, unit in itertools.zip_longest(rows(), read_tmx(file, "corpus.tmx")):
        assert (unit.name, unit.texts) == (row["pair_id"], {"ru": row["src"], "tk": row["tgt"]})
# On Linux in kilobytes.
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def peak_mb(count: int, path: Path) -> float:
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(count), str(path)], capture_output=True, text=True, check=True
    )
    return int(done.stdout) / 1024


@pytest.mark.slow
def test_200_000_pairs_are_written_and_read_back_equal_in_the_memory_of_2_000(tmp_path: Path) -> None:
    small = peak_mb(2_000, tmp_path / "small.tmx")
    large = peak_mb(200_000, tmp_path / "large.tmx")
    assert (tmp_path / "large.tmx").stat().st_size > 60 * 2**20
    assert large < small + 10


def test_a_unit_that_was_read_leaves_the_memory(tmp_path: Path) -> None:
    small = peak_mb(100, tmp_path / "small.tmx")
    large = peak_mb(12_000, tmp_path / "large.tmx")
    assert large < small + 10
