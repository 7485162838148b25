from __future__ import annotations

import gzip
import hashlib
import io
import json
import logging
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from stages.lib.core.errors import ParamsError, SourceError
from stages.lib.core.params import SourceConfig
from stages.lib.sources.crawls import Books, Crawl, Files
from tests.crawler.harness import Bench
from tests.crawler.prose import story
from tests.crawler.replica import Page, Replica, make_site
from tests.settings import write_settings

ROOT = Path(__file__).parents[4]
RU = "Новая библиотека открылась, и в неё приходит много читателей. Там есть хорошие книги для всех."
TK = "Täze kitaphana açyldy we oňa köp okyjy gelýär. Onda hemmeler üçin gyzykly kitaplar bar."


def config(kind: str, **options: Any) -> SourceConfig:
    return SourceConfig(kind=kind, license="proprietary", options=options)


def record(page: Page, site: str, **changes: Any) -> dict[str, Any]:
    return {
        "url": f"https://example.org{page.path}",
        "canonical": f"https://example.org{page.path}",
        "lang": page.lang,
        "id": page.id,
        "title": page.title,
        "published": page.published,
        "sha256": hashlib.sha256(page.body).hexdigest(),
        "doc": f"{site}/{page.pair}",
        "key": f"{page.lang}:{page.id}",
        "html": page.body.decode(),
        **changes,
    }


def packed(records: Iterable[dict[str, Any] | bytes]) -> bytes:
    """One gzip member for each record, as the crawler writes them; bytes are taken as they are."""
    out = io.BytesIO()
    for one in records:
        line = one if isinstance(one, bytes) else json.dumps(one, ensure_ascii=False).encode() + b"\n"
        out.write(gzip.compress(line, mtime=0))
    return out.getvalue()


def articles(site: str, n: int = 10, **options: Any) -> list[Page]:
    return [page for page in make_site(site, n, **options).values() if page.kind == "article"]


def put_crawl(folder: Path, site: str, data: bytes) -> None:
    (folder / "data/crawl").mkdir(parents=True, exist_ok=True)
    (folder / f"data/crawl/{site}.jsonl.gz").write_bytes(data)


def run(source: Crawl | Books | Files, folder: Path) -> pl.DataFrame:
    source.collect(folder / "raw.tar")
    return source.extract(folder / "raw.tar")


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def command(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    write_settings(folder)
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PATH": "", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def words(text: str) -> list[str]:
    return text.split()


@pytest.mark.parametrize("site", ["turkmenportal", "orient"])
def test_a_crawl_becomes_sentences_that_language_versions_share_a_document_for(
    site: str, tmp_path: Path
) -> None:
    pages = articles(site)
    put_crawl(tmp_path, site, packed(record(page, site) for page in pages))
    source = Crawl(site, config("crawl"))
    table = run(source, tmp_path)
    assert source.report["pages read"] == len(pages)
    for page in pages:
        rows = table.filter((pl.col("doc") == f"{site}/{page.pair}") & (pl.col("lang") == page.lang))
        assert rows["n"].to_list() == list(range(len(rows)))
        assert words(" ".join(rows["text"])) == words(f"{page.title} {page.text}")
        assert set(rows["url"]) == {f"https://example.org{page.path}"}
        assert len(rows) > len(page.paragraphs)
    assert table["key"].null_count() == len(table)
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
    found = run(Crawl("turkmenportal", config("crawl")), tmp_path)
    assert set(found["date"]) == {date}


def test_what_only_date_and_title_join_is_left_to_align(tmp_path: Path) -> None:
    pages = articles("turkmenportal", 2)
    for paired, n in (("id", 1), ("date+title", 2)):
        said = [
            record(page, "turkmenportal", doc="turkmenportal/7", paired=paired, lang=page.lang)
            for page in pages[:2]
        ]
        put_crawl(tmp_path, "turkmenportal", packed(said))
        assert run(Crawl("turkmenportal", config("crawl")), tmp_path)["doc"].n_unique() == n


def test_changed_class_names_change_no_byte_of_the_segments(tmp_path: Path) -> None:
    tables = []
    for redesign in (False, True):
        pages = articles("turkmenportal", redesign=redesign)
        put_crawl(tmp_path, "turkmenportal", packed(record(page, "turkmenportal") for page in pages))
        tables.append(run(Crawl("turkmenportal", config("crawl")), tmp_path))
    assert tables[0].equals(tables[1])


def test_collect_and_extract_write_the_same_bytes_twice(tmp_path: Path) -> None:
    put_crawl(tmp_path, "orient", packed(record(page, "orient") for page in articles("orient", 4)))
    digests = set()
    for name in ("a", "b"):
        done = command(tmp_path, "stages.collect", "--source", "orient", "--out", f"{name}.tar")
        assert done.returncode == 0, done.stderr
        done = command(
            tmp_path,
            "stages.extract",
            "--source",
            "orient",
            "--raw",
            f"{name}.tar",
            "--out",
            f"{name}.parquet",
        )
        assert done.returncode == 0, done.stderr
        assert "pages read: 10" in done.stderr
        both = [(tmp_path / f"{name}{end}").read_bytes() for end in (".tar", ".parquet")]
        digests.add(tuple(hashlib.sha256(data).hexdigest() for data in both))
    assert len(digests) == 1


@pytest.mark.parametrize("source", ["turkmenportal", "orient", "uzedu"])
def test_without_the_crawl_one_line_says_what_to_do(source: str, tmp_path: Path) -> None:
    done = command(tmp_path, "stages.collect", "--source", source, "--out", "raw.tar")
    assert done.returncode == 1
    assert done.stderr == (
        f"error: data/crawl/{source}.jsonl.gz: not found; run `make crawl SITE={source}` or `dvc pull`, "
        f"or take {source} off sources in params.yaml\n"
    )
    assert not (tmp_path / "raw.tar").exists()


def test_malformed_records_are_counted_and_the_others_are_read(tmp_path: Path) -> None:
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
    source = Crawl("turkmenportal", config("crawl"))
    table = run(source, tmp_path)
    counts = dict(source.report)
    assert counts["records not read: no JSON"] == 1
    assert counts["records not read: no address"] == 1
    assert counts["records not read: sha256 differs"] == 3
    assert counts["records not read: no page in it"] == 1
    assert counts["records not read: damaged"] == 1
    assert counts["records not read: torn at the end of the file"] == 1
    assert counts["records superseded by later ones"] == 1
    assert counts["pages read"] == 7
    assert "Köne at" not in table["text"].to_list()
    assert table.select("doc", "lang").unique().height == 7


def test_what_is_counted_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    pages = articles("turkmenportal", 3)
    put_crawl(tmp_path, "turkmenportal", packed(record(page, "turkmenportal") for page in pages)[:-9])
    with caplog.at_level(logging.INFO):
        run(Crawl("turkmenportal", config("crawl")), tmp_path)
    assert "records not read: torn at the end of the file: 1" in caplog.text


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
    source = Crawl("turkmenportal", config("crawl"))
    table = run(source, tmp_path)
    rows = table.filter(pl.col("doc") == f"turkmenportal/{min(russian)}")
    assert set(rows["lang"]) == {"ru"}
    assert set(rows["url"]) == {f"https://example.org{russian[min(russian)].path}"}
    assert source.report["documents that say another language than their text"] == 1
    assert source.report["pages dropped: a second one of a document in its language"] == 1


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
    source = Crawl("orient", config("crawl"))
    table = run(source, tmp_path)
    assert notice not in table["text"].to_list()
    assert source.report["blocks dropped: on many pages"] >= 8


def test_options_choose_the_languages_and_wrong_ones_are_refused(tmp_path: Path) -> None:
    put_crawl(tmp_path, "orient", packed(record(page, "orient") for page in articles("orient", 4)))
    assert set(run(Crawl("orient", config("crawl", langs=["tk"])), tmp_path)["lang"]) == {"tk"}
    for options, said in (
        ({"langs": ["xx"]}, "options.langs: expected a list of ru, tk"),
        ({"langs": "ru"}, "options.langs: expected a list of"),
        ({"lang": ["ru"]}, "options: unknown lang; known: langs"),
    ):
        with pytest.raises(ParamsError, match=said):
            Crawl("orient", config("crawl", **options))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "no readable kopri.json|not a whole tar"),
        (b"no tar at all" * 100, "not a whole tar archive"),
    ],
)
def test_a_raw_file_that_is_no_tar_of_ours_is_one_line(data: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / "raw.tar").write_bytes(data)
    with pytest.raises(SourceError, match=said):
        Crawl("orient", config("crawl")).extract(tmp_path / "raw.tar")


def test_a_raw_tar_with_members_that_lead_out_of_it_is_refused(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "raw.tar", "w") as tar:
        tar.addfile(tarfile.TarInfo("../evil"), io.BytesIO())
    with pytest.raises(SourceError, match=r"'\.\./evil' is not one that collect packs"):
        Crawl("orient", config("crawl")).extract(tmp_path / "raw.tar")


@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_a_raw_tar_that_was_cut_is_one_line(share: float, tmp_path: Path) -> None:
    put_crawl(tmp_path, "orient", packed(record(page, "orient") for page in articles("orient", 6)))
    Crawl("orient", config("crawl")).collect(tmp_path / "raw.tar")
    data = (tmp_path / "raw.tar").read_bytes().rstrip(b"\0")
    (tmp_path / "raw.tar").write_bytes(data[: int(share * len(data))])
    with pytest.raises(SourceError, match=r"raw\.tar: not a whole tar archive|raw tar without"):
        Crawl("orient", config("crawl")).extract(tmp_path / "raw.tar")


def test_lone_surrogates_and_invisible_letters_of_a_record_do_no_harm(tmp_path: Path) -> None:
    page = articles("orient", 3)[0]
    html = page.body.decode().replace(page.paragraphs[0], f"\ud800{page.paragraphs[0]}\u200b")
    odd = record(
        page, "orient", html=html, sha256=None, title=f"\ud800{page.title}\u00ad", doc="orient/7\ud800"
    )
    odd["canonical"] = "https://example.org/\ud800"
    put_crawl(tmp_path, "orient", packed([json.dumps(odd).encode() + b"\n"]))
    table = run(Crawl("orient", config("crawl")), tmp_path)
    assert set(table["doc"]) == {"orient/7"}
    assert words(" ".join(table["text"])) == words(f"{page.title} {page.text}")


def test_a_crawl_of_another_site_is_refused(tmp_path: Path) -> None:
    put_crawl(tmp_path, "orient", packed(record(page, "orient") for page in articles("orient", 3)))
    Crawl("orient", config("crawl")).collect(tmp_path / "raw.tar")
    with pytest.raises(SourceError, match="collected from crawl orient"):
        Crawl("turkmenportal", config("crawl")).extract(tmp_path / "raw.tar")


def docx(text: str) -> bytes:
    space = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        body = f"<w:body><w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:body>"
        archive.writestr("word/document.xml", f"<w:document xmlns:w='{space}'>{body}</w:document>")
    return data.getvalue()


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
            "kitap_tk.docx": docx(TK),
            "sub/ru/makala.html": f"<html><body><h1>Новости дня</h1><p>{RU}</p></body></html>".encode(),
            "sub/tk/makala.htm": f"<html><body><h1>Günüň habary</h1><p>{TK}</p></body></html>".encode(),
            "adsyz.txt": TK.encode(),
            "ters.ru.txt": TK.encode(),
            "bomb.docx": b"PK\x03\x04",
            "boş.txt": b"",
            "surat.png": b"\x89PNG",
            ".hidden.txt": RU.encode(),
        },
    )
    (tmp_path / "data/files/link.txt").symlink_to("/etc/hostname")
    source = Files("files", config("files"))
    with caplog.at_level(logging.WARNING):
        table = run(source, tmp_path)
    versions = set(table.select("doc", "lang").unique().iter_rows())
    assert versions == {
        ("files/kitap", "ru"),
        ("files/kitap", "tk"),
        ("files/sub/makala", "ru"),
        ("files/sub/makala", "tk"),
        ("files/adsyz", "tk"),
        ("files/ters", "tk"),
    }
    kitap = table.filter(pl.col("doc") == "files/kitap")
    assert " ".join(kitap.filter(pl.col("lang") == "ru")["text"]) == RU
    assert " ".join(kitap.filter(pl.col("lang") == "tk")["text"]) == TK
    assert len(kitap) == 4
    assert source.report["files not read"] == 1
    assert source.report["files without text"] == 1
    for said in (
        "bomb.docx: not a whole DOCX file",
        "boş.txt: no text in it",
        "surat.png: not one of",
        "link.txt: a link",
        "ters.ru.txt: named as ru, but its text is tk",
    ):
        assert said in caplog.text
    assert "hidden" not in caplog.text


def test_files_give_the_same_bytes_twice_through_the_commands(tmp_path: Path) -> None:
    put_files(tmp_path, {"kitap.ru.txt": RU.encode(), "kitap.tk.txt": TK.encode()})
    outs = []
    for name in ("a", "b"):
        assert (
            command(tmp_path, "stages.collect", "--source", "files", "--out", f"{name}.tar").returncode == 0
        )
        done = command(
            tmp_path,
            "stages.extract",
            "--source",
            "files",
            "--raw",
            f"{name}.tar",
            "--out",
            f"{name}.parquet",
        )
        assert done.returncode == 0, done.stderr
        outs.append((tmp_path / f"{name}.tar").read_bytes() + (tmp_path / f"{name}.parquet").read_bytes())
    assert outs[0] == outs[1]


def test_two_files_that_are_the_same_version_are_refused(tmp_path: Path) -> None:
    put_files(tmp_path, {"kitap.ru.txt": RU.encode(), "kitap_ru.docx": docx(RU)})
    with pytest.raises(
        SourceError, match=r"kitap\.ru\.txt and kitap_ru\.docx are both the ru version of 'kitap'"
    ):
        run(Files("files", config("files")), tmp_path)


def test_a_missing_or_empty_folder_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="data/files: no such folder; make it"):
        Files("files", config("files")).collect(tmp_path / "raw.tar")
    (tmp_path / "data/files").mkdir(parents=True)
    with pytest.raises(SourceError, match="data/files: no HTML, PDF, DOCX or TXT file in it"):
        Files("files", config("files")).collect(tmp_path / "raw.tar")


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


def pdf(paragraphs: list[str]) -> bytes:
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfgen.canvas import Canvas

    from tests.stages.extract.pdf.make_pdf import register_fonts

    register_fonts()
    data = io.BytesIO()
    canvas = Canvas(data, invariant=True)
    for text in paragraphs:
        y = 760.0
        canvas.setFont("Body", 11)
        line = ""
        for word in [*text.split(), ""]:
            if not word or pdfmetrics.stringWidth(f"{line} {word}", "Body", 11) > 440:
                canvas.drawString(70, y, line)
                y, line = y - 14, word
            else:
                line = f"{line} {word}".strip()
        canvas.showPage()
    canvas.save()
    return data.getvalue()


def test_books_are_read_with_pages_and_old_spelling_is_converted(tmp_path: Path) -> None:
    told = story(5, 3, 4, 2024)
    russian, turkmen = (" ".join(told.paragraphs[lang]) for lang in ("ru", "tk"))
    cyrillic = (
        "Бу китап мекдеп окувчылары үчин язылды ве онда көп гызыклы эсерлер бар. Шол китап дүнйә белли."
    )
    records = book_records(
        tmp_path,
        [
            ("uzedu/7", "ru", pdf([russian, russian[: len(russian) // 2]])),
            ("uzedu/7", "tk", pdf([turkmen])),
            ("uzedu/9", "tk", pdf([cyrillic])),
        ],
    )
    missing = {**records[0], "key": "m", "file": f"uzedu/{'0' * 64}.pdf"}
    outside = {**records[0], "key": "o", "file": "../../secret.pdf"}
    wrong = {**records[1], "key": "w", "doc": "uzedu/8", "sha256": "1" * 64}
    put_crawl(tmp_path, "uzedu", packed([*records, missing, outside, wrong]))
    source = Books("uzedu", config("books", langs=["ru", "tk"]))
    table = run(source, tmp_path)
    assert set(table.select("doc", "lang").unique().iter_rows()) == {
        ("uzedu/7", "ru"),
        ("uzedu/7", "tk"),
        ("uzedu/9", "tk"),
    }
    rows = table.filter((pl.col("doc") == "uzedu/7") & (pl.col("lang") == "ru"))
    assert set(rows["page"]) == {1, 2}
    assert words(" ".join(rows.filter(pl.col("page") == 1)["text"])) == words(russian)
    old = " ".join(table.filter(pl.col("doc") == "uzedu/9")["text"])
    assert old.startswith("Bu kitap mekdep okuwçylary üçin ýazyldy we onda köp gyzykly eserler bar.")
    assert source.report["records not read: file missing"] == 1
    assert source.report["records not read: no book in it"] == 1
    assert source.report["records not read: sha256 differs"] == 1


@pytest.mark.slow
@pytest.mark.parametrize("site", ["turkmenportal", "orient"])
def test_what_the_crawler_writes_is_what_the_source_reads(site: str, tmp_path: Path) -> None:
    bench = Bench(tmp_path / "data")
    with Replica(site, 12) as replica:
        done = bench.crawl(replica)
        assert done.code == 0, done.stderr
    source = Crawl(site, config("crawl"))
    table = run(source, tmp_path)
    gold = list(replica.articles().values())
    assert source.report["pages read"] == len(gold)
    assert not [name for name in source.report if name.startswith(("records not", "pages dropped"))]
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
        "import resource, sys; from pathlib import Path; from stages.lib.core.params import SourceConfig\n"
        "from stages.lib.sources.crawls import Crawl\n"
        "s = Crawl('orient', SourceConfig(kind='crawl', license='x')); s.collect(Path('raw.tar'))\n"
        "t = s.extract(Path('raw.tar')); print(len(t), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
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
