from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from commands.exports.rows import PROVENANCE, field_text
from commands.exports.tmx import write_tmx
from stages.extract.pairs.tmx import read_tmx
from tests.commands.exports.corpus_rows import ROWS, TEXTS, make_rows


def read(content: bytes) -> list:
    return list(read_tmx(io.BytesIO(content), "memory.tmx"))


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
