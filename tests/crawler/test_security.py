"""A crawl goes nowhere it was not sent, takes no more than its limits, and writes nowhere but its folder."""

from __future__ import annotations

import contextlib
import gzip
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from twisted.internet.address import IPv4Address, IPv6Address

from crawler.errors import CrawlError
from crawler.middlewares import GuardedResolver, _PublicOnly
from crawler.options import SiteOptions, site_at
from crawler.urls import AddressPolicy
from tests.crawler.harness import Bench
from tests.crawler.replica import Replica
from tests.crawler.sites import XML, Page


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://127.0.0.1:8001/",  # the exempt host at another port
        "http://2130706433/",
        "http://0x7f000001/",
        "http://10.1.2.3/",
        "http://169.254.169.254/latest/meta-data/",  # the credentials of a cloud machine
        "http://100.64.0.1/",
        "http://0.0.0.0/",
        "http://224.0.0.1/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[64:ff9b::a01:203]/",
        "http://[::127.0.0.1]/",
        "http://192.0.0.8/",
        "http://[2002:7f00:1::]/",
        "http://[fe80::1%25eth0]/",
        "http://[fd00::1]/",
        "http://localhost/",
        "http://printer.localhost./",
        "file:///etc/passwd",
        "data:text/html,a",
        "http://user:secret@example.com/",
        "http:///nohost",
    ],
)
def test_addresses_that_are_not_the_public_web_are_refused(url: str) -> None:
    assert AddressPolicy("http://127.0.0.1:8000").refusal(url) is not None


@pytest.mark.parametrize(
    ("base", "url"),
    [
        ("https://turkmenportal.com", "https://turkmenportal.com/blog/1"),
        ("https://turkmenportal.com", "http://93.184.215.14/"),
        ("https://turkmenportal.com", "http://[2606:2800:21f:cb07:6820:80da:af6b:8b2c]/"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000/blog/1"),
        ("http://localhost:8000", "http://localhost:8000/"),
    ],
)
def test_public_addresses_and_the_configured_one_are_allowed(base: str, url: str) -> None:
    assert AddressPolicy(base).refusal(url) is None


def test_a_name_that_resolves_to_a_private_address_connects_nowhere() -> None:
    class Receiver:
        passed: list[str] = []  # noqa: RUF012 - one receiver, one list

        def resolutionBegan(self, resolution: object) -> None: ...

        def addressResolved(self, address: IPv4Address) -> None:
            self.passed.append(address.host)

        def resolutionComplete(self) -> None: ...

    guarded = _PublicOnly(Receiver(), AddressPolicy("https://turkmenportal.com"), "evil.example", 80)
    for host in ("127.0.0.1", "10.0.0.8", "93.184.215.14", "169.254.169.254"):
        guarded.addressResolved(IPv4Address("TCP", host, 80))
    guarded.addressResolved(IPv6Address("TCP", "::ffff:192.168.0.1", 80))
    assert Receiver.passed == ["93.184.215.14"]
    assert "evil.example" in GuardedResolver.refused


@pytest.mark.slow
def test_a_hostile_site_is_survived(tmp_path: Path) -> None:
    bench = Bench(tmp_path, {"max_page_mb": 1.0})
    with Replica("orient", 3) as inner, Replica("turkmenportal", 4) as site:
        articles = [page for page in site.articles().values() if page.lang == "ru"]
        evil = {
            # Redirects to a server inside, by address and by name, and to a file.
            "/blog/1/a": Page("/blog/1/a", "moved", status=302, location=f"{inner.base}/robots.txt"),
            "/blog/2/a": Page(
                "/blog/2/a", "moved", status=302, location=f"http://localhost:{inner.port}/robots.txt"
            ),
            "/blog/3/a": Page("/blog/3/a", "moved", status=302, location="file:///etc/passwd"),
            "/blog/4/a": Page("/blog/4/a", "moved", status=302, location="http://169.254.169.254/latest/"),
            # A page beyond the limit, a loop, and a page that is no page.
            "/blog/5/a": Page("/blog/5/a", "trap", b"<html><body>" + b"a" * 2_000_000),
            "/blog/6/a": Page("/blog/6/a", "moved", status=302, location="/blog/6/b"),
            "/blog/6/b": Page("/blog/6/b", "moved", status=302, location="/blog/6/a"),
            "/blog/7/a": Page("/blog/7/a", "trap", b"\x00\x01\x02" * 100, "application/octet-stream"),
            "/blog/8/a": Page("/blog/8/a", "trap", _bomb(200), encoding="gzip"),
            # 300 MB of zeros in 300 kB.
            "/bomb.xml.gz": Page("/bomb.xml.gz", "trap", _bomb(300), "application/gzip"),
            "/entities.xml": Page("/entities.xml", "trap", _entities(), XML),
            "/broken.xml": Page("/broken.xml", "trap", b"<urlset><url><loc>", XML),
        }
        site.pages.update(evil)
        links = "".join(f"<url><loc>{site.base}{path}</loc></url>" for path in evil if path.endswith("/a"))
        site.edit("/sitemap-ru.xml", "</urlset>", f"{links}</urlset>")
        maps = "".join(
            f"<sitemap><loc>{site.base}{path}</loc></sitemap>" for path in evil if path.count(".") > 0
        )
        maps += f"<sitemap><loc>{inner.base}/sitemap.xml</loc></sitemap><sitemap><loc>file:///etc/passwd</loc></sitemap>"
        site.edit("/sitemap.xml", "</sitemapindex>", f"{maps}</sitemapindex>")
        done = bench.crawl(site)
        assert done.code == 0, done.stderr
        assert inner.hits == []
        stored = {record["url"].removeprefix(site.base) for record in bench.records("turkmenportal")}
        assert stored == set(site.articles())
        assert len(articles) == 4
        errors = {name[6:]: count for name, count in done.stats.items() if name.startswith("error:")}
        assert errors["refused address"] >= 1
        assert errors["too large"] == 3
        assert errors["entity declarations"] == 1
        assert errors["too many redirects"] == 1
        assert errors["not HTML"] == 1


@pytest.mark.slow
def test_books_are_named_by_their_content_and_must_be_pdf(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    with Replica("uzedu", 3) as site:
        links = "".join(
            f'<a href="{path}" hreflang="ru">Русский</a>'
            for path in (
                "/books/401/401-..%2f..%2fevil.pdf",
                "/books/401/401-abc.pdf",
                "/books/../../401-aa.pdf",
            )
        )
        site.edit("/books/401", "</ul>", f"{links}</ul>")
        site.pages["/books/401/401-abc.pdf"] = Page(
            "/books/401/401-abc.pdf", "trap", b"<html>not a book</html>", "application/pdf"
        )
        done = bench.crawl(site)
        assert done.code == 0, done.stderr
        assert done.stats["error:not PDF"] == 1
        files = {str(path.relative_to(bench.folder)) for path in bench.folder.rglob("*.pdf")}
        assert files == {f"crawl/{record['file']}" for record in bench.records("uzedu")}
        assert all(len(Path(name).stem) == 64 for name in files)


@pytest.mark.slow
@pytest.mark.parametrize(("status", "code", "stored"), [(403, 0, 6), (500, 1, 0)])
def test_robots_that_cannot_be_read_closes_the_site_and_robots_that_is_not_there_opens_it(
    status: int, code: int, stored: int, tmp_path: Path
) -> None:
    bench = Bench(tmp_path, {"retries": 1})
    with Replica("turkmenportal", 3) as site:
        site.pages["/robots.txt"] = replace(site.pages["/robots.txt"], status=status)
        done = bench.crawl(site)
        assert (done.code, len(bench.records("turkmenportal"))) == (code, stored)
        assert (
            ("robots.txt cannot be read" in done.stderr)
            == (set(site.paths()) == {"/robots.txt"})
            == bool(code)
        )


class Hostile(Replica):
    """Cuts packed pages short, and sends headers without end for one address."""

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        if handler.path != "/endless":
            super()._answer(handler)
            return
        handler.close_connection = True
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
        with contextlib.suppress(OSError):
            while True:
                handler.wfile.write(b"X-More: " + b"a" * 8000 + b"\r\n")
                self.sent += 8000

    sent = 0


def test_truncated_pages_are_not_stored_and_broken_robots_lines_and_endless_headers_stop_nothing(
    tmp_path: Path,
) -> None:
    bench = Bench(tmp_path, {"retries": 1})
    with Hostile("turkmenportal", 3) as site:
        robots = site.pages["/robots.txt"].body
        site.pages["/robots.txt"] = replace(
            site.pages["/robots.txt"],
            body=b"Sitemap: http://[\nSitemap: %s/endless\nDisallow: //[\n" % site.base.encode() + robots,
        )
        first, second = list(site.articles())[:2]
        packed = gzip.compress(site.pages[first].body)
        site.pages[first] = replace(site.pages[first], body=packed[:-200], encoding="gzip")
        # Bytes after the end are no damage.
        packed = gzip.compress(site.pages[second].body) + b"\0" * 100
        site.pages[second] = replace(site.pages[second], body=packed, encoding="gzip")
        done = bench.crawl(site)
        assert done.code == 0, done.stderr
        assert "Traceback" not in done.stderr
        stored = {record["url"].removeprefix(site.base) for record in bench.records("turkmenportal")}
        assert stored == set(site.articles()) - {first}
        assert done.stats["error:cut short"] == 1
        assert site.sent < 16 << 20


def test_a_host_in_cyrillic_letters_is_the_one_that_requests_name() -> None:
    site = SiteOptions(base_url="http://сайт.рф:8000/x", langs=["ru"])
    assert site.base_url == "http://xn--80aswg.xn--p1ai:8000/x"
    with pytest.raises(CrawlError, match="no host"):
        site_at(site, "http:///x")


def _bomb(megabytes: int) -> bytes:
    return gzip.compress(b"\0" * (megabytes << 20), compresslevel=9)


def _entities() -> bytes:
    lines = ['<!DOCTYPE urlset [<!ENTITY a0 "aaaaaaaaaa">']
    lines += [f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 10)]
    return ("\n".join(lines) + "]><urlset><url><loc>&a9;</loc></url></urlset>").encode()
