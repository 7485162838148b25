from __future__ import annotations

import gzip
import hashlib
import json
import logging
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from stages.collect.transports import collect
from stages.extract.sources import extract
from tests.crawler.harness import Bench
from tests.crawler.prose import story
from tests.crawler.replica import Replica
from tests.stages.extract.documents.crawl_records import articles, packed, put_crawl, record
from tests.stages.raw_tars import source

ROOT = Path(__file__).parents[4]


def run(site: str, folder: Path, report: Counter[str] | None = None, **changes: Any) -> pl.DataFrame:
    config = source(site, **changes)
    collect(site, config, folder / "raw.tar")
    return extract(site, config, folder / "raw.tar", report=report)


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def words(text: str) -> list[str]:
    return text.split()


@pytest.mark.parametrize("site", ["turkmenportal", "orient"])
def test_a_crawl_becomes_sentences_that_language_versions_share_a_document_for(
    site: str, tmp_path: Path
) -> None:
    pages = articles(site)
    put_crawl(tmp_path, site, packed(record(page, site) for page in pages))
    report: Counter[str] = Counter()
    table = run(site, tmp_path, report)
    assert report["pages read"] == len(pages)
    for page in pages:
        rows = table.filter((pl.col("doc") == f"{site}/{page.pair}") & (pl.col("lang") == page.lang))
        assert rows["n"].to_list() == list(range(len(rows)))
        assert words(" ".join(rows["text"])) == words(f"{page.title} {page.text}")
        assert set(rows["url"]) == {f"https://example.org{page.path}"}
        assert len(rows) > len(page.paragraphs)
    assert table["key"].null_count() == len(table)
    collected = (tmp_path / "raw.tar").read_bytes()
    assert run(site, tmp_path).equals(table)
    assert (tmp_path / "raw.tar").read_bytes() == collected
    both = table.group_by("doc").agg(pl.col("lang").n_unique())
    assert (both["lang"] == 2).sum() >= 10


@pytest.mark.parametrize(
    ("published", "url", "date"),
    [
        ("2024-01-05T09:30:00+05:00", "https://turkmenportal.com/blog/7/x", "2024-01-05"),
        (None, "https://turkmenportal.com/2024/01/06/täzelik", "2024-01-06"),
        ("2024-01-05", "https://turkmenportal.com/2024/01/06/x", "2024-01-05"),  # the page knows better
        ("2024-02-30", "https://turkmenportal.com/2024-02-30/x", None),  # no such day
        ("gestern", "https://turkmenportal.com/blog/20220131/x", None),  # the number of an article
        (None, "https://turkmenportal.com/a/12024-01-05", None),
    ],
)
def test_a_segment_has_the_day_of_publication(
    published: str | None, url: str, date: str | None, tmp_path: Path
) -> None:
    page = articles("turkmenportal")[0]
    said = record(page, "turkmenportal", published=published, url=url, canonical=None)
    put_crawl(tmp_path, "turkmenportal", packed([said]))
    found = run("turkmenportal", tmp_path)
    assert set(found["date"]) == {date}


def test_what_only_date_and_title_join_is_left_to_align(tmp_path: Path) -> None:
    pages = articles("turkmenportal", 2)
    for paired, n in (("id", 1), ("date+title", 2)):
        said = [
            record(page, "turkmenportal", doc="turkmenportal/7", paired=paired, lang=page.lang)
            for page in pages[:2]
        ]
        put_crawl(tmp_path, "turkmenportal", packed(said))
        assert run("turkmenportal", tmp_path)["doc"].n_unique() == n


def test_malformed_records_are_counted_and_the_others_are_read(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    pages = articles("turkmenportal", 8)
    good = [record(page, "turkmenportal") for page in pages]
    damaged = bytearray(gzip.compress(json.dumps(good[9]).encode() + b"\n", mtime=0))
    damaged[len(damaged) // 2] ^= 0xFF
    data = (
        packed([*good[:4], b'{"url": "https://example.org/x", "html"\n', b"[1]\n"])
        + packed([{**good[4], "sha256": "0" * 64}, {**good[5], "html": None}, {**good[6], "html": "<p"}])
        + bytes(damaged)
        + packed([{**good[7], "title": "Köne at"}, good[7], {**good[8], "html": good[8]["html"] + " "}])
        + packed(good[10:12])
        + packed(good[12:13])[:-20]
    )
    put_crawl(tmp_path, "turkmenportal", data)
    report: Counter[str] = Counter()
    table = run("turkmenportal", tmp_path, report)
    assert {name: count for name, count in report.items() if name.startswith(("records", "pages read"))} == {
        "records not read: no JSON": 1,
        "records not read: no address": 1,
        "records not read: sha256 differs": 3,
        "records not read: no page in it": 1,
        "records not read: damaged": 1,
        "records not read: torn at the end of the file": 1,
        "records superseded by later ones": 1,
        "pages read": 7,
    }
    assert "records not read: torn at the end of the file: 1" in caplog.text
    assert "Köne at" not in table["text"].to_list()
    assert table.select("doc", "lang").unique().height == 7


def test_the_language_is_that_of_the_text_and_the_right_address_wins(tmp_path: Path) -> None:
    pages = articles("turkmenportal", 6)
    russian = {page.id: page for page in pages if page.lang == "ru"}
    records = []
    for page in pages:
        if page.lang == "tk" and page.id == min(russian):
            # The site has no translation and shows the Russian text under the Turkmen address.
            records.append(record(page, "turkmenportal", html=russian[page.id].body.decode(), sha256=None))
        else:
            records.append(record(page, "turkmenportal"))
    put_crawl(tmp_path, "turkmenportal", packed(records))
    report: Counter[str] = Counter()
    table = run("turkmenportal", tmp_path, report)
    rows = table.filter(pl.col("doc") == f"turkmenportal/{min(russian)}")
    assert set(rows["lang"]) == {"ru"}
    assert set(rows["url"]) == {f"https://example.org{russian[min(russian)].path}"}
    assert report["documents that say another language than their text"] == 1
    assert report["pages dropped: a second one of a document in its language"] == 1


def test_what_many_pages_share_is_dropped(tmp_path: Path) -> None:
    notice = "Habarlary her gün irden poçtaňyza almak isleseňiz, sahypamyza ýazylyň."
    records = []
    for page in articles("orient", 8):
        html = page.body.decode()
        last = f"<p>{page.paragraphs[-1]}</p>"
        assert last in html
        html = html.replace(last, f"{last}<p>{notice}</p>")
        records.append(record(page, "orient", html=html, sha256=hashlib.sha256(html.encode()).hexdigest()))
    put_crawl(tmp_path, "orient", packed(records))
    report: Counter[str] = Counter()
    table = run("orient", tmp_path, report)
    assert notice not in table["text"].to_list()
    assert report["blocks dropped: on many pages"] >= 8


def test_lone_surrogates_and_invisible_letters_of_a_record_do_no_harm(tmp_path: Path) -> None:
    page = articles("orient", 3)[0]
    html = page.body.decode().replace(page.paragraphs[0], f"\ud800{page.paragraphs[0]}\u200b")
    odd = record(
        page, "orient", html=html, sha256=None, title=f"\ud800{page.title}\u00ad", doc="orient/7\ud800"
    )
    odd["canonical"] = "https://example.org/\ud800"
    put_crawl(tmp_path, "orient", packed([json.dumps(odd).encode() + b"\n"]))
    table = run("orient", tmp_path)
    assert set(table["doc"]) == {"orient/7"}
    assert words(" ".join(table["text"])) == words(f"{page.title} {page.text}")


def test_options_choose_the_languages(tmp_path: Path) -> None:
    put_crawl(tmp_path, "orient", packed(record(page, "orient") for page in articles("orient", 4)))
    assert set(run("orient", tmp_path, options={"langs": ["tk"]})["lang"]) == {"tk"}


@pytest.mark.slow
@pytest.mark.parametrize("site", ["turkmenportal", "orient"])
def test_what_the_crawler_writes_is_what_the_source_reads(site: str, tmp_path: Path) -> None:
    bench = Bench(tmp_path / "data")
    with Replica(site, 12) as replica:
        done = bench.crawl(replica)
        assert done.code == 0, done.stderr
    report: Counter[str] = Counter()
    table = run(site, tmp_path, report)
    gold = list(replica.articles().values())
    assert report["pages read"] == len(gold)
    assert not [name for name in report if name.startswith(("records not", "pages dropped"))]
    found = table.group_by("doc", "lang").agg(pl.col("text").str.join(" "))
    texts = sorted(" ".join(words(text)) for text in found["text"])
    assert texts == sorted(" ".join(words(f"{page.title} {page.text}")) for page in gold)


def many_pages(count: int) -> Iterator[dict[str, Any]]:
    """Articles of 20 paragraphs and 40 kB of scripts, each its own."""
    for number in range(count):
        told = [story(10 * number + k, 1 + k, 5, 2024) for k in range(4)]
        texts = [text for one in told for text in one.paragraphs["ru"]]
        title = told[0].title["ru"]
        body = "".join(f"<p>{text} №{number}</p>" for text in texts)
        script = "<script>" + "var a=1;" * 5000 + "</script>"
        html = (
            f"<html><head><title>{title}</title>{script}</head><body><h1>{title}</h1><div>{body}</div></body>"
        )
        yield {"url": f"https://example.org/{number}", "doc": f"s/{number}", "lang": "ru", "html": html}


@pytest.mark.slow
def test_memory_stays_flat_over_2000_pages(tmp_path: Path) -> None:
    path = tmp_path / "data/crawl/orient.jsonl.gz"
    path.parent.mkdir(parents=True)
    code = (
        "import resource; from pathlib import Path; from stages.collect.transports import collect\n"
        "from stages.extract.sources import extract; from tests.stages.raw_tars import CONFIGS\n"
        "collect('orient', CONFIGS['orient'], Path('raw.tar'))\n"
        "t = extract('orient', CONFIGS['orient'], Path('raw.tar'))\n"
        "print(len(t), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    peaks = []
    for count in (100, 2000):
        with path.open("wb") as file:
            for one in many_pages(count):
                file.write(packed([one]))
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=tmp_path, env={"PYTHONPATH": str(ROOT), "PATH": ""},
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        rows, peak = map(int, done.stdout.split())
        assert rows > 20 * count
        peaks.append(peak / 1024)
    assert peaks[1] - peaks[0] < 100, peaks
