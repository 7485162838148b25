"""Read the title, the date and the body of an article out of a page, whatever the page calls its parts.

trafilatura finds the body first. Its paragraphs are then looked up in the page itself, and everything of the
part of the page that holds them is read again in order: what trafilatura dropped inside the article comes
back, and what is no running text (captions, link lists, comments, banners) goes. What is known of a site is a
hint: it is followed where it agrees with what trafilatura found, and ignored where it does not.
"""

from __future__ import annotations

import copy
import hashlib
import json
import logging
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stages.lib.core.errors import DataError
from stages.lib.text.letters import repair_homoglyphs
from stages.lib.text.markup import strip_invisible

if TYPE_CHECKING:
    from lxml.html import HtmlElement

log = logging.getLogger(__name__)

# Characters of a page; the crawler stores at most 8 MB, and no article is near that.
MAX_CHARS = 8_000_000


@dataclass(frozen=True)
class Hints:
    """Where a site keeps things, as CSS, best first."""

    title: tuple[str, ...] = ()
    date: tuple[str, ...] = ()
    body: tuple[str, ...] = ()


# Hints for every page come from vocabularies that many sites share.
_COMMON = Hints(
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


@dataclass(frozen=True)
class Block:
    """A piece of running text; kind is heading, paragraph, item, quote or cell."""

    kind: str
    text: str


@dataclass(frozen=True)
class Page:
    """An article as it was read; ``flags`` name what is odd about it, sorted.

    ``declared`` is the language that the page says it is in, as the project writes it; ``published`` is ISO
    8601. Texts are NFC, on one line, without invisible characters.
    """

    title: str | None
    published: str | None
    declared: str | None
    blocks: tuple[Block, ...]
    flags: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The body, one block to a line."""
        return "\n".join(block.text for block in self.blocks)


def read_page(html: str, site: str | None = None, *, with_date: bool = True) -> Page:
    """Read one page; looking for its date is slow where the page does not give it in so many words.

    Raises DataError if it is over ``MAX_CHARS`` or holds no element at all.
    """
    if len(html) > MAX_CHARS:
        raise DataError(f"page of {len(html):,} characters, over the limit of {MAX_CHARS:,}")
    tree = _parse(html)
    hints = HINTS.get(site or "", Hints())
    flags = set()
    found = _trafilatura_blocks(tree)
    metadata = _Metadata(tree, hints)
    title = metadata.title()
    blocks = _article_blocks(tree, found, hints, title, flags)
    if sum(map(_count_words, (block.text for block in blocks))) < _FEW_WORDS:
        embedded = _embedded_blocks(tree)
        if _count_all(embedded) > 2 * _count_all(blocks):
            blocks = embedded
            flags.add("embedded")
    if not blocks:
        flags.add("empty")
    published = metadata.published() if with_date else None
    return Page(title, published, _declared_language(tree), tuple(blocks), tuple(sorted(flags)))


# ---------------------------------------------------------------------------------------------------------
# Parsing, and text of elements
# ---------------------------------------------------------------------------------------------------------

_FEW_WORDS = 25


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Never running text, whatever is in them.
_SKIPPED = _words(
    "script style noscript template svg math canvas iframe object embed button select option textarea input "
    "nav aside footer figcaption head audio video map dialog menu"
)
_BLOCK_TAGS = _words(
    "address article blockquote body center dd details div dl dt fieldset figure h1 h2 h3 h4 h5 h6 header hr "
    "html li main ol p pre section summary table tbody td tfoot th thead tr ul"
)
_KINDS = {
    **dict.fromkeys(("h1", "h2", "h3", "h4", "h5", "h6", "summary", "dt"), "heading"),
    **dict.fromkeys(("li", "dd"), "item"),
    **dict.fromkeys(("td", "th"), "cell"),
    "blockquote": "quote",
}
# Parts that are named for what they are. Names change, so nothing depends on them alone.
_ASIDE_NAME = re.compile(
    r"(?:^|[\s_-])(?:comments?|respond|share|sharing|social|related|recommend\w*|cookies?|consent|gdpr|banner"
    r"|advert\w*|subscribe|newsletter|breadcrumbs?|tags?|byline|author-?(?:bio|box|info)|sidebar|widget"
    r"|teasers?|popular|trending|pagination|pager|caption|copyright|credits?|counter|rating|promo|toolbar"
    r"|read-?(?:also|more))(?:$|[\s_-])",
    re.IGNORECASE,
)
_ASIDE_ROLES = frozenset(
    (
        "navigation",
        "complementary",
        "contentinfo",
        "search",
        "dialog",
        "alertdialog",
        "banner",
        "form",
        "toolbar",
    )
)
_SOFT_BREAK = re.compile("\u00ad\\s*(?=[^\\W\\d_])")
_SOFT_HYPHEN = re.compile("&(?:shy|#173|#[xX]0*[aA][dD]);")
_WORD = re.compile(r"\w+")


def _parse(html: str) -> HtmlElement:
    from lxml import etree
    from lxml import html as lxml_html

    # A declared encoding would be believed; the text has been decoded already.
    html = _SOFT_BREAK.sub("", _SOFT_HYPHEN.sub("\u00ad", html.replace("\0", "")))
    data = html.encode("utf-8", "ignore")
    parser = lxml_html.HTMLParser(encoding="utf-8", no_network=True, huge_tree=False, remove_comments=True)
    try:
        tree = lxml_html.document_fromstring(data, parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError, ValueError, AssertionError) as error:
        raise DataError(f"page is not HTML ({error})") from None
    return tree


def _clean(text: str) -> str:
    """Return text on one line: NFC, soft hyphens and other invisible characters gone, words joined again."""
    return unicodedata.normalize("NFC", strip_invisible(_SOFT_BREAK.sub("", text)))


def _fold(text: str) -> str:
    return " ".join(_WORD.findall(text.lower()))


def _count_words(text: str) -> int:
    return len(_WORD.findall(text))


def _count_all(blocks: Iterable[Block]) -> int:
    return sum(_count_words(block.text) for block in blocks)


# ---------------------------------------------------------------------------------------------------------
# The body
# ---------------------------------------------------------------------------------------------------------


def _trafilatura_blocks(tree: HtmlElement) -> list[str]:
    """Return what trafilatura takes for the body, one text for each paragraph, item or cell."""
    import trafilatura

    # It logs an error for every page without text; here such a page is counted.
    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)
    try:
        document = trafilatura.bare_extraction(
            copy.deepcopy(tree), include_comments=False, include_tables=True, with_metadata=False
        )
    except (RecursionError, ValueError, TypeError, AttributeError) as error:
        # It raises on some broken trees; the page is then read without it.
        log.debug("trafilatura failed: %s", error)
        return []
    body = getattr(document, "body", None)
    if body is None:
        return []
    texts = []
    for element in body.iter("p", "head", "item", "quote", "cell", "code", "fw"):
        if any(child.tag in ("p", "head", "item", "quote", "cell") for child in element):
            text = element.text or ""
        else:
            text = " ".join(element.itertext())
        texts += [_clean(line) for line in text.split("\n")]
    return [text for text in texts if text]


@dataclass
class _Piece:
    """A text block of the page: the element it stands in, and the share of its text that is links."""

    element: HtmlElement
    kind: str
    text: str
    linked: float
    # Does the name of an element around it say that it is no running text?
    is_aside: bool
    is_anchor: bool = False


class _Reader:
    """Cuts a page into text blocks, in order; ``<br><br>`` parts paragraphs as block elements do."""

    def __init__(self) -> None:
        self.pieces: list[_Piece] = []
        self._buffer: list[str] = []
        self._linked = 0
        self._links = 0
        self._breaks = 0
        self._open: list[tuple[HtmlElement, str, bool]] = []

    def read(self, tree: HtmlElement) -> list[_Piece]:
        # An explicit stack: pages nest deeper than Python does.
        todo: list[tuple[HtmlElement, bool]] = [(tree, False)]
        while todo:
            element, is_leaving = todo.pop()
            if is_leaving:
                self._leave(element)
            elif not isinstance(element.tag, str) or element.tag in _SKIPPED or _is_hidden(element):
                if element.tag in ("nav", "aside", "footer", "figcaption", "iframe", "video", "dialog"):
                    self._flush()
            else:
                self._enter(element)
                todo.append((element, True))
                todo.extend((child, False) for child in reversed(element))
                self._take(element.text)
                continue
            if element is not tree:
                self._take(element.tail)
        self._flush()
        return self.pieces

    def _enter(self, element: HtmlElement) -> None:
        tag = element.tag
        if tag in _BLOCK_TAGS:
            self._flush()
            kind, is_aside = self._open[-1][1:] if self._open else ("paragraph", False)
            if tag != "p" or kind == "heading":
                kind = _KINDS.get(tag, kind if tag in ("div", "tbody", "ul", "ol") else "paragraph")
            self._open.append((element, kind, is_aside or _is_named_aside(element)))
        elif tag == "br":
            self._breaks += 1
            if self._breaks == 2:
                self._flush()
            self._buffer.append("\n")
        elif tag == "a":
            self._links += 1

    def _leave(self, element: HtmlElement) -> None:
        if element.tag in _BLOCK_TAGS:
            self._flush()
            self._open.pop()
        elif element.tag == "a":
            self._links -= 1

    def _take(self, text: str | None) -> None:
        if not text:
            return
        self._buffer.append(text)
        if text.strip():
            self._breaks = 0
            if self._links:
                self._linked += len(" ".join(text.split()))

    def _flush(self) -> None:
        text = _clean("".join(self._buffer))
        if text and self._open:
            element, kind, is_aside = self._open[-1]
            share = min(1.0, self._linked / len(text))
            self.pieces.append(_Piece(element, kind, text, share, is_aside))
        self._buffer.clear()
        self._linked = 0
        self._breaks = 0


def _is_hidden(element: HtmlElement) -> bool:
    return (
        element.get("hidden") is not None
        or element.get("aria-hidden") == "true"
        or element.get("role", "").lower() in _ASIDE_ROLES
        or "display:none" in element.get("style", "").replace(" ", "").lower()
    )


def _is_named_aside(element: HtmlElement) -> bool:
    name = f"{element.get('class', '')} {element.get('id', '')}"
    return bool(_ASIDE_NAME.search(name)) and element.tag not in ("body", "html", "main", "article")


def _article_blocks(
    tree: HtmlElement, found: Sequence[str], hints: Hints, title: str | None, flags: set[str]
) -> list[Block]:
    """Return the blocks of the part of the page that holds what trafilatura found."""
    if not found:
        return []
    pieces = _after_title(_without_layout_cells(_Reader().read(tree)), title)
    teasers = _teasers(pieces, title)
    pieces = [piece for piece in pieces if id(piece) not in teasers]
    _mark_anchors(pieces, found)
    anchors = [piece for piece in pieces if piece.is_anchor]
    if not anchors or sum(len(piece.text) for piece in anchors) < _MIN_MATCHED * _count_shown(found, pieces):
        # What trafilatura found is not in the page as blocks: its word is all there is.
        flags.add("plain")
        return _without_title([Block("paragraph", text) for text in found], title)
    container = _hinted_container(tree, hints, anchors)
    if container is None:
        container = _common_container(anchors)
    kept = _running_text([piece for piece in pieces if _is_within(piece.element, container)], container)
    kept = kept or [piece for piece in anchors if piece.linked < _MAX_LINKED]
    return _without_title([Block(piece.kind, piece.text) for piece in kept], title)


# Least share of trafilatura's text that must be found in the page for the page to be read again.
_MIN_MATCHED = 0.5


def _count_shown(found: Sequence[str], pieces: Sequence[_Piece]) -> int:
    """Count the characters of trafilatura's text, that in parts already set aside left out."""
    whole = " ".join(_fold(piece.text) for piece in pieces)
    return sum(len(text) for text in found if _fold(text) in whole)


def _without_layout_cells(pieces: list[_Piece]) -> list[_Piece]:
    """Make paragraphs of the cells of tables that lay the page out: with a cell of several paragraphs."""
    cells = Counter(piece.element for piece in pieces if piece.kind == "cell")
    layout = {table for cell, count in cells.items() if count > 1 for table in cell.iterancestors("table")}
    for piece in pieces:
        if piece.kind == "cell" and next(piece.element.iterancestors("table"), None) in layout:
            piece.kind = "paragraph"
    return pieces


def _after_title(pieces: list[_Piece], title: str | None) -> list[_Piece]:
    """Drop what stands before the heading that is the title, if there is text after it."""
    folded = _fold(title or "")
    for place, piece in enumerate(pieces):
        is_title = piece.element.tag in ("h1", "h2") and _fold(piece.text) == folded
        if is_title and piece.linked < _MAX_LINKED:
            rest = pieces[place + 1 :]
            if sum(_count_words(after.text) for after in rest if after.linked < _MAX_LINKED) >= 10:
                return rest
    return pieces


def _teasers(pieces: Sequence[_Piece], title: str | None) -> set[int]:
    """Return the ids of the pieces in small parts headed by a link, at least two of a kind: others' leads."""
    groups: dict[HtmlElement, list[_Piece]] = {}
    for piece in pieces:
        for ancestor in (piece.element, *piece.element.iterancestors()):
            groups.setdefault(ancestor, []).append(piece)
    headed = [
        (element, group)
        for element, group in groups.items()
        if len(group) > 1
        and group[0].linked >= 0.9
        and sum(_count_words(piece.text) for piece in group) < _TEASER_WORDS
    ]
    alike = Counter((element.getparent(), element.tag, element.get("class")) for element, _ in headed)
    return {
        id(piece)
        for element, group in headed
        if alike[element.getparent(), element.tag, element.get("class")] > 1
        for piece in group
    }


def _mark_anchors(pieces: Sequence[_Piece], found: Sequence[str]) -> None:
    """Mark the pieces whose words trafilatura found, in one run."""
    whole = f" {' '.join(map(_fold, found))} "
    exact = {_fold(text) for text in found}
    for piece in pieces:
        folded = _fold(piece.text)
        piece.is_anchor = bool(folded) and (
            folded in exact or (folded.count(" ") >= 3 and f" {folded} " in whole)
        )
    # A part with the name of an aside is one, unless most of the article would be gone with it.
    named = sum(len(piece.text) for piece in pieces if piece.is_anchor and piece.is_aside)
    if 2 * named > sum(len(piece.text) for piece in pieces if piece.is_anchor):
        for piece in pieces:
            piece.is_aside = False
    for piece in pieces:
        piece.is_anchor = piece.is_anchor and not piece.is_aside


def _common_container(anchors: Sequence[_Piece]) -> HtmlElement:
    """Return the innermost element that holds at least 85 % of the characters of the anchors."""
    weights: dict[HtmlElement, int] = {}
    depths: dict[HtmlElement, int] = {}
    for piece in anchors:
        line = [piece.element, *piece.element.iterancestors()]
        for height, element in enumerate(line):
            weights[element] = weights.get(element, 0) + len(piece.text)
            depths[element] = len(line) - height
    enough = 0.85 * sum(len(piece.text) for piece in anchors)
    innermost = max((element for element in weights if weights[element] >= enough), key=depths.__getitem__)
    # One paragraph is no container: its neighbours may be the rest of the article.
    while innermost.tag in ("p", "li", "td", "th", "tr", "blockquote") and innermost.getparent() is not None:
        innermost = innermost.getparent()
    return innermost


def _hinted_container(tree: HtmlElement, hints: Hints, anchors: Sequence[_Piece]) -> HtmlElement | None:
    """Return the element that a hint names, if it holds most of what trafilatura found."""
    enough = 0.6 * sum(len(piece.text) for piece in anchors)
    for selector in (*hints.body, *_COMMON.body):
        elements = _select(tree, selector)
        if len(elements) != 1:
            continue
        held = sum(len(piece.text) for piece in anchors if _is_within(piece.element, elements[0]))
        if held >= enough:
            return elements[0]
    return None


def _is_within(element: HtmlElement, container: HtmlElement) -> bool:
    return element is container or any(ancestor is container for ancestor in element.iterancestors())


# Most of a paragraph is no link; a list of links and "read also: ..." are.
_MAX_LINKED = 0.5
_TEASER_WORDS = 60


def _running_text(pieces: Sequence[_Piece], container: HtmlElement) -> list[_Piece]:
    """Return the pieces of the container that are the article."""
    places = [place for place, piece in enumerate(pieces) if piece.is_anchor and piece.linked < _MAX_LINKED]
    if not places:
        return []
    homes = {_home(piece) for piece in pieces if piece.is_anchor}
    times = Counter(_fold(piece.text) for piece in pieces if piece.kind != "cell")
    kept: list[_Piece] = []
    for place, piece in enumerate(pieces):
        if piece.linked >= _MAX_LINKED:
            # A heading over links is no heading of the article.
            while kept and kept[-1].kind == "heading":
                kept.pop()
            continue
        if piece.is_aside or times[_fold(piece.text)] > 2 or _is_caption(piece):
            continue
        if piece.kind != "cell" and _is_dateline(piece.text):
            continue
        is_between = places[0] < place < places[-1]
        is_beside = _home(piece) in homes and (piece.kind == "cell" or _is_prose(piece.text))
        if piece.is_anchor or is_between or is_beside:
            kept.append(piece)
    # Comments follow the text; a heading that nothing follows belonged to them or to links.
    kept = _before_comments(kept, container)
    while kept and kept[-1].kind == "heading":
        kept.pop()
    return kept


def _home(piece: _Piece) -> HtmlElement | None:
    """Return what a piece shares with its neighbours: the table of a cell, the parent of a paragraph."""
    if piece.kind == "cell":
        return next(piece.element.iterancestors("table"), None)
    return piece.element.getparent()


def _is_prose(text: str) -> bool:
    return _count_words(text) >= 4 and text.endswith((".", "!", "?", "…", ":", ";", "»", "”", '"', ")"))


def _is_caption(piece: _Piece) -> bool:
    """Tell whether a text stands alone with a picture."""
    if piece.element.tag in ("p", "td", "body") or _count_words(piece.text) > 30:
        return False
    parent = piece.element.getparent()
    if parent is None or next(parent.iter("img", "picture"), None) is None:
        return False
    return _fold(" ".join(parent.itertext())) == _fold(piece.text)


def _before_comments(pieces: list[_Piece], container: HtmlElement) -> list[_Piece]:
    """Cut off what looks like comments: two or more alike parts at the end, each headed by a name or time."""
    parts: list[tuple[HtmlElement, list[_Piece]]] = []
    for piece in pieces:
        home = piece.element
        for ancestor in (piece.element, *piece.element.iterancestors()):
            if ancestor is container:
                break
            home = ancestor
        if parts and parts[-1][0] is home:
            parts[-1][1].append(piece)
        else:
            parts.append((home, [piece]))
    if len(parts) > 1 and len(parts[-1][1]) > 1 and _is_talk(parts[-1][0], parts[-1][1]):
        return [piece for _, part in parts[:-1] for piece in part]
    end = len(parts)
    while end > 0 and _is_comment(parts[end - 1][1]) and parts[end - 1][0].tag == parts[-1][0].tag:
        end -= 1
    if 0 < end <= len(parts) - 2:
        return [piece for _, part in parts[:end] for piece in part]
    return pieces


def _is_talk(home: HtmlElement, pieces: Sequence[_Piece]) -> bool:
    """Tell whether an element is a list of comments: most of its children begin with a name or a time."""
    children = [child for child in home if isinstance(child.tag, str) and len(child) > 1]
    alike = Counter((child.tag, child.get("class")) for child in children).most_common(1)
    if not alike or alike[0][1] < 2:
        return False
    signature = alike[0][0]
    talk = [
        [piece for piece in pieces if _is_within(piece.element, child)]
        for child in children
        if (child.tag, child.get("class")) == signature
    ]
    talk = [part for part in talk if part]
    return len(talk) > 1 and all(map(_is_comment, talk))


def _is_comment(part: Sequence[_Piece]) -> bool:
    first = part[0]
    words = [word for word in _fold(first.text).split() if not word[0].isdigit()]
    is_short = len(words) <= 4 and not first.text.endswith((".", "!", "?", "…", ":"))
    return len(part) > 1 and is_short and first.kind not in ("heading", "cell", "item")


_MONTHS = _words(
    "января февраля марта апреля мая июня июля августа сентября октября ноября декабря ýanwar fewral mart "
    "aprel maý iýun iýul awgust sentýabr oktýabr noýabr dekabr january february march april may june july "
    "august september october november december"
)


def _is_dateline(text: str) -> bool:
    """Tell whether a text is a date, a time or a count of views, and nothing else."""
    words = _fold(text).split()
    return len(words) <= 8 and all(word[0].isdigit() or word in _MONTHS for word in words)


def _without_title(blocks: list[Block], title: str | None) -> list[Block]:
    """Drop the title from the head of the body; a first sentence of the same words is none."""
    folded = _fold(title or "")
    is_title = [_fold(block.text) == folded and not block.text.endswith(".") for block in blocks]
    return blocks[next((at for at, same in enumerate(is_title) if not same), len(blocks)) :]


# ---------------------------------------------------------------------------------------------------------
# Title, date, language, and bodies that scripts would have drawn
# ---------------------------------------------------------------------------------------------------------


def _select(tree: HtmlElement, selector: str) -> list[HtmlElement]:
    from lxml.cssselect import CSSSelector

    return CSSSelector(selector, translator="html")(tree)


class _Metadata:
    """Title and date: trafilatura's word first, then hints, then what many sites share."""

    def __init__(self, tree: HtmlElement, hints: Hints) -> None:
        self._tree = tree
        self._hints = hints
        self._linked = _linked_data(tree)

    def title(self) -> str | None:
        """Return the article's title without the site's name."""
        headings = [_clean(h.text_content()) for h in self._tree.iter("h1") if _clean(h.text_content())]
        titles = [self._meta("og:title"), self._linked.get("headline"), self._of_document()]
        given = [_clean(title) for title in titles if isinstance(title, str) and _clean(title)]
        hinted = [_clean(e.text_content()) for css in self._hints.title for e in _select(self._tree, css)]
        # A heading that the page's own title repeats is the title, whatever its class.
        for heading in headings:
            if any(_fold(heading) and _fold(heading) in _fold(title) for title in given):
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
        for selector in (*self._hints.date, *_COMMON.date):
            for element in _select(self._tree, selector):
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
        for item in _objects(_json(script.text)):
            if str(item.get("@type", "")).endswith(("Article", "BlogPosting")):
                return item
    return {}


def _json(text: str | None) -> Any:
    try:
        return json.loads(text or "")
    except (ValueError, RecursionError):
        return None


# Nodes of a page's embedded data that are looked at.
_MAX_NODES = 100_000


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    """Yield every object in a JSON value, in order."""
    todo = [value]
    for _ in range(_MAX_NODES):
        if not todo:
            return
        node = todo.pop()
        if isinstance(node, dict):
            yield node
            todo.extend(reversed(list(node.values())))
        elif isinstance(node, list):
            todo.extend(reversed(node))


_BODY_KEYS = frozenset(("articlebody", "body", "content", "text", "html", "description", "fulltext"))


def _embedded_blocks(tree: HtmlElement) -> list[Block]:
    """Return the article in the page's data, for pages that a script would draw: the longest body there."""
    bodies = []
    for script in tree.iter("script"):
        if script.get("type", "").lower() in ("application/ld+json", "application/json"):
            for item in _objects(_json(script.text)):
                bodies += [
                    value
                    for key, value in item.items()
                    if isinstance(value, str) and key.lower() in _BODY_KEYS and len(value) <= MAX_CHARS
                ]
    best = max(bodies, key=len, default="")
    if _count_words(best) < _FEW_WORDS:
        return []
    if "<" not in best:
        return [Block("paragraph", text) for text in map(_clean, best.split("\n")) if text]
    pieces = _Reader().read(_parse(f"<div>{best}</div>"))
    return [Block(piece.kind, piece.text) for piece in pieces if piece.linked < _MAX_LINKED]


# Codes that pages use for a language; turkmenportal says tm.
_CODES = {"tm": "tk", "tuk": "tk", "rus": "ru", "eng": "en", "kz": "kk"}


def _declared_language(tree: HtmlElement) -> str | None:
    code = (tree.get("lang") or tree.get("{http://www.w3.org/XML/1998/namespace}lang") or "").lower()
    code = re.split(r"[-_]", code)[0]
    return _CODES.get(code, code) or None


# ---------------------------------------------------------------------------------------------------------
# Repairs that need to know the language, and other pages
# ---------------------------------------------------------------------------------------------------------

_HYPHENATED = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_BROKEN_WORD = re.compile(r"([^\W\d_]{2,})[-‐]\s([^\W\d_]{2,})")
# "двух- и трёхэтажные", "söwda- we senagat": the hyphen waits for the word that is shared.
_SUSPENDED = _words("и или да а либо we ýa ýa-da hem и/или and or und ve veya va yoki және немесе")
# Particles and endings that a hyphen joins.
_ENCLITICS = _words("да де da de ä nji njy njisi njysy то либо нибудь таки ka")
# Breaks in one text from which on a hyphen before a space is taken for a line end's, not for a sloppy dash.
_MANY_BREAKS = 3


class SiteWords:
    """The words of a site's pages in one language: witnesses of how a broken word is written.

    When there are more than ``max_words``, those seen once go.
    """

    def __init__(self, max_words: int = 300_000) -> None:
        self._max_words = max_words
        self._counts: Counter[str] = Counter()

    def add(self, texts: Iterable[str]) -> None:
        """Add the words of texts, the halves of broken words aside."""
        for text in texts:
            self._counts.update(_HYPHENATED.findall(_BROKEN_WORD.sub(" ", text.lower())))
        if len(self._counts) > self._max_words:
            self._counts = Counter({word: count for word, count in self._counts.items() if count > 1})

    def __contains__(self, word: str) -> bool:
        return word in self._counts


def repair_blocks(
    blocks: Sequence[Block], lang: str, site: SiteWords | None = None
) -> tuple[list[Block], set[str]]:
    """Repair words broken at line ends and letters of the wrong script.

    "bro- ken" is joined if the text or the site has "broken", gets "bro-ken" if it has that, and is joined
    without such a witness only where the text has several breaks and neither half as a word of its own: one
    hyphen alone may be a dash. Returns the blocks and flags for what could not be repaired: ``broken-word``,
    ``mixed-script``.
    """
    known = SiteWords()
    known.add(block.text for block in blocks)
    witnesses = (known,) if site is None else (known, site)
    breaks = sum(
        right.lower() not in _SUSPENDED | _ENCLITICS
        for block in blocks
        for _, right in _BROKEN_WORD.findall(block.text)
    )
    flags = set()

    def join(match: re.Match[str]) -> str:
        left, right = match.groups()
        if right.lower() in _SUSPENDED or not right[0].islower():
            return match.group()
        whole, compound = f"{left}{right}".lower(), f"{left}-{right}".lower()
        if any(whole in words for words in witnesses):
            return left + right
        if right.lower() in _ENCLITICS or any(compound in words for words in witnesses):
            return f"{left}-{right}"
        is_word = any(half.lower() in words for words in witnesses for half in (left, right))
        if breaks >= _MANY_BREAKS and not is_word:
            return left + right
        flags.add("broken-word")
        return match.group()

    repaired = []
    for block in blocks:
        text = _BROKEN_WORD.sub(join, block.text)
        text, is_mixed = repair_homoglyphs(text, lang)
        if is_mixed:
            flags.add("mixed-script")
        repaired.append(Block(block.kind, text))
    return repaired, flags


class RepeatedBlocks:
    """Finds blocks that many pages of a site have in common: menus, notices, calls to subscribe.

    Counts pages, not occurrences; numbers in a block do not matter. Memory is bounded by lossy counting
    (Manku and Motwani, 2002): a count may be too low by at most ``error`` of the pages, never too high,
    so no block is taken for repeated that is not.
    """

    def __init__(self, min_pages: int = 5, min_share: float = 0.01, error: float = 0.001) -> None:
        self.min_pages = min_pages
        self.min_share = min_share
        self._width = max(1, round(1 / error))
        self._counts: dict[bytes, tuple[int, int]] = {}
        self.pages = 0

    def add(self, texts: Iterable[str]) -> None:
        """Count the blocks of one page."""
        bucket = self.pages // self._width
        for name in {_block_id(text) for text in texts}:
            count, missed = self._counts.get(name, (0, bucket))
            self._counts[name] = (count + 1, missed)
        self.pages += 1
        if self.pages % self._width == 0:
            self._counts = {
                name: (count, missed)
                for name, (count, missed) in self._counts.items()
                if count + missed > bucket + 1
            }

    def is_repeated(self, text: str) -> bool:
        """Tell whether a block is on at least ``min_pages`` pages and ``min_share`` of them."""
        count, _ = self._counts.get(_block_id(text), (0, 0))
        return count >= max(self.min_pages, self.min_share * self.pages)


def _block_id(text: str) -> bytes:
    folded = re.sub(r"\d+", "0", _fold(text))
    return hashlib.blake2b(folded.encode(), digest_size=8).digest()
