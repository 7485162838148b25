"""Title, date, language and embedded data of a web page."""

from __future__ import annotations

import copy
import json
import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stages.extract.blocks import clean_line, fold

if TYPE_CHECKING:
    from lxml.html import HtmlElement

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Hints:
    """Where a site keeps things, as CSS, best first."""

    title: tuple[str, ...] = ()
    date: tuple[str, ...] = ()
    body: tuple[str, ...] = ()


# Hints for every page come from vocabularies that many sites share.
COMMON = Hints(
    title=("h1[itemprop=headline]", "h1[itemprop=name]"),
    date=("time[itemprop=datePublished][datetime]", "article time[datetime]"),
    body=("[itemprop=articleBody]",),
)
HINTS: Mapping[str, Hints] = {
    "turkmenportal": Hints(
        title=("h1.blog_header", "h1[itemprop=name]"),
        date=("div.article_header_date[datetime]",),
        body=("div.article_text", "[itemprop=articleBody]"),
    ),
    "orient": Hints(
        title=("main h1",),
        date=("main time[datetime]",),
        body=("main article", "[class^=Post_body]", "[class^=Article_body]"),
    ),
}


def select(tree: HtmlElement, selector: str) -> list[HtmlElement]:
    from lxml.cssselect import CSSSelector

    return CSSSelector(selector, translator="html")(tree)


class Metadata:
    """Title and date: trafilatura's word first, then hints, then what many sites share."""

    def __init__(self, tree: HtmlElement, hints: Hints) -> None:
        self._tree = tree
        self._hints = hints
        self._linked = _linked_data(tree)

    def title(self) -> str | None:
        """Return the article's title without the site's name."""
        headings = [
            clean_line(h.text_content()) for h in self._tree.iter("h1") if clean_line(h.text_content())
        ]
        titles = [self._meta("og:title"), self._linked.get("headline"), self._of_document()]
        given = [text for title in titles if isinstance(title, str) and (text := clean_line(title))]
        hinted = [clean_line(e.text_content()) for css in self._hints.title for e in select(self._tree, css)]
        # A heading that the page's own title repeats is the title, whatever its class.
        for heading in headings:
            if any(fold(heading) and fold(heading) in fold(title) for title in given):
                return heading
        named = [title for title in hinted if title] or given[:1]
        if named:
            return named[0]
        return headings[0] if len(headings) == 1 else next(iter(given), None)

    def published(self) -> str | None:
        """Return the time of publication as the page gives it, ISO 8601, or the day that htmldate finds."""
        for name in ("article:published_time", "datePublished", "date", "pubdate", "DC.date.issued"):
            if iso := _iso_time(self._meta(name)):
                return iso
        if iso := _iso_time(self._linked.get("datePublished")):
            return iso
        for selector in (*self._hints.date, *COMMON.date):
            for element in select(self._tree, selector):
                if iso := _iso_time(element.get("datetime")):
                    return iso
        from htmldate import find_date

        try:
            found = find_date(copy.deepcopy(self._tree), original_date=True, extensive_search=False)
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            log.debug("htmldate failed: %s", error)
            return None
        return found or None

    def _meta(self, name: str) -> str | None:
        for element in self._tree.iter("meta"):
            if name in (element.get("property"), element.get("name"), element.get("itemprop")):
                return element.get("content")
        return None

    def _of_document(self) -> str | None:
        return next((element.text_content() for element in self._tree.iter("title")), None)


_ISO = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?)?")


def _iso_time(text: object) -> str | None:
    found = _ISO.match(text.strip()) if isinstance(text, str) else None
    return found.group().replace(" ", "T") if found else None


def _linked_data(tree: HtmlElement) -> dict[str, Any]:
    """Return the JSON-LD object that describes an article, or an empty one."""
    for script in tree.iter("script"):
        if script.get("type", "").lower() != "application/ld+json":
            continue
        for item in objects(script):
            if str(item.get("@type", "")).endswith(("Article", "BlogPosting")):
                return item
    return {}


# Nodes of a page's embedded data that are looked at.
_MAX_NODES = 100_000


def objects(script: HtmlElement) -> Iterator[dict[str, Any]]:
    """Yield every object in the JSON of a script element, in order; none if it is not JSON."""
    try:
        todo = [json.loads(script.text or "")]
    except (ValueError, RecursionError):
        return
    for _ in range(_MAX_NODES):
        if not todo:
            return
        node = todo.pop()
        if isinstance(node, dict):
            yield node
            todo.extend(reversed(node.values()))
        elif isinstance(node, list):
            todo.extend(reversed(node))


# Codes that pages use for a language; turkmenportal says tm.
_CODES = {"tm": "tk", "tuk": "tk", "rus": "ru", "eng": "en", "kz": "kk"}


def declared_language(tree: HtmlElement) -> str | None:
    code = (tree.get("lang") or tree.get("{http://www.w3.org/XML/1998/namespace}lang") or "").lower()
    code = re.split(r"[-_]", code)[0]
    return _CODES.get(code, code) or None
