"""The real command against real servers on loopback."""

from __future__ import annotations

import hashlib
import itertools
import signal
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from tests.crawler.harness import ROOT, Bench, comparable, documents
from tests.crawler.replica import Replica

DISALLOWED = {
    "turkmenportal": ("/index.php", "/admin", "/cgi-sys", "/search", "/calendar", "/comments"),
    "orient": ("/api/", "/calendar"),
    "uzedu": ("/admin", "/calendar", "/books/private"),
}


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def wanted(replica: Replica) -> set[str]:
    if replica.name == "uzedu":
        return {path for path, page in replica.pdfs().items() if page.lang in ("ru", "tk")}
    return set(replica.articles())


def check_whole(bench: Bench, replica: Replica) -> None:
    """Every article once, in its language and date, with its markup; every pair paired."""
    records = bench.records(replica.name)
    paths = [record["url"].removeprefix(replica.base) for record in records]
    assert sorted(paths) == sorted(wanted(replica))
    gold, ours = documents(replica, records)
    assert ours == gold
    for path, record in zip(paths, records, strict=True):
        page = replica.pages[path]
        assert (record["lang"], record["id"]) == (page.lang, page.id)
        # A page that offers a book in many languages has its title in one.
        assert record["title"] == page.title or (record["title"] is None and replica.name == "uzedu")
        assert record["sha256"] == hashlib.sha256(page.body).hexdigest()
        assert record["published"] == page.published
        if replica.name == "uzedu":
            file = bench.out / record["file"]
            assert file.read_bytes() == page.body
            assert record["bytes"] == len(page.body)
        else:
            assert record["html"] == page.body.decode()
            assert page.paragraphs[0][:30] in record["html"]


def check_manners(replica: Replica, delay_s: float) -> None:
    """Nothing disallowed, no trap, the user agent says who asks, one request at a time and not too soon."""
    paths = replica.paths()
    closed = DISALLOWED[replica.name]
    assert [path for path in paths if path.startswith(closed) or path.endswith("_sort")] == []
    assert [path for path in paths if "/archive/" in path or "/day/" in path] == []
    # Past the last page every page number answers: a few are tried, not all.
    numbers = [int(path.rpartition("=")[2]) for path in paths if "?page=" in path]
    last = max((int(path.rpartition("=")[2]) for path in replica.pages if "?page=" in path), default=1)
    assert max(numbers, default=1) <= last + 2
    assert {hit.headers["User-Agent"] for hit in replica.hits} == {"kopri-crawler/0.1 (+crawl@example.org)"}
    assert paths[0] == "/robots.txt"
    gaps = [b.at - a.at for a, b in itertools.pairwise(replica.hits)]
    # The server's clock starts when it gets to a request: one that it got to late has a short gap behind it.
    assert sorted(gaps)[len(gaps) // 10] >= delay_s - 0.02
    assert sum(gaps) / len(gaps) >= delay_s


def test_a_small_site_is_crawled_whole_and_then_left_alone(bench: Bench) -> None:
    with Replica("turkmenportal", 3) as replica:
        first = bench.crawl(replica)
        assert first.code == 0, first.stderr
        check_whole(bench, replica)
        assert (first.stats["new"], first.stats["pairs"]) == (6, 3)
        check_manners(replica, 0.01)


def test_a_crawl_without_a_contact_is_refused_in_one_line(tmp_path: Path) -> None:
    bench = Bench(tmp_path, {"contact": ""})
    replica = Replica("orient", 3)
    with replica:
        refused = bench.crawl(replica)
        assert replica.hits == []
    assert refused.code == 1
    assert refused.stderr.startswith("error: params.yaml: crawl.contact: expected an e-mail address")
    assert refused.stderr.count("\n") == 1
    assert "CONTACT=you@example.org" in refused.stderr


def test_a_site_that_is_not_there_is_told_without_a_traceback(tmp_path: Path) -> None:
    with Replica("orient", 1) as replica:
        pass  # its port is free again
    refused = Bench(tmp_path).crawl(replica)
    assert refused.code == 1
    assert "Traceback" not in refused.stderr
    assert refused.stderr.endswith("cannot be read: nothing was crawled; try again later\n")


@pytest.mark.slow
@pytest.mark.parametrize("site", ["turkmenportal", "orient", "uzedu"])
def test_every_article_is_found_once_and_no_manners_are_forgotten(site: str, tmp_path: Path) -> None:
    bench = Bench(tmp_path, {"delay_s": 0.05})
    with Replica(site, 36) as replica:
        assert len(replica.pages) >= 60
        first = bench.crawl(replica)
        assert first.code == 0, first.stderr
        check_whole(bench, replica)
        check_manners(replica, 0.05)
        # The accidents happened: a move, a page that is gone, a page that failed twice and a slow one.
        statuses = [hit.status for hit in replica.hits]
        assert statuses.count(500) == 2
        assert statuses.count(404) == 1
        if site != "uzedu":
            assert sum(status in (301, 308) for status in statuses) == 1
        assert first.stats["error:404"] == 1
        assert first.stats["disallowed"] >= 1
        assert first.stats["pages"] == len(wanted(replica))

        replica.forget()
        before = bench.records(site)
        again = bench.crawl(replica)
        assert again.code == 0, again.stderr
        assert bench.records(site) == before
        brought = {hit.path for hit in replica.hits if hit.status in (200, 206)}
        refetched = {
            p for p in brought if p in replica.pages and replica.pages[p].kind in ("article", "book", "pdf")
        }
        assert refetched == set()
        assert (again.stats.get("new", 0), again.stats.get("changed", 0)) == (0, 0)
        settled = sum(again.stats.get(name, 0) for name in ("unchanged", "skipped", "unlisted"))
        assert settled == len(before)
        assert not [hit for hit in replica.hits if hit.status in (301, 308)]


@pytest.mark.slow
@pytest.mark.parametrize("site", ["turkmenportal", "orient", "uzedu"])
def test_a_killed_crawl_goes_on_to_the_same_result(site: str, tmp_path: Path) -> None:
    n = 36 if site != "uzedu" else 12
    with Replica(site, n) as replica:
        plain = Bench(tmp_path / "plain")
        assert plain.crawl(replica).code == 0
        killed = Bench(tmp_path / "killed")
        replica.forget()
        kills = (15, 25, 30)
        for hits in kills:
            process = killed.start(replica, len(replica.hits) + hits)
            process.kill()
            process.communicate()
        # A kill tears the record that is being written.
        path = killed.out / f"{site}.jsonl.gz"
        with path.open("ab") as file:
            file.write(b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff torn")
        last = killed.crawl(replica)
        assert last.code == 0, last.stderr
        assert last.stats["resumed"]
        assert "bytes of a record that was not finished" in last.stderr
        assert comparable(killed.records(site)) == comparable(plain.records(site))
        # At most the request in the air at each kill was asked for twice.
        bodies = [h.path for h in replica.hits if h.status == 200 and h.path in replica.articles()]
        assert len(bodies) - len(set(bodies)) <= len(kills)
        assert last.stats["new"] == len(wanted(replica))


@pytest.mark.slow
def test_only_what_is_new_or_changed_is_fetched(bench: Bench) -> None:
    with Replica("turkmenportal", 24) as replica:
        assert bench.crawl(replica, "--since", "2025-02-20").code == 0
        articles = sorted(replica.articles().values(), key=lambda page: (page.published or "", page.path))
        recent = [page for page in articles if (page.published or "") >= "2025-02-20"]
        assert sorted(r["url"].removeprefix(replica.base) for r in bench.records("turkmenportal")) == sorted(
            page.path for page in recent
        )
        # An edit, and a change of nothing but a counter.
        edited = next(page for page in recent[::-1] if page.etag and "/tm/" not in page.path)
        counted = next(page for page in recent[::-1] if page.etag and "/tm/" in page.path)
        replica.edit(edited.path, "</p>", " Исправлено.</p>")
        replica.edit(counted.path, "| 1245", "| 1246")
        replica.forget()
        again = bench.crawl(replica, "--since", "2025-02-20")
        assert again.stats["changed"] == 1
        assert again.stats.get("new", 0) == 0
        records = {r["url"].removeprefix(replica.base): r for r in bench.records("turkmenportal")}
        assert len(records) == len(recent) == len(bench.records("turkmenportal"))
        assert "Исправлено." in records[edited.path]["html"]
        assert "| 1245" in records[counted.path]["html"]
        # A wider crawl brings what was too old before.
        wider = bench.crawl(replica)
        assert wider.stats["new"] == len(articles) - len(recent)
        check = {r["url"].removeprefix(replica.base) for r in bench.records("turkmenportal")}
        assert check == {page.path for page in articles}


@pytest.mark.slow
def test_limits_of_dates_and_pages_hold(tmp_path: Path) -> None:
    with Replica("orient", 24) as replica:
        dated = Bench(tmp_path / "dated")
        assert dated.crawl(replica, "--since", "2025-03-01", "--until", "2025-03-15").code == 0
        days = {record["published"][:10] for record in dated.records("orient")}
        assert days
        assert all("2025-03-01" <= day < "2025-03-15" for day in days)
        expected = [
            p for p in replica.articles().values() if "2025-03-01" <= (p.published or "") < "2025-03-15"
        ]
        assert len(dated.records("orient")) == len(expected)
        few = Bench(tmp_path / "few")
        done = few.crawl(replica, "--max-pages", "10")
        assert done.code == 0, done.stderr
        assert len(few.records("orient")) == 10
        assert done.stats["reason"] == "max_pages"
        # A second helping brings other pages.
        assert few.crawl(replica, "--max-pages", "10").stats["new"] == 10
        assert len({record["key"] for record in few.records("orient")}) == 20


@pytest.mark.slow
def test_the_languages_of_books_are_parameters(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    with Replica("uzedu", 8) as replica:
        assert bench.crawl(replica, "--langs", "uz", "kk", "tg").code == 0
        got = {record["url"].removeprefix(replica.base) for record in bench.records("uzedu")}
        assert got == {path for path, page in replica.pdfs().items() if page.lang in ("uz", "kk", "tg")}
        few = Bench(tmp_path / "few", {"chunk_mb": 4.0})
        assert few.crawl(replica, "--max-pages", "3").stats["new"] == len(few.records("uzedu")) == 3


@pytest.mark.slow
def test_files_that_only_a_catalogue_offers_are_found(bench: Bench) -> None:
    with Replica("uzedu", 6) as replica:
        pdfs = list(replica.pdfs().values())
        listings = [path for path, page in replica.pages.items() if path.startswith("/books?")]
        for path in [path for path, page in replica.pages.items() if page.kind == "book"] + listings:
            del replica.pages[path]
        cards = "".join(
            f'<div class="card"><h3>{page.title}</h3><p><a href="{page.path}">{label}</a></p></div>'
            for page in pdfs
            for label in [{"ru": "Русский", "tk": "Türkmen", "uz": "O‘zbek"}.get(page.lang or "", page.lang)]
        )
        unsaid = "".join(f'<a href="/books/999/999-{name}.pdf">PDF</a>' for name in ("aa", "bb"))
        cards += f'<div class="card">{unsaid}</div>'
        body = f"<html lang='uz'><body><div>{cards}</div></body></html>".encode()
        replica.pages["/books"] = replace(replica.pages["/books"], body=body)
        replica.pages["/sitemap.xml"] = replace(replica.pages["/sitemap.xml"], body=b"<urlset/>")
        crawled = bench.crawl(replica)
        assert crawled.code == 0
        check_whole(bench, replica)
        # Files of which nothing says the language are not left out in silence.
        assert crawled.stats["error:no language said"] == 2
        assert all(record["title"] for record in bench.records("uzedu") if record["paired"] != "id")
        replica.forget()
        assert bench.crawl(replica).code == 0
        assert not [path for path in replica.paths() if path.endswith(".pdf")]


@pytest.mark.slow
def test_a_book_whose_connection_drops_is_completed_and_a_lost_file_is_fetched_again(bench: Bench) -> None:
    with Replica("uzedu", 3, drop_after=20_000) as replica:
        assert bench.crawl(replica).code == 0
        check_whole(bench, replica)
        starts = [hit.headers.get("Range", "") for hit in replica.hits if hit.path.endswith(".pdf")]
        assert any(not start.startswith("bytes=0-") for start in starts)
        damaged = bench.out / bench.records("uzedu")[0]["file"]
        damaged.write_bytes(damaged.read_bytes()[:-1])
        replica.forget()
        again = bench.crawl(replica)
        assert again.code == 0, again.stderr
        check_whole(bench, replica)
        assert len({hit.path for hit in replica.hits if hit.path.endswith(".pdf")}) == 1


@pytest.mark.slow
def test_a_book_that_could_not_be_kept_is_not_asked_for_twice(bench: Bench) -> None:
    with Replica("uzedu", 3) as replica:
        # Its copy in parts is whole when the crawl ends, as after a kill at that moment.
        bench.out.mkdir()
        in_the_way = bench.out / "uzedu"
        in_the_way.write_bytes(b"")
        refused = bench.crawl(replica)
        assert refused.code == 1
        assert "Traceback" not in refused.stderr
        assert f"error: {in_the_way}: File exists; check that it is writable" in refused.stderr
        in_the_way.unlink()
        assert bench.crawl(replica).code == 0
        assert [hit.status for hit in replica.hits].count(416) == 1
        parts = [(hit.path, hit.headers["Range"]) for hit in replica.hits if hit.status == 206]
        assert len(set(parts)) == len(parts)
        check_whole(bench, replica)
        # The answer that brought nothing named neither ETag nor date: they were noted with the first part.
        pages = {f"{replica.base}{path}": page for path, page in replica.pdfs().items()}
        records = bench.records("uzedu")
        assert all(record["etag"] == pages[record["url"]].etag for record in records)


HTTP_CACHE = "scrapy.extensions.httpcache.FilesystemCacheStorage"
# No file may grow over so many kilobytes.
SMALL = """
import resource, sys
from crawler.__main__ import main
size = int(sys.argv.pop(1)) * 1024
resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
main()
"""
# The disk is full once: at the nth call of a function that writes.
ONCE = """
import errno, os, pkgutil, sys
from crawler.__main__ import main
holder, _, name = sys.argv.pop(1).rpartition(".")
nth = int(sys.argv.pop(1))
holder = pkgutil.resolve_name(holder)
write, calls = getattr(holder, name), []
def refused(*arguments):
    calls.append(arguments)
    if len(calls) == nth:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    return write(*arguments)
setattr(holder, name, refused)
main()
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("site", "code", "arguments", "file"),
    [
        ("orient", SMALL, ("60",), "state/orient/state.sqlite"),  # when the queue is opened
        ("orient", SMALL, ("150",), "state/orient/state.sqlite"),  # at the first list
        (
            "orient",
            ONCE,
            ("crawler.store.PackedFile.append", "5"),
            "crawl/orient.jsonl.gz",
        ),  # in the pipeline
        ("orient", ONCE, ("crawler.store.PackedFile.compact", "1"), "crawl"),  # after the crawl
        ("uzedu", ONCE, ("crawler.spiders.uzedu._write", "4"), "crawl/uzedu.jsonl.gz"),  # in a callback
        ("orient", ONCE, (f"{HTTP_CACHE}.store_response", "6"), "crawl/orient.jsonl.gz"),  # in a middleware
    ],
)
def test_a_full_disk_ends_the_crawl_in_one_line_and_loses_nothing(
    site: str, code: str, arguments: tuple[str, ...], file: str, tmp_path: Path
) -> None:
    bench = Bench(tmp_path, {"http_cache": HTTP_CACHE in arguments[0]})
    with Replica(site, 12) as replica:
        command = bench.command(replica)
        command[1:3] = ["-c", code, *arguments]
        full = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
        assert full.returncode == 1
        assert "Traceback" not in full.stderr
        last = full.stderr.splitlines()[-1]
        assert last.startswith(f"error: {bench.folder}/{file}: "), last
        assert last.endswith(
            "; check that it is writable and has room, then run the same command to continue"
        )
        assert bench.crawl(replica).code == 0
        check_whole(bench, replica)


@pytest.mark.slow
def test_an_interrupt_closes_the_file_and_the_next_run_goes_on(bench: Bench) -> None:
    with Replica("orient", 24) as replica:
        process = bench.start(replica, 20)
        process.send_signal(signal.SIGINT)
        stderr = process.communicate(timeout=300)[1]
        assert process.returncode == 130
        assert "pages waiting; the same command continues" in stderr
        done = bench.crawl(replica)
        assert done.stats["resumed"]
        check_whole(bench, replica)
        assert done.stats["new"] == len(replica.articles())


@pytest.mark.slow
def test_the_server_s_own_pace_is_kept(bench: Bench) -> None:
    with Replica("turkmenportal", 3) as replica:
        path = next(iter(replica.articles()))
        replica.pages[path] = replace(replica.pages[path], fail_times=1, retry_after="2")
        robots = replica.pages["/robots.txt"]
        replica.pages["/robots.txt"] = replace(robots, body=robots.body + b"Crawl-delay: 0.3\n")
        assert bench.crawl(replica).code == 0
        gaps = [b.at - a.at for a, b in itertools.pairwise(replica.hits)]
        assert sorted(gaps[1:])[len(gaps) // 10] >= 0.28
        first, second = (hit.at for hit in replica.hits if hit.path == path)
        assert second - first >= 2.0


@pytest.mark.slow
def test_a_page_that_only_a_listing_knows_is_found_after_its_server_has_healed(tmp_path: Path) -> None:
    bench = Bench(tmp_path, {"retries": 2, "recheck_days": 0})
    with Replica("turkmenportal", 24) as replica:
        oldest = min(replica.articles().values(), key=lambda page: (page.published or "", page.path))
        replica.pages[oldest.path] = replace(oldest, fail_times=3)
        first = bench.crawl(replica)
        assert first.stats["error:500"] == 1
        assert first.stats["pages"] == len(replica.articles()) - 1
        second = bench.crawl(replica)
        assert second.stats["new"] == 1
        check_whole(bench, replica)
        # Now that nothing is missing, a third crawl walks no listing to its end.
        replica.forget()
        assert bench.crawl(replica).code == 0
        assert not [path for path in replica.paths() if "?page=3" in path]


@pytest.mark.slow
def test_a_site_that_goes_down_ends_the_crawl_and_its_queue_is_kept(tmp_path: Path) -> None:
    bench = Bench(tmp_path, {"retries": 1})
    with Replica("turkmenportal", 24) as replica:
        healthy = dict(replica.pages)
        for path, page in replica.articles().items():
            replica.pages[path] = replace(page, fail_times=10_000)
        down = bench.crawl(replica)
        assert down.code == 1
        assert "no answer any more; the same command goes on" in down.stderr
        assert len(replica.hits) < 60
        replica.pages.update(healthy)
        assert bench.crawl(replica).code == 0
        assert bench.crawl(replica).code == 0
        check_whole(bench, replica)
