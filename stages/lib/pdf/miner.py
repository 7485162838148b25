"""The layout reader's input: words and rules of a page, through pdfminer.six."""

from __future__ import annotations

import itertools
from typing import Any

from pdfminer.pdfdevice import PDFTextDevice
from pdfminer.pdffont import PDFUnicodeNotDefined
from pdfminer.utils import apply_matrix_pt, mult_matrix

from stages.lib.pdf.book import Word
from stages.lib.pdf.plain import is_bold_name

# A gap wider than this many sizes ends a word. Kerning stays below 0.1; a space, even squeezed, above 0.2.
WORD_GAP = 0.15


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
        matrix = mult_matrix(textstate.matrix, self.ctm)
        font = textstate.font
        size = textstate.fontsize
        scaling = textstate.scaling * 0.01
        charspace = textstate.charspace * scaling
        wordspace = 0.0 if font.is_multibyte() else textstate.wordspace * scaling
        a, b, c, d, e, f = matrix
        # Turned text is measured along its own baseline.
        tilt = 1.0 if abs(b) > 1e-3 * abs(a) or a < 0 else 0.0
        stretch = (a * a + b * b) ** 0.5
        body = abs(size) * (c * c + d * d) ** 0.5
        unit = 0.001 * size * scaling
        x, y = textstate.linematrix
        vertical = font.is_vertical()
        name = getattr(font, "basefont", None) or font.fontname or ""
        if isinstance(name, bytes):
            name = name.decode("latin-1")
        to_text, width_of = font.to_unichr, font.char_width
        rise = textstate.rise
        limit = WORD_GAP * body + charspace * stretch
        wants_charspace = False
        pieces = self._open
        ox0, ox1, oy, osize, ofont, otilt = self._box
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
                try:
                    char = to_text(cid)
                except PDFUnicodeNotDefined:
                    char = f"(cid:{cid})"
                advance = width_of(cid) * size * scaling
                if char.isspace() or not char or char == "\x00":
                    if pieces:
                        self._box = (ox0, ox1, oy, osize, ofont, otilt)
                        self._close()
                        pieces = self._open
                else:
                    if tilt:
                        left = (a * x + b * y) * 1.0
                        base = self.height - (b * x + d * (y + rise) + f)
                    else:
                        left = a * x + c * (y + rise) + e
                        base = self.height - (d * (y + rise) + f)
                    right = left + advance * stretch
                    if pieces and (
                        abs(base - oy) > 0.1 * body
                        or not -0.4 * body < left - ox1 < limit
                        or abs(body - osize) > 0.12 * osize
                        or tilt != otilt
                        or (name != ofont and self._needs_spans(char, pieces))
                    ):
                        self._box = (ox0, ox1, oy, osize, ofont, otilt)
                        self._close()
                        pieces = self._open
                    if not pieces:
                        ox0, oy, osize, ofont, otilt = left, base, body, name, tilt
                    pieces.append(char)
                    ox1 = right
                x += advance
                if cid == 32 and wordspace:
                    x += wordspace
                wants_charspace = True
        self._box = (ox0, ox1, oy, osize, ofont, otilt)
        if vertical:
            self._close()
        textstate.linematrix = (x, y)

    def _needs_spans(self, char: str, pieces: list[str]) -> bool:
        # A change of font inside a word matters only where one of the fonts may be broken.
        return not (char.isascii() and pieces[-1].isascii()) and (
            ord(char[0]) > 0x2000 or ord(pieces[-1][0]) > 0x2000 or char.startswith("(cid:")
        )

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


class MinerDocument:
    """A PDF opened with pdfminer.six, read page by page in rising order."""

    def __init__(self, path: str) -> None:
        from pdfminer.pdfdocument import PDFDocument
        from pdfminer.pdfinterp import PDFPageInterpreter, PDFResourceManager
        from pdfminer.pdfpage import PDFPage
        from pdfminer.pdfparser import PDFParser

        self._file = open(path, "rb")  # noqa: SIM115 - closed in close()
        try:
            document = PDFDocument(PDFParser(self._file), caching=True)
            self._pages = PDFPage.create_pages(document)
            manager = PDFResourceManager(caching=True)
            self.device = PageDevice(manager)
            self._interpreter = PDFPageInterpreter(manager, self.device)
        except BaseException:
            self._file.close()
            raise
        self.next_index = 0

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
                return self.device

    def count(self) -> int:
        """Return the number of pages; nothing can be read afterwards."""
        return sum(1 for _ in self._pages)

    def close(self) -> None:
        """Close the file and drop what was cached."""
        self._file.close()
