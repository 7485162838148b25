"""Read what a page says about itself: title, date, versions in other languages, links; no text extraction."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

from lxml import etree
from parsel import Selector

# The sites stand in Turkmenistan and Uzbekistan; a time without a zone is theirs.
LOCAL = dt.timezone(dt.timedelta(hours=5))
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_DOTTED = re.compile(r"\b(\d{1,2})\.(\d{1,2})\.(\d{4})\b")
_MAX_TIME = 200
_FEED_TYPES = ("rss", "atom", "json", "xml", "oembed")
# Browsers stop at 512.
MAX_DEPTH = 256
# Parts of a page that change without the article.
_AROUND = {"aside", "button", "footer", "form", "header", "iframe", "nav", "noscript", "script", "select"} | {
    *("style", "template")
}


def parse_time(text: str | None) -> dt.datetime | None:
    """Read an ISO 8601, RFC 2822 or ``31.12.2024`` time; None if it is none of them."""
    text = (text or "").strip()[:_MAX_TIME]
    iso, dotted = _DATE.search(text), _DOTTED.search(text)
    for read in (
        lambda: dt.datetime.fromisoformat(text),
        lambda: parsedate_to_datetime(text),
        lambda: dt.datetime.fromisoformat(iso[0] if iso else ""),
        lambda: dt.datetime(*(int(part) for part in reversed(dotted.groups() if dotted else ()))),
    ):
        try:
            time = read()
            time = time if time.tzinfo else time.replace(tzinfo=LOCAL)
            time.astimezone(dt.UTC)  # a year like 1 cannot be moved to UTC
            return time
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
    return None


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
        canonical=joined(canonical, join),
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
    except (ValueError, RecursionError):
        return None


def joined(url: str | None, join: Any) -> str | None:
    """Return an absolute address by a page's ``join``; None for no address or a malformed one."""
    if not url:
        return None
    try:
        return join(url.strip())
    except ValueError:
        return None


def is_too_deep(selector: Selector) -> bool:
    """Return whether elements are nested deeper than any site's: what looks at ancestors would take hours."""
    depth = 0
    for event, _ in etree.iterwalk(selector.root, events=("start", "end")):
        depth += 1 if event == "start" else -1
        if depth > MAX_DEPTH:
            return True
    return False


def _text(node: Selector) -> str:
    return " ".join(" ".join(node.xpath(".//text()").getall()).split())


def _title(selector: Selector, hints: Hints) -> str | None:
    # One after the other: a text is read only where those before it are empty.
    for css in hints.title:
        if title := next(filter(None, map(_text, selector.css(css))), None):
            return title
    if title := " ".join((selector.xpath("//meta[@property='og:title']/@content").get() or "").split()):
        return title
    nodes = (node for path in ("//h1[1]", "//title") for node in selector.xpath(path)[:1])
    return next(filter(None, map(_text, nodes)), None)


def _published(selector: Selector, hints: Hints) -> dt.datetime | None:
    nodes = [node for css in hints.date for node in selector.css(css)]
    texts = [node.attrib.get("datetime") or node.attrib.get("content") or _text(node) for node in nodes]
    for path in (
        "//meta[@property='article:published_time']/@content",
        "//*[@itemprop='datePublished']/@content",
        "//*[@itemprop='datePublished']/@datetime",
    ):
        texts += selector.xpath(path).getall()[:1]
    for script in selector.xpath("//script[@type='application/ld+json']/text()").getall():
        texts += re.findall(r'"datePublished"\s*:\s*"([^"]+)"', script)[:1]
    texts += selector.xpath(
        "//article//time/@datetime | (//h1)[1]/following::*[@datetime][1]/@datetime"
    ).getall()
    return next(filter(None, map(parse_time, texts)), None)


def _versions(selector: Selector, join: Any) -> tuple[Version, ...]:
    """Versions by hreflang first, then by plain rel=alternate; feeds and the like are none."""
    versions: dict[str, Version] = {}
    for node in selector.xpath("//link[@hreflang and @href] | //a[@hreflang and @href]"):
        rel = (node.attrib.get("rel") or "").lower().split()
        if node.root.tag == "link" and "alternate" not in rel:
            continue
        url = joined(node.attrib["href"], join)
        lang = node.attrib["hreflang"].strip().lower()
        if url and lang and lang != "x-default":
            versions.setdefault(url, Version(url, lang, "hreflang"))
    for node in selector.xpath("//*[@rel and @href and not(@hreflang)]"):
        rel = (node.attrib["rel"] or "").lower().split()
        kind = (node.attrib.get("type") or "").lower()
        if "alternate" in rel and "stylesheet" not in rel and not any(t in kind for t in _FEED_TYPES):
            url = joined(node.attrib["href"], join)
            if url:
                versions.setdefault(url, Version(url, node.attrib.get("lang"), "alternate"))
    return tuple(versions.values())


def _content_hash(selector: Selector, hints: Hints) -> str:
    """Hash the visible text of the article: counters, menus and scripts around it may change."""
    walked: set[Any] = set()
    texts: list[str] = []
    for root in (node.root for css in (*hints.body, "article", "main", "body") for node in selector.css(css)):
        # What lies within a block without text has none either.
        if root not in walked and not any(block.tag in _AROUND for block in root.iterancestors()):
            texts = list(_visible_texts(root, walked))
            if any(text.strip() for text in texts):
                break
    words = " ".join(" ".join(texts).split())
    title = _title(selector, hints) or ""
    return hashlib.sha256(f"{title}\n{words}".encode("utf-8", "replace")).hexdigest()


def _visible_texts(root: Any, walked: set[Any]) -> Iterator[str]:
    """Yield the texts within an element, but for those of the parts around an article."""
    walker = etree.iterwalk(root, events=("start", "end", "comment", "pi"))
    for event, node in walker:
        if event == "start":
            walked.add(node)
            if node.tag in _AROUND:
                walker.skip_subtree()
            elif node.text:
                yield node.text
        elif node.tail and node is not root:
            yield node.tail
