"""Whole PDFs, typeset here, to blocks and a report."""

from __future__ import annotations

import base64
import multiprocessing
import os
import random
import signal
import textwrap
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfgen.canvas import Canvas

from stages.extract.pdf.book import Limits, PageText, ReportRow
from stages.extract.pdf.damage import _decode_ascii, find_damage
from stages.extract.pdf.reader import Pages, read_pdf
from tests.stages.extract.pdf import make_pdf
from tests.stages.extract.pdf.prose import Prose
from tests.stages.extract.pdf.scoring import score


@pytest.fixture(scope="module")
def rich_book(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, make_pdf.Gold]:
    path = tmp_path_factory.mktemp("rich") / "book.pdf"
    return path, make_pdf.make_book(path, pages=36, seed=3)


@pytest.fixture(scope="module")
def plain_book(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, make_pdf.Gold]:
    path = tmp_path_factory.mktemp("plain") / "book.pdf"
    return path, make_pdf.make_book(path, pages=14, seed=4, rich=False)


def read_pages(path: Path, workers: int, limits: Limits) -> Iterator[PageText | ReportRow]:
    with Pages(path, workers, limits) as pages:
        yield from pages.read()


def _worker() -> multiprocessing.Process:
    return next(p for p in multiprocessing.active_children() if "pebble" in p.name)


def _words(book) -> list[str]:
    return [word for block in book.blocks for word in block.text.split()]


def _check(path: Path, gold: make_pdf.Gold) -> None:
    book = read_pdf(path, workers=2)
    result = score(gold.blocks, gold.hyphens, book.blocks)
    assert result.words_recovered >= 0.995
    assert result.words_added <= 0.005
    assert result.hyphens_right >= 0.99
    # Running headers are told from chapter headings by their place only: each title stands once.
    texts = Counter(block.text for block in book.blocks)
    assert all(texts[text] <= 1 for text in gold.running)
    assert not any(block.text.strip("– ").isdigit() for block in book.blocks)
    kinds = Counter(block.kind for block in book.blocks)
    wanted = Counter(block.kind for block in gold.blocks)
    assert all(abs(kinds[kind] - n) <= max(1, 0.03 * n) for kind, n in wanted.items()), (kinds, wanted)
    assert [row.page for row in book.report] == list(range(1, gold.pages + 1))
    assert {row.status for row in book.report} == {"ok"}


def test_a_textbook_comes_back_as_it_was_written(rich_book: tuple[Path, make_pdf.Gold]) -> None:
    _check(*rich_book)


@pytest.mark.slow
def test_a_book_of_200_pages_comes_back_as_it_was_written(tmp_path: Path) -> None:
    gold = make_pdf.make_book(tmp_path / "book.pdf", pages=200)
    kinds = Counter(block.kind for block in gold.blocks)
    assert len(gold.hyphens) > 2000
    assert all(kinds[kind] >= 15 for kind in ("table", "formula", "exercise", "footnote", "caption"))
    _check(tmp_path / "book.pdf", gold)


@pytest.mark.slow
def test_memory_stays_flat_over_a_thousand_pages(tmp_path: Path) -> None:
    make_pdf.make_book(tmp_path / "long.pdf", pages=1000, seed=9)
    peaks = {}
    peak = 0
    for pages, _ in enumerate(read_pages(tmp_path / "long.pdf", 1, Limits(fast_path=False)), start=1):
        status = Path(f"/proc/{_worker().pid}/status").read_text()
        resident = next(line for line in status.splitlines() if line.startswith("VmRSS"))
        peak = max(peak, int(resident.split()[1]) // 1024)
        peaks[pages] = peak
    assert peaks[1000] - peaks[200] <= 100, peaks


def test_plain_pages_give_the_same_words_fast_and_through_the_layout_reader(
    rich_book: tuple[Path, make_pdf.Gold], plain_book: tuple[Path, make_pdf.Gold]
) -> None:
    compared = 0
    for path, _ in (plain_book, rich_book):
        fast = {p.number: p for p in read_pages(path, 1, Limits()) if isinstance(p, PageText)}
        slow = {p.number: p for p in read_pages(path, 1, Limits(fast_path=False)) if isinstance(p, PageText)}
        assert {page.path for page in slow.values()} == {"layout"}
        for number, page in fast.items():
            if page.path == "plain":
                compared += 1
                assert [w for line in page.lines for w in line.text.split()] == [
                    w for line in slow[number].lines for w in line.text.split()
                ]
    assert compared >= 20


def test_the_number_of_workers_does_not_change_the_result(plain_book: tuple[Path, make_pdf.Gold]) -> None:
    assert read_pdf(plain_book[0], workers=1) == read_pdf(plain_book[0], workers=2)


def test_words_set_without_spaces_and_columns_set_line_by_line_are_read_in_order(tmp_path: Path) -> None:
    """Some programs place each word by itself, and both columns of a line one after the other."""
    make_pdf.register_fonts()
    canvas = Canvas(str(tmp_path / "words.pdf"), pagesize=(482, 680), invariant=1)
    columns = [
        textwrap.wrap(Prose(lang, 8).paragraph(14), 34, break_on_hyphens=False)[:30] for lang in ("ru", "tk")
    ]
    canvas.setFont("Bold", 14)
    canvas.drawString(120, 640, "Заголовок над двумя столбцами")
    canvas.setFont("Body", 9.5)
    for i in range(30):
        for x, lines in zip((50, 260), columns, strict=True):
            for word in lines[i].split():
                canvas.drawString(x, 610 - 13 * i, word)
                x += canvas.stringWidth(word + " ")
    canvas.save()
    book = read_pdf(tmp_path / "words.pdf", workers=1)
    assert book.blocks[0].text == "Заголовок над двумя столбцами"
    assert book.blocks[0].kind == "heading"
    # No hyphens were set: every word is whole.
    assert _words(book)[4:] == " ".join(columns[0] + columns[1]).split()


TURKMEN = [
    "Şäheriň günbatar böleginde täze mekdep açyldy.",
    "Ýaş mugallymlar çagalara türkmen dilini öwredýärler.",
    "Žurnalda geçen ýylyň iň gowy goşgulary çap edildi.",
    "Köne köpriniň aňyrsynda uly baglar we üzümçilikler bar.",
]
RUSSIAN = [
    "В западной части города открылась новая школа.",
    "Молодые учителя объясняют детям устройство машин.",
    "В журнале напечатаны лучшие стихи прошлого года.",
    "За старым мостом лежат большие сады и виноградники.",
]
OLD_TURKMEN = [
    "Шәхериң гүнбатар бөлегинде тәзе мекдеп ачылды.",
    "Яш мугаллымлар чагалара түркмен дилини өвредйәрлер.",
    "Көне көприниң аңырсында улы баглар ве үзүмчиликлер бар.",
    "Җемгыетиң агзалары бу иши гөрмәге боюн боланлар.",
]


@pytest.mark.parametrize(
    ("lines", "encoding"),
    [(RUSSIAN, "cp1251"), (RUSSIAN, "koi8_r"), (OLD_TURKMEN, "ptcp154"), (TURKMEN, "cp1250")],
)
def test_text_in_a_legacy_code_page_is_repaired(tmp_path: Path, lines: list[str], encoding: str) -> None:
    path = tmp_path / "legacy.pdf"
    make_pdf.raw_pdf(path, [make_pdf.text_page([line.encode(encoding) for line in lines])])
    book = read_pdf(path, workers=1)
    assert " ".join(_words(book)) == " ".join(lines)
    assert [row.status for row in book.report] == ["repaired"]
    assert book.report[0].reason.startswith("font encoding: ")


def test_private_places_and_currency_signs_are_repaired(tmp_path: Path) -> None:
    data = [line.encode("cp1251") for line in RUSSIAN]
    mapping = {byte: chr(0xF000 + byte) if byte >= 0x80 else chr(byte) for line in data for byte in line}
    font, cmap = make_pdf.to_unicode(mapping, first=6)
    make_pdf.raw_pdf(tmp_path / "private.pdf", [make_pdf.text_page(data)], font, [cmap])
    book = read_pdf(tmp_path / "private.pdf", workers=1)
    assert " ".join(_words(book)) == " ".join(RUSSIAN)
    signs = str.maketrans("ýÝşŞžŽňŇ", "ÿ¥¢$\x8e£ñÑ")
    typed = [line.translate(signs).replace("\x8e", "ž").encode("cp1252") for line in TURKMEN]
    make_pdf.raw_pdf(tmp_path / "signs.pdf", [make_pdf.text_page(typed)])
    book = read_pdf(tmp_path / "signs.pdf", workers=1)
    assert " ".join(_words(book)) == " ".join(TURKMEN)
    assert book.report[0].status == "repaired"


def test_glyph_numbers_of_known_fonts_are_read_and_of_unknown_ones_left_out(tmp_path: Path) -> None:
    def codes(text: str, first: int, step: int) -> bytes:
        numbers = [
            first + (ord(c) - 0x410) * step % 64 if c != " " else 3 for c in text if c.isalpha() or c == " "
        ]
        return b"".join(number.to_bytes(2, "big") for number in numbers)

    for name, first, step in (("known", 570, 1), ("unknown", 900, 27)):
        page = make_pdf.text_page([codes(line, first, step) for line in RUSSIAN])
        make_pdf.raw_pdf(tmp_path / f"{name}.pdf", [page], make_pdf.IDENTITY_FONT)
    book = read_pdf(tmp_path / "known.pdf", workers=1)
    assert _words(book) == " ".join(RUSSIAN).replace(".", "").split()
    assert book.report[0].status == "repaired"
    book = read_pdf(tmp_path / "unknown.pdf", workers=1)
    assert book.blocks == []
    assert book.report[0].status == "quarantined"
    assert "Textbook" in book.report[0].reason


def _one_page(path: Path, **options: object) -> None:
    make_pdf.register_fonts()
    canvas = Canvas(str(path), pagesize=(482, 680), invariant=1, **options)
    canvas.setFont("Body", 11)
    for i, line in enumerate(RUSSIAN):
        canvas.drawString(50, 600 - 14 * i, line)
    canvas.save()


def test_files_that_cannot_be_read_are_one_row_each(
    tmp_path: Path, plain_book: tuple[Path, make_pdf.Gold]
) -> None:
    _one_page(tmp_path / "locked.pdf", encrypt=StandardEncryption("sesame", strength=128))
    whole = plain_book[0].read_bytes()
    (tmp_path / "empty.pdf").write_bytes(b"")
    (tmp_path / "cut.pdf").write_bytes(whole[:900])
    (tmp_path / "page.pdf").write_bytes(b"<html><body>404</body></html>")
    (tmp_path / "noise.pdf").write_bytes(b"%PDF-1.7\n" + random.Random(1).randbytes(20000))
    reasons = {}
    for name in ("locked", "empty", "cut", "page", "noise", "absent"):
        book = read_pdf(tmp_path / f"{name}.pdf", workers=1, limits=Limits(page_seconds=5, open_seconds=10))
        assert book.blocks == []
        assert [(row.page, row.status) for row in book.report] == [(0, "error")], name
        reasons[name] = book.report[0].reason
    assert "encrypted" in reasons["locked"]
    assert reasons["empty"] == "empty file"
    assert "not a PDF" in reasons["page"]


def test_a_file_locked_against_changes_only_is_read(tmp_path: Path) -> None:
    _one_page(tmp_path / "owner.pdf", encrypt=StandardEncryption("", ownerPassword="sesame", strength=128))
    book = read_pdf(tmp_path / "owner.pdf", workers=1)
    assert " ".join(_words(book)) == " ".join(RUSSIAN)


def test_a_truncated_file_says_so(tmp_path: Path) -> None:
    pages = [make_pdf.text_page([line.encode("cp1251") for line in RUSSIAN]) for _ in range(6)]
    make_pdf.raw_pdf(tmp_path / "whole.pdf", pages)
    data = (tmp_path / "whole.pdf").read_bytes()
    (tmp_path / "cut.pdf").write_bytes(data[: int(len(data) * 0.6)])
    book = read_pdf(tmp_path / "cut.pdf", workers=1)
    assert book.report[0].page == 0
    assert book.report[0].status == "error"
    assert "truncated" in book.report[0].reason


def _damaged(path: Path, page: int, change: bytes) -> Path:
    """Write six packed pages of text, and put ``change`` in the middle of one's content."""
    lines = [f"{line} {n}".encode("cp1251") for n in range(12) for line in RUSSIAN]
    plain = make_pdf.text_page(lines).partition(b"stream\n")[2].removesuffix(b"\nendstream")
    make_pdf.raw_pdf(path, [make_pdf.stream(plain, compress=True) for _ in range(6)])
    data = bytearray(path.read_bytes())
    at = 0
    for _ in range(page):
        at = data.index(b"stream\n", data.index(b"endstream", at) if at else 0) + 7
    middle = at + (data.index(b"\nendstream", at) - at) // 2
    data[middle : middle + len(change)] = change
    path.write_bytes(data)
    return path


def test_a_page_damaged_halfway_keeps_its_text_and_says_so(tmp_path: Path) -> None:
    for name, change in (("noise", b"\xff\x00\xee\x11" * 4), ("bit", b"\x55")):
        path = _damaged(tmp_path / f"{name}.pdf", 3, change)
        for limits in (Limits(), Limits(fast_path=False)):
            book = read_pdf(path, workers=2, limits=limits)
            assert [row.page for row in book.report if row.status == "error"] == [3], name
            assert "content damaged" in book.report[2].reason
            read = {item.number: item for item in read_pages(path, 1, limits) if isinstance(item, PageText)}
            assert 0 < len(read[3].lines) < len(read[2].lines) or name == "bit"


def test_damage_is_looked_for_in_what_readers_use(tmp_path: Path) -> None:
    whole = _damaged(tmp_path / "whole.pdf", 1, b"")
    assert find_damage(str(whole)) == ({}, "")
    # Without the checksum at its end, as some programs write it, a stream is whole all the same.
    data = whole.read_bytes()
    end = data.index(b"\nendstream")
    (tmp_path / "bare.pdf").write_bytes(data[: end - 4] + data[end:])
    assert find_damage(str(tmp_path / "bare.pdf")) == ({}, "")
    # A form that a page draws, and content in ASCII85.
    drawn = bytearray(make_pdf.stream(b"BT /F1 11 Tf 50 600 Td (text) Tj ET " * 40, compress=True))
    drawn[drawn.index(b"stream\n") + 30] ^= 0x55
    head = b"<</Type/XObject/Subtype/Form/BBox[0 0 482 680]"
    make_pdf.raw_pdf(
        tmp_path / "form.pdf",
        [make_pdf.stream(b"q Q"), make_pdf.stream(b"/X1 Do")],
        extra=[head + bytes(drawn[2:])],
        xobject=8,
    )
    assert list(find_damage(str(tmp_path / "form.pdf"))[0]) == [0, 1]
    _one_page(tmp_path / "ascii.pdf", pageCompression=1)
    data = bytearray((tmp_path / "ascii.pdf").read_bytes())
    assert b"ASCII85" in data
    assert find_damage(str(tmp_path / "ascii.pdf")) == ({}, "")
    place = data.index(b"~>") - 40
    data[place] = data[place] % 80 + 34
    (tmp_path / "ascii.pdf").write_bytes(data)
    assert list(find_damage(str(tmp_path / "ascii.pdf"))[0]) == [0]


@given(st.binary(max_size=300), st.sampled_from((0, 20)))
def test_ascii85_is_decoded_as_the_standard_library_does(data: bytes, wrapcol: int) -> None:
    assert _decode_ascii(base64.a85encode(data, wrapcol=wrapcol)) == data


@pytest.mark.parametrize("text", [b"uuuuu", b"abc~d", b"ab\x80cd"])
def test_what_is_no_ascii85_is_an_error(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"not a digit|more than four bytes"):
        _decode_ascii(text)


@pytest.mark.parametrize("seed", range(8))
def test_fuzzed_files_lose_no_page_silently(
    tmp_path: Path, plain_book: tuple[Path, make_pdf.Gold], seed: int
) -> None:
    rng = random.Random(seed)
    data = bytearray(plain_book[0].read_bytes())
    for _ in range(2 ** (seed + 1)):
        place = rng.randrange(20, len(data) - 20)
        data[place : place + rng.randint(0, 6)] = rng.randbytes(rng.randint(0, 6))
    (tmp_path / "fuzzed.pdf").write_bytes(data)
    book = read_pdf(tmp_path / "fuzzed.pdf", workers=1, limits=Limits(page_seconds=5, open_seconds=10))
    pages = [row.page for row in book.report if row.page]
    assert pages == list(range(1, len(pages) + 1))
    if not pages:
        assert [row.status for row in book.report] == ["error"]
    # A page without a letter says why.
    limits = Limits(page_seconds=5, open_seconds=10)
    for item in read_pages(tmp_path / "fuzzed.pdf", 1, limits):
        if isinstance(item, PageText) and not any(line.text for line in item.lines):
            assert item.reason


def test_a_page_that_overruns_its_time_is_reported_and_the_rest_is_read(tmp_path: Path) -> None:
    # Ten forms, each of which draws the next ten times.
    forms = [make_pdf.form(b"/X1 Do\n" * 10, 10 + i + 1) for i in range(9)]
    forms.append(make_pdf.form(b"BT /F1 1 Tf (x) Tj ET", 0))
    endless = make_pdf.stream(b"/X1 Do")
    good = make_pdf.text_page([line.encode("cp1251") for line in RUSSIAN])
    make_pdf.raw_pdf(tmp_path / "slow.pdf", [good, endless, good], extra=forms, xobject=10)
    book = read_pdf(tmp_path / "slow.pdf", workers=1, limits=Limits(page_seconds=1))
    assert [row.status for row in book.report] == ["repaired", "error", "repaired"]
    assert "time limit" in book.report[1].reason
    assert {block.page for block in book.blocks} == {1, 3}


def test_a_page_that_swells_over_the_memory_limit_is_reported_and_the_rest_is_read(tmp_path: Path) -> None:
    bomb = make_pdf.stream(b"% " + b"0" * 300_000_000, compress=True)
    assert len(bomb) < 1_000_000
    good = make_pdf.text_page([line.encode("cp1251") for line in RUSSIAN])
    make_pdf.raw_pdf(tmp_path / "bomb.pdf", [good, bomb, good])
    book = read_pdf(tmp_path / "bomb.pdf", workers=1, limits=Limits(memory_mb=400))
    assert [row.page for row in book.report] == [1, 2, 3]
    assert [row.status for row in book.report][::2] == ["repaired", "repaired"]
    assert book.report[1].status == "error"


def test_a_worker_that_dies_costs_one_page(plain_book: tuple[Path, make_pdf.Gold]) -> None:
    items = []
    for item in read_pages(plain_book[0], 1, Limits(fast_path=False)):
        items.append(item)
        if len(items) == 3:
            os.kill(_worker().pid, signal.SIGKILL)
    assert sorted(item.number for item in items) == list(range(1, 15))
    # None, where it died after one page and before the next.
    reasons = [item.reason for item in items if item.status == "error"]
    assert reasons in ([], ["the reader died (SIGKILL)"])


def test_limits_on_pages_and_size_are_reported(plain_book: tuple[Path, make_pdf.Gold]) -> None:
    book = read_pdf(plain_book[0], workers=1, limits=Limits(max_pages=3))
    assert [row.page for row in book.report] == [0, 1, 2, 3]
    assert "over the limit of 3" in book.report[0].reason
    book = read_pdf(plain_book[0], workers=1, limits=Limits(max_file_mb=0))
    assert [(row.page, row.status) for row in book.report] == [(0, "error")]


def _scan(tmp_path: Path) -> Path:
    import pypdfium2
    from reportlab.lib.utils import ImageReader

    _one_page(tmp_path / "typed.pdf")
    document = pypdfium2.PdfDocument(tmp_path / "typed.pdf")
    picture = document[0].render(scale=3, grayscale=True).to_pil()
    canvas = Canvas(str(tmp_path / "scan.pdf"), pagesize=(482, 680), invariant=1)
    canvas.drawImage(ImageReader(picture), 0, 0, 482, 680)
    canvas.save()
    document.close()
    return tmp_path / "scan.pdf"


def test_a_scanned_page_is_listed(tmp_path: Path) -> None:
    book = read_pdf(_scan(tmp_path), workers=1, limits=Limits(ocr=False))
    assert book.blocks == []
    assert book.report == [ReportRow(1, "scanned", "not read: OCR is off")]
