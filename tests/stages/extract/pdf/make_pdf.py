"""Typesets textbooks as PDF, with a gold record of every block and every hyphen.

The fonts come from the wheel `font-source-serif-pro`; none is kept in the repository.
"""

from __future__ import annotations

import importlib.resources
import random
import re
import zlib
from dataclasses import dataclass, field
from pathlib import Path

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from tests.stages.extract.pdf import prose

WIDTH, HEIGHT = 482.0, 680.0
LEFT, RIGHT, TOP, BOTTOM = 54.0, 428.0, 622.0, 62.0
BODY, PITCH, INDENT = 10.5, 13.2, 16.0
NOTE, NOTE_PITCH = 8.4, 10.4
GUTTER = 20.0
# A digit between these marks is set as a raised note mark.
MARK = re.compile("\u0001(\\d+)")


@dataclass
class GoldBlock:
    """What a perfect reader would return for one block."""

    page: int
    kind: str
    text: str


@dataclass
class Gold:
    """The text of a typeset book as its author wrote it."""

    blocks: list[GoldBlock] = field(default_factory=list)
    # (whole word, page) for each word that was broken at a line end.
    hyphens: list[tuple[str, int]] = field(default_factory=list)
    running: set[str] = field(default_factory=set)
    pages: int = 0


def font_path(weight: str = "Regular") -> Path:
    """Return the file of a font that has all Russian and Turkmen letters."""
    return (
        Path(str(importlib.resources.files("font_source_serif_pro"))) / f"files/SourceSerifPro-{weight}.ttf"
    )


def register_fonts() -> None:
    """Make the fonts known to reportlab as Body, Bold and Italic."""
    for name, weight in (("Body", "Regular"), ("Bold", "Bold")):
        if name not in pdfmetrics.getRegisteredFontNames():
            pdfmetrics.registerFont(TTFont(name, str(font_path(weight))))


_VOWELS = set("аеёиоуыэюяaeiouyäöü")
_NO_START = set("йьъ")


def syllable_breaks(word: str) -> list[int]:
    """Return where a careful typesetter may break a word (index of the second part's first letter)."""
    lower = word.lower()
    breaks = []
    for i in range(2, len(lower) - 1):
        head, tail = lower[:i], lower[i:]
        if not (lower[i - 1].isalpha() and lower[i].isalpha()) or lower[i] in _NO_START:
            continue
        if len([c for c in tail if c.isalpha()]) < 3 or not (set(head) & _VOWELS and set(tail) & _VOWELS):
            continue
        # The second part starts with one consonant and a vowel.
        if lower[i] not in _VOWELS and i + 1 < len(lower) and lower[i + 1] in _VOWELS:
            breaks.append(i)
    return breaks


class Typesetter:
    """Sets blocks into frames, breaking lines, pages and words as a book does."""

    title = "Мир вокруг нас"

    def __init__(self, path: Path, seed: int) -> None:
        register_fonts()
        self.canvas = Canvas(str(path), pagesize=(WIDTH, HEIGHT), invariant=1, pageCompression=1)
        self.gold = Gold()
        self.random = random.Random(seed)
        # Some programs set a line at once, with word spacing, others each word by itself, without spaces.
        self.by_word = False
        self.chapter = ""
        self.page = 0
        self.open_chapter_page = False
        self.columns = 1
        self._new_page()

    # Pages and frames.

    def _new_page(self) -> None:
        if self.page:
            self._finish_page()
        self.page += 1
        self.bottom = BOTTOM
        self._pending: list[tuple[int, list[str]]] = []
        self._frames = [(LEFT, RIGHT, TOP)]
        self._enter_frame()

    def _enter_frame(self) -> None:
        self.x0, self.x1, self.y = self._frames.pop(0)

    def _next_frame(self) -> None:
        if self._frames:
            self._enter_frame()
        else:
            self._new_page()
            if self.columns == 2:
                self.split()

    def _finish_page(self) -> None:
        c = self.canvas
        if self._pending:
            y = self.bottom - NOTE_PITCH - 4
            c.setLineWidth(0.4)
            c.line(LEFT, y + 9, LEFT + 80, y + 9)
            for number, lines in self._pending:
                for i, line in enumerate(lines):
                    if i == 0:
                        c.setFont("Body", 5.6)
                        c.drawString(LEFT, y + 2.6, str(number))
                    c.setFont("Body", NOTE)
                    c.drawString(LEFT + (6 if i == 0 else 0), y, line)
                    y -= NOTE_PITCH
        c.setFont("Body", 8.8)
        if not self.open_chapter_page:
            if self.page % 2 == 0:
                c.drawString(LEFT, HEIGHT - 38, str(self.page))
                c.drawRightString(RIGHT, HEIGHT - 38, self.title)
                self.gold.running.add(self.title)
            else:
                c.drawString(LEFT, HEIGHT - 38, self.chapter)
                c.drawRightString(RIGHT, HEIGHT - 38, str(self.page))
                self.gold.running.add(self.chapter)
            c.setLineWidth(0.5)
            c.line(LEFT, HEIGHT - 42, RIGHT, HEIGHT - 42)
        c.drawCentredString((LEFT + RIGHT) / 2, 26, f"– {self.page} –")
        self.open_chapter_page = False
        c.showPage()

    # Lines.

    def _width(self, text: str, font: str, size: float) -> float:
        plain = MARK.sub("", text)
        marks = sum(len(m.group(1)) for m in MARK.finditer(text))
        return pdfmetrics.stringWidth(plain, font, size) + marks * 3.2

    def break_lines(
        self, text: str, width: float, font: str, size: float, indent: float, hyphenate: bool, broken=False
    ) -> list[tuple[str, bool]]:
        """Return (line, is it the last), greedily filled; ``_breaks`` holds the words broken at line ends.

        broken: the first word is the second part of one that was broken already. No word is broken twice.
        """
        words = text.split(" ")
        lines: list[tuple[str, bool]] = []
        self._breaks: dict[int, str] = {}
        line, room, run = "", width - indent, 0
        i = 0
        may_break = 1 if broken else 0
        while i < len(words):
            word = words[i]
            trial = f"{line} {word}" if line else word
            if self._width(trial, font, size) <= room:
                line, i = trial, i + 1
                continue
            fit = None
            if hyphenate and run < 3 and i >= may_break:
                options = (
                    [(k, False) for k in syllable_breaks(MARK.sub("", word))] if "\u0001" not in word else []
                )
                options += [(m.end(), True) for m in re.finditer(r"(?<=[^\W\d])-(?=[^\W\d])", word)]
                for k, is_own in sorted(options, reverse=True):
                    head = word[:k] if is_own else word[:k] + "-"
                    if is_own or "-" not in word:
                        candidate = f"{line} {head}" if line else head
                        if self._width(candidate, font, size) <= room:
                            fit = (candidate, word[k:])
                            break
            if fit:
                lines.append((fit[0], False))
                self._breaks[len(lines) - 1] = word
                words[i] = fit[1]
                may_break = i + 1
                run += 1
            else:
                lines.append((line, False))
                run = 0
            line, room = "", width
        lines.append((line, True))
        return lines

    def _draw(
        self, line: str, x: float, y: float, width: float, font: str, size: float, justify: bool
    ) -> None:
        text = self.canvas.beginText()
        text.setFont(font, size)
        gaps = line.count(" ")
        extra = (width - self._width(line, font, size)) / gaps if justify and gaps else 0.0
        text.setTextOrigin(x, y)
        text.setWordSpace(extra)
        cursor = x
        for k, part in enumerate(MARK.split(line)):
            if k % 2:
                text.setFont(font, 5.8)
                text.setTextOrigin(cursor, y + 3.4)
                text.textOut(part)
                cursor += 3.2 * len(part)
                text.setFont(font, size)
            elif part:
                for piece in re.findall(r" *[^ ]+", part) if self.by_word else [part]:
                    word = piece.lstrip(" ") if self.by_word else piece
                    skip = len(piece) - len(word)
                    cursor += skip * (pdfmetrics.stringWidth(" ", font, size) + extra)
                    text.setTextOrigin(cursor, y)
                    text.textOut(word)
                    cursor += pdfmetrics.stringWidth(word, font, size) + extra * word.count(" ")
        self.canvas.drawText(text)

    def _room(self, height: float) -> None:
        if self.y - height < self.bottom:
            self._next_frame()

    # Blocks.

    def paragraph(
        self, text: str, kind: str = "paragraph", indent: float = INDENT, notes: dict[int, str] | None = None
    ) -> None:
        """Set a justified, hyphenated paragraph; \\u0001N in the text is the mark of note N."""
        notes = notes or {}
        rest, first, broken = text, True, False
        block: GoldBlock | None = None
        # Columns may differ in width between pages, so lines are broken for one frame at a time.
        while rest:
            width = self.x1 - self.x0
            lines = self.break_lines(rest, width, "Body", BODY, indent if first else 0.0, True, broken)
            breaks = dict(self._breaks)
            used = 0
            for k, (line, is_last) in enumerate(lines):
                mark = MARK.search(line)
                need = 0.0
                if mark:
                    note_lines = self.break_lines(
                        notes[int(mark.group(1))], RIGHT - LEFT - 8, "Body", NOTE, 6, False
                    )
                    need = len(note_lines) * NOTE_PITCH + (0 if self._pending else 14)
                if self.y - PITCH - need < self.bottom and (k or self.y < TOP - 40 or self._frames):
                    break
                if mark:
                    self.bottom += need
                    self._pending.append((int(mark.group(1)), [t for t, _ in note_lines]))
                if block is None:
                    block = GoldBlock(self.page, kind, MARK.sub("", text))
                    self.gold.blocks.append(block)
                if mark:
                    self.gold.blocks.append(GoldBlock(self.page, "footnote", notes[int(mark.group(1))]))
                self.y -= PITCH
                shift = indent if first and k == 0 else 0.0
                self._draw(line, self.x0 + shift, self.y, width - shift, "Body", BODY, not is_last)
                if k in breaks:
                    self.gold.hyphens.append((breaks[k], self.page))
                used = k + 1
            if used == len(lines):
                return
            # What is left: the words of the lines that did not fit, broken words put together again.
            if used:
                first, broken = False, used - 1 in breaks
            left = []
            for k in range(used, len(lines)):
                line = lines[k][0]
                if k in breaks and not re.search(rf"(?<!\w){re.escape(_tail(line))}", breaks[k]):
                    line = line[:-1]
                left.append(line + ("" if k in breaks else " "))
            rest = "".join(left).strip()
            self._next_frame()

    def heading(self, text: str, size: float = 12.5, centred: bool = False) -> None:
        """Set a bold heading; a chapter heading is centred and spans the columns."""
        self._room(size * 4)
        self.y -= size * 0.9
        for line, _ in self.break_lines(text, self.x1 - self.x0, "Bold", size, 0, False):
            self.y -= size * 1.25
            x = (self.x0 + self.x1 - pdfmetrics.stringWidth(line, "Bold", size)) / 2 if centred else self.x0
            self._draw(line, x, self.y, 0, "Bold", size, False)
        self.y -= size * 0.5
        self.gold.blocks.append(GoldBlock(self.page, "heading", text))

    def formula(self, text: str) -> None:
        """Set a centred formula on a line of its own."""
        self._room(3 * PITCH)
        self.y -= PITCH * 1.5
        width = pdfmetrics.stringWidth(text, "Body", BODY)
        self._draw(text, (self.x0 + self.x1 - width) / 2, self.y, 0, "Body", BODY, False)
        self.y -= PITCH * 0.5
        self.gold.blocks.append(GoldBlock(self.page, "formula", text))

    def exercise(self, title: str, items: list[str]) -> None:
        """Set a bold exercise title and its numbered items."""
        self._room(4 * PITCH)
        self.y -= PITCH * 0.6
        self.y -= PITCH
        self._draw(title, self.x0, self.y, 0, "Bold", BODY, False)
        self.gold.blocks.append(GoldBlock(self.page, "exercise", title))
        for item in items:
            self.paragraph(item, kind="exercise", indent=INDENT)
        self.y -= PITCH * 0.4

    def table(self, rows: list[list[str]], caption: str, ruled: bool) -> None:
        """Set a caption and a table, with or without rules."""
        self._room((len(rows) + 4) * PITCH)
        self.y -= PITCH * 1.6
        size = 9.2
        self._draw(caption, self.x0, self.y, 0, "Bold", size, False)
        self.gold.blocks.append(GoldBlock(self.page, "caption", caption))
        self.y -= 6
        columns = len(rows[0])
        step = (self.x1 - self.x0) / columns
        top = self.y
        for row in rows:
            self.y -= 14
            for i, cell in enumerate(row):
                self._draw(cell, self.x0 + i * step + 4, self.y, 0, "Body", size, False)
            if ruled:
                self.canvas.setLineWidth(0.4)
                self.canvas.line(self.x0, self.y - 4, self.x1, self.y - 4)
        if ruled:
            self.canvas.line(self.x0, top, self.x1, top)
            for i in range(columns + 1):
                self.canvas.line(self.x0 + i * step, top, self.x0 + i * step, self.y - 4)
        self.y -= PITCH
        self.gold.blocks.append(GoldBlock(self.page, "table", "\n".join("\t".join(row) for row in rows)))

    def chapter_start(self, title: str) -> None:
        """Start a page with a chapter title, without a running header."""
        self.columns = 1
        if self.y < TOP:
            self._new_page()
        self.chapter = title
        self.open_chapter_page = True
        self.y -= 50
        self.heading(title, size=16, centred=True)

    def two_columns(self) -> None:
        """Go on in two columns from the next page on."""
        if self.y < TOP:
            self._new_page()
        self.columns = 2

    def split(self) -> None:
        """Split the rest of the page, below what spans it, into two columns."""
        middle = (LEFT + RIGHT) / 2
        self._frames = [(LEFT, middle - GUTTER / 2, self.y), (middle + GUTTER / 2, RIGHT, self.y)]
        self._enter_frame()

    def one_column(self) -> None:
        """Go on in one column from the next page on."""
        self.columns = 1
        self._new_page()

    def save(self) -> Gold:
        """Finish the file and return the gold record."""
        self._finish_page()
        self.gold.pages = self.page
        self.canvas.save()
        return self.gold


def _tail(line: str) -> str:
    return line.rsplit(" ", 1)[-1]


def make_book(path: Path, pages: int, seed: int = 1, rich: bool = True) -> Gold:
    """Typeset a Russian and Turkmen textbook of exactly this many pages.

    A rich book has two-column pages, footnotes, tables, formulas and exercises; a plain one has
    chapters of prose with running headers and page numbers only.
    """
    book = Typesetter(path, seed)
    rng = book.random
    texts = {lang: prose.Prose(lang, seed) for lang in ("ru", "tk")}
    note = figure = exercise = 0
    chapter = 0
    while book.page < pages:
        lang = "ru" if chapter % 2 == 0 else "tk"
        text = texts[lang]
        titles, sections = (prose.PHRASES[lang]["titles"], prose.PHRASES[lang]["sections"])
        number = chapter // 2
        name = titles[number % len(titles)]
        book.by_word = chapter % 2 == 1
        book.chapter_start(f"Глава {number + 1}. {name}" if lang == "ru" else f"{number + 1}-nji bap. {name}")
        last = min(pages, book.page + rng.randint(6, 16))
        while book.page < last:
            draw = rng.random() if rich else 0.0
            if draw < 0.56:
                body, notes = text.paragraph(rng.randint(2, 7)), {}
                if rich and book.columns == 1 and rng.random() < 0.12:
                    note += 1
                    cut = body.find(" ", len(body) // 2)
                    if body[cut - 1].isalpha():
                        body = f"{body[:cut]}\u0001{note % 9 + 1}{body[cut:]}"
                        notes[note % 9 + 1] = text.paragraph(rng.randint(1, 2))
                book.paragraph(body, notes=notes)
            elif draw < 0.68:
                book.heading(rng.choice(sections))
                book.paragraph(text.paragraph(4))
            elif draw < 0.76:
                exercise += 1
                items = [f"{k}) {text.sentence()}" for k in range(1, rng.randint(3, 5))]
                title = f"Упражнение {exercise}." if lang == "ru" else f"{exercise}-nji gönükme."
                book.exercise(title, items)
            elif draw < 0.84:
                a, b = rng.randint(2, 90), rng.randint(2, 90)
                area = f"S = a · b = {a} · {b} = {a * b}"
                book.formula(rng.choice([area, f"x² + {a}x − {b} = 0", f"v = s : t = {a} : {b}", "E = mc²"]))
                book.paragraph(text.paragraph(2))
            elif draw < 0.91 and book.columns == 1:
                figure += 1
                columns = rng.randint(3, 4)
                head = [text.words(1)[:14] for _ in range(columns)]
                rows = [head] + [
                    [text.words(1)[:14]] + [str(rng.randint(1, 9999)) for _ in range(columns - 1)]
                    for _ in range(rng.randint(3, 6))
                ]
                caption = f"Таблица {figure}." if lang == "ru" else f"{figure}-nji tablisa."
                book.table(rows, f"{caption} {text.words(2)}", ruled=rng.random() < 0.6)
            elif book.columns == 1 and book.page + 3 < last:
                book.two_columns()
                if rng.random() < 0.7:
                    book.heading(rng.choice(sections), size=14, centred=True)
                book.split()
                stop = book.page + rng.randint(1, 2)
                while book.page < stop:
                    book.paragraph(text.paragraph(rng.randint(2, 5)))
                book.one_column()
            else:
                book.paragraph(text.paragraph(3))
        chapter += 1
    return book.save()


# Small files written object by object: what no typesetter would produce.


def _pdf(objects: list[bytes]) -> bytes:
    """Return a PDF of these objects (numbered from 1, the first is the catalogue)."""
    out = b"%PDF-1.4\n"
    offsets = []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    return out + b"trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)


def stream(data: bytes, compress: bool = False) -> bytes:
    """Return a stream object with this content."""
    if compress:
        data = zlib.compress(data)
        return b"<</Length %d/Filter/FlateDecode>>\nstream\n%s\nendstream" % (len(data), data)
    return b"<</Length %d>>\nstream\n%s\nendstream" % (len(data), data)


def form(data: bytes, inner: int) -> bytes:
    """Return a form that may draw /X1, the object ``inner`` (0 for none)."""
    resources = b"/Resources<</XObject<</X1 %d 0 R>>>>" % inner if inner else b""
    head = b"<</Type/XObject/Subtype/Form/BBox[0 0 482 680]%s/Length %d>>" % (resources, len(data))
    return head + b"\nstream\n%s\nendstream" % data


def raw_pdf(
    path: Path, contents: list[bytes], font: bytes = b"", extra: list[bytes] | None = None, xobject: int = 0
) -> None:
    """Write pages with these content streams (as objects).

    font is the dictionary of /F1; xobject is the number of the object that is /X1, of which the extra
    objects, numbered after the pages, may be one.
    """
    font = font or b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>"
    n = len(contents)
    kids = b" ".join(b"%d 0 R" % (4 + 2 * i) for i in range(n))
    drawn = b"/XObject<</X1 %d 0 R>>" % xobject if xobject else b""
    resources = b"/Resources<</Font<</F1 3 0 R>>%s>>" % drawn
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[%s]/Count %d/MediaBox[0 0 482 680]%s>>" % (kids, n, resources),
        font,
    ]
    for i, content in enumerate(contents):
        objects += [b"<</Type/Page/Parent 2 0 R/Contents %d 0 R>>" % (5 + 2 * i), content]
    path.write_bytes(_pdf(objects + (extra or [])))


def text_page(lines: list[bytes]) -> bytes:
    """Return a content stream that shows these strings of codes, a line each."""
    shown = b"".join(b"<%s> Tj T*\n" % line.hex().encode() for line in lines)
    return stream(b"BT /F1 11 Tf 14 TL 50 600 Td\n%sET" % shown)


def to_unicode(mapping: dict[int, str], first: int) -> tuple[bytes, bytes]:
    """Return a simple font with this map from codes to characters, and its map as object ``first``."""
    pairs = "\n".join(f"<{code:02x}> <{ord(char):04x}>" for code, char in sorted(mapping.items()))
    cmap = (
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /X def /CMapType 2 def\n"
        "1 begincodespacerange <00> <ff> endcodespacerange\n"
        f"{len(mapping)} beginbfchar\n{pairs}\nendbfchar\nendcmap end end"
    )
    font = (
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding/ToUnicode %d 0 R>>" % first
    )
    return font, stream(cmap.encode())


IDENTITY_FONT = (
    b"<</Type/Font/Subtype/Type0/BaseFont/AAAAAA+Textbook/Encoding/Identity-H/DescendantFonts["
    b"<</Type/Font/Subtype/CIDFontType2/BaseFont/AAAAAA+Textbook/DW 500"
    b"/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>"
    b"/FontDescriptor<</Type/FontDescriptor/FontName/AAAAAA+Textbook/Flags 4/FontBBox[0 -200 1000 800]"
    b"/ItalicAngle 0/Ascent 800/Descent -200/CapHeight 700/StemV 80>>>>]>>"
)
