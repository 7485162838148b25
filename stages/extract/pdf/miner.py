"""The layout reader's input: words and rules of a page, through pdfminer.six."""

from __future__ import annotations

import functools
import itertools
import math
import re
from collections import Counter
from typing import Any

from pdfminer.pdfdevice import PDFTextDevice
from pdfminer.pdffont import PDFUnicodeNotDefined
from pdfminer.pdfinterp import PDFPageInterpreter
from pdfminer.pdfpage import PDFPage
from pdfminer.pdftypes import dict_value, int_value, list_value, stream_value
from pdfminer.psexceptions import PSException
from pdfminer.psparser import LIT
from pdfminer.utils import MATRIX_IDENTITY, apply_matrix_pt, mult_matrix

from stages.extract.pdf.book import Word
from stages.extract.pdf.plain import is_bold_name

# A gap wider than this many sizes ends a word. Kerning stays below 0.1; a space, even squeezed, above 0.2.
WORD_GAP = 0.15
# Text that rises less than this for a point along its line is level, and on a page that was straightened.
LEVEL, LEVEL_AFTER_TURN = 0.005, 0.03
# Page trees deeper than this are damaged.
_TREE_DEPTH = 50
_PAGE = LIT("Page")
# Some fonts have a glyph for two letters; nobody looks for a word by it.
_LIGATURES = {"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st"}


Box = tuple[float, float, float, float]


class _Glyphs:
    """The characters and widths of a font's codes, looked up once; it keeps the font alive with them."""

    def __init__(self, font: Any) -> None:
        self.font = font
        name = getattr(font, "basefont", None) or font.fontname or ""
        self.name: str = name.decode("latin-1") if isinstance(name, bytes) else str(name)
        # The character (None for a space) and the width of an em of size 1.
        self.known: dict[int, tuple[str | None, float]] = {}

    def look_up(self, cid: int) -> tuple[str | None, float]:
        try:
            char = self.font.to_unichr(cid)
        except PDFUnicodeNotDefined:
            char = f"(cid:{cid})"
        if not char or char.isspace() or char == "\x00":
            return None, self.font.char_width(cid)
        return _LIGATURES.get(char, char), self.font.char_width(cid)


def visible_box(page: Any) -> Box:
    """Return what is shown of a page: the part of its media box inside its crop box."""
    sheet, crop = (_bounds(box, MATRIX_IDENTITY) for box in (page.mediabox, page.cropbox))
    box = (*map(max, sheet[:2], crop[:2]), *map(min, sheet[2:], crop[2:]))
    return box if box[0] < box[2] and box[1] < box[3] else sheet


def _bounds(box: Box, matrix: Any) -> Box:
    x0, y0, x1, y1 = box
    corners = [apply_matrix_pt(matrix, corner) for corner in ((x0, y0), (x0, y1), (x1, y0), (x1, y1))]
    xs, ys = zip(*corners, strict=True)
    return min(xs), min(ys), max(xs), max(ys)


class PageDevice(PDFTextDevice):
    """Collects words as the interpreter draws them.

    It works on whole strings: pdfminer's own analyser makes an object of each glyph and then groups
    them, which takes about half of its time. Words that are not horizontal are kept apart in ``turned``.
    """

    def __init__(self, manager: Any) -> None:
        super().__init__(manager)
        self.words: list[Word] = []
        self.level = LEVEL
        self._bold: dict[str, bool] = {}

    def begin_page(self, page: Any, ctm: Any) -> None:
        self.words = []
        self._fonts: dict[int, _Glyphs] = {}
        self.turned: list[Word] = []
        # Letters of turned words by the direction of their line, in tenths of a degree, counterclockwise.
        self.directions: Counter[int] = Counter()
        # Words outside the page's box.
        self.outside = 0
        x0, y0, x1, y1 = _bounds(visible_box(page), ctm)
        self.width, self.height = x1 - x0, y1 - y0
        # Thin boxes that are drawn, y downwards.
        self.rules: list[Box] = []
        self._drawn: set[tuple[str, int, int]] = set()
        self._open: list[str] = []
        # The font of each part of the open word, and the place in it where the part starts.
        self._parts: list[tuple[int, str]] = []
        self._box = (0.0, 0.0, 0.0, 0.0, "", 0.0)

    def end_page(self, page: Any) -> None:
        self._close()

    def main_direction(self) -> float:
        """Return the direction of most letters in degrees, 0 if it is level."""
        if not self.directions:
            return 0.0
        near = {
            tenth: sum(self.directions[other] for other in range(tenth - 15, tenth + 16))
            for tenth in self.directions
        }
        main = max(near, key=lambda tenth: (near[tenth], -tenth))
        if near[main] <= sum(len(word.text) for word in self.words):
            return 0.0
        around = {tenth: self.directions[tenth] for tenth in range(main - 15, main + 16)}
        return sum(tenth * n for tenth, n in around.items()) / (10 * near[main])

    def _close(self) -> None:
        if not self._open:
            return
        text = "".join(self._open)
        x0, x1, y, size, font, angle = self._box
        spans = self._split(font) if self._parts else ()
        self._open = []
        # The same word drawn again within a third of its size is a makeshift bold or a shadow.
        step = max(size / 3.0, 1.0)
        place = (text, round(x0 / step), round(y / step))
        if place in self._drawn:
            return
        self._drawn.add(place)
        bold = self._bold.get(font)
        if bold is None:
            bold = self._bold[font] = is_bold_name(font)
        word = Word(text, x0, x1, y, size, font, bold, spans)
        if angle:
            self.turned.append(word)
            self.directions[round(10 * angle) % 3600] += len(text)
        elif 0.0 <= (x0 + x1) / 2 <= self.width and 0.0 <= y - 0.3 * size <= self.height:
            self.words.append(word)
        else:
            self.outside += 1

    def _split(self, font: str) -> tuple[tuple[str, str], ...]:
        starts = [0, *(start for start, _ in self._parts), len(self._open)]
        fonts = [font, *(name for _, name in self._parts)]
        self._parts = []
        texts = ("".join(self._open[start:stop]) for start, stop in itertools.pairwise(starts))
        return tuple((name, text) for name, text in zip(fonts, texts, strict=True) if text)

    def _render_vertical(self, textstate: Any, seq: Any) -> None:
        """Take a string that runs downwards as one word, as wide as a glyph."""
        self._close()
        font, (x, y) = textstate.font, textstate.linematrix
        x0, bottom = apply_matrix_pt(mult_matrix(textstate.matrix, self.ctm), (x, y))
        size, glyphs = abs(textstate.fontsize), self._glyphs_of(font)
        for item in seq:
            if isinstance(item, (int, float)):
                y -= 0.001 * item * textstate.fontsize
                continue
            for cid in font.decode(item) if isinstance(item, bytes) else ():
                char, width = glyphs.look_up(cid)
                self._open.append(char or "")
                y += width * textstate.fontsize + textstate.charspace
        self._box = (x0, x0 + size, self.height - bottom, size, glyphs.name, 0.0)
        self._close()
        textstate.linematrix = (x, y)

    def render_string(self, textstate: Any, seq: Any, ncs: Any, graphicstate: Any) -> None:
        font, size = textstate.font, textstate.fontsize
        if font.is_vertical():
            self._render_vertical(textstate, seq)
            return
        glyphs = self._glyphs_of(font)
        a, stretch, body, base, shift, angle, sense = self._measure(textstate)
        scaling = textstate.scaling * 0.01
        charspace = textstate.charspace * scaling * sense
        wordspace = 0.0 if font.is_multibyte() else textstate.wordspace * scaling * sense
        full = abs(size * scaling)
        unit = 0.001 * full
        x, y = textstate.linematrix
        x *= sense
        limit = WORD_GAP * body + max(charspace, 0.0) * stretch
        back = -0.4 * body
        pieces = self._go_on(base, body, angle, glyphs.name)
        ox0, ox1, oy, osize, ofont, oangle = self._box
        name, known, wants_charspace = glyphs.name, glyphs.known, False
        for item in seq:
            if isinstance(item, (int, float)):
                x -= item * unit
                wants_charspace = True
                continue
            if not isinstance(item, bytes):
                continue
            for cid in font.decode(item):
                if wants_charspace:
                    x += charspace
                glyph = known.get(cid)
                if glyph is None:
                    glyph = known[cid] = glyphs.look_up(cid)
                char, width = glyph
                advance = width * full
                if char is None:
                    if pieces:
                        pieces = self._end_word((ox0, ox1, oy, osize, ofont, oangle))
                else:
                    left = a * x + shift
                    if pieces and not back < left - ox1 < limit:
                        pieces = self._end_word((ox0, ox1, oy, osize, ofont, oangle))
                    if not pieces:
                        ox0, oy, osize, ofont, oangle = left, base, body, name, angle
                    pieces.append(char)
                    ox1 = left + advance * stretch
                x += advance
                if cid == 32 and wordspace:
                    x += wordspace
                wants_charspace = True
        self._box = (ox0, ox1, oy, osize, ofont, oangle)
        textstate.linematrix = (x * sense, y)

    def _measure(self, textstate: Any) -> tuple[float, float, float, float, float, float, float]:
        """Return how a string runs: its x axis, stretch, size, baseline, start, angle, and sense.

        The sense is -1 for a font of negative size, which runs against its own axis.
        """
        a, b, c, d, e, f = mult_matrix(textstate.matrix, self.ctm)
        sense = -1.0 if textstate.fontsize * textstate.scaling < 0 else 1.0
        a, b = a * sense, b * sense
        # Turned text is measured along its own baseline.
        angle = math.degrees(math.atan2(b, a)) if abs(b) > self.level * abs(a) or a < 0 else 0.0
        x, y = textstate.linematrix
        raised = y + textstate.rise
        stretch = (a * a + b * b) ** 0.5
        # x runs from shift; for level text the height is that of the whole string.
        shift, base = c * raised + e, b * x * sense + d * raised + f
        if angle:
            base -= b * x * sense
            shift, base = (shift * a + base * b) / stretch, (base * a - shift * b) / stretch
            a = stretch
        body = abs(textstate.fontsize) * (c * c + d * d) ** 0.5
        return a, stretch, body, self.height - base, shift, angle, sense

    def _go_on(self, base: float, body: float, angle: float, font: str) -> list[str]:
        """Return the word that is open for a string that starts here; it is closed if the string is apart."""
        if self._open:
            if self._is_apart(base, body, angle):
                self._close()
            elif font != (self._parts[-1][1] if self._parts else self._box[4]):
                self._parts.append((len(self._open), font))
        return self._open

    def _glyphs_of(self, font: Any) -> _Glyphs:
        glyphs = self._fonts.get(id(font))
        if glyphs is None:
            glyphs = self._fonts[id(font)] = _Glyphs(font)
        return glyphs

    def _is_apart(self, base: float, body: float, angle: float) -> bool:
        """Tell whether a string starts a new word by its height, size or direction.

        Small capitals stand on the baseline of their word; raised digits and large initials do not, or
        differ more in size.
        """
        _, _, y, size, _, old_angle = self._box
        return abs(base - y) > 0.1 * body or not 0.62 < body / size < 1.6 or angle != old_angle

    def _end_word(self, box: tuple[float, float, float, float, str, float]) -> list[str]:
        self._box = box
        self._close()
        return self._open

    def paint_path(self, graphicstate: Any, stroke: bool, fill: bool, evenodd: bool, path: Any) -> None:
        points = [apply_matrix_pt(self.ctm, segment[-2:]) for segment in path if len(segment) >= 3]
        if not points or len(self.rules) > 5000:
            return
        if path[0][0] == "m" and any(segment[0] == "m" for segment in path[1:]) and len(path) > 2:
            for first, second in itertools.pairwise(path):
                if first[0] == "m" and second[0] == "l":
                    self._add_rule([apply_matrix_pt(self.ctm, s[-2:]) for s in (first, second)])
            return
        self._add_rule(points, outline=stroke)

    def _add_rule(self, points: list[tuple[float, float]], outline: bool = False) -> None:
        xs, ys = [p[0] for p in points], [self.height - p[1] for p in points]
        x0, x1, y0, y1 = min(xs), max(xs), min(ys), max(ys)
        if x1 - x0 < 3.0 or y1 - y0 < 3.0:
            self.rules.append((x0, y0, x1, y1))
        elif outline:
            self.rules += [(x0, y0, x1, y0), (x0, y1, x1, y1), (x0, y0, x0, y1), (x1, y0, x1, y1)]


class _Unusual(Exception):
    """The content has something that only pdfminer.six's own tokenizer reads."""


_TOKEN = re.compile(
    rb"""[\s\x00]+ | %[^\r\n]*
    | (?P<number>[-+]?(?:\d+\.?\d*|\.\d+)(?=[\s\x00/\[\]()<>{}%]|$))
    | (?P<string>\([^()\\]*(?:\\.[^()\\]*)*\))
    | (?P<word>[A-Za-z'"][A-Za-z0-9*]*)
    | (?P<name>/[^\s\x00/\[\]()<>{}%]*)
    | (?P<hex><[0-9A-Fa-f\s]*>)
    | (?P<open>\[|<<) | (?P<close>\]|>>)
    | (?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(rb"\\([0-7]{1,3}|\r\n|.)", re.DOTALL)
_ESCAPED = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}
_ESCAPED |= dict.fromkeys((b"\n", b"\r", b"\r\n"), b"")
_CONSTANTS = {b"true": True, b"false": False, b"null": None}
# Colours, line styles and marks, which say nothing about where text stands.
_IGNORED = frozenset(
    b"g G rg RG k K cs CS sc SC scn SCN w J j M d ri i gs MP DP BMC BDC EMC BX EX sh d0 d1".split()
)


def _unescape(match: re.Match[bytes]) -> bytes:
    code = match.group(1)
    if code[:1] in b"01234567":
        return bytes([int(code, 8) & 255])
    return _ESCAPED.get(code, code)


class FastInterpreter(PDFPageInterpreter):
    """pdfminer.six's interpreter with a tokenizer that is one regular expression.

    pdfminer.six reads content in slices of 4 KB, a token at a time, which takes more than half of its
    time. What the expression does not cover (inline images, names with #, strings with parentheses
    inside) is left to pdfminer.six, a whole stream at a time.
    """

    def draw(self, page: Any, turn: float = 0.0) -> None:
        """Interpret a page as it is shown, and turned by so many degrees more (clockwise)."""
        angle = math.radians(90 * round(page.rotate / 90) + turn)
        cos, sin = round(math.cos(angle), 9), round(math.sin(angle), 9)
        x0, y0, _, _ = _bounds(visible_box(page), (cos, -sin, sin, cos, 0.0, 0.0))
        matrix = (cos, -sin, sin, cos, -x0, -y0)
        self.device.level = LEVEL_AFTER_TURN if turn else LEVEL
        self.device.begin_page(page, matrix)
        self.render_contents(page.resources, page.contents, ctm=matrix)
        self.device.end_page(page)

    def execute(self, streams: Any) -> None:
        try:
            program = _compile(self._data(streams))
        except _Unusual:
            super().execute(streams)
            return
        for method, arguments in program:
            getattr(self, method)(*arguments)

    def _data(self, streams: Any) -> bytes:
        # As the base class does: a form that draws itself is not followed.
        self.stream_ids.clear()
        parts = []
        for item in streams:
            stream = stream_value(item)
            if stream.objid is None:
                raise _Unusual
            if stream.objid not in self.parent_stream_ids:
                self.stream_ids.add(stream.objid)
                parts.append(stream.get_data())
        return b"\n".join(parts)

    def do_TJ(self, seq: Any) -> None:
        if self.textstate.font is not None:
            self.device.render_string(self.textstate, seq, None, None)


def _compile(data: bytes) -> list[tuple[str, list[Any]]]:
    """Return the methods of the interpreter that a content stream calls, with their arguments."""
    program: list[tuple[str, list[Any]]] = []
    stack: list[Any] = []
    nests: list[tuple[bytes, list[Any]]] = []
    for match in _TOKEN.finditer(data):
        kind = match.lastgroup
        if kind is None:
            continue
        token = match.group()
        if kind == "number":
            stack.append(float(token) if b"." in token else int(token))
        elif kind == "string":
            text = token[1:-1]
            stack.append(_ESCAPE.sub(_unescape, text) if b"\\" in text else text)
        elif kind == "word":
            if token in _CONSTANTS:
                stack.append(_CONSTANTS[token])
                continue
            if token == b"BI" or nests:
                raise _Unusual
            method, count = _operator(token)
            if not count:
                if method:
                    program.append((method, []))
                elif token in _IGNORED:
                    stack.clear()
                continue
            if len(stack) >= count:
                program.append((method, stack[-count:]))
                del stack[-count:]
        elif kind == "name":
            if b"#" in token:
                raise _Unusual
            try:
                stack.append(LIT(token[1:].decode("utf-8")))
            except UnicodeDecodeError:
                raise _Unusual from None
        elif kind == "hex":
            digits = b"".join(token[1:-1].split())
            stack.append(bytes.fromhex((digits + b"0" * (len(digits) % 2)).decode()))
        elif kind == "open":
            nests.append((token, stack))
            stack = []
        elif kind == "close":
            if not nests or (nests[-1][0] == b"[") is not (token == b"]"):
                raise _Unusual
            items: Any = stack
            if token == b">>":
                items = {}
            _, stack = nests.pop()
            stack.append(items)
        else:
            raise _Unusual
    return program


@functools.cache
def _operator(token: bytes) -> tuple[str, int]:
    """Return the method of an operator and the number of its operands; "" for one that is ignored."""
    name = token.decode("ascii").replace("*", "_a").replace('"', "_w").replace("'", "_q")
    method = getattr(PDFPageInterpreter, f"do_{name}", None)
    if token in _IGNORED or method is None:
        return "", 0
    return f"do_{name}", method.__code__.co_argcount - 1


class MinerDocument:
    """A PDF opened with pdfminer.six, read page by page in any order."""

    def __init__(self, path: str) -> None:
        from pdfminer.pdfdocument import PDFDocument
        from pdfminer.pdfinterp import PDFResourceManager
        from pdfminer.pdfparser import PDFParser

        self._file = open(path, "rb")  # noqa: SIM115 - closed in close()
        try:
            self._document = PDFDocument(PDFParser(self._file), caching=True)
            manager = PDFResourceManager(caching=True)
            self.device = PageDevice(manager)
            self._interpreter = FastInterpreter(manager, self.device)
        except BaseException:
            self._file.close()
            raise
        # Length of the last page's content as it is packed in the file.
        self.content_bytes = 0

    def read(self, index: int) -> PageDevice:
        """Interpret page ``index`` (from 0) and return the filled device.

        Raises IndexError when the file has no such page.
        """
        page = self._find_page(index)
        self._interpreter.draw(page)
        # Most text runs in one other direction: upright text on a turned page, or a skewed scan.
        if turn := self.device.main_direction():
            self._interpreter.draw(page, turn)
        streams = (stream_value(item) for item in page.contents)
        self.content_bytes = sum(int_value(stream.attrs.get("Length", 0)) for stream in streams)
        return self.device

    def _find_page(self, index: int) -> PDFPage:
        try:
            page = self._descend(index)
        except (PSException, LookupError, AttributeError):
            page = None
        if page is None:
            # The tree does not say how many pages are where, or it is broken: pdfminer.six goes through all.
            page = next(itertools.islice(PDFPage.create_pages(self._document), index, None), None)
        if page is None:
            raise IndexError(f"pdfminer.six finds only {self.count()} pages")
        return page

    def _descend(self, index: int) -> PDFPage | None:
        """Return a page by the counts of the page tree, without the pages before it; None if they lie."""
        node: Any = self._document.catalog["Pages"]
        inherited: dict[str, Any] = {}
        for _ in range(_TREE_DEPTH):
            attributes = dict_value(node)
            inherited |= {key: attributes[key] for key in PDFPage.INHERITABLE_ATTRS if key in attributes}
            if "Kids" not in attributes:
                is_page = index == 0 and attributes.get("Type") is _PAGE
                return (
                    PDFPage(self._document, node.objid, {**inherited, **attributes}, None)
                    if is_page
                    else None
                )
            kids = list_value(attributes["Kids"])
            if int_value(attributes["Count"]) == len(kids):
                # Each is a page.
                node, index = kids[index], 0
                continue
            for node in kids:
                child = dict_value(node)
                count = int_value(child["Count"]) if "Kids" in child else 1
                if index < count:
                    break
                index -= count
        return None

    def count(self) -> int:
        """Return the number of pages."""
        return sum(1 for _ in PDFPage.create_pages(self._document))

    def close(self) -> None:
        """Close the file and drop what was cached."""
        self._file.close()
