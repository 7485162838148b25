from __future__ import annotations

import logging
from collections import Counter
from pathlib import Path

import polars as pl
import pytest

from stages.collect.transports import collect
from stages.extract.sources import extract
from stages.lib.core.errors import SourceError
from tests.stages.extract.documents.test_docx import body, docx, p
from tests.stages.raw_tars import CONFIGS

RU = "Новая библиотека открылась, и в неё приходит много читателей. Там есть хорошие книги для всех."
TK = "Täze kitaphana açyldy we oňa köp okyjy gelýär. Onda hemmeler üçin gyzykly kitaplar bar."


def run(folder: Path, report: Counter[str] | None = None) -> pl.DataFrame:
    collect("files", CONFIGS["files"], folder / "raw.tar")
    return extract("files", CONFIGS["files"], folder / "raw.tar", report=report)


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def put_files(folder: Path, files: dict[str, bytes]) -> None:
    for name, data in files.items():
        path = folder / "data/files" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def test_files_of_every_kind_are_read_and_their_versions_paired_by_name(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    put_files(
        tmp_path,
        {
            "kitap.ru.txt": RU.encode("cp1251"),
            "kitap_tk.docx": docx(body(p(TK))),
            "sub/ru/makala.html": f"<html><body><h1>Новости дня</h1><p>{RU}</p></body></html>".encode(),
            "sub/tk/makala.htm": f"<html><body><h1>Günüň habary</h1><p>{TK}</p></body></html>".encode(),
            "adsyz.txt": TK.encode(),
            "ters.ru.txt": TK.encode(),
            "bomb.docx": b"PK\x03\x04",
            "boş.txt": b"",
            "surat.png": b"\x89PNG",
        },
    )
    report: Counter[str] = Counter()
    with caplog.at_level(logging.WARNING):
        table = run(tmp_path, report)
    assert set(table.select("doc", "lang").iter_rows()) == {
        *((f"files/{doc}", lang) for doc in ("kitap", "sub/makala") for lang in ("ru", "tk")),
        *(("files/adsyz", "tk"), ("files/ters", "tk")),
    }
    kitap = table.filter(pl.col("doc") == "files/kitap")
    assert " ".join(kitap.filter(pl.col("lang") == "ru")["text"]) == RU
    assert " ".join(kitap.filter(pl.col("lang") == "tk")["text"]) == TK
    assert len(kitap) == 4
    assert report["files not read"] == 2
    assert report["files without text"] == 1
    for said in (
        "bomb.docx: not a whole DOCX file",
        "boş.txt: no text in it",
        "surat.png: not one of .docx, .htm",
        "ters.ru.txt: named as ru, but its text is tk",
    ):
        assert said in caplog.text


def test_two_files_that_are_the_same_version_are_refused(tmp_path: Path) -> None:
    put_files(tmp_path, {"kitap.ru.txt": RU.encode(), "kitap_ru.docx": docx(body(p(RU)))})
    with pytest.raises(
        SourceError, match=r"kitap\.ru\.txt and kitap_ru\.docx are both the ru version of 'kitap'"
    ):
        run(tmp_path)
