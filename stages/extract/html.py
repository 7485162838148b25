"""Read the title and the body of an article out of a page, whatever the page calls its parts.

trafilatura finds the body first. Its paragraphs are then looked up in the page itself, and everything of the
part of the page that holds them is read again in order: what trafilatura dropped inside the article comes
back, and what is no running text (captions, link lists, comments, banners) goes. What is known of a site is a
hint: it is followed where it agrees with what trafilatura found, and ignored where it does not.
"""

from __future__ import annotations

import copy
import logging
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stages.extract.blocks import SOFT_BREAK, Block, clean_line, fold
from stages.extract.html_metadata import COMMON, HINTS, Hints, declared_language, find_title, objects, select
from stages.lib.core.errors import DataError

if TYPE_CHECKING:
    from lxml.html import HtmlElement

log = logging.getLogger(__name__)

# Characters of a page; the crawler stores at most 8 MB, and no article is near that.
MAX_CHARS = 8_000_000


@dataclass(frozen=True)
class Page:
    """An article as it was read; ``flags`` name what is odd about it, sorted.

    ``declared`` is the language that the page says it is in, as the project writes it. Texts are NFC,
    on one line, without invisible characters.
    """

    title: str | None
    declared: str | None
    blocks: tuple[Block, ...]
    flags: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The body, one block to a line."""
        return "\n".join(block.text for block in self.blocks)


def read_page(html: str, site: str | None = None) -> Page:
    """Read one page of any site; what is known of ``site`` is a hint.

    Raises DataError if it is over ``MAX_CHARS`` or holds no element at all.
    """
    if len(html) > MAX_CHARS:
        raise DataError(f"page of {len(html):,} characters, over the limit of {MAX_CHARS:,}")
    tree = _parse(html)
    hints = HINTS.get(site or "", Hints())
    flags = set()
    found = _trafilatura_blocks(tree)
    title = find_title(tree, hints)
    blocks = _article_blocks(tree, found, hints, title, flags)
    if sum(map(_count_words, (block.text for block in blocks))) < _FEW_WORDS:
        embedded = _embedded_blocks(tree)
        if _count_all(embedded) > 2 * _count_all(blocks):
            blocks = embedded
            flags.add("embedded")
    if not blocks:
        flags.add("empty")
    return Page(title, declared_language(tree), tuple(blocks), tuple(sorted(flags)))


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
_ASIDE_ROLES = _words("navigation complementary contentinfo search dialog alertdialog banner form toolbar")
_SOFT_HYPHEN = re.compile("&(?:shy|#173|#[xX]0*[aA][dD]);")
_WORD = re.compile(r"\w+")


def _parse(html: str) -> HtmlElement:
    from lxml import etree
    from lxml import html as lxml_html

    # A declared encoding would be believed; the text has been decoded already.
    html = SOFT_BREAK.sub("", _SOFT_HYPHEN.sub("\u00ad", html.replace("\0", "")))
    data = html.encode("utf-8", "ignore")
    parser = lxml_html.HTMLParser(encoding="utf-8", no_network=True, huge_tree=False, remove_comments=True)
    try:
        tree = lxml_html.document_fromstring(data, parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError, ValueError, AssertionError) as error:
        raise DataError(f"page is not HTML ({error})") from None
    return tree


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
        texts += [clean_line(line) for line in text.split("\n")]
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
        text = clean_line("".join(self._buffer))
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
    whole = " ".join(fold(piece.text) for piece in pieces)
    return sum(len(text) for text in found if fold(text) in whole)


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
    folded = fold(title or "")
    for place, piece in enumerate(pieces):
        is_title = piece.element.tag in ("h1", "h2") and fold(piece.text) == folded
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
    whole = f" {' '.join(map(fold, found))} "
    exact = {fold(text) for text in found}
    for piece in pieces:
        folded = fold(piece.text)
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
    for selector in (*hints.body, *COMMON.body):
        elements = select(tree, selector)
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
    times = Counter(fold(piece.text) for piece in pieces if piece.kind != "cell")
    kept: list[_Piece] = []
    for place, piece in enumerate(pieces):
        if piece.linked >= _MAX_LINKED:
            # A heading over links is no heading of the article.
            while kept and kept[-1].kind == "heading":
                kept.pop()
            continue
        if piece.is_aside or times[fold(piece.text)] > 2 or _is_caption(piece):
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
    return fold(" ".join(parent.itertext())) == fold(piece.text)


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
    words = [word for word in fold(first.text).split() if not word[0].isdigit()]
    is_short = len(words) <= 4 and not first.text.endswith((".", "!", "?", "…", ":"))
    return len(part) > 1 and is_short and first.kind not in ("heading", "cell", "item")


_MONTHS = _words(
    "января февраля марта апреля мая июня июля августа сентября октября ноября декабря ýanwar fewral mart "
    "aprel maý iýun iýul awgust sentýabr oktýabr noýabr dekabr january february march april may june july "
    "august september october november december"
)


def _is_dateline(text: str) -> bool:
    """Tell whether a text is a date, a time or a count of views, and nothing else."""
    words = fold(text).split()
    return len(words) <= 8 and all(word[0].isdigit() or word in _MONTHS for word in words)


def _without_title(blocks: list[Block], title: str | None) -> list[Block]:
    """Drop the title from the head of the body; a first sentence of the same words is none."""
    folded = fold(title or "")
    is_title = [fold(block.text) == folded and not block.text.endswith(".") for block in blocks]
    return blocks[next((at for at, same in enumerate(is_title) if not same), len(blocks)) :]


# ---------------------------------------------------------------------------------------------------------
# Bodies that scripts would have drawn
# ---------------------------------------------------------------------------------------------------------


_BODY_KEYS = frozenset(("articlebody", "body", "content", "text", "html", "description", "fulltext"))


def _embedded_blocks(tree: HtmlElement) -> list[Block]:
    """Return the article in the page's data, for pages that a script would draw: the longest body there."""
    bodies = []
    for script in tree.iter("script"):
        if script.get("type", "").lower() in ("application/ld+json", "application/json"):
            for item in objects(script):
                bodies += [
                    value
                    for key, value in item.items()
                    if isinstance(value, str) and key.lower() in _BODY_KEYS and len(value) <= MAX_CHARS
                ]
    best = max(bodies, key=len, default="")
    if _count_words(best) < _FEW_WORDS:
        return []
    if "<" not in best:
        return [Block("paragraph", text) for text in map(clean_line, best.split("\n")) if text]
    pieces = _Reader().read(_parse(f"<div>{best}</div>"))
    return [Block(piece.kind, piece.text) for piece in pieces if piece.linked < _MAX_LINKED]
