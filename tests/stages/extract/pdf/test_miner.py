"""The faster tokenizer against pdfminer.six's own."""

from __future__ import annotations

from pathlib import Path

import pytest
from pdfminer.pdfinterp import PDFPageInterpreter

from stages.extract.pdf.miner import FastInterpreter, MinerDocument
from tests.stages.extract.pdf import make_pdf


class SlowInterpreter(FastInterpreter):
    execute = PDFPageInterpreter.execute
    do_TJ = PDFPageInterpreter.do_TJ


def _words(path: Path, interpreter: type[FastInterpreter]) -> list[tuple[object, ...]]:
    document = MinerDocument(str(path))
    document._interpreter = interpreter(document._interpreter.rsrcmgr, document.device)
    pages = 0
    found: list[tuple[object, ...]] = []
    try:
        while True:
            device = document.read(pages)
            pages += 1
            found += [
                (w.text, round(w.x0, 3), round(w.x1, 3), round(w.y, 3), w.size, w.font) for w in device.words
            ]
            found += [("rule", *[round(v, 3) for v in rule]) for rule in device.rules]
    except IndexError:
        document.close()
    assert pages
    return found


@pytest.mark.parametrize(
    "content",
    [
        b"BT /F1 11 Tf 14 TL 50 600 Td (one \\(two\\) \\101\\102\\n) Tj T* [(th) -20 (ree) -600 (four)] TJ",
        # Nested parentheses, an inline image and a name with a number sign are left to pdfminer.six.
        b"BT /F1 11 Tf 50 600 Td (one (two) three) Tj ET",
        b"q 10 0 0 10 50 50 cm BI /W 1 /H 1 /BPC 8 /CS /G ID \x80 EI Q BT /F1 11 Tf 50 600 Td (after) Tj ET",
        b"/Odd#20Name gs BT /F1 11 Tf 50 600 Td (named) Tj ET",
        b"BT/F1 11 Tf 1 0 0 1 50 600 Tm<6f6e65>Tj<74 77 6F>Tj ET 50 50 100 20 re S 10 10 m 90 10 l S",
        b"/Span <</ActualText (x) /MCID 3 >> BDC BT /F1 9 Tf 2 Tr 50 600 Td (marked) ' 1 2 (quoted) \" EMC",
        b"% a comment (with text) Tj\n.5 w -3.25 0 0 +4. 0 0 cm BT /F1 11 Tf 5 6 Td (scaled) Tj ET",
        # Unknown operators and missing operands.
        b"1 2 3 nonsense BT /F1 11 Tf 50 600 Td (x) Tj Td (y) Tj ET ) Tj",
        b"",
    ],
)
def test_both_tokenizers_find_the_same(tmp_path: Path, content: bytes) -> None:
    make_pdf.raw_pdf(tmp_path / "page.pdf", [make_pdf.stream(content)])
    assert _words(tmp_path / "page.pdf", FastInterpreter) == _words(tmp_path / "page.pdf", SlowInterpreter)


def test_both_tokenizers_find_the_same_in_a_book(tmp_path: Path) -> None:
    make_pdf.make_book(tmp_path / "book.pdf", pages=8, seed=5)
    words = _words(tmp_path / "book.pdf", FastInterpreter)
    assert len(words) > 1000
    assert words == _words(tmp_path / "book.pdf", SlowInterpreter)
