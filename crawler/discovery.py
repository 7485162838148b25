"""Find pages: sitemaps, feeds and the listings of sections."""

from __future__ import annotations

import datetime as dt
import gzip
import io
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lxml import etree
from parsel import Selector

from crawler.pages import joined, parse_time


@dataclass(frozen=True)
class Listed:
    """An address in a list. ``changed`` is when the page last changed, ``published`` when it appeared."""

    url: str
    changed: dt.datetime | None = None
    published: dt.datetime | None = None
    versions: tuple[str, ...] = ()


class ListError(Exception):
    """A list cannot be read; the first argument says of what kind the fault is."""


def gunzip(body: bytes, limit: int) -> bytes:
    """Unpack gzip data up to a size.

    Raises ListError if it would be larger, or is damaged.
    """
    try:
        with gzip.open(io.BytesIO(body)) as file:
            content = file.read(limit + 1)
    except (OSError, EOFError, zlib.error):
        raise ListError("damaged gzip") from None
    if len(content) > limit:
        raise ListError("too large")
    return content


def parse_xml(body: bytes) -> etree._Element:
    """Parse an untrusted XML list.

    No entity is ever expanded and nothing is fetched. Raises ListError for entity declarations, and for what
    is not XML.
    """
    if b"<!ENTITY" in body.upper():
        raise ListError("entity declarations")
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        recover=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(body.strip(), parser)
    except (etree.XMLSyntaxError, ValueError):
        root = None
    if root is None:
        raise ListError("not XML")
    return root


def _name(node: Any) -> str:
    # Not etree.QName: it refuses names that the recovering parser lets through.
    return node.tag.rpartition("}")[2].lower() if isinstance(node.tag, str) else ""


def _child(node: Any, *names: str) -> str | None:
    for name in names:
        for child in node:
            if _name(child) == name and child.text and child.text.strip():
                return child.text.strip()
    return None


def read_sitemap(body: bytes) -> tuple[list[Listed], list[Listed]]:
    """Read a sitemap; return its pages and the further sitemaps that it names."""
    root = parse_xml(body)
    if _name(root) not in ("urlset", "sitemapindex"):
        raise ListError("not a sitemap")
    lists: dict[str, list[Listed]] = {"url": [], "sitemap": []}
    for node in root:
        url = _child(node, "loc")
        if url and _name(node) in lists:
            lists[_name(node)].append(
                Listed(url, parse_time(_child(node, "lastmod")), versions=tuple(_alternates(node)))
            )
    return lists["url"], lists["sitemap"]


def _alternates(node: Any) -> list[str]:
    """Return the addresses of an entry's alternate links."""
    links = [child for child in node if _name(child) == "link" and child.get("href")]
    return [link.get("href") for link in links if link.get("rel", "alternate") == "alternate"]


def read_feed(body: bytes) -> list[Listed]:
    """Read an RSS (0.9 to 2.0) or Atom feed."""
    root = parse_xml(body)
    if _name(root) not in ("rss", "feed", "rdf"):
        raise ListError("not a feed")
    entries = []
    for node in root.iter():
        if _name(node) not in ("item", "entry"):
            continue
        guid = _child(node, "guid", "id") or ""
        urls = [*_alternates(node)[-1:], _child(node, "link"), guid if guid.startswith("http") else None]
        if url := next(filter(None, urls), None):
            changed = parse_time(_child(node, "updated", "modified"))
            published = parse_time(_child(node, "pubdate", "published", "date", "issued"))
            entries.append(Listed(url, changed, published))
    return entries


def read_links(selector: Selector, join: Any) -> Iterator[tuple[str, dt.datetime | None]]:
    """Yield every link of a page with the date that stands beside it, if one does.

    A date belongs to a link if the smallest block around the link that holds a date holds this link only, or
    several links to the same address.
    """
    for node in selector.xpath("//a[@href]"):
        if url := joined(node.attrib["href"], join):
            yield url, _date_beside(node.root, node.attrib["href"])


def _date_beside(anchor: Any, href: str) -> dt.datetime | None:
    block = anchor
    for _ in range(4):
        times = block.xpath(".//*[@datetime]/@datetime")
        if times:
            links = set(block.xpath(".//a/@href"))
            return parse_time(times[0]) if links <= {href} else None
        block = block.getparent()
        if block is None:
            return None
    return None


def next_page(selector: Selector, join: Any, here: str) -> str | None:
    """Return the address of a listing's next page: rel=next, a class ``next``, or the next page number."""
    number = re.search(r"[?&]page=(\d+)", here)
    wanted = int(number[1]) + 1 if number else 2
    hrefs = [
        *selector.xpath("//link[@rel='next']/@href").getall(),
        *selector.xpath("//a[contains(concat(' ', @rel, ' '), ' next ')]/@href").getall(),
        *selector.css(".next").xpath("descendant-or-self::a/@href").getall(),
    ]
    hrefs += [
        href for href in selector.xpath("//a/@href").getall() if re.search(rf"[?&]page={wanted}(?:&|$)", href)
    ]
    return next((url for href in hrefs if (url := joined(href, join))), None)
