"""The layout reader's input: words and rules of a page, through pdfminer.six."""

from __future__ import annotations

import functools
import itertools
import re
from typing import Any

from pdfminer.pdfdevice import PDFTextDevice
from pdfminer.pdffont import PDFUnicodeNotDefined
from pdfminer.pdfinterp import PDFPageInterpreter
from pdfminer.pdftypes import int_value, stream_value
from pdfminer.psparser import LIT
from pdfminer.utils import apply_matrix_pt, mult_matrix

from stages.extract.pdf.book import Word
from stages.extract.pdf.fonts import has_odd_letters
from stages.extract.pdf.plain import is_bold_name

# A gap wider than this many sizes ends a word. Kerning stays below 0.1; a space, even squeezed, above 0.2.
WORD_GAP = 0.15


class _Glyphs:
    """The characters and widths of a font's codes, looked up once; it keeps the font alive with them."""

    def __init__(self, font: Any) -> None:
        self.font = font
        name = getattr(font, "basefont", None) or font.fontname or ""
        self.name: str = name.decode("latin-1") if isinstance(name, bytes) else str(name)
        # The character (None for a space) and the width of an em of size 1.
        self.known: dict[int, tuple[str | None, float]] = {}
        self.is_odd = False

    def look_up(self, cid: int) -> tuple[str | None, float]:
        try:
            char = self.font.to_unichr(cid)
        except PDFUnicodeNotDefined:
            char = f"(cid:{cid})"
        if not char or char.isspace() or char == "\x00":
            return None, self.font.char_width(cid)
        if not self.is_odd:
            self.is_odd = has_odd_letters(char)
        return char, self.font.char_width(cid)


class PageDevice(PDFTextDevice):
    """Collects words as the interpreter draws them.

    It works on whole strings: pdfminer's own analyser makes an object of each glyph and then groups
    them, which takes about half of its time. Words that are not horizontal are kept apart in ``turned``.
    """

    def __init__(self, manager: Any) -> None:
        super().__init__(manager)
        self.words: list[Word] = []
        self._bold: dict[str, bool] = {}

    def begin_page(self, page: Any, ctm: Any) -> None:
        self.words = []
        # Of this page only: whether a font is odd must not depend on the pages read before.
        self._fonts: dict[int, _Glyphs] = {}
        self._by_name: dict[str, _Glyphs] = {}
        self.turned: list[Word] = []
        # (x0, y0, x1, y1) with y downwards: thin boxes that are drawn.
        self.rules: list[tuple[float, float, float, float]] = []
        left, bottom, right, top = page.mediabox
        corners = [apply_matrix_pt(ctm, corner) for corner in ((left, bottom), (right, top))]
        self.width = abs(corners[1][0] - corners[0][0])
        self.height = abs(corners[1][1] - corners[0][1])
        self._drawn: set[tuple[str, int, int]] = set()
        self._open: list[str] = []
        self._box = (0.0, 0.0, 0.0, 0.0, "", 0.0)

    def end_page(self, page: Any) -> None:
        self._close()

    def _close(self) -> None:
        if not self._open:
            return
        text = "".join(self._open)
        self._open = []
        x0, x1, y, size, font, tilt = self._box
        # The same word drawn again within a third of its size is a makeshift bold or a shadow.
        step = max(size / 3.0, 1.0)
        place = (text, round(x0 / step), round(y / step))
        if place in self._drawn:
            return
        self._drawn.add(place)
        bold = self._bold.get(font)
        if bold is None:
            bold = self._bold[font] = is_bold_name(font)
        word = Word(text, x0, x1, y, size, font, bold)
        (self.turned if tilt else self.words).append(word)

    def render_string(self, textstate: Any, seq: Any, ncs: Any, graphicstate: Any) -> None:
        a, b, c, d, e, f = mult_matrix(textstate.matrix, self.ctm)
        font, size = textstate.font, textstate.fontsize
        glyphs = self._glyphs_of(font)
        scaling = textstate.scaling * 0.01
        charspace = textstate.charspace * scaling
        wordspace = 0.0 if font.is_multibyte() else textstate.wordspace * scaling
        # Turned text is measured along its own baseline.
        tilt = 1.0 if abs(b) > 1e-3 * abs(a) or a < 0 else 0.0
        stretch = (a * a + b * b) ** 0.5
        body = abs(size) * (c * c + d * d) ** 0.5
        unit = 0.001 * size * scaling
        full = size * scaling
        x, y = textstate.linematrix
        raised = y + textstate.rise
        # For level text the height is that of the whole string, and x runs from shift.
        base = self.height - (b * x + d * raised + f)
        shift = b * y if tilt else c * raised + e
        limit = WORD_GAP * body + max(charspace, 0.0) * stretch
        back = -0.4 * body
        pieces = self._open
        ox0, ox1, oy, osize, ofont, otilt = self._box
        if pieces and self._is_apart(base, body, tilt, glyphs):
            self._close()
            pieces = self._open
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
                        pieces = self._end_word((ox0, ox1, oy, osize, ofont, otilt))
                else:
                    left = a * x + shift
                    if pieces and not back < left - ox1 < limit:
                        pieces = self._end_word((ox0, ox1, oy, osize, ofont, otilt))
                    if not pieces:
                        ox0, oy, osize, ofont, otilt = left, base, body, name, tilt
                    pieces.append(char)
                    ox1 = left + advance * stretch
                x += advance
                if cid == 32 and wordspace:
                    x += wordspace
                wants_charspace = True
        self._box = (ox0, ox1, oy, osize, ofont, otilt)
        if font.is_vertical():
            self._close()
        textstate.linematrix = (x, y)

    def _glyphs_of(self, font: Any) -> _Glyphs:
        glyphs = self._fonts.get(id(font))
        if glyphs is None:
            glyphs = self._fonts[id(font)] = _Glyphs(font)
            self._by_name[glyphs.name] = glyphs
        return glyphs

    def _is_apart(self, base: float, body: float, tilt: float, glyphs: _Glyphs) -> bool:
        """Tell whether a string starts a new word by its height, size, direction or font."""
        _, _, y, size, font, old_tilt = self._box
        if abs(base - y) > 0.1 * body or abs(body - size) > 0.12 * size or tilt != old_tilt:
            return True
        # A change of font inside a word matters only where one of the two may be broken.
        return glyphs.name != font and (
            glyphs.is_odd or (font in self._by_name and self._by_name[font].is_odd)
        )

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
    """A PDF opened with pdfminer.six, read page by page in rising order."""

    def __init__(self, path: str) -> None:
        from pdfminer.pdfdocument import PDFDocument
        from pdfminer.pdfinterp import PDFResourceManager
        from pdfminer.pdfpage import PDFPage
        from pdfminer.pdfparser import PDFParser

        self._file = open(path, "rb")  # noqa: SIM115 - closed in close()
        try:
            document = PDFDocument(PDFParser(self._file), caching=True)
            self._pages = PDFPage.create_pages(document)
            manager = PDFResourceManager(caching=True)
            self.device = PageDevice(manager)
            self._interpreter = FastInterpreter(manager, self.device)
        except BaseException:
            self._file.close()
            raise
        self.next_index = 0
        # Length of the last page's content as it is packed in the file.
        self.content_bytes = 0

    def read(self, index: int) -> PageDevice:
        """Interpret page ``index`` (from 0, not below ``next_index``) and return the filled device.

        Raises IndexError when the file has no such page.
        """
        while True:
            page = next(self._pages, None)
            if page is None:
                raise IndexError(f"pdfminer.six finds only {self.next_index} pages")
            self.next_index += 1
            if self.next_index == index + 1:
                self._interpreter.process_page(page)
                streams = (stream_value(item) for item in page.contents)
                self.content_bytes = sum(int_value(stream.attrs.get("Length", 0)) for stream in streams)
                return self.device

    def count(self) -> int:
        """Return the number of pages; nothing can be read afterwards."""
        return sum(1 for _ in self._pages)

    def close(self) -> None:
        """Close the file and drop what was cached."""
        self._file.close()
