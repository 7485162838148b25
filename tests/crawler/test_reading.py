"""What pages, lists and addresses say."""

from __future__ import annotations

import contextlib
import datetime as dt
import random
import re
import shutil
import time
from pathlib import Path
from urllib.parse import urljoin

import pytest
from parsel import Selector
from scrapy.http import HtmlResponse

from crawler.discovery import ListError, gunzip, next_page, read_feed, read_links, read_sitemap
from crawler.errors import CrawlError
from crawler.options import check_contact, load_options
from crawler.pages import LOCAL, Hints, is_too_deep, next_data, parse_time, read_page
from crawler.spiders.orient import OrientSpider
from crawler.spiders.turkmenportal import TurkmenportalSpider
from crawler.spiders.uzedu import _grade, _subject, read_lang
from crawler.urls import normalise_url
from tests.crawler.sites import make_site

ROOT = Path(__file__).parents[2]
BASE = "https://site.tm/ru/news"


def join(url: str) -> str:
    return urljoin(BASE, url)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-03-05T10:00:00+05:00", dt.datetime(2024, 3, 5, 10, tzinfo=LOCAL)),
        ("2024-03-05", dt.datetime(2024, 3, 5, tzinfo=LOCAL)),
        ("Tue, 05 Mar 2024 10:00:00 +0500", dt.datetime(2024, 3, 5, 10, tzinfo=LOCAL)),
        ("05.03.2024 | 1245", dt.datetime(2024, 3, 5, tzinfo=LOCAL)),
        ("Опубликовано 2024-03-05 в Ашхабаде", dt.datetime(2024, 3, 5, tzinfo=LOCAL)),
        ("99.99.2024", None),
        ("0001-01-01T00:00:00+14:00", None),  # cannot be told in UTC
        ("вчера", None),
        (None, None),
    ],
)
def test_times_of_many_forms_are_read(text: str | None, expected: dt.datetime | None) -> None:
    assert parse_time(text) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("HTTP://Site.TM:80/a/?b=2&a=1#top", "http://site.tm/a?a=1&b=2"),
        ("https://site.tm/a?utm_source=x&fbclid=1&mc_cid=2&yclid=3", "https://site.tm/a"),
        ("https://site.tm/news?ref=2&from=20", "https://site.tm/news?from=20&ref=2"),  # page numbers
        ("https://site.tm/?tag=%CF%F0", "https://site.tm/?tag=%CF%F0"),  # Windows-1251, as bytes
        ("https://site.tm/?tag=%cc%e8", "https://site.tm/?tag=%CC%E8"),
        ("https://site.tm/?q=täze", "https://site.tm/?q=t%C3%A4ze"),
        ("https://САЙТ.рф/a", "https://xn--80aswg.xn--p1ai/a"),
        ("https://site.tm", "https://site.tm/"),
        ("https://site.tm:8443/", "https://site.tm:8443/"),
        ("https://site.tm/täze", "https://site.tm/t%C3%A4ze"),
        ("https://site.tm/t%C3%A4ze", "https://site.tm/t%C3%A4ze"),
        ("http://[::1]:8000/a", "http://[::1]:8000/a"),
    ],
)
def test_addresses_have_one_spelling(url: str, expected: str) -> None:
    assert normalise_url(url) == expected
    assert normalise_url(expected) == expected


@pytest.mark.parametrize("name", ["turkmenportal", "orient"])
@pytest.mark.parametrize("redesign", [False, True])
def test_pages_of_the_sites_are_read_under_any_class_names(name: str, redesign: bool) -> None:
    spider = {"turkmenportal": TurkmenportalSpider, "orient": OrientSpider}[name]
    for page in make_site(name, 6, redesign=redesign).values():
        if page.kind != "article":
            continue
        facts = read_page(Selector(page.body.decode()), join, spider.hints)
        assert facts.title == page.title
        assert facts.published == dt.datetime.fromisoformat(page.published or "")
        assert facts.canonical is not None
        assert facts.canonical.endswith(page.path)


def test_the_content_hash_sees_the_text_and_not_what_stands_around_it() -> None:
    def content(body: str) -> str:
        html = f"<html><body><nav>Меню</nav><article><h1>Türkmen halysy</h1>{body}</article></body></html>"
        return read_page(Selector(html), join, Hints()).content

    plain = content("<p>Haly milli sungatdyr.</p>")
    assert (
        content("<p>Haly  milli\nsungatdyr.</p><script>count(5)</script><aside>12 просмотров</aside>")
        == plain
    )
    assert content("<p>Haly milli sungat.</p>") != plain


def test_versions_are_told_from_feeds_and_styles() -> None:
    html = """<html><head>
    <link rel="alternate" hreflang="tm" href="/tm/blog/5/a">
    <link rel="alternate" hreflang="x-default" href="/">
    <link rel="alternate" type="application/rss+xml" href="/rss">
    <link rel="alternate stylesheet" href="/s.css">
    <link rel="canonical" hreflang="ru" href="/blog/5/b"></head>
    <body><a rel="alternate" href="/en/blog/5/c">EN</a>
    <a hreflang="ru" href="/blog/5/b">RU</a></body></html>"""
    versions = read_page(Selector(html), join, Hints()).versions
    assert [(v.url, v.lang, v.how) for v in versions] == [
        ("https://site.tm/tm/blog/5/a", "tm", "hreflang"),
        ("https://site.tm/blog/5/b", "ru", "hreflang"),
        ("https://site.tm/en/blog/5/c", None, "alternate"),
    ]


def test_sitemaps_and_their_indexes_are_read() -> None:
    pages, maps = read_sitemap(
        b'<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" '
        b'xmlns:xhtml="http://www.w3.org/1999/xhtml"><url><loc> https://a/1 </loc>'
        b"<lastmod>2024-01-02</lastmod>"
        b'<xhtml:link rel="alternate" hreflang="tk" href="https://a/tm/1"/></url>'
        b"<url><priority>1</priority></url></urlset>"
    )
    assert maps == []
    assert [(p.url, p.changed, p.versions) for p in pages] == [
        ("https://a/1", dt.datetime(2024, 1, 2, tzinfo=LOCAL), ("https://a/tm/1",))
    ]
    _, maps = read_sitemap(b"<sitemapindex><sitemap><loc>https://a/s.xml.gz</loc></sitemap></sitemapindex>")
    assert [found.url for found in maps] == ["https://a/s.xml.gz"]


@pytest.mark.parametrize(
    "feed",
    [
        "<rss><channel><item><link>https://a/1</link><pubDate>x</pubDate></item></channel></rss>",
        "<rss><channel><item><guid>https://a/1</guid></item></channel></rss>",
        '<feed xmlns="http://www.w3.org/2005/Atom"><entry><link rel="edit" href="https://a/e"/>'
        '<link href="https://a/1"/><id>tag:x</id></entry></feed>',
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/">'
        "<item><link>https://a/1</link></item></rdf:RDF>",
    ],
)
def test_feeds_of_every_family_are_read(feed: str) -> None:
    assert [entry.url for entry in read_feed(feed.encode())] == ["https://a/1"]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b'<!DOCTYPE a [<!ENTITY b "c">]><urlset/>', "entity declarations"),
        (b'<!DOCTYPE a [<!entity b SYSTEM "file:///etc/passwd">]><urlset/>', "entity declarations"),
        (b"", "not XML"),
        (b"<html></html>", "not a sitemap"),
    ],
)
def test_lists_that_are_none_are_refused_by_kind(body: bytes, kind: str) -> None:
    with pytest.raises(ListError, match=kind):
        read_sitemap(body)


def test_unpacking_stops_at_the_limit() -> None:
    import gzip

    packed = gzip.compress(b"a" * 1000) + gzip.compress(b"b" * 1000)
    both = b"a" * 1000 + b"b" * 1000
    assert gunzip(packed, 2000) == (both, True)
    with pytest.raises(ListError, match="too large"):
        gunzip(packed, 1999)
    # Bytes after the last member are no damage; a trailer that is cut off takes nothing from the content.
    assert gunzip(packed + b"\0" * 512, 2000) == (both, True)
    assert gunzip(packed[:-5], 2000) == (both, False)
    with pytest.raises(ListError, match="damaged gzip"):
        gunzip(packed[:10], 2000)
    with pytest.raises(ListError, match="damaged gzip"):
        gunzip(gzip.compress(b"") * 100_000, 2000)


@pytest.mark.parametrize(
    ("loc", "url"),
    [
        ("https://a/1?b=1&c=2", "https://a/1?b=1&c=2"),
        ("https://a/1?b=1&amp;c=2&#38;d=3", "https://a/1?b=1&c=2&d=3"),
        ("<![CDATA[https://a/1?b=1&amp;c=2&d]]>", "https://a/1?b=1&amp;c=2&d"),
        ("https://a/<!-- old: /0 -->1", "https://a/1"),
        ("https://a/1?b=&copy;&nbsp;", "https://a/1?b=&copy;&nbsp;"),
    ],
)
def test_addresses_of_lists_are_read_whole(loc: str, url: str) -> None:
    sitemap = f"<urlset><url><loc>{loc}</loc></url><url><loc>https://a/2</loc></url></urlset>"
    assert [listed.url for listed in read_sitemap(sitemap.encode())[0]] == [url, "https://a/2"]
    feed = f"<rss><channel><item><link>{loc}</link></item></channel></rss>"
    assert [listed.url for listed in read_feed(feed.encode())] == [url]
    assert [listed.url for listed in read_sitemap(sitemap.encode("utf-16"))[0]][-1:] in ([], ["https://a/2"])


GROWING = {
    "links": lambda n: (
        "<div>" + '<p><a href="/a">a</a></p>' * n + '<time datetime="2024-01-01"></time></div>'
    ),
    "dates": lambda n: "".join(f'<a href="/{i}"><b datetime="2024-01-01">a</b></a>' for i in range(n)),
    "headings": lambda n: "<h1>a</h1>" * n,
    "next": lambda n: '<div class="next">' * 200 + '<a href="/a">a</a>' * n,
    "articles": lambda n: "<article>" * 200 + "<p>text</p>" * n,
    "attributes": lambda n: "<p " + " ".join(f'a{i}=""' for i in range(n)) + ">a</p>",
    "alternates": lambda n: "".join(f'<link rel=alternate hreflang=tk href="/{i}">' for i in range(n)),
    "json": lambda n: '<script id="__NEXT_DATA__">' + "[" * n,
    "ampersands": lambda n: "&" * n,
    "cdata": lambda n: "<![CDATA[" * n,
    "comments": lambda n: "<!--" * n,
}


@pytest.mark.parametrize("kind", GROWING)
def test_the_time_for_a_page_grows_with_its_length_only(kind: str) -> None:
    def seconds(n: int) -> float:
        html = f"<html><body>{GROWING[kind](n)}</body></html>"
        response = HtmlResponse("https://orient.tm/ru", body=html.encode())
        start = time.process_time()
        assert next_data(response.selector) is None
        list(read_links(response.selector, join))
        next_page(response.selector, join, BASE)
        read_page(response.selector, join, Hints(body=("article",)))
        with contextlib.suppress(ListError):
            read_sitemap(html.encode())
        return time.process_time() - start

    seconds(100)
    # Twice the page may take thrice the time; a quadratic reader takes 64 times as long for eight times.
    small, large = (min(seconds(n) for _ in range(2)) for n in (1_000, 8_000))
    assert large < max(24 * small, 0.5), (small, large)


def test_pages_nested_deeper_than_any_real_one_are_refused() -> None:
    assert not is_too_deep(Selector("<div>" * 200 + "a"))
    assert is_too_deep(Selector("<div>" * 20_000 + "a"))


def test_a_date_beside_one_link_is_not_given_to_others() -> None:
    html = """<div><div class="entry"><a href="/a">A</a><a href="/a"><img></a>
    <time datetime="2024-05-06"></time></div>
    <div class="entry"><a href="/b">B</a></div></div>"""
    found = dict(read_links(Selector(html), join))
    assert found["https://site.tm/a"] == dt.datetime(2024, 5, 6, tzinfo=LOCAL)
    assert found["https://site.tm/b"] is None


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ('<a rel="next" href="?page=2">2</a>', "https://site.tm/ru/news?page=2"),
        ('<li class="next"><a href="?page=2">›</a></li>', "https://site.tm/ru/news?page=2"),
        ('<a href="?page=2">2</a><a href="?page=3">3</a>', "https://site.tm/ru/news?page=2"),
        ('<a href="?page=22">22</a>', None),
    ],
)
def test_the_next_page_of_a_listing_is_found(html: str, expected: str | None) -> None:
    assert next_page(Selector(f"<body>{html}</body>"), join, BASE) == expected


@pytest.mark.parametrize(
    ("label", "lang"),
    [
        ("Türkmen (PDF)", "tk"),
        ("Русский | Скачать", "ru"),
        ("O‘zbek", "uz"),
        ("Тоҷикӣ", "tg"),
        ("PDF", None),
        (None, None),
    ],
)
def test_labels_name_languages(label: str | None, lang: str | None) -> None:
    assert read_lang(label) == lang


def test_subjects_and_grades_are_the_same_in_every_language() -> None:
    titles = ["Matematika. 5-sinf", "Математика. 5 класс", "Matematika. 5 synp", "Математика. 5 синф"]
    empty = Selector("<p></p>")
    assert {(_subject(title), _grade(empty, title)) for title in titles} == {("mathematics", 5)}
    assert {_subject(word) for word in ("Tabiiy fanlar", "Естествознание", "Tebigy ylymlar")} == {"science"}
    assert _subject("Qiziqarli kitob") is None


def test_every_fault_of_a_file_is_in_one_message(tmp_path: Path) -> None:
    path, site = tmp_path / "params.yaml", tmp_path / "sources/orient.yaml"
    site.parent.mkdir()

    def fault() -> str:
        with pytest.raises(CrawlError) as caught:
            load_options(path, "orient")
        return str(caught.value)

    path.write_text(
        "crawl:\n  delay: 1\n  contact: a@b.c\n  retries: many\n  timeout_s: 0\n", encoding="utf-8"
    )
    message = fault()
    assert message.startswith(f"{path}: ")
    assert "crawl.delay: unknown key; did you mean 'delay_s'?" in message
    assert "crawl.retries: Input should be a valid integer, found 'many'" in message
    assert "crawl.timeout_s: Input should be greater than 0, found 0" in message
    assert "crawl.max_page_mb: missing" in message
    shutil.copy(ROOT / "params.yaml", path)
    assert fault().startswith(f"{site}: not found")
    site.write_text("kind: crawl\ncrawl:\n  base_url: ftp://x\n  langs: [russian]\n", encoding="utf-8")
    message = fault()
    assert re.search(r"crawl\.base_url: .*scheme 'ftp' is not http or https", message)
    assert re.search(r"crawl\.langs\.0: .*found 'russian'", message)
    site.write_text("crawl:\n  base_url: https://x\n  base_url: https://y\n", encoding="utf-8")
    assert "duplicate key" in fault()


@pytest.mark.parametrize("site", ["turkmenportal", "orient", "uzedu"])
def test_the_repository_s_settings_are_read_and_name_nobody_yet(site: str) -> None:
    options, site_options = load_options(ROOT / "params.yaml", site)
    assert options.delay_s >= 1.0
    assert site_options.langs == ["ru", "tk"]
    with pytest.raises(CrawlError, match=r"crawl\.contact"):
        check_contact(options)


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("/blog/91/novost", "ru:blog/91"),
        ("/tm/blog/91/habar", "tk:blog/91"),
        ("/en/blog/91/news", "en:blog/91"),
        ("/blog/91/views_sort", None),
        ("/ru/news", None),
        ("/blog/91/a/b", None),
    ],
)
def test_addresses_of_the_portal_say_language_and_number(path: str, key: str | None) -> None:
    spider = TurkmenportalSpider.__new__(TurkmenportalSpider)
    ref = spider.ref(f"https://turkmenportal.com{path}")
    assert (ref.key if ref else None) == key


@pytest.mark.parametrize(
    ("url", "here"),
    [
        ("https://www.turkmenportal.com/blog/1", True),
        ("http://turkmenportal.com:80/blog/1", True),
        ("https://turkmenportal.com:8443/blog/1", False),
        ("https://forum.turkmenportal.com/blog/1", False),
        ("https://turkmenportal.com.evil.example/blog/1", False),
        ("file://turkmenportal.com/blog/1", False),
        ("https://turkmenportal.com:port/", False),
    ],
)
def test_a_site_is_one_host_with_or_without_www(url: str, here: bool) -> None:
    spider = TurkmenportalSpider.__new__(TurkmenportalSpider)
    spider.base = "https://turkmenportal.com"
    assert spider._is_here(url) == here


@pytest.mark.parametrize("name", ["turkmenportal", "orient", "uzedu"])
def test_no_damage_to_a_page_or_list_stops_the_reading(name: str) -> None:
    chance = random.Random(name)
    pages = [page for page in make_site(name, 4).values() if page.body and page.kind != "pdf"]
    for _ in range(60):
        data = bytearray(chance.choice(pages).body)
        for _ in range(chance.randint(1, 30)):
            place = chance.randrange(len(data))
            junk = chance.choice(
                [b"", b"\0", b"<", b"]]>", b'"http://[', b"://:99999/", b"\xff\xfe", b"&#x110000;"]
            )
            data[place : place + chance.randint(0, 8)] = junk
        response = HtmlResponse(BASE, body=bytes(data[: chance.randint(1, len(data))]), encoding="utf-8")
        facts = read_page(response.selector, response.urljoin, OrientSpider.hints)
        assert len(facts.content) == 64
        links = list(read_links(response.selector, response.urljoin))
        next_page(response.selector, response.urljoin, BASE)
        spider = OrientSpider.__new__(OrientSpider)
        spider.base = "https://site.tm"
        assert all(spider.key_of(url) for url, _ in links)
        assert all(isinstance(spider._is_here(url), bool) for url, _ in links)
        list(spider.listed(response))
        for read in (read_sitemap, read_feed):
            with contextlib.suppress(ListError):
                read(bytes(data))
