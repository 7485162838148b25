from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from stages.collect.transports import collect
from stages.extract.sources import extract
from tests.crawler.prose import story
from tests.stages.extract.documents.crawl_records import packed, put_crawl
from tests.stages.extract.pdf.make_pdf import Typesetter
from tests.stages.raw_tars import CONFIGS


def book_records(folder: Path, books: list[tuple[str, str, bytes]]) -> list[dict[str, Any]]:
    records = []
    for number, (doc, lang, data) in enumerate(books):
        sha256 = hashlib.sha256(data).hexdigest()
        name = f"uzedu/{sha256}.pdf"
        (folder / "data/crawl/uzedu").mkdir(parents=True, exist_ok=True)
        (folder / "data/crawl" / name).write_bytes(data)
        url = f"https://example.org/books/{number}.pdf"
        records.append(
            {"url": url, "lang": lang, "doc": doc, "sha256": sha256, "file": name, "key": str(number)}
        )
    return records


def pdf(path: Path, paragraphs: list[str]) -> bytes:
    """A PDF with a paragraph on each page."""
    typesetter = Typesetter(path, seed=1)
    for number, text in enumerate(paragraphs):
        if number:
            typesetter.one_column()
        typesetter.paragraph(text)
    typesetter.save()
    return path.read_bytes()


def test_books_are_read_with_pages_and_old_spelling_is_converted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    article, path = story(5, 3, 4, 2024), tmp_path / "book.pdf"
    russian, turkmen = (" ".join(article.paragraphs[lang]) for lang in ("ru", "tk"))
    cyrillic = (
        "Бу китап мекдеп окувчылары үчин язылды ве онда көп гызыклы эсерлер бар. Шол китап дүнйә белли."
    )
    records = book_records(
        tmp_path,
        [
            ("uzedu/7", "ru", pdf(path, [russian, russian[: len(russian) // 2]])),
            ("uzedu/7", "tk", pdf(path, [turkmen])),
            ("uzedu/9", "tk", pdf(path, [cyrillic])),
        ],
    )
    missing = {**records[0], "key": "m", "file": f"uzedu/{'0' * 64}.pdf"}
    outside = {**records[0], "key": "o", "file": "../../secret.pdf"}
    wrong = {**records[1], "key": "w", "doc": "uzedu/8", "sha256": "1" * 64}
    put_crawl(tmp_path, "uzedu", packed([*records, missing, outside, wrong]))
    report: Counter[str] = Counter()
    collect("uzedu", CONFIGS["uzedu"], tmp_path / "raw.tar")
    table = extract("uzedu", CONFIGS["uzedu"], tmp_path / "raw.tar", report=report)
    assert set(table.select("doc", "lang").unique().iter_rows()) == {
        ("uzedu/7", "ru"),
        ("uzedu/7", "tk"),
        ("uzedu/9", "tk"),
    }
    rows = table.filter((pl.col("doc") == "uzedu/7") & (pl.col("lang") == "ru"))
    assert set(rows["page"]) == {1, 2}
    assert " ".join(rows.filter(pl.col("page") == 1)["text"]).split() == russian.split()
    old = " ".join(table.filter(pl.col("doc") == "uzedu/9")["text"])
    assert old.startswith("Bu kitap mekdep okuwçylary üçin ýazyldy we onda köp gyzykly eserler bar.")
    assert report["records not read: file missing"] == 1
    assert report["records not read: no book in it"] == 1
    assert report["records not read: sha256 differs"] == 1
