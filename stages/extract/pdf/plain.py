"""The fast path: lines of a page whose layout is plain, through pypdfium2."""

from __future__ import annotations

import ctypes
import functools
import itertools
import re
import statistics
from collections.abc import Iterator
from typing import Any

from stages.extract.pdf.book import Line
from stages.extract.pdf.fonts import has_odd_letters

# Three lines with a gap wider than this many sizes, or one with three times that, are a table or columns;
# a justified line with few words has one such gap at times.
MAX_GAP = 1.25
# Of full lines every so many is searched for wide gaps.
_EVERY = 8
# Baselines within this many points are one line.
LEVEL = 0.6
# pdfium gives a hyphen at a line end as U+FFFE and swallows the line break (U+0002 in older versions).
_HYPHENS = frozenset("\ufffe\x02")
_BREAKS = re.compile("[\ufffe\x02]")
_MARKS = frozenset("0123456789*")
_RAISED = frozenset(map(chr, (*range(0x2070, 0x20A0), 0xB9, 0xB2, 0xB3)))
Box = tuple[float, float, float, float]


class NotPlain(Exception):
    """The page needs the layout reader; the message says why."""


@functools.cache
class _Pdfium:
    """The functions of pdfium that are called for every line, bound without argument conversion.

    pypdfium2's own bindings convert each argument and cost twice as much a call (measured: 2.5 against
    1.3 microseconds), and a page takes some hundreds of calls.
    """

    def __init__(self) -> None:
        import pypdfium2.raw as raw

        def bind(name: str, result: Any, *arguments: Any) -> Any:
            address = ctypes.cast(getattr(raw, name), ctypes.c_void_p).value
            return ctypes.CFUNCTYPE(result, *arguments)(address)

        handle, number, real = ctypes.c_void_p, ctypes.c_int, ctypes.c_double
        self.origin = bind("FPDFText_GetCharOrigin", number, handle, number, handle, handle)
        self.char_box = bind("FPDFText_GetLooseCharBox", number, handle, number, handle)
        self.matrix = bind("FPDFText_GetMatrix", number, handle, number, handle)
        self.font_size = bind("FPDFText_GetFontSize", real, handle, number)
        self.font_info = bind(
            "FPDFText_GetFontInfo", ctypes.c_ulong, handle, number, handle, ctypes.c_ulong, handle
        )
        self.count_objects = bind("FPDFPage_CountObjects", number, handle)
        self.get_object = bind("FPDFPage_GetObject", handle, handle, number)
        self.object_type = bind("FPDFPageObj_GetType", number, handle)
        self.object_bounds = bind("FPDFPageObj_GetBounds", number, handle, handle, handle, handle, handle)
        self.text_type, self.path_type = raw.FPDF_PAGEOBJ_TEXT, raw.FPDF_PAGEOBJ_PATH
        self.matrix_type, self.box_type = raw.FS_MATRIX, raw.FS_RECTF


def _address(wrapper: Any) -> int:
    return ctypes.cast(wrapper.raw, ctypes.c_void_p).value or 0


def read_plain_page(page: Any) -> list[Line]:
    """Return the lines of a pdfium page from top to bottom.

    Raises NotPlain when the page has columns, tables, pictures, odd letters, raised marks, turned text,
    rules other than a header's and a footnote's, or two texts side by side. Of full lines only some
    are searched for wide gaps: columns and tables show in all their lines, and a table's are not full.
    """
    api = _Pdfium()
    if page.get_rotation():
        raise NotPlain("turned page")
    _check_objects(api, _address(page))
    textpage = page.get_textpage()
    try:
        return _read_lines(api, textpage, page.get_bbox())
    finally:
        textpage.close()


def _check_objects(api: _Pdfium, page: int) -> None:
    rules = 0
    get_object, object_type, is_text = api.get_object, api.object_type, api.text_type
    for i in range(api.count_objects(page)):
        item = get_object(page, i)
        kind = object_type(item)
        if kind == is_text:
            continue
        if kind != api.path_type:
            raise NotPlain("picture or form")
        sides = (ctypes.c_float * 4)()
        start = ctypes.addressof(sides)
        api.object_bounds(item, start, start + 4, start + 8, start + 12)
        left, bottom, right, top = sides
        rules += 1
        if rules > 2 or top - bottom > 3.0 or right - left < 20.0:
            raise NotPlain("drawing")


def read_any_page(page: Any) -> list[Line]:
    """Return the lines of a pdfium page in the file's own order, whatever its layout."""
    textpage = page.get_textpage()
    try:
        return _read_lines(_Pdfium(), textpage, page.get_bbox(), strict=False)
    except NotPlain:
        return []
    finally:
        textpage.close()


def _read_lines(api: _Pdfium, textpage: Any, box: Box, strict: bool = True) -> list[Line]:
    count = textpage.count_chars()
    if count <= 0:
        raise NotPlain("no text")
    text = textpage.get_text_range(0, count, errors="surrogatepass")
    handle = _address(textpage)
    if not strict:
        if len(text) == count:
            return [line for line, _ in _cut_lines(api, handle, text, box, strict=False)]
        return [Line(part, 0.0, 1.0, 12.0 * i, 10.0, False, 0) for i, part in enumerate(text.split("\r\n"))]
    if len(text) != count:
        raise NotPlain("text without positions")
    _check_letters(api, handle, text)
    found = _cut_lines(api, handle, text, box, strict=True)
    found.sort(key=lambda item: item[0].y)
    for i in (0, -2):
        _join_ends(found, i)
    for (above, _), (below, _) in itertools.pairwise(found):
        if below.y - above.y < 0.6 * min(above.size, below.size):
            raise NotPlain("two texts side by side")
    _check_gaps(api, handle, found)
    return [line for line, _ in found]


def _check_letters(api: _Pdfium, handle: int, text: str) -> None:
    letters = set(text)
    if has_odd_letters(text, letters - _HYPHENS):
        raise NotPlain("odd letters")
    if not letters.isdisjoint(_RAISED):
        raise NotPlain("raised digits")
    point = (ctypes.c_double * 2)()
    px = ctypes.addressof(point)
    for mark in letters & _MARKS:
        place = text.find(mark)
        while place >= 0:
            if place and text[place - 1].isalpha():
                api.origin(handle, place - 1, px, px + 8)
                level = point[1]
                api.origin(handle, place, px, px + 8)
                if abs(point[1] - level) > LEVEL:
                    raise NotPlain("raised mark")
            place = text.find(mark, place + 1)


def _line_ends(text: str) -> Iterator[tuple[int, int, bool]]:
    """Yield where each line ends, where the next one starts, and whether a hyphen is between them."""
    start = 0
    for line in text.split("\r\n"):
        stop = start + len(line)
        for mark in _BREAKS.finditer(text, start, stop) if not _HYPHENS.isdisjoint(line) else ():
            yield mark.start(), mark.end(), True
        yield stop, stop + 2, False
        start = stop + 2


def _cut_lines(api: _Pdfium, handle: int, text: str, box: Box, strict: bool) -> list[tuple[Line, int]]:
    """Return each line inside the page's box, with the place of its first character in the text."""
    left, bottom, right, top = box
    point, ink, matrix = (ctypes.c_double * 2)(), api.box_type(), api.matrix_type()
    px, ink_at, matrix_at = map(ctypes.addressof, (point, ink, matrix))
    py = px + 8
    name, flags = ctypes.create_string_buffer(96), ctypes.c_int()
    name_at, flags_at = ctypes.addressof(name), ctypes.addressof(flags)
    found: list[tuple[Line, int]] = []
    start = 0
    for stop, after, hyphen in _line_ends(text):
        string = text[start:stop].rstrip()
        last = start + len(string) - 1
        string = string.lstrip()
        first = last + 1 - len(string)
        start = after
        if not string:
            if hyphen and strict:
                raise NotPlain("hyphen on its own")
            continue
        api.matrix(handle, first, matrix_at)
        if strict and (abs(matrix.b) > 1e-3 or abs(matrix.c) > 1e-3 or matrix.a < 0 or matrix.d < 0):
            raise NotPlain("turned text")
        size = api.font_size(handle, first) * abs(matrix.d)
        api.origin(handle, first, px, py)
        x0, base = point
        api.origin(handle, last, px, py)
        if strict and abs(point[1] - base) > LEVEL:
            raise NotPlain("line not level")
        api.char_box(handle, last, ink_at)
        x1 = ink.right
        if x0 < left or x1 > right + size or not bottom <= base <= top:
            if strict:
                raise NotPlain("text outside the page")
            if not (left <= (x0 + x1) / 2 <= right and bottom <= base <= top):
                continue
        if hyphen:
            string += "-"
            x1 += 0.3 * size
        api.font_info(handle, first, name_at, 96, flags_at)
        line = Line(string, x0 - left, x1 - left, top - base, size, _is_bold(name.value), 0)
        found.append((line, first))
    return found


def _check_gaps(api: _Pdfium, handle: int, found: list[tuple[Line, int]]) -> None:
    point, box = (ctypes.c_double * 2)(), api.box_type()
    px, box_at = ctypes.addressof(point), ctypes.addressof(box)
    full = 0.9 * statistics.median([len(line.text) / max(line.x1 - line.x0, 1.0) for line, _ in found])
    wide_lines = 0
    # A running header has its page number at the far end; so has a footer.
    for number, (line, first) in enumerate(found[1:-1]):
        if number % _EVERY and len(line.text) >= 12 and len(line.text) >= full * (line.x1 - line.x0):
            continue
        widest, narrowest = 0.0, 1e9
        place = line.text.find(" ")
        while place >= 0:
            api.char_box(handle, first + place - 1, box_at)
            api.origin(handle, first + place + 1, px, px + 8)
            gap = abs(point[0] - box.right)
            widest, narrowest = max(widest, gap), min(narrowest, gap)
            place = line.text.find(" ", place + 1)
        # A justified line of few words has wide gaps, all alike.
        if widest > 1.3 * narrowest + 1.0 or widest >= 3 * MAX_GAP * line.size or line.text.count(" ") == 1:
            wide_lines += widest >= MAX_GAP * line.size
        if wide_lines >= 3 or widest >= 3 * MAX_GAP * line.size:
            raise NotPlain("wide gaps")


def _join_ends(found: list[tuple[Line, int]], i: int) -> None:
    """Join the two ends of a running header or footer, which pdfium gives as two lines."""
    if len(found) < 3:
        return
    (one, first), (two, other) = found[i], found[i + 1]
    if abs(one.y - two.y) > LEVEL or abs(one.size - two.size) > LEVEL:
        return
    if one.x0 > two.x0:
        one, two, first = two, one, other
    if one.x1 <= two.x0:
        found[i] = (one._replace(text=f"{one.text} {two.text}", x1=two.x1), first)
        del found[i + 1]


@functools.cache
def _is_bold(name: bytes) -> bool:
    return is_bold_name(name.decode("utf-8", "replace"))


def is_bold_name(name: str) -> bool:
    """Tell by its name whether a font is bold."""
    return bool(re.search(r"bold|black|heavy|demi|semibold|-bd\b|,b", name, re.IGNORECASE))
