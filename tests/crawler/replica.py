"""Loopback replicas of the sites: their structure, text of our own, and the accidents of the real web.

``make_site(name, n)`` composes the pages; :class:`Replica` serves them over HTTP on 127.0.0.1.
"""

from __future__ import annotations

import datetime as dt
import gzip
import hashlib
import html
import json
import re
import threading
import time
from dataclasses import dataclass, field, replace
from email.utils import format_datetime, parsedate_to_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from urllib.parse import parse_qs, urlsplit

from tests.crawler.prose import Story, story

BASES = {
    "turkmenportal": "https://turkmenportal.com",
    "orient": "https://orient.tm",
    "uzedu": "https://uzedu.online",
}
HTML = "text/html; charset=utf-8"
XML = "application/xml; charset=utf-8"
PER_PAGE = 10


@dataclass(frozen=True)
class Page:
    """What a path answers, and for articles the gold: title, date, paragraphs of the body."""

    path: str
    kind: str  # article, book, pdf, listing, feed, sitemap, robots, moved
    body: bytes = b""
    content_type: str = HTML
    status: int = 200
    lang: str | None = None
    id: str | None = None
    pair: str | None = None  # shared by the language versions of one article
    title: str | None = None
    published: str | None = None
    paragraphs: tuple[str, ...] = ()
    location: str | None = None
    etag: str | None = None
    last_modified: str | None = None
    fail_times: int = 0  # this many answers are 500, then it heals
    retry_after: str | None = None  # then the answers are 503, and ask for patience
    delay_s: float = 0.0
    encoding: str | None = None  # Content-Encoding, where the body is packed already

    @property
    def text(self) -> str:
        """Gold body text: the paragraphs, one to a line."""
        return "\n".join(self.paragraphs)


@dataclass(frozen=True)
class _Article:
    """An article before it is rendered: one language version."""

    path: str
    lang: str
    id: str
    pair: str
    when: dt.datetime
    story: Story
    alternates: dict[str, str] = field(default_factory=dict)  # lang -> path

    @property
    def title(self) -> str:
        return self.story.title[self.lang]


def make_site(
    name: str, n: int = 36, *, base: str | None = None, redesign: bool = False, slow_s: float = 0.6
) -> dict[str, Page]:
    """Compose a site of ``n`` articles (books for uzedu) in two languages or more, by path.

    ``redesign`` renames every class and id in the pages, and keeps structure and text. Listings carry
    ``?page=`` in their path; the server (not this table) answers endless calendars and page numbers.
    """
    base = (base or BASES[name]).rstrip("/")
    pages = {"turkmenportal": _turkmenportal, "orient": _orient, "uzedu": _uzedu}[name](n, base, slow_s)
    if redesign:
        pages = {path: _rename_classes(page) for path, page in pages.items()}
    return pages


def _date(index: int) -> dt.datetime:
    """Publication times that go back from March 2025, one article every other day."""
    newest = dt.datetime(2025, 3, 28, 9, 30, tzinfo=dt.timezone(dt.timedelta(hours=5)))
    return newest - dt.timedelta(days=2 * index, minutes=7 * index)


def _slug(title: str) -> str:
    table = str.maketrans(
        {
            **dict(zip("абвгдезийклмнопрстуфхцыэ", "abvgdezijklmnoprstufhcye", strict=True)),
            "ж": "zh",
            "ч": "ch",
            "ш": "sh",
            "щ": "sch",
            "ю": "yu",
            "я": "ya",
            "ё": "e",
            "ъ": "",
            "ь": "",
            **dict(zip("çäňöşüýž", "canosuyz", strict=True)),
        }
    )
    return re.sub(r"[^a-z0-9]+", "-", title.lower().translate(table)).strip("-")


def _etag(body: bytes) -> str:
    return f'"{hashlib.sha256(body).hexdigest()[:16]}"'


def _finish(pages: list[Page], slow_s: float) -> dict[str, Page]:
    """Give validators to every article and accidents to some of them."""
    articles = [i for i, page in enumerate(pages) if page.kind in ("article", "book")]
    for order, index in enumerate(articles):
        page = pages[index]
        # The web is mixed: some servers send an ETag, some a date only.
        if order % 3 == 2:
            stamp = dt.datetime.fromisoformat(page.published or "2024-09-01T00:00:00+00:00")
            page = replace(page, last_modified=format_datetime(stamp.astimezone(dt.UTC), usegmt=True))
        else:
            page = replace(page, etag=_etag(page.body))
        if order == 7:
            page = replace(page, fail_times=2)
        if order == 11:
            page = replace(page, delay_s=slow_s)
        pages[index] = page
    table = {page.path: page for page in pages}
    assert len(table) == len(pages), "two pages at one path"
    return table


def _sitemap(base: str, articles: list[_Article], extra: list[tuple[str, str]], hreflang: bool) -> bytes:
    rows = []
    for article in articles:
        links = "".join(
            f'<xhtml:link rel="alternate" hreflang="{lang}" href="{base}{path}"/>'
            for lang, path in sorted(article.alternates.items())
            if hreflang
        )
        rows.append(
            f"<url><loc>{base}{article.path}</loc><lastmod>{article.when.isoformat()}</lastmod>{links}</url>"
        )
    rows += [f"<url><loc>{base}{path}</loc><lastmod>{day}</lastmod></url>" for path, day in extra]
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" '
        f'xmlns:xhtml="http://www.w3.org/1999/xhtml">{"".join(rows)}</urlset>'
    ).encode()


def _sitemap_index(base: str, paths: list[str]) -> bytes:
    rows = "".join(f"<sitemap><loc>{base}{path}</loc></sitemap>" for path in paths)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{rows}</sitemapindex>'
    ).encode()


def _rss(base: str, title: str, articles: list[_Article]) -> bytes:
    rows = "".join(
        f"<item><title>{html.escape(a.title)}</title><link>{base}{a.path}</link>"
        f"<guid>{base}{a.path}</guid><pubDate>{format_datetime(a.when)}</pubDate></item>"
        for a in articles
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<rss version="2.0"><channel>'
        f"<title>{html.escape(title)}</title><link>{base}/</link>{rows}</channel></rss>"
    ).encode()


def _atom(base: str, title: str, articles: list[_Article]) -> bytes:
    rows = "".join(
        f"<entry><title>{html.escape(a.title)}</title><id>{base}{a.path}</id>"
        f'<link rel="alternate" href="{base}{a.path}"/><published>{a.when.isoformat()}</published>'
        f"<updated>{a.when.isoformat()}</updated></entry>"
        for a in articles
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom">'
        f"<title>{html.escape(title)}</title>{rows}</feed>"
    ).encode()


# --- turkmenportal -------------------------------------------------------------------------------

_TP_WORDS = {
    "ru": {
        "html": "ru",
        "prefix": "",
        "news": "/ru/news",
        "menu": [("Новости", "/ru/news"), ("Статьи", "/ru/compositions"), ("Календарь", "/calendar/2025/3")],
        "rights": "© Интернет-портал. Все права защищены. При цитировании ссылка обязательна.",
        "read": "Читайте также",
        "share": "Поделиться с друзьями",
        "ad": "Реклама на портале",
        "next": "Следующая",
        "archive": "Новости за день",
        "site": "Туркменпортал",
    },
    "tk": {
        "html": "tk",
        "prefix": "/tm",
        "news": "/tm/news",
        "menu": [
            ("Habarlar", "/tm/news"),
            ("Makalalar", "/tm/compositions"),
            ("Senenama", "/calendar/2025/3"),
        ],
        "rights": "© Internet portaly. Ähli hukuklar goralan. Salgylanylanda çeşmäni görkezmek hökmany.",
        "read": "Şeýle hem okaň",
        "share": "Dostlaryňyz bilen paýlaşyň",
        "ad": "Portalda mahabat",
        "next": "Indiki",
        "archive": "Günüň habarlary",
        "site": "Türkmenportal",
    },
}


def _turkmenportal(n: int, base: str, slow_s: float) -> dict[str, Page]:
    by_lang: dict[str, list[_Article]] = {"ru": [], "tk": []}
    for index in range(n):
        number = 91000 - 3 * index
        when = _date(index)
        told = story(number, when.day, when.month, when.year)
        section = "compositions" if index % 9 == 8 else "blog"
        paths = {
            "ru": f"/{section}/{number}/{_slug(told.title['ru'])}",
            "tk": f"/tm/{section}/{number}/{_slug(told.title['tk'])}",
        }
        for lang, path in paths.items():
            by_lang[lang].append(_Article(path, lang, str(number), str(number), when, told, paths))
    pages = [
        _tp_page(base, article, by_lang[lang], index)
        for lang in ("ru", "tk")
        for index, article in enumerate(by_lang[lang])
    ]
    # The address of an article before its number changed, and one that is gone: the sitemap has both.
    moved = by_lang["ru"][min(9, n - 1)]
    old = "/blog/345/staryj-adres"
    pages.append(Page(old, "moved", status=301, location=base + moved.path))
    gone = "/blog/17/udalennaja-novost"
    # The sitemap lacks the two newest articles (the feed has them) and the oldest third (the sections do).
    known = slice(2, max(3, n - n // 3))
    day = moved.when.isoformat()
    russian = [a for a in by_lang["ru"][known] if a is not moved]
    pages += [
        Page("/sitemap.xml", "sitemap", _sitemap_index(base, ["/sitemap-ru.xml", "/sitemap-tm.xml.gz"]), XML),
        Page("/sitemap-ru.xml", "sitemap", _sitemap(base, russian, [(old, day), (gone, day)], False), XML),
        Page(
            "/sitemap-tm.xml.gz",
            "sitemap",
            gzip.compress(_sitemap(base, by_lang["tk"][known], [], False), mtime=0),
            "application/gzip",
        ),
        Page("/rss", "feed", _rss(base, "Туркменпортал", by_lang["ru"][:8]), XML),
        Page("/tm/rss", "feed", _rss(base, "Türkmenportal", by_lang["tk"][:8]), XML),
        Page(
            "/robots.txt",
            "robots",
            (
                "User-agent: *\n"
                + "".join(
                    f"Disallow: {path}\n"
                    for path in (
                        "/index.php",
                        "/admin",
                        "/cgi-sys",
                        "/search",
                        "/calendar",
                        "/comments",
                        "/*_sort",
                    )
                )
                + f"Sitemap: {base}/sitemap.xml\n"
            ).encode(),
            "text/plain",
        ),
    ]
    for lang, articles in by_lang.items():
        words = _TP_WORDS[lang]
        last = -(-len(articles) // PER_PAGE)
        for number in range(1, last + 1):
            body = _tp_listing(base, lang, articles, number)
            suffix = "" if number == 1 else f"?page={number}"
            pages.append(Page(f"{words['news']}{suffix}", "listing", body, lang=lang))
        pages.append(Page(words["prefix"] or "/", "listing", _tp_listing(base, lang, articles, 1), lang=lang))
        long_ones = [a for a in articles if "/compositions/" in a.path]
        body = _tp_listing(base, lang, long_ones, 1, f"{words['news'][:3]}/compositions")
        pages.append(Page(f"{words['news'][:3]}/compositions", "listing", body, lang=lang))
    return _finish(pages, slow_s)


def _tp_frame(lang: str, title: str, head: str, main: str) -> bytes:
    words = _TP_WORDS[lang]
    menu = "".join(f'<li><a href="{path}">{label}</a></li>' for label, path in words["menu"])
    menu += '<li><a href="/search">…</a></li>'
    return (
        f'<!DOCTYPE html>\n<html lang="{words["html"]}"><head><meta charset="utf-8">'
        f"<title>{html.escape(title)} | {words['site']}</title>{head}"
        "<script>window.counter=window.counter||[];counter.push(['view',1]);</script>"
        "<style>.blog_header{font-size:20px}</style></head><body>"
        f'<div class="top_bar"><a class="logo" href="/">{words["site"]}</a>'
        f'<nav class="main_menu"><ul>{menu}</ul></nav>'
        '<form class="search" action="/search"><input name="q"><a href="/search?q=a">?</a></form></div>'
        f'<div class="content_wrapper">{main}</div>'
        f'<div class="advert">{words["ad"]}</div>'
        f'<footer class="footer"><p>{words["rights"]}</p><a href="/index.php?r=site">@</a>'
        '<a href="/news/views_sort">#</a></footer></body></html>'
    ).encode()


def _tp_page(base: str, article: _Article, beside: list[_Article], index: int) -> Page:
    words = _TP_WORDS[article.lang]
    # Two articles in three say where their other version is; the rest are paired by their number alone.
    links = "".join(
        f'<link rel="alternate" hreflang="{"tm" if lang == "tk" else lang}" href="{base}{path}">'
        for lang, path in sorted(article.alternates.items())
        if index % 3
    )
    head = (
        f'<link rel="canonical" href="{base}{article.path}">{links}'
        f'<meta property="og:title" content="{html.escape(article.title)}">'
        f'<meta property="og:type" content="article">'
    )
    body = "".join(f"<p>{html.escape(text)}</p>" for text in article.story.paragraphs[article.lang])
    others = "".join(
        f'<li><a rel="bookmark" href="{a.path}">{html.escape(a.title)}</a></li>'
        for a in beside[(index + 3) % len(beside) :][:4]
    )
    main = (
        f'<div class="breadcrumbs"><a href="{words["prefix"] or "/"}">{words["site"]}</a> / '
        f'<a href="{words["news"]}">{words["menu"][0][0]}</a></div>'
        '<div class="article" itemscope itemtype="http://schema.org/NewsArticle">'
        f'<h1 class="blog_header" itemprop="name">{html.escape(article.title)}</h1>'
        f'<div class="article_header_date" datetime="{article.when.isoformat()}">'
        f"{article.when.strftime('%d.%m.%Y')} | 1245</div>"
        f'<div class="article_text" itemprop="articleBody">{body}</div>'
        f'<div class="share">{words["share"]}: <a href="/comments/{article.id}">0</a></div></div>'
        f'<div class="sidebar"><h3>{words["read"]}</h3><ul>{others}</ul>'
        f'<a href="{words["prefix"]}/archive/{article.when.date()}">{words["archive"]}</a></div>'
    )
    return Page(
        article.path,
        "article",
        _tp_frame(article.lang, article.title, head, main),
        lang=article.lang,
        id=article.id,
        pair=article.pair,
        title=article.title,
        published=article.when.isoformat(),
        paragraphs=tuple(article.story.paragraphs[article.lang]),
    )


def _tp_listing(
    base: str, lang: str, articles: list[_Article], number: int, path: str | None = None
) -> bytes:
    words = _TP_WORDS[lang]
    rows = "".join(
        '<div class="entry"><h2><a rel="bookmark" href="'
        f'{a.path}">{html.escape(a.title)}</a></h2><time datetime="{a.when.isoformat()}">'
        f"{a.when.strftime('%d.%m.%Y')}</time></div>"
        for a in articles[(number - 1) * PER_PAGE : number * PER_PAGE]
    )
    # The real trap: the last page too has a next one, for ever.
    pager = (
        f'<ul class="pagination"><li class="next"><a rel="next" '
        f'href="{path or words["news"]}?page={number + 1}">'
        f"{words['next']}</a></li></ul>"
    )
    trap = f'<a class="day" href="{words["prefix"]}/archive/2025-03-28">{words["archive"]}</a>'
    return _tp_frame(lang, words["menu"][0][0], "", f'<div class="list">{rows}</div>{pager}{trap}')


# --- orient --------------------------------------------------------------------------------------

_ORIENT_WORDS = {
    "ru": {"news": "Новости", "rights": "© Информационное издание. Все права защищены.", "read": "По теме"},
    "tk": {"news": "Habarlar", "rights": "© Habar neşiri. Ähli hukuklar goralan.", "read": "Tema boýunça"},
}


def _orient(n: int, base: str, slow_s: float) -> dict[str, Page]:
    """Half of the articles share their id, a third have ids of their own and hreflang, the rest neither."""
    by_lang: dict[str, list[_Article]] = {"ru": [], "tk": []}
    shows: dict[str, bool] = {}
    for index in range(n):
        number = 64000 - 2 * index
        when = _date(index).replace(hour=8 + index % 10)
        told = story(500_000 + number, when.day, when.month, when.year)
        own_ids = index % 6 in (1, 3, 5)
        ids = {"ru": number, "tk": number + 20001 if own_ids else number}
        paths = {lang: f"/{lang}/post/{ids[lang]}/{_slug(told.title[lang])}" for lang in ids}
        for lang, path in paths.items():
            shows[path] = index % 6 in (0, 1, 3)
            by_lang[lang].append(_Article(path, lang, str(ids[lang]), str(number), when, told, paths))
    # Two articles that have one number by chance, years apart: no pair.
    for lang, years in (("ru", 0), ("tk", 3)):
        when = dt.datetime(2021 + years, 6, 5, 12, 0, tzinfo=dt.timezone(dt.timedelta(hours=5)))
        told = story(900 + years, when.day, when.month, when.year)
        path = f"/{lang}/post/3001/{_slug(told.title[lang])}"
        shows[path] = False
        by_lang[lang].append(_Article(path, lang, "3001", f"3001-{lang}", when, told, {lang: path}))
    pages = [
        _orient_page(base, article, by_lang[lang], index, shows[article.path])
        for lang in ("ru", "tk")
        for index, article in enumerate(by_lang[lang])
    ]
    moved = by_lang["tk"][min(8, n - 1)]
    old = "/tk/post/345/kone-salgy"
    pages.append(Page(old, "moved", status=308, location=moved.path))
    known = slice(1, max(2, n - n // 3))
    listed = [a for lang in ("ru", "tk") for a in by_lang[lang][known] if a is not moved]
    day = moved.when.isoformat()
    pages += [
        Page(
            "/sitemap.xml",
            "sitemap",
            _sitemap(base, listed, [(old, day), ("/ru/post/5/net-takoj", day)], True),
            XML,
        ),
        Page("/feed/", "feed", _atom(base, "Orient", by_lang["ru"][:5] + by_lang["tk"][:5]), XML),
        Page(
            "/robots.txt",
            "robots",
            f"User-agent: *\nDisallow: /api/\nDisallow: /calendar\nSitemap: {base}/sitemap.xml\n".encode(),
            "text/plain",
        ),
    ]
    for lang, articles in by_lang.items():
        last = -(-len(articles) // PER_PAGE)
        for number in range(1, last + 1):
            suffix = "" if number == 1 else f"?page={number}"
            body = _orient_listing(base, lang, articles, number, last)
            pages.append(Page(f"/{lang}/news{suffix}", "listing", body, lang=lang))
        pages.append(Page(f"/{lang}", "listing", _orient_listing(base, lang, articles, 1, last), lang=lang))
    return _finish(pages, slow_s)


def _orient_frame(lang: str, title: str, head: str, main: str, props: dict[str, object], page: str) -> bytes:
    words = _ORIENT_WORDS[lang]
    data = {"props": {"pageProps": props}, "page": page, "query": {}, "buildId": "kT3v", "locale": lang}
    script = json.dumps(data, ensure_ascii=False).replace("<", "\\u003c")
    return (
        f'<!DOCTYPE html><html lang="{lang}"><head><meta charSet="utf-8"/>'
        f"<title>{html.escape(title)} — Orient</title>{head}"
        '<link rel="preload" href="/_next/static/css/4d2a.css" as="style"/></head><body>'
        f'<div id="__next"><header class="Header_root__a1"><a href="/{lang}">Orient</a>'
        f'<nav><a href="/{lang}/news">{words["news"]}</a><a href="/calendar">2025</a></nav></header>'
        f'<main class="Layout_main__x9">{main}</main>'
        f'<footer class="Footer_root__b7"><p>{words["rights"]}</p></footer></div>'
        '<script id="__NEXT_DATA__" type="application/json">'
        f"{script}</script></body></html>"
    ).encode()


def _orient_page(base: str, article: _Article, beside: list[_Article], index: int, links: bool) -> Page:
    words = _ORIENT_WORDS[article.lang]
    head = f'<link rel="canonical" href="{base}{article.path}"/>'
    if links:
        head += "".join(
            f'<link rel="alternate" hrefLang="{lang}" href="{base}{path}"/>'
            for lang, path in sorted(article.alternates.items())
        )
    paragraphs = article.story.paragraphs[article.lang]
    body = "".join(f"<p>{html.escape(text)}</p>" for text in paragraphs)
    others = "".join(
        f'<a class="Card_link__c3" href="{a.path}"><span>{html.escape(a.title)}</span></a>'
        for a in beside[(index + 5) % len(beside) :][:3]
    )
    main = (
        f'<article class="Post_root__d4"><h1 class="Post_title__e5">{html.escape(article.title)}</h1>'
        f'<time class="Post_date__f6" dateTime="{article.when.isoformat()}">'
        f"{article.when.strftime('%H:%M %d.%m.%Y')}</time>"
        f'<div class="Post_content__g7">{body}</div></article>'
        f'<aside class="Related_root__h8"><h3>{words["read"]}</h3>{others}</aside>'
    )
    post = {
        "id": int(article.id),
        "title": article.title,
        "content": body,
        "date": article.when.isoformat(),
        "slug": article.path.rsplit("/", 1)[-1],
        "locale": article.lang,
    }
    return Page(
        article.path,
        "article",
        _orient_frame(article.lang, article.title, head, main, {"post": post}, "/[lang]/post/[id]/[slug]"),
        lang=article.lang,
        id=article.id,
        pair=article.pair,
        title=article.title,
        published=article.when.isoformat(),
        paragraphs=tuple(paragraphs),
    )


def _orient_listing(base: str, lang: str, articles: list[_Article], number: int, last: int) -> bytes:
    """A listing whose cards are drawn by the client: the links stand in the page's data only."""
    here = articles[(number - 1) * PER_PAGE : number * PER_PAGE]
    posts = [
        {
            "id": int(a.id),
            "title": a.title,
            "slug": a.path.rsplit("/", 1)[-1],
            "date": a.when.isoformat(),
            "locale": lang,
        }
        for a in here
    ]
    cards = "".join(
        f'<a class="Card_link__c3" href="{a.path}"><span>{html.escape(a.title)}</span></a>'
        for a in (here if number == 1 else here[:4])
    )
    pager = f'<a rel="next" href="/{lang}/news?page={number + 1}">›</a>' if number < last else ""
    trap = f'<a href="/{lang}/day/2025-03-28">28.03</a>'
    return _orient_frame(
        lang,
        _ORIENT_WORDS[lang]["news"],
        "",
        f"<div>{cards}</div>{pager}{trap}",
        {"posts": posts},
        "/[lang]/news",
    )


# --- uzedu ---------------------------------------------------------------------------------------

_LANGS = {"uz": "O‘zbek", "ru": "Русский", "tk": "Türkmen", "tg": "Тоҷикӣ", "kk": "Қазақша"}
_SUBJECTS = [
    dict(zip(_LANGS, names.split(","), strict=True))
    for names in (
        "Matematika,Математика,Matematika,Математика,Математика",
        "Tabiiy fanlar,Естествознание,Tebigy ylymlar,Табиатшиносӣ,Жаратылыстану",
        "Tarix,История,Taryh,Таърих,Тарих",
        "Geografiya,География,Geografiýa,География,География",
        "Musiqa,Музыка,Saz,Мусиқӣ,Музыка",
        "Biologiya,Биология,Biologiýa,Биология,Биология",
    )
]
_CLASS = {"uz": "-sinf", "ru": " класс", "tk": " synp", "tg": " синф", "kk": " сынып"}


def _uzedu(n: int, base: str, slow_s: float) -> dict[str, Page]:
    """Books of ``n`` titles: a third on one page each, a third with a shared ISBN, a third with neither."""
    pages: list[Page] = []
    listed: list[tuple[str, str]] = []
    number = 400
    for index in range(n):
        subject, grade = _SUBJECTS[index % len(_SUBJECTS)], 1 + index // len(_SUBJECTS)
        langs = ["uz", "ru", "tk", "tg", "kk"] if index % 4 == 0 else ["uz", "ru", "tk"]
        isbn = f"978-9943-{1000 + index}-{index % 10}-{(index * 7) % 10}"
        titles = {lang: f"{subject[lang]}. {grade}{_CLASS[lang]}" for lang in langs}
        pair = f"title-{index}"
        if index % 3 == 0:
            number += 1
            files = {}
            for lang in langs:
                pdf = _pdf(titles[lang], pair, lang)
                path = f"/books/{number}/{number}-{hashlib.sha256(pdf).hexdigest()[:12]}.pdf"
                files[lang] = path
                pages.append(_pdf_page(path, pdf, lang, str(number), pair, titles[lang]))
            pages.append(_book_page(base, number, "ru", titles["ru"], subject["ru"], grade, None, files))
            listed.append((f"/books/{number}", titles["ru"]))
            continue
        own: dict[str, int] = {}
        for lang in langs:
            number += 1
            own[lang] = number
        for lang in langs:
            pdf = _pdf(titles[lang], pair, lang)
            path = f"/books/{own[lang]}/{own[lang]}-{hashlib.sha256(pdf).hexdigest()[:12]}.pdf"
            pages.append(_pdf_page(path, pdf, lang, str(own[lang]), pair, titles[lang]))
            pages.append(
                _book_page(
                    base,
                    own[lang],
                    lang,
                    titles[lang],
                    subject[lang],
                    grade,
                    isbn if index % 3 == 1 else None,
                    {lang: path},
                )
            )
            listed.append((f"/books/{own[lang]}", titles[lang]))
    last = -(-len(listed) // PER_PAGE)
    for page_number in range(1, last + 1):
        rows = "".join(
            f'<div class="book-card"><a href="{path}">{html.escape(title)}</a></div>'
            for path, title in listed[(page_number - 1) * PER_PAGE : page_number * PER_PAGE]
        )
        more = f'<a rel="next" href="/books?page={page_number + 1}">»</a><a href="/calendar/2025/1">1</a>'
        suffix = "" if page_number == 1 else f"?page={page_number}"
        body = _uzedu_frame("uz", "Darsliklar", f'<div class="catalog">{rows}</div>{more}')
        pages.append(Page(f"/books{suffix}", "listing", body))
    sitemap = "".join(f"<url><loc>{base}{path}</loc></url>" for path, _ in listed[: len(listed) // 2])
    pages += [
        Page("/", "listing", _uzedu_frame("uz", "Darsliklar", '<a href="/books">Barcha darsliklar</a>')),
        Page(
            "/sitemap.xml",
            "sitemap",
            f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{sitemap}'
            f"<url><loc>{base}/books/7</loc></url></urlset>".encode(),
            XML,
        ),
        Page("/feed", "feed", _rss(base, "Darsliklar", []), XML),
        Page(
            "/robots.txt",
            "robots",
            b"User-agent: *\nDisallow: /admin\nDisallow: /calendar\nDisallow: /books/private\n",
            "text/plain",
        ),
    ]
    moved = next(path for path, _ in listed)
    pages.append(Page("/kitob/1", "moved", status=301, location=base + moved))
    return _finish(pages, slow_s)


def _uzedu_frame(lang: str, title: str, main: str) -> bytes:
    return (
        f'<!DOCTYPE html><html lang="{lang}"><head><meta charset="utf-8">'
        f"<title>{html.escape(title)}</title></head>"
        '<body><header><a href="/">UzEdu</a> <a href="/books">Darsliklar</a> <a href="/admin">…</a></header>'
        f"<main>{main}</main><footer>Barcha huquqlar himoyalangan</footer></body></html>"
    ).encode()


def _book_page(
    base: str,
    number: int,
    lang: str,
    title: str,
    subject: str,
    grade: int,
    isbn: str | None,
    files: dict[str, str],
) -> Page:
    rows = "".join(
        f'<li><a class="download" href="{path}" hreflang="{code}">{_LANGS[code]} (PDF)</a></li>'
        for code, path in files.items()
    )
    facts = f'<tr><th>Fan</th><td itemprop="about">{subject}</td></tr><tr><th>Sinf</th><td>{grade}</td></tr>'
    if isbn:
        facts += f'<tr><th>ISBN</th><td itemprop="isbn">{isbn}</td></tr>'
    main = (
        f'<div class="book"><h1 itemprop="name">{html.escape(title)}</h1><table class="facts">{facts}</table>'
        f'<ul class="editions">{rows}</ul><a href="/books/private/{number}">…</a></div>'
    )
    return Page(
        f"/books/{number}", "book", _uzedu_frame(lang, title, main), lang=lang, id=str(number), title=title
    )


def _pdf(title: str, pair: str, lang: str) -> bytes:
    """A file with a PDF's first and last bytes, about 150 kB that do not compress, its own for each book."""
    seed = f"{pair} {lang} {title}".encode()
    noise = b"".join(hashlib.sha256(seed + bytes([i % 251, i // 251])).digest() for i in range(4700))
    return b"%PDF-1.4\n%" + noise.hex().encode()[: 150_000 + len(seed)] + b"\n%%EOF\n"


def _pdf_page(path: str, pdf: bytes, lang: str, number: str, pair: str, title: str) -> Page:
    changed = dt.datetime(2024, 9, 1, tzinfo=dt.UTC) + dt.timedelta(days=int(number))
    return Page(
        path,
        "pdf",
        pdf,
        "application/pdf",
        lang=lang,
        id=number,
        pair=pair,
        title=title,
        published=changed.isoformat(),
        etag=_etag(pdf),
        last_modified=format_datetime(changed, usegmt=True),
    )


def _rename_classes(page: Page) -> Page:
    """Rename classes and ids, drop the microdata: what a redesign does to selectors."""
    if page.content_type != HTML:
        return page
    text = page.body.decode()
    text = re.sub(
        r'class="([^"]+)"', lambda m: f'class="c{hashlib.sha256(m[1].encode()).hexdigest()[:6]}"', text
    )
    text = re.sub(r' (?:itemprop|itemscope|itemtype)(?:="[^"]*")?', "", text)
    return replace(page, body=text.encode())


# --- the server ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Hit:
    """One request as the server saw it."""

    at: float  # monotonic seconds
    path: str  # with the query
    status: int
    headers: dict[str, str]
    sent: int  # body bytes


class Replica:
    """Serve a site on a free port of 127.0.0.1, and keep a log of every request.

    ``drop_after`` cuts the connection of each PDF once, after that many bytes.
    """

    def __init__(
        self, name: str, n: int = 36, *, redesign: bool = False, slow_s: float = 0.6, drop_after: int = 0
    ) -> None:
        self.name = name
        self.hits: list[Hit] = []
        self._lock = threading.Lock()
        self._failures: dict[str, int] = {}
        self._dropped: set[str] = set()
        self.drop_after = drop_after
        replica = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # Headers and body leave in two writes; without this each answer waits 40 ms for an ACK.
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                replica._answer(self)

            def log_message(self, *_: object) -> None:
                """Keep stderr for the tests; the log is ``hits``."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        self.base = f"http://127.0.0.1:{self.port}"
        self.pages = make_site(name, n, base=self.base, redesign=redesign, slow_s=slow_s)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Replica:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=5)

    def articles(self) -> dict[str, Page]:
        return {path: page for path, page in self.pages.items() if page.kind == "article"}

    def pdfs(self) -> dict[str, Page]:
        return {path: page for path, page in self.pages.items() if page.kind == "pdf"}

    def put(self, page: Page) -> None:
        """Replace a page, as an editor would."""
        if page.etag:
            page = replace(page, etag=_etag(page.body))
        self.pages[page.path] = page

    def paths(self, status: int | None = None) -> list[str]:
        with self._lock:
            return [hit.path for hit in self.hits if status is None or hit.status == status]

    def forget(self) -> None:
        """Empty the log; later requests are a new visit."""
        with self._lock:
            self.hits.clear()

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        at = time.monotonic()
        page = self._find(handler.path)
        status, body, headers = self._respond(page, handler)
        with self._lock:
            self.hits.append(Hit(at, handler.path, status, dict(handler.headers), len(body)))
        if page and page.delay_s:
            time.sleep(page.delay_s)
        handler.send_response(status)
        for key, value in headers.items():
            handler.send_header(key, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        if status == 304:
            return
        if page and page.kind == "pdf" and self.drop_after and handler.path not in self._dropped:
            self._dropped.add(handler.path)
            handler.wfile.write(body[: self.drop_after])
            handler.close_connection = True
            return
        handler.wfile.write(body)

    def _find(self, target: str) -> Page | None:
        page = self.pages.get(target)
        if page:
            return page
        parts = urlsplit(target)
        if re.search(r"/(archive|day|calendar)/", parts.path):
            return self._calendar(parts.path)
        number = parse_qs(parts.query).get("page", [""])[0]
        if number.isdigit() and parts.path in self.pages:
            # A page number past the end shows the last page again, under a link to one more.
            last = max(
                int(path.rpartition("=")[2]) if "?page=" in path else 1
                for path in self.pages
                if path.partition("?")[0] == parts.path
            )
            end = self.pages[f"{parts.path}?page={last}" if last > 1 else parts.path]
            text = re.sub(r"\?page=\d+", f"?page={int(number) + 1}", end.body.decode())
            return replace(end, path=target, body=text.encode())
        return None

    def _calendar(self, path: str) -> Page:
        """Any day answers, and links to the next: there is no end to follow."""
        head, _, day = path.rpartition("/")
        steps = [f"{head}/{day}.{step}" if len(day) < 400 else f"{head}/0" for step in (1, 2)]
        links = "".join(f'<a href="{step}">→</a>' for step in steps)
        return Page(path, "trap", f"<html><body><nav>{links}</nav></body></html>".encode())

    def _respond(
        self, page: Page | None, handler: BaseHTTPRequestHandler
    ) -> tuple[int, bytes, dict[str, str]]:
        if page is None:
            return 404, b"<html><body><h1>404</h1></body></html>", {"Content-Type": HTML}
        if page.location:
            return page.status, b"", {"Location": page.location}
        headers = {"Content-Type": page.content_type}
        if page.encoding:
            headers["Content-Encoding"] = page.encoding
        if page.fail_times:
            with self._lock:
                self._failures[page.path] = self._failures.get(page.path, 0) + 1
                failing = self._failures[page.path] <= page.fail_times
            if failing and page.retry_after:
                return 503, b"<html><body>503</body></html>", {"Retry-After": page.retry_after}
            if failing:
                return 500, b"<html><body>500</body></html>", {"Content-Type": HTML}
        if page.etag:
            headers["ETag"] = page.etag
            if handler.headers.get("If-None-Match") == page.etag:
                return 304, b"", headers
        if page.last_modified:
            headers["Last-Modified"] = page.last_modified
            since = handler.headers.get("If-Modified-Since")
            if since and parsedate_to_datetime(since) >= parsedate_to_datetime(page.last_modified):
                return 304, b"", headers
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", handler.headers.get("Range", ""))
        if page.kind == "pdf" and wanted and handler.headers.get("If-Range") in (None, page.etag):
            start = int(wanted[1])
            end = min(int(wanted[2] or len(page.body) - 1), len(page.body) - 1)
            if start >= len(page.body):
                return 416, b"", {"Content-Range": f"bytes */{len(page.body)}"}
            headers["Content-Range"] = f"bytes {start}-{end}/{len(page.body)}"
            return 206, page.body[start : end + 1], headers
        return page.status, page.body, headers
