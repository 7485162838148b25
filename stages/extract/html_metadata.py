"""Title, language and embedded data of a web page."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stages.extract.blocks import clean_line, fold

if TYPE_CHECKING:
    from lxml.html import HtmlElement


@dataclass(frozen=True)
class Hints:
    """Where a site keeps things, as CSS, best first."""

    title: tuple[str, ...] = ()
    body: tuple[str, ...] = ()


# Hints for every page come from vocabularies that many sites share.
COMMON = Hints(
    title=("h1[itemprop=headline]", "h1[itemprop=name]"),
    body=("[itemprop=articleBody]",),
)
HINTS: Mapping[str, Hints] = {
    "turkmenportal": Hints(
        title=("h1.blog_header", "h1[itemprop=name]"),
        body=("div.article_text", "[itemprop=articleBody]"),
    ),
    "orient": Hints(
        title=("main h1",),
        body=("main article", "[class^=Post_body]", "[class^=Article_body]"),
    ),
}


def select(tree: HtmlElement, selector: str) -> list[HtmlElement]:
    from lxml.cssselect import CSSSelector

    return CSSSelector(selector, translator="html")(tree)


def find_title(tree: HtmlElement, hints: Hints) -> str | None:
    """Return the article's title without the site's name: as the page's data has it, else as hinted."""
    headings = [text for h in tree.iter("h1") if (text := clean_line(h.text_content()))]
    meta = (
        element.get("content")
        for element in tree.iter("meta")
        if "og:title" in (element.get("property"), element.get("name"), element.get("itemprop"))
    )
    document = (element.text_content() for element in tree.iter("title"))
    titles = [next(meta, None), _linked_data(tree).get("headline"), next(document, None)]
    given = [text for title in titles if isinstance(title, str) and (text := clean_line(title))]
    # A heading that the page's own title repeats is the title, whatever its class.
    for heading in headings:
        if any(fold(heading) and fold(heading) in fold(title) for title in given):
            return heading
    hinted = [
        text for css in hints.title for e in select(tree, css) if (text := clean_line(e.text_content()))
    ]
    if named := hinted or given[:1]:
        return named[0]
    return headings[0] if len(headings) == 1 else None


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
