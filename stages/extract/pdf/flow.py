"""Lines of pages to blocks: paragraphs over page breaks, headings, tables, exercises, formulas, notes."""

from __future__ import annotations

import itertools
import re
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from stages.extract.hyphens import HYPHENS, Vocabulary
from stages.extract.pdf.book import Block, Line, PageText

_SUPERSCRIPT = re.compile(r"[⁰¹²³⁴⁵⁶⁷⁸⁹]+")
_NOTE_MARK = re.compile(r"^([⁰¹²³⁴⁵⁶⁷⁸⁹]{1,3}|\*{1,4}|[¹²³]|\d{1,2}(?=[\s)]))\)?\s*")
# "м²" and "x²" keep their digit on a page that has a note 2.
_UNIT = re.compile(r"[a-z]|[скдм]?м|г|с|[scdmk]?m", re.IGNORECASE)
_TO_DIGITS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")
_CAPTION = re.compile(
    r"(рис(унок|\.)|табл(ица|\.)|схема|карта|диаграмма|фото|surat|tablisa|jedwel|shema|çyzgy|diagramma)\s*№?\s*\d+"
    r"|\d+-(nji|njy|nci|ncı)\s+(surat|tablisa|jedwel|shema|çyzgy|diagramma)\b",
    re.IGNORECASE,
)
_EXERCISE = re.compile(
    r"(упражнение|задание|задача|практическая работа|лабораторная работа|вопросы и задания|вопросы"
    r"|gönükme|ýumuş|mesele|amaly iş|tejribe işi|soraglar we ýumuşlar|soraglar|sowallar)"
    r"(\s*№?\s*\d+[\s.:)]|\s*[:.]?$)|\d+-(nji|njy)\s+(gönükme|ýumuş|mesele)\b|№\s*\d+\s*[.)]",
    re.IGNORECASE,
)
_ITEM = re.compile(r"(\d{1,3}[.)]|[a-zа-яёçäöüýňşž]\)|[•●▪–—-]\s)\s*\S", re.IGNORECASE)
_CHAPTER = re.compile(
    r"(глава|раздел|часть|параграф|урок|тема|bölüm|bap|sapak)\s+([ivxlc]+|\d+)\b|§\s*\d+|\d+-(nji|njy)\s+(bap|bölüm|sapak|tema)\b",
    re.IGNORECASE,
)
# What the three above can start with: most lines do not, and one look is cheaper than three.
_SPECIAL = re.compile(
    r"\d|[№§]|рис|табл|схем|карт|диагр|фото|упр|зад|практ|лаб|вопр|глав|разд|част|параг|урок|тема"
    r"|sur|tabl|jed|shem|çyz|diag|gön|ýum|mes|amal|tej|sor|sow|böl|bap|sap",
    re.IGNORECASE,
)
_LETTER = re.compile(r"[^\W\d_]")
_LONG_WORD = re.compile(r"[^\W\d_]{4,}")
_MATH = re.compile(r"[=≈≠≤≥<>±∓√∑∏∫∞∂∆→⇒⇔∈∉∪∩⊂]")
_END = re.compile(r"[.!?…:;][»”\")\]]*$")
_INDENT = 0.6


@dataclass(slots=True)
class _Piece:
    """A block that is being put together."""

    page: int
    kind: str
    lines: list[Line] = field(default_factory=list)
    starts_indented: bool = False
    right: float = 0.0
    left: float = 0.0

    @property
    def last(self) -> Line:
        return self.lines[-1]


@dataclass(slots=True)
class _Frame:
    """One column of one page: its lines and its margins."""

    lines: list[Line]
    left: float
    right: float
    pitch: float


def build_blocks(pages: Sequence[PageText], vocabulary: Vocabulary) -> list[Block]:
    """Return the blocks of a book; ``pages`` come without running lines and without pages left out.

    A paragraph goes on over a column or a page, past notes, tables and captions in between.
    """
    body = _body_size(pages)
    pieces: list[_Piece] = []
    # The last paragraph or exercise of the text so far, as long as something may join it.
    open_piece: _Piece | None = None
    in_exercise = False
    for page in pages:
        frames, notes = _frames(page, body)
        for frame in frames:
            for piece in _pieces(frame, page.number, body):
                if piece.kind == "paragraph" and in_exercise and _ITEM.match(piece.lines[0].text):
                    piece.kind = "exercise"
                if piece.kind in ("paragraph", "exercise"):
                    if open_piece is not None and _goes_on(open_piece, piece):
                        open_piece.lines += piece.lines
                        open_piece.right = piece.right
                        open_piece.left = piece.left
                        in_exercise = open_piece.kind == "exercise"
                        continue
                    open_piece = piece
                elif piece.kind == "heading":
                    open_piece = None
                in_exercise = piece.kind == "exercise" or (in_exercise and piece.kind in ("formula", "table"))
                pieces.append(piece)
        pieces += notes
    marks = _note_marks(pieces)
    blocks = []
    for piece in pieces:
        text = _text(piece, vocabulary)
        if piece.kind == "footnote":
            text = _NOTE_MARK.sub("", text, count=1)
        elif piece.page in marks and piece.kind != "formula":
            text = _drop_marks(text, marks[piece.page])
        if text.strip():
            blocks.append(Block(piece.page, piece.kind, text))  # type: ignore[arg-type]
    return blocks


def _body_size(pages: Sequence[PageText]) -> float:
    weights: Counter[float] = Counter()
    for page in pages:
        for line in page.lines:
            weights[round(line.size * 4) / 4] += len(line.text)
    return max(weights, key=lambda size: (weights[size], size)) if weights else 10.0


# Frames and notes.


def _frames(page: PageText, body: float) -> tuple[list[_Frame], list[_Piece]]:
    groups: dict[int, list[Line]] = {}
    for line in page.lines:
        groups.setdefault(line.region, []).append(line)
    notes: list[_Piece] = []
    frames = []
    for number in sorted(groups):
        lines = groups[number]
        if lines[0].kind == "turned":
            continue
        lines, own_notes = _take_notes(lines, body, page)
        notes += own_notes
        if lines:
            frames.append(_frame(lines))
    _share_margins(frames)
    return frames, notes


def _frame(lines: list[Line]) -> _Frame:
    texts = [line for line in lines if line.kind == ""] or lines
    lefts = sorted(line.x0 for line in texts)
    # A fifth of the lines may start further left: hanging numbers, a heading out of the measure.
    left = lefts[min(len(lefts) // 10, len(lefts) - 1)]
    right = max(line.x1 for line in texts)
    steps = [b.y - a.y for a, b in itertools.pairwise(texts) if 0 < b.y - a.y < 3 * a.size]
    return _Frame(lines, left, right, statistics.median(steps) if steps else 1.25 * texts[0].size)


def _share_margins(frames: list[_Frame]) -> None:
    """Give a frame of a line or two the margins of a longer one that stands over the same width."""
    long_ones = [frame for frame in frames if len(frame.lines) >= 4]
    for frame in frames:
        if len(frame.lines) >= 4:
            continue
        for other in long_ones:
            if frame.left >= other.left - 3.0 and frame.right <= other.right + 3.0:
                frame.left, frame.right, frame.pitch = other.left, other.right, other.pitch
                break


def _take_notes(lines: list[Line], body: float, page: PageText) -> tuple[list[Line], list[_Piece]]:
    """Split the notes off the foot of a frame: small lines, below all others, the first with a mark."""
    start = len(lines)
    while start > 0 and lines[start - 1].kind == "" and lines[start - 1].size <= 0.9 * body:
        start -= 1
    while start < len(lines) and not _NOTE_MARK.match(lines[start].text):
        start += 1
    if start == len(lines) or start == 0 or lines[start].y < 0.4 * page.height:
        return lines, []
    notes: list[_Piece] = []
    for line in lines[start:]:
        if _NOTE_MARK.match(line.text) and not (
            notes and line.text[:1].isdigit() and notes[-1].last.x1 < line.x0
        ):
            notes.append(_Piece(page.number, "footnote", [line]))
        else:
            notes[-1].lines.append(line)
    return lines[:start], notes


def _note_marks(pieces: list[_Piece]) -> dict[int, set[str]]:
    marks: dict[int, set[str]] = {}
    for piece in pieces:
        if piece.kind == "footnote":
            match = _NOTE_MARK.match(piece.lines[0].text)
            if match:
                mark = match.group(1).translate(_TO_DIGITS)
                # The mark may stand in a paragraph that began a page earlier.
                marks.setdefault(piece.page, set()).add(mark)
                marks.setdefault(piece.page - 1, set()).add(mark)
    return marks


def _drop_marks(text: str, marks: set[str]) -> str:
    def drop(match: re.Match[str]) -> str:
        before = re.search(r"[^\W\d_]+$", text[: match.start()])
        is_unit = before is not None and bool(_UNIT.fullmatch(before.group()))
        return match.group() if match.group().translate(_TO_DIGITS) not in marks or is_unit else ""

    text = _SUPERSCRIPT.sub(drop, text)
    stars = [mark for mark in marks if mark.startswith("*")]
    return re.sub(r"(?<=\w)\*+", "", text) if stars else text


# Lines to pieces.


def _kind(line: Line, body: float, frame: _Frame) -> str:
    text = line.text
    if line.kind == "table":
        return "table"
    is_special = _SPECIAL.match(text) is not None
    if is_special and _CAPTION.match(text) and len(text) < 200 and (line.bold or line.size < 0.97 * body):
        return "caption"
    if is_special and _EXERCISE.match(text) and (line.bold or len(text) < 40 or text.lstrip()[0] == "№"):
        return "exercise"
    if line.size >= 1.12 * body and len(text) < 200:
        return "heading"
    if _is_formula(text):
        return "formula"
    if (
        is_special
        and _CHAPTER.match(text)
        and len(text) < 90
        and not text.endswith((",", ";"))
        and (line.bold or text.isupper())
    ):
        return "heading"
    is_short = line.x1 < frame.right - 2 * body or _is_centred(line, frame)
    if line.bold and len(text) < 120 and (is_short or not text.endswith(".")) and _LETTER.search(text):
        return "heading"
    if is_short and text.isupper() and len(text) < 90 and len(_LETTER.findall(text)) >= 4:
        return "heading"
    return "paragraph"


def _is_centred(line: Line, frame: _Frame) -> bool:
    before, after = line.x0 - frame.left, frame.right - line.x1
    return before > 2 * line.size and abs(before - after) < 1.5 * line.size


def _is_formula(text: str) -> bool:
    if not _MATH.search(text) or _LONG_WORD.search(text):
        return False
    return len(re.findall(r"[^\W\d_]{3,}", text)) <= 1


def _pieces(frame: _Frame, page: int, body: float) -> list[_Piece]:
    pieces: list[_Piece] = []
    previous: Line | None = None
    for line in frame.lines:
        kind = _kind(line, body, frame)
        indented = line.x0 > frame.left + _INDENT * line.size
        if previous is None or _starts(pieces[-1], previous, line, kind, frame):
            pieces.append(_Piece(page, kind, [], indented, frame.right, frame.left))
        pieces[-1].lines.append(line)
        previous = line
    return pieces


def _starts(piece: _Piece, previous: Line, line: Line, kind: str, frame: _Frame) -> bool:
    """Tell whether a line starts a new block."""
    if kind == "table" or piece.kind == "table":
        return kind != piece.kind
    step = line.y - previous.y
    if kind in ("caption", "formula", "exercise"):
        return True
    if kind == "heading" or piece.kind == "heading":
        same = abs(line.size - previous.size) < 0.08 * line.size and line.bold == previous.bold
        return not (kind == piece.kind and same and step < 1.6 * line.size and not _CHAPTER.match(line.text))
    if piece.kind == "formula":
        return True
    if piece.kind == "caption":
        return (
            line.bold != previous.bold
            or abs(line.size - previous.size) > 0.05 * line.size
            or step > 1.6 * line.size
        )
    if abs(line.size - previous.size) > 0.12 * max(line.size, previous.size):
        return True
    if step > 1.45 * frame.pitch or step < 0:
        return True
    if (
        previous.bold
        and not line.bold
        and piece.kind == "exercise"
        and previous.x1 < frame.right - 4 * line.size
    ):
        return True
    is_indented = line.x0 > frame.left + _INDENT * line.size
    if is_indented and previous.x0 < line.x0 - 0.3 * line.size:
        return True
    is_short = previous.x1 < frame.right - 1.5 * previous.size
    ends = bool(_END.search(previous.text))
    if (
        _ITEM.match(line.text)
        and (ends or is_short or piece.kind == "exercise")
        and not previous.text.endswith("-")
    ):
        # A number at the start of a line inside a sentence is no item.
        return ends or is_short
    if is_indented and ends:
        return True
    # A short line that ends a sentence ends a paragraph, also where paragraphs are not indented.
    return is_short and ends and previous.x1 < frame.right - 0.12 * (frame.right - frame.left)


def _goes_on(piece: _Piece, more: _Piece) -> bool:
    """Tell whether a block at the start of a frame goes on with the last one of the frame before."""
    last, first = piece.last, more.lines[0]
    if abs(last.size - first.size) > 0.12 * last.size or (
        last.region == first.region and piece.page == more.page
    ):
        return False
    if more.kind == "exercise" and (_EXERCISE.match(first.text) or _ITEM.match(first.text)):
        return False
    if last.text[-1] in HYPHENS and first.text[0].islower():
        return True
    if last.bold != first.bold:
        return False
    ends = bool(_END.search(last.text))
    starts_small = first.text[0].islower() or first.text[0] in "(«,"
    if not ends:
        return starts_small or not more.starts_indented
    is_full = last.x1 > piece.right - 1.5 * last.size
    return is_full and not more.starts_indented and piece.starts_indented and not _ITEM.match(first.text)


def _text(piece: _Piece, vocabulary: Vocabulary) -> str:
    if piece.kind == "table":
        return "\n".join(line.text for line in piece.lines)
    parts: list[str] = []
    for line in piece.lines:
        text = line.text
        if not parts:
            parts.append(text)
        elif parts[-1][-1:] in HYPHENS and len(parts[-1]) > 1 and parts[-1][-2].isalnum():
            # Only the ends matter to the vocabulary, so a long paragraph is not copied at each line.
            head = parts.pop()
            cut = head.rfind(" ") + 1
            if cut:
                parts.append(head[: cut - 1])
            parts.append(vocabulary.join(head[cut:], text))
        else:
            parts.append(text)
    return " ".join(parts).replace("\xad", "").strip()
