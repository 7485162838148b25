"""Find pages: sitemaps, feeds and the listings of sections."""

from __future__ import annotations

import datetime as dt
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
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


# In the place of a value where there are several.
MANY = object()
# A packed list or page has one member or a few.
_MAX_MEMBERS = 1000
# An ampersand that begins no reference of XML, outside CDATA; a CDATA section without an end takes the rest.
_BARE_AMPERSAND = re.compile(
    rb"<!\[CDATA\[(?:.*?\]\]>|.*\Z)|&(?!(?:amp|lt|gt|quot|apos|#\d{1,7}|#x[0-9A-Fa-f]{1,6});)", re.DOTALL
)


class ListError(Exception):
    """A list cannot be read; the first argument says of what kind the fault is."""


def gunzip(body: bytes, limit: int) -> tuple[bytes, bool]:
    """Unpack gzip data up to a size; return it, and whether it is whole.

    Bytes after the last member are ignored; of a damaged or truncated member what can be read is kept. Raises
    ListError if it would be larger, or nothing can be read.
    """
    parts: list[bytes] = []
    size = at = 0
    is_whole = False
    for _ in range(_MAX_MEMBERS):
        if not body.startswith(b"\x1f\x8b", at):
            break
        # In small pieces: what follows a member is copied from its last piece only.
        decoder, is_whole = zlib.decompressobj(wbits=31), False
        try:
            while not decoder.eof and at < len(body):
                piece = body[at : at + 1024]
                parts.append(decoder.decompress(piece, limit - size + 1))
                at += len(piece) - len(decoder.unused_data)
                size += len(parts[-1])
                if size > limit:
                    raise ListError("too large")
        except zlib.error:
            break
        is_whole = decoder.eof
    else:
        is_whole = False
    if not size and not is_whole:
        raise ListError("damaged gzip")
    return b"".join(parts), is_whole


def parse_xml(body: bytes) -> etree._Element:
    """Parse an untrusted XML list.

    No entity is ever expanded and nothing is fetched; an ampersand that nobody escaped is one. Raises
    ListError for entity declarations, and for what is not XML.
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
        remove_comments=True,
    )
    if b"\0" not in body[:4]:  # UTF-16 is left as it is
        body = _BARE_AMPERSAND.sub(lambda match: b"&amp;" if match[0] == b"&" else match[0], body)
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
    nodes = list(selector.root.iter("*"))
    dates: dict[Any, str] = {}
    for node in reversed(nodes):
        # From the last to the first, so that the first of a block's dates remains.
        date = node.get("datetime") or dates.get(node)
        if date is not None:
            dates[node] = date
            if (block := node.getparent()) is not None:
                dates[block] = date
    links = only_values(nodes, lambda node: node.get("href") if node.tag == "a" else None)
    for node in nodes:
        if node.tag == "a" and (url := joined(node.get("href"), join)):
            block = next((block for block in _around(node) if block in dates), None)
            is_alone = block is not None and links[block] == node.get("href")
            yield url, parse_time(dates[block]) if is_alone else None


def only_values(nodes: list[Any], value_of: Callable[[Any], Any]) -> dict[Any, Any]:
    """Return for each element, given in document order, the one value within it, None for none, else MANY."""
    values: dict[Any, Any] = {}
    for node in reversed(nodes):
        value = values[node] = _merged(values.get(node), value_of(node))
        block = node.getparent()
        if block is not None:
            values[block] = _merged(values.get(block), value)
    return values


def _merged(one: Any, other: Any) -> Any:
    return other if one is None else one if other in (None, one) else MANY


def _around(anchor: Any) -> Iterator[Any]:
    """Yield a link and the three smallest blocks around it."""
    for _ in range(4):
        if anchor is None:
            return
        yield anchor
        anchor = anchor.getparent()


def next_page(selector: Selector, join: Any, here: str) -> str | None:
    """Return the address of a listing's next page: rel=next, a class ``next``, or the next page number."""
    number = re.search(r"[?&]page=(\d+)", here)
    wanted = int(number[1]) + 1 if number else 2
    hrefs: list[list[str]] = [[], [], [], []]
    within_next: set[Any] = set()
    for node in selector.root.iter("*"):
        href, rel = node.get("href"), (node.get("rel") or "").split()
        if "next" in (node.get("class") or "").split() or node.getparent() in within_next:
            within_next.add(node)
        if node.tag not in ("a", "link") or href is None:
            continue
        kinds = (
            node.tag == "link" and rel == ["next"],
            node.tag == "a" and "next" in rel,
            node.tag == "a" and node in within_next,
            node.tag == "a" and re.search(rf"[?&]page={wanted}(?:&|$)", href),
        )
        for kind, is_it in zip(hrefs, kinds, strict=True):
            if is_it:
                kind.append(href)
    return next((url for href in chain(*hrefs) if (url := joined(href, join))), None)
