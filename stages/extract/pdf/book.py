"""What reading a PDF gives: blocks of text, and a report with a row for every page."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

Kind = Literal["paragraph", "heading", "table", "formula", "exercise", "footnote", "caption"]
Status = Literal["ok", "repaired", "quarantined", "scanned", "error"]


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of text in reading order; ``page`` is where it starts, counted from 1."""

    page: int
    kind: Kind
    text: str


@dataclass(frozen=True, slots=True)
class ReportRow:
    """How one page was read; page 0 stands for the file as a whole."""

    page: int
    status: Status
    reason: str


@dataclass(slots=True)
class Book:
    """The text of a PDF, and how each of its pages was read."""

    blocks: list[Block] = field(default_factory=list)
    report: list[ReportRow] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on what one file may cost; a page that exceeds them becomes a row of the report."""

    page_seconds: float = 20.0
    ocr_seconds: float = 120.0
    open_seconds: float = 30.0
    memory_mb: int = 1500
    max_pages: int = 5000
    max_file_mb: int = 500
    # Pages read from one opening of the file: what the readers cache is freed after so many.
    pages_per_opening: int = 64
    ocr: bool = True
    fast_path: bool = True


class Word(NamedTuple):
    """A run of glyphs without a space; coordinates in points, y grows downwards, y is the baseline.

    ``font`` is that of the first glyph; spans has (font, text) of each part where the font changes inside.
    """

    text: str
    x0: float
    x1: float
    y: float
    size: float
    font: str
    bold: bool
    spans: tuple[tuple[str, str], ...] = ()


class Line(NamedTuple):
    """One line of a column (kind ""), a row of a table ("table"), or text that is not horizontal ("turned").

    region numbers the frames of a page in reading order. spans (font, text) make up the text and are kept
    only on a page with letters that a broken font may have produced.
    """

    text: str
    x0: float
    x1: float
    y: float
    size: float
    bold: bool
    region: int
    kind: str = ""
    spans: tuple[tuple[str, str], ...] = ()


class PageText(NamedTuple):
    """One page as a worker hands it back; ``path`` tells which reader read it: plain, layout or ocr."""

    number: int
    width: float
    height: float
    lines: list[Line]
    status: str
    reason: str
    path: str
