"""Read what a page says about itself: title, date, versions in other languages, links; no text extraction."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

from parsel import Selector

# The sites stand in Turkmenistan and Uzbekistan; a time without a zone is theirs.
LOCAL = dt.timezone(dt.timedelta(hours=5))
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_DOTTED = re.compile(r"\b(\d{1,2})\.(\d{1,2})\.(\d{4})\b")
_FEED_TYPES = ("rss", "atom", "json", "xml", "oembed")
# Parts of a page that change without the article.
_AROUND = (
    "script",
    "style",
    "nav",
    "aside",
    "header",
    "footer",
    "noscript",
    "template",
    "form",
    "iframe",
    "button",
    "select",
)


def parse_time(text: str | None) -> dt.datetime | None:
    """Read an ISO 8601, RFC 2822 or ``31.12.2024`` time; None if it is none of them."""
    text = (text or "").strip()
    if not text:
        return None
    time: dt.datetime | None = None
    try:
        time = dt.datetime.fromisoformat(text)
    except ValueError:
        try:
            time = parsedate_to_datetime(text)
        except (ValueError, TypeError, IndexError):
            found = _DATE.search(text)
            dotted = _DOTTED.search(text)
            try:
                if found:
                    time = dt.datetime.fromisoformat(found[0])
                elif dotted:
                    time = dt.datetime(int(dotted[3]), int(dotted[2]), int(dotted[1]))
            except ValueError:
                return None
    if time is None:
        return None
    try:
        # A year like 1 cannot be moved to UTC.
        (time if time.tzinfo else time.replace(tzinfo=LOCAL)).astimezone(dt.UTC)
    except (OverflowError, ValueError):
        return None
    return time if time.tzinfo else time.replace(tzinfo=LOCAL)


@dataclass(frozen=True)
class Hints:
    """Where a site keeps things, as CSS; used first where they match, never needed."""

    title: tuple[str, ...] = ()
    date: tuple[str, ...] = ()
    body: tuple[str, ...] = ()


@dataclass(frozen=True)
class Version:
    """An address that a page names as itself in another language; ``lang`` as the page writes it."""

    url: str
    lang: str | None
    how: str  # hreflang or alternate


@dataclass(frozen=True)
class PageFacts:
    """What a page says about itself; ``content`` is a hash of its visible text."""

    title: str | None
    published: dt.datetime | None
    canonical: str | None
    versions: tuple[Version, ...]
    content: str


def read_page(selector: Selector, join: Any, hints: Hints) -> PageFacts:
    """Read a page; ``join`` makes its links absolute."""
    canonical = selector.xpath("//link[@rel='canonical']/@href").get()
    return PageFacts(
        title=_title(selector, hints),
        published=_published(selector, hints),
        canonical=_joined(canonical, join),
        versions=_versions(selector, join),
        content=_content_hash(selector, hints),
    )


def next_data(selector: Selector) -> Any:
    """Return the data that a Next.js page carries, or None."""
    text = selector.xpath("//script[@id='__NEXT_DATA__']/text()").get()
    if not text:
        return None
    try:
        return json.loads(text)
    except ValueError:
        return None


def _joined(url: str | None, join: Any) -> str | None:
    if not url:
        return None
    try:
        return join(url.strip())
    except ValueError:
        return None


def _text(node: Selector) -> str:
    return " ".join(" ".join(node.xpath(".//text()").getall()).split())


def _title(selector: Selector, hints: Hints) -> str | None:
    for css in hints.title:
        for node in selector.css(css):
            if text := _text(node):
                return text
    for path in ("//meta[@property='og:title']/@content", "//h1[1]", "//title"):
        node = selector.xpath(path)
        text = " ".join((node.get() or "").split()) if path.endswith("@content") else ""
        if not text and node and not path.endswith("@content"):
            text = _text(node[0])
        if text:
            return text
    return None


def _published(selector: Selector, hints: Hints) -> dt.datetime | None:
    for css in hints.date:
        for node in selector.css(css):
            time = parse_time(node.attrib.get("datetime") or node.attrib.get("content") or _text(node))
            if time:
                return time
    for path in (
        "//meta[@property='article:published_time']/@content",
        "//*[@itemprop='datePublished']/@content",
        "//*[@itemprop='datePublished']/@datetime",
    ):
        if time := parse_time(selector.xpath(path).get()):
            return time
    for text in selector.xpath("//script[@type='application/ld+json']/text()").getall():
        found = re.search(r'"datePublished"\s*:\s*"([^"]+)"', text)
        if found and (time := parse_time(found[1])):
            return time
    for text in selector.xpath(
        "//article//time/@datetime | //h1/following::*[@datetime][1]/@datetime"
    ).getall():
        if time := parse_time(text):
            return time
    return None


def _versions(selector: Selector, join: Any) -> tuple[Version, ...]:
    """Versions by hreflang first, then by plain rel=alternate; feeds and the like are none."""
    found: dict[str, Version] = {}
    for node in selector.xpath("//link[@hreflang and @href] | //a[@hreflang and @href]"):
        rel = (node.attrib.get("rel") or "").lower().split()
        if node.root.tag == "link" and "alternate" not in rel:
            continue
        url = _joined(node.attrib["href"], join)
        lang = node.attrib["hreflang"].strip().lower()
        if url and lang and lang != "x-default":
            found.setdefault(url, Version(url, lang, "hreflang"))
    for node in selector.xpath("//*[@rel and @href and not(@hreflang)]"):
        rel = (node.attrib["rel"] or "").lower().split()
        kind = (node.attrib.get("type") or "").lower()
        if "alternate" in rel and "stylesheet" not in rel and not any(t in kind for t in _FEED_TYPES):
            url = _joined(node.attrib["href"], join)
            if url:
                found.setdefault(url, Version(url, node.attrib.get("lang"), "alternate"))
    return tuple(found.values())


def _content_hash(selector: Selector, hints: Hints) -> str:
    """Hash the visible text of the article: counters, menus and scripts around it may change."""
    skip = " or ".join(f"self::{tag}" for tag in _AROUND)
    texts: list[str] = []
    for css in (*hints.body, "article", "main", "body"):
        for node in selector.css(css):
            texts = node.xpath(f".//text()[not(ancestor::*[{skip}])]").getall()
            if any(text.strip() for text in texts):
                break
        if any(text.strip() for text in texts):
            break
    words = " ".join(" ".join(texts).split())
    title = _title(selector, hints) or ""
    return hashlib.sha256(f"{title}\n{words}".encode("utf-8", "replace")).hexdigest()
