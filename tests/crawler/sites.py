"""Compose the pages of the replicas: the sites' structure, our own text, the accidents of the real web.

The markup is in ``pages/``, Jinja templates whose line breaks and indents are dropped.
"""

from __future__ import annotations

import datetime as dt
import gzip
import hashlib
import html
import json
import re
from dataclasses import dataclass, field, replace
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import jinja2
from ruamel.yaml import YAML

from tests.crawler.prose import Story, story

BASES = {
    "turkmenportal": "https://turkmenportal.com",
    "orient": "https://orient.tm",
    "uzedu": "https://uzedu.online",
}
HTML = "text/html; charset=utf-8"
XML = "application/xml; charset=utf-8"
PER_PAGE = 10
FOLDER = Path(__file__).parent / "pages"
WORDS = YAML(typ="safe").load(FOLDER / "words.yaml")
ZONE = dt.timezone(dt.timedelta(hours=5))

_TEMPLATES = jinja2.Environment(
    loader=jinja2.FunctionLoader(
        lambda name: "".join(line.strip() for line in (FOLDER / name).read_text("utf-8").splitlines())
    )
)
_TEMPLATES.filters |= {"h": html.escape, "rfc2822": format_datetime}


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
    alternates: dict[str, str] = field(default_factory=dict)  # lang -> path

    @property
    def text(self) -> str:
        """Gold body text: the paragraphs, one to a line."""
        return "\n".join(self.paragraphs)

    @property
    def when(self) -> dt.datetime:
        """Time of publication."""
        return dt.datetime.fromisoformat(self.published or "")


def make_site(
    name: str, n: int = 36, *, base: str | None = None, redesign: bool = False, slow_s: float = 0.6
) -> dict[str, Page]:
    """Compose a site of ``n`` articles (books for uzedu) in two languages or more, by path.

    ``redesign`` renames every class and id in the pages, and keeps structure and text. Listings carry
    ``?page=`` in their path; the server (not this table) answers endless calendars and page numbers.
    """
    base = (base or BASES[name]).rstrip("/")
    pages = {"turkmenportal": _turkmenportal, "orient": _orient, "uzedu": _uzedu}[name](n, base)
    table = _finish(pages, slow_s)
    return {path: _rename_classes(page) for path, page in table.items()} if redesign else table


def _render(template: str, **values: Any) -> bytes:
    return _TEMPLATES.get_template(template).render(values).encode()


def _date(index: int) -> dt.datetime:
    """Publication times that go back from March 2025, one article every other day."""
    newest = dt.datetime(2025, 3, 28, 9, 30, tzinfo=ZONE)
    return newest - dt.timedelta(days=2 * index, minutes=7 * index)


def _article(
    path: str, lang: str, number: int, pair: str, when: dt.datetime, text: Story, paths: dict[str, str]
) -> Page:
    """An article before it is rendered: one language version."""
    return Page(
        path, "article", lang=lang, id=str(number), pair=pair, title=text.title[lang],
        published=when.isoformat(), paragraphs=tuple(text.paragraphs[lang]), alternates=paths,
    )  # fmt: skip


_LETTERS = dict(zip("абвгдезийклмнопрстуфхцыэçäňöşüýž", "abvgdezijklmnoprstufhcyecanosuyz", strict=True))
_LETTERS |= {"ж": "zh", "ч": "ch", "ш": "sh", "щ": "sch", "ю": "yu", "я": "ya", "ё": "e", "ъ": "", "ь": ""}


def _slug(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", title.lower().translate(str.maketrans(_LETTERS))).strip("-")


def make_etag(body: bytes) -> str:
    return f'"{hashlib.sha256(body).hexdigest()[:16]}"'


def _robots(closed: list[str], sitemap: str | None = None) -> Page:
    lines = ["User-agent: *", *(f"Disallow: {path}" for path in closed)]
    lines += [f"Sitemap: {sitemap}"] if sitemap else []
    return Page("/robots.txt", "robots", ("\n".join(lines) + "\n").encode(), "text/plain")


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
            page = replace(page, etag=make_etag(page.body))
        if order == 7:
            page = replace(page, fail_times=2)
        if order == 11:
            page = replace(page, delay_s=slow_s)
        pages[index] = page
    table = {page.path: page for page in pages}
    assert len(table) == len(pages), "two pages at one path"
    return table


# --- turkmenportal ---


def _turkmenportal(n: int, base: str) -> list[Page]:
    by_lang: dict[str, list[Page]] = {"ru": [], "tk": []}
    for index in range(n):
        number = 91000 - 3 * index
        when = _date(index)
        text = story(number, when.day, when.month, when.year)
        section = "compositions" if index % 9 == 8 else "blog"
        paths = {
            "ru": f"/{section}/{number}/{_slug(text.title['ru'])}",
            "tk": f"/tm/{section}/{number}/{_slug(text.title['tk'])}",
        }
        for lang, path in paths.items():
            by_lang[lang].append(_article(path, lang, number, str(number), when, text, paths))
    pages = [
        _tp_page(base, article, by_lang[lang], index)
        for lang in ("ru", "tk")
        for index, article in enumerate(by_lang[lang])
    ]
    # The address of an article before its number changed, and one that is gone: the sitemap has both.
    moved = by_lang["ru"][min(9, n - 1)]
    extra = ["/blog/345/staryj-adres", "/blog/17/udalennaja-novost"]
    pages.append(Page(extra[0], "moved", status=301, location=base + moved.path))
    # The sitemap lacks the two newest articles (the feed has them) and the oldest third (the sections do).
    known = slice(2, max(3, n - n // 3))
    russian = [a for a in by_lang["ru"][known] if a is not moved]
    day = moved.when.isoformat()
    maps = {
        "/sitemap.xml": _render(
            "sitemap_index.xml", base=base, paths=["/sitemap-ru.xml", "/sitemap-tm.xml.gz"]
        ),
        "/sitemap-ru.xml": _render("sitemap.xml", base=base, articles=russian, extra=extra, day=day),
    }
    pages += [Page(path, "sitemap", body, XML) for path, body in maps.items()]
    turkmen = _render("sitemap.xml", base=base, articles=by_lang["tk"][known])
    pages.append(Page("/sitemap-tm.xml.gz", "sitemap", gzip.compress(turkmen, mtime=0), "application/gzip"))
    for path, lang in (("/rss", "ru"), ("/tm/rss", "tk")):
        title = WORDS["turkmenportal"][lang]["site"]
        pages.append(
            Page(path, "feed", _render("rss.xml", base=base, title=title, articles=by_lang[lang][:8]), XML)
        )
    closed = ["/index.php", "/admin", "/cgi-sys", "/search", "/calendar", "/comments", "/*_sort"]
    pages.append(_robots(closed, f"{base}/sitemap.xml"))
    for lang, articles in by_lang.items():
        words = WORDS["turkmenportal"][lang]
        last = -(-len(articles) // PER_PAGE)
        for number in range(1, last + 1):
            suffix = "" if number == 1 else f"?page={number}"
            pages.append(_tp_listing(f"{words['news']}{suffix}", lang, articles, number))
        pages.append(_tp_listing(words["prefix"] or "/", lang, articles, 1))
        path = f"{words['news'][:3]}/compositions"
        pages.append(_tp_listing(path, lang, [a for a in articles if "/compositions/" in a.path], 1, path))
    return pages


def _tp_page(base: str, article: Page, beside: list[Page], index: int) -> Page:
    # Two articles in three say where their other version is; the rest are paired by their number alone.
    links = [
        ("tm" if lang == "tk" else lang, path)
        for lang, path in sorted(article.alternates.items())
        if index % 3
    ]
    body = _render(
        "turkmenportal.html", base=base, lang=article.lang, words=WORDS["turkmenportal"][article.lang],
        title=article.title, article=article, links=links, beside=beside[(index + 3) % len(beside) :],
    )  # fmt: skip
    return replace(article, body=body)


def _tp_listing(
    path: str, lang: str, articles: list[Page], number: int, next_path: str | None = None
) -> Page:
    words = WORDS["turkmenportal"][lang]
    listed = articles[(number - 1) * PER_PAGE : number * PER_PAGE]
    body = _render(
        "turkmenportal.html", lang=lang, words=words, title=words["menu"][0][0], listed=listed,
        path=next_path, number=number,
    )  # fmt: skip
    return Page(path, "listing", body, lang=lang)


# --- orient ---


def _orient(n: int, base: str) -> list[Page]:
    """Half of the articles share their id, a third have ids of their own and hreflang, the rest neither."""
    by_lang: dict[str, list[Page]] = {"ru": [], "tk": []}
    shows: dict[str, bool] = {}
    for index in range(n):
        number = 64000 - 2 * index
        when = _date(index).replace(hour=8 + index % 10)
        text = story(500_000 + number, when.day, when.month, when.year)
        ids = {"ru": number, "tk": number + 20001 if index % 6 in (1, 3, 5) else number}
        paths = {lang: f"/{lang}/post/{ids[lang]}/{_slug(text.title[lang])}" for lang in ids}
        for lang, path in paths.items():
            shows[path] = index % 6 in (0, 1, 3)
            by_lang[lang].append(_article(path, lang, ids[lang], str(number), when, text, paths))
    # Two articles that have one number by chance, years apart: no pair.
    for lang, years in (("ru", 0), ("tk", 3)):
        when = dt.datetime(2021 + years, 6, 5, 12, 0, tzinfo=ZONE)
        text = story(900 + years, when.day, when.month, when.year)
        path = f"/{lang}/post/3001/{_slug(text.title[lang])}"
        shows[path] = False
        by_lang[lang].append(_article(path, lang, 3001, f"3001-{lang}", when, text, {lang: path}))
    pages = [
        _orient_page(base, article, by_lang[lang], index, shows[article.path])
        for lang in ("ru", "tk")
        for index, article in enumerate(by_lang[lang])
    ]
    moved = by_lang["tk"][min(8, n - 1)]
    extra = ["/tk/post/345/kone-salgy", "/ru/post/5/net-takoj"]
    pages.append(Page(extra[0], "moved", status=308, location=moved.path))
    known = slice(1, max(2, n - n // 3))
    listed = [a for lang in ("ru", "tk") for a in by_lang[lang][known] if a is not moved]
    day = moved.when.isoformat()
    sitemap = _render("sitemap.xml", base=base, articles=listed, extra=extra, day=day, hreflang=True)
    feed = _render("atom.xml", base=base, title="Orient", articles=by_lang["ru"][:5] + by_lang["tk"][:5])
    pages += [
        Page("/sitemap.xml", "sitemap", sitemap, XML),
        Page("/feed/", "feed", feed, XML),
        _robots(["/api/", "/calendar"], f"{base}/sitemap.xml"),
    ]
    for lang, articles in by_lang.items():
        last = -(-len(articles) // PER_PAGE)
        for number in range(1, last + 1):
            suffix = "" if number == 1 else f"?page={number}"
            pages.append(_orient_listing(f"/{lang}/news{suffix}", lang, articles, number, last))
        pages.append(_orient_listing(f"/{lang}", lang, articles, 1, last))
    return pages


def _next_data(lang: str, props: dict[str, object], page: str) -> str:
    data = {"props": {"pageProps": props}, "page": page, "query": {}, "buildId": "kT3v", "locale": lang}
    return json.dumps(data, ensure_ascii=False).replace("<", "\\u003c")


def _post(article: Page) -> dict[str, Any]:
    slug = article.path.rsplit("/", 1)[-1]
    when = article.when.isoformat()
    return {"id": int(article.id), "title": article.title, "slug": slug, "date": when, "locale": article.lang}


def _orient_page(base: str, article: Page, beside: list[Page], index: int, links: bool) -> Page:
    content = "".join(f"<p>{html.escape(text)}</p>" for text in article.paragraphs)
    post = _post(article) | {"content": content}
    body = _render(
        "orient.html", base=base, lang=article.lang, words=WORDS["orient"][article.lang],
        title=article.title, article=article, links=sorted(article.alternates.items()) if links else [],
        content=content, beside=beside[(index + 5) % len(beside) :],
        data=_next_data(article.lang, {"post": post}, "/[lang]/post/[id]/[slug]"),
    )  # fmt: skip
    return replace(article, body=body)


def _orient_listing(path: str, lang: str, articles: list[Page], number: int, last: int) -> Page:
    """A listing whose cards are drawn by the client: the links stand in the page's data only."""
    listed = articles[(number - 1) * PER_PAGE : number * PER_PAGE]
    posts = [_post(article) for article in listed]
    words = WORDS["orient"][lang]
    body = _render(
        "orient.html", lang=lang, words=words, title=words["news"], listed=listed,
        cards=PER_PAGE if number == 1 else 4, number=number, last=last,
        data=_next_data(lang, {"posts": posts}, "/[lang]/news"),
    )  # fmt: skip
    return Page(path, "listing", body, lang=lang)


# --- uzedu ---


def _uzedu(n: int, base: str) -> list[Page]:
    """Books of ``n`` titles: a third on one page each, a third with a shared ISBN, a third with neither."""
    words = WORDS["uzedu"]
    pages: list[Page] = []
    listed: list[tuple[str, str]] = []
    number = 400
    for index in range(n):
        subjects = words["subjects"]
        subject = dict(zip(words["languages"], subjects[index % len(subjects)], strict=True))
        grade = 1 + index // len(subjects)
        langs = ["uz", "ru", "tk", "tg", "kk"] if index % 4 == 0 else ["uz", "ru", "tk"]
        isbn = f"978-9943-{1000 + index}-{index % 10}-{(index * 7) % 10}" if index % 3 == 1 else None
        titles = {lang: f"{subject[lang]}. {grade}{words['class'][lang]}" for lang in langs}
        # The editions of a page: all languages, or one page for each.
        for editions in [langs] if index % 3 == 0 else [[lang] for lang in langs]:
            number += 1
            files = []
            for lang in editions:
                pdf = _pdf(titles[lang], f"title-{index}", lang)
                path = f"/books/{number}/{number}-{hashlib.sha256(pdf).hexdigest()[:12]}.pdf"
                files.append(_pdf_page(path, pdf, lang, str(number), f"title-{index}", titles[lang]))
            lang = "ru" if len(editions) > 1 else editions[0]
            body = _render(
                "uzedu.html", lang=lang, title=titles[lang], subject=subject[lang], grade=grade, isbn=isbn,
                files={file.lang: file.path for file in files}, number=number, languages=words["languages"],
            )  # fmt: skip
            about = {"lang": lang, "id": str(number), "title": titles[lang]}
            pages += [*files, Page(f"/books/{number}", "book", body, **about)]
            listed.append((f"/books/{number}", titles[lang]))
    last = -(-len(listed) // PER_PAGE)
    for page_number in range(1, last + 1):
        rows = listed[(page_number - 1) * PER_PAGE : page_number * PER_PAGE]
        body = _render("uzedu.html", lang="uz", title="Darsliklar", listed=rows, number=page_number)
        pages.append(Page("/books" if page_number == 1 else f"/books?page={page_number}", "listing", body))
    sitemap = "".join(f"<url><loc>{base}{path}</loc></url>" for path, _ in listed[: len(listed) // 2])
    sitemap = (
        f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{sitemap}'
        f"<url><loc>{base}/books/7</loc></url></urlset>"
    )
    return [
        *pages,
        Page("/", "listing", _render("uzedu.html", lang="uz", title="Darsliklar")),
        Page("/sitemap.xml", "sitemap", sitemap.encode(), XML),
        Page("/feed", "feed", _render("rss.xml", base=base, title="Darsliklar", articles=[]), XML),
        _robots(["/admin", "/calendar", "/books/private"]),
        Page("/kitob/1", "moved", status=301, location=base + listed[0][0]),
    ]


def _pdf(title: str, pair: str, lang: str) -> bytes:
    """A file with a PDF's first and last bytes, about 150 kB that do not compress, its own for each book."""
    seed = f"{pair} {lang} {title}".encode()
    noise = b"".join(hashlib.sha256(seed + bytes([i % 251, i // 251])).digest() for i in range(4700))
    return b"%PDF-1.4\n%" + noise.hex().encode()[: 150_000 + len(seed)] + b"\n%%EOF\n"


def _pdf_page(path: str, pdf: bytes, lang: str, number: str, pair: str, title: str) -> Page:
    changed = dt.datetime(2024, 9, 1, tzinfo=dt.UTC) + dt.timedelta(days=int(number))
    return Page(
        path, "pdf", pdf, "application/pdf", lang=lang, id=number, pair=pair, title=title,
        published=changed.isoformat(), etag=make_etag(pdf),
        last_modified=format_datetime(changed, usegmt=True),
    )  # fmt: skip


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
