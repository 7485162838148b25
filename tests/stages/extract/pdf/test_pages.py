"""Pages whose fonts, direction or box are not those of a plain page."""

from __future__ import annotations

import itertools
import re
import textwrap
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest
from reportlab.pdfgen.canvas import Canvas

from stages.extract.pdf.book import Book, Limits
from stages.extract.pdf.reader import read_pdf
from tests.stages.extract.pdf import make_pdf
from tests.stages.extract.pdf.prose import Prose
from tests.stages.extract.pdf.test_reader import RUSSIAN

REAL = Path(__file__).resolve().parents[4] / "shared/real/pdf"
LAYOUT_ONLY = Limits(fast_path=False)


def _canvas(path: Path, size: tuple[float, float] = (482, 680)) -> Canvas:
    make_pdf.register_fonts()
    return Canvas(str(path), pagesize=size, invariant=1)


def _text(path: Path, limits: Limits | None = None) -> str:
    return " ".join(" ".join(block.text for block in read_pdf(path, 1, limits).blocks).split())


# Runs of glyphs without a gap: the font changes at each bar.
@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        ("Jeden člov|ě|k šel domů.", "Jeden člověk šel domů."),
        ("El edi|ﬁ|cio re|ﬂ|ector.", "El edificio reflector."),
        ("Bu m|ə|kt|ə|b yeni.", "Bu məktəb yeni."),
        ("Li |ŝ|an|ĝ|as ĉion.", "Li ŝanĝas ĉion."),
        ("|Ş|äher uly.", "Şäher uly."),
        ("Uly |ýurt| bar.", "Uly ýurt bar."),
    ],
)
def test_a_change_of_font_ends_no_word(tmp_path: Path, runs: str, expected: str) -> None:
    fonts = itertools.cycle([("Body", 11), ("Bold", 11)])
    assert _draw(tmp_path / "fonts.pdf", zip(fonts, runs.split("|"), strict=False)) == {expected}


def test_small_capitals_are_one_word_with_their_capital(tmp_path: Path) -> None:
    runs = [(("Body", 11), "T"), (("Body", 8.5), "ÜRKMENISTAN"), (("Body", 11), " uly ýurt.")]
    assert _draw(tmp_path / "small.pdf", runs) == {"TÜRKMENISTAN uly ýurt."}


def _draw(path: Path, runs: Iterable[tuple[tuple[str, float], str]]) -> set[str]:
    """Set runs of glyphs one after the other, and return what both readers read."""
    canvas = _canvas(path)
    text = canvas.beginText(50, 600)
    for font, part in runs:
        text.setFont(*font)
        text.textOut(part)
    canvas.drawText(text)
    canvas.save()
    return {_text(path, limits) for limits in (Limits(), LAYOUT_ONLY)}


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
@pytest.mark.parametrize("angle", [0, 90, 180, 270, 3, -4, 37])
def test_text_is_read_in_its_own_direction_however_the_page_is_turned(
    tmp_path: Path, rotate: int, angle: int
) -> None:
    # reportlab turns the sheet's sides too.
    width, height = (680, 482) if rotate % 180 else (482, 680)
    canvas = _canvas(tmp_path / "turned.pdf")
    canvas.setPageRotation(rotate)
    canvas.translate(width / 2, height / 2)
    canvas.rotate(angle)
    canvas.setFont("Body", 11)
    for i, line in enumerate(RUSSIAN * 3):
        canvas.drawString(-190, 120 - 14 * i, line)
    canvas.save()
    for limits in (Limits(), LAYOUT_ONLY):
        book = read_pdf(tmp_path / "turned.pdf", 1, limits)
        assert " ".join(block.text for block in book.blocks) == " ".join(RUSSIAN * 3)
        assert [row.status for row in book.report] == ["ok"]


def test_a_few_words_across_the_text_are_left_out_and_counted(tmp_path: Path) -> None:
    canvas = _canvas(tmp_path / "margin.pdf")
    canvas.setFont("Body", 11)
    for i, line in enumerate(RUSSIAN):
        canvas.drawString(60, 600 - 14 * i, line)
    canvas.rotate(90)
    canvas.drawString(200, -30, "Заметка на полях")
    canvas.save()
    for limits in (Limits(), LAYOUT_ONLY):
        book = read_pdf(tmp_path / "margin.pdf", 1, limits)
        assert " ".join(block.text for block in book.blocks) == " ".join(RUSSIAN)
        assert [(row.status, row.reason) for row in book.report] == [
            ("ok", "3 words across the text left out")
        ]


@pytest.mark.parametrize("matrix", [b"1 0 0 1 50 600 Tm /F1 11 Tf", b"-1 0 0 -1 50 600 Tm /F1 -11 Tf"])
def test_a_font_of_negative_size_runs_against_its_axis(tmp_path: Path, matrix: bytes) -> None:
    content = b"BT %s (One) Tj ( house) Tj [( st) -20 (ands) -300 (here)] TJ ET" % matrix
    make_pdf.raw_pdf(tmp_path / "negative.pdf", [make_pdf.stream(content)])
    for limits in (Limits(), LAYOUT_ONLY):
        assert _text(tmp_path / "negative.pdf", limits) == "One house stands here"


@pytest.mark.parametrize("box", ["MediaBox", "CropBox"])
def test_text_outside_the_page_is_left_out_and_said(tmp_path: Path, box: str) -> None:
    lines = [line.encode() for line in ("Inside the page", "and here", "still here")]
    inside = make_pdf.text_page(lines)
    places = b"50 700 Td (Above the page) Tj -200 -100 Td (Beside the page) Tj 0 -700 Td (Below) Tj"
    outside = b"BT /F1 11 Tf %s ET" % places
    content = inside.replace(b"ET\nendstream", b"ET " + outside + b"\nendstream")
    content = make_pdf.stream(content.partition(b"stream\n")[2].removesuffix(b"\nendstream"))
    path = tmp_path / "box.pdf"
    make_pdf.raw_pdf(path, [content])
    data = path.read_bytes()
    if box == "CropBox":
        # The sheet holds all of it; what is shown begins elsewhere than at its corner.
        wide = b"/MediaBox[-300 -300 900 900]/CropBox[0 0 482 680]"
        path.write_bytes(data.replace(b"/MediaBox[0 0 482 680]", wide))
    for limits in (Limits(), LAYOUT_ONLY):
        book = read_pdf(path, 1, limits)
        assert " ".join(block.text for block in book.blocks) == "Inside the page and here still here"
        assert "words outside the page" in book.report[0].reason


SIGNS = str.maketrans(dict(zip("äçöüýňžşÄÇÖÜÝŇŽŞ", '"#%&@\\^~|<>{}[]*', strict=True)))


def _signs_page(path: Path, lines: list[str], sound: list[str] | None = None) -> Book:
    """Write Turkmen with signs for its own letters, as a subset font without a map has them."""
    pages = [make_pdf.text_page([line.translate(SIGNS).encode("latin-1") for line in lines])]
    make_pdf.raw_pdf(path, pages)
    return read_pdf(path, 1)


def _words(text: str) -> Counter[str]:
    return Counter(re.findall(r"\w+", text))


def test_signs_for_letters_are_read_where_words_tell_them_and_lost_elsewhere(tmp_path: Path) -> None:
    text = Prose("tk", 5).paragraph(14)
    book = _signs_page(tmp_path / "signs.pdf", textwrap.wrap(text, 60, break_on_hyphens=False))
    read, meant = _words(" ".join(block.text for block in book.blocks)), _words(text)
    assert not read - meant
    assert sum(read.values()) >= 0.95 * sum(meant.values())
    assert "signs that stand for letters" in book.report[0].reason


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        # "täze" is in the list; nothing tells what the sign in the other word is.
        ("Täze kitaphana zqäqq ol uly we owadan.", "Täze kitaphana"),
        ("Kitap zzäqq bar we galam zqqüz bar indi.", "Kitap bar we galam bar indi."),
    ],
)
def test_a_word_that_nothing_confirms_is_left_out(tmp_path: Path, line: str, expected: str) -> None:
    book = _signs_page(tmp_path / "few.pdf", [line])
    assert set(expected.split()) <= set(" ".join(block.text for block in book.blocks).split())
    assert not re.search(r'["#%&@\\^~]|q', " ".join(block.text for block in book.blocks))
    assert book.report[0].status == "quarantined"
    assert "unknown encoding of Helvetica" in book.report[0].reason


def test_letters_numbered_in_the_order_of_their_use_are_garbage(tmp_path: Path) -> None:
    order: dict[str, int] = {" ": 32}
    lines = [
        bytes(order.setdefault(letter, 32 + len(order)) for letter in line)
        for line in textwrap.wrap(Prose("tk", 5).paragraph(14), 60, break_on_hyphens=False)
    ]
    make_pdf.raw_pdf(tmp_path / "order.pdf", [make_pdf.text_page(lines)])
    book = read_pdf(tmp_path / "order.pdf", 1)
    assert book.blocks == []
    assert book.report[0].status == "quarantined"


def test_signs_of_sound_text_stay(tmp_path: Path) -> None:
    lines = [
        'The "quoted" words of AT&T and R&D, file_name and',
        'user@mail.com are read. Say "yes"or no to them,',
        "http://a.com/x=1&y=2, 50%-i, C#, 2*x and [a] too.",
        "_" * 50,
    ]
    make_pdf.raw_pdf(tmp_path / "sound.pdf", [make_pdf.text_page([line.encode() for line in lines])])
    book = read_pdf(tmp_path / "sound.pdf", 1)
    assert " ".join(block.text for block in book.blocks) == " ".join(lines)
    assert [row.status for row in book.report] == ["ok"]


def _two_fonts(path: Path, shown: list[tuple[str, bytes]]) -> Book:
    """Write lines in Helvetica, with glyphs of a font without any map in place of the bar before or after."""
    parts = []
    for text, glyphs in shown:
        before = b"/F2 11 Tf <%s> Tj " % glyphs.hex().encode() if text[0] == "|" else b""
        after = b"/F2 11 Tf <%s> Tj " % glyphs.hex().encode() if text[-1] == "|" else b""
        letters = text.strip("|").encode("cp1252").hex().encode()
        parts.append(before + b"/F1 11 Tf <%s> Tj " % letters + after + b"T* ")
    make_pdf.raw_pdf(
        path,
        [make_pdf.stream(b"BT 14 TL 50 600 Td %s ET" % b"".join(parts))],
        extra=[make_pdf.IDENTITY_FONT],
    )
    path.write_bytes(path.read_bytes().replace(b"/F1 3 0 R", b"/F1 3 0 R/F2 6 0 R"))
    return read_pdf(path, 1)


def test_a_symbol_font_costs_its_own_words_only(tmp_path: Path) -> None:
    """Half of the page's words are ornaments of a font without any map."""
    symbols = b"\x03\x84\x03\x85\x03\x86\x03\x87"
    book = _two_fonts(
        tmp_path / "symbols.pdf", [(f"{word} |", symbols) for word in ("One", "two", "three") * 8]
    )
    assert " ".join(block.text for block in book.blocks).split() == ["One", "two", "three"] * 8
    assert book.report[0].status == "quarantined"
    assert "Textbook: 24 of 48 words left out" in book.report[0].reason


def test_an_ornament_that_touches_a_word_does_not_cost_it(tmp_path: Path) -> None:
    words = ("One", "two", "three", "four") * 4
    book = _two_fonts(tmp_path / "bullets.pdf", [(f"|{word}", b"\x03\x84\x03\x85") for word in words])
    assert " ".join(block.text for block in book.blocks).split() == list(words)


@pytest.mark.skipif(not REAL.is_dir(), reason="real files are not here")
def test_words_of_real_books_are_those_that_pdfium_has() -> None:
    import pypdfium2

    for path in sorted(REAL.glob("book_*.pdf")):
        book = read_pdf(path, 1, Limits(ocr=False))
        document = pypdfium2.PdfDocument(path)
        assert [row.page for row in book.report] == list(range(1, len(document) + 1))
        text = " ".join(page.get_textpage().get_text_range() for page in document)
        meant = Counter(re.findall(r"[^\W\d_]+", re.sub("[\ufffe\x02](?:\r\n)?", "", text)))
        read = Counter(re.findall(r"[^\W\d_]+", " ".join(block.text for block in book.blocks)))
        # What reads otherwise: running headers, and hyphens at line ends.
        assert sum((meant - read).values()) <= 0.007 * sum(meant.values()), path.name
        assert sum((read - meant).values()) <= 0.002 * sum(read.values()), path.name


@pytest.mark.skipif(not REAL.is_dir(), reason="real files are not here")
def test_every_page_of_real_files_has_its_row() -> None:
    for path in sorted(REAL.glob("*.pdf")):
        rows = read_pdf(path, 1, Limits(ocr=False)).report
        assert [row.page for row in rows] in ([0], list(range(1, len(rows) + 1))), path.name
        assert all(row.reason for row in rows if row.status != "ok"), path.name
