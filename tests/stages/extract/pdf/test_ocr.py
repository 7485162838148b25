"""Scans read with Tesseract: skipped where it is not installed."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pypdfium2
import pytest
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from stages.extract.pdf.book import Limits, PageText
from stages.extract.pdf.ocr import ocr_models, recognise
from stages.extract.pdf.reader import read_pdf
from stages.extract.pdf.worker import _scan
from tests.stages.extract.pdf import make_pdf
from tests.stages.extract.pdf.test_reader import OLD_TURKMEN, RUSSIAN, TURKMEN

MODELS = ocr_models() if shutil.which("tesseract") else {}
needs_tesseract = pytest.mark.skipif(
    not {"Latin", "Cyrillic", "osd"} <= MODELS.keys(),
    reason="tesseract or one of its models is not installed",
)


def make_scan(path: Path, lines: list[str], turn: int = 0) -> Path:
    """Write a page that is nothing but a picture of these lines, turned clockwise."""
    make_pdf.register_fonts()
    typed = path.with_name("typed.pdf")
    canvas = Canvas(str(typed), pagesize=(482, 680), invariant=1)
    canvas.setFont("Body", 11)
    for i, line in enumerate(lines):
        canvas.drawString(50, 600 - 15 * i, line)
    canvas.save()
    document = pypdfium2.PdfDocument(typed)
    picture = document[0].render(scale=3, grayscale=True, rotation=turn).to_pil()
    document.close()
    size = (680, 482) if turn % 180 else (482, 680)
    canvas = Canvas(str(path), pagesize=size, invariant=1)
    canvas.drawImage(ImageReader(picture), 0, 0, *size)
    canvas.save()
    return path


@needs_tesseract
@pytest.mark.parametrize("turn", [0, 90, 180, 270])
@pytest.mark.parametrize(
    ("lines", "model", "other"),
    [(TURKMEN, "Latin", "[а-яё]"), (RUSSIAN, "rus", "[a-z]"), (OLD_TURKMEN, "rus", "[a-z]")],
    ids=["Turkmen", "Russian", "Cyrillic Turkmen"],
)
def test_a_scan_is_read_with_the_model_of_its_script(
    tmp_path: Path, lines: list[str], model: str, other: str, turn: int
) -> None:
    book = read_pdf(make_scan(tmp_path / "scan.pdf", lines, turn), workers=1)
    assert [row.status for row in book.report] == ["scanned"]
    assert re.fullmatch(rf"read with tesseract \((script/)?{model}\)", book.report[0].reason)
    text = " ".join(block.text for block in book.blocks)
    assert not re.search(other, text.lower())
    if lines is not OLD_TURKMEN:  # no model has its letters
        meant = set(" ".join(lines).split())
        assert len(set(text.split()) & meant) >= 0.9 * len(meant)


@needs_tesseract
def test_lines_in_another_script_than_the_page_are_left_out(tmp_path: Path) -> None:
    book = read_pdf(make_scan(tmp_path / "scan.pdf", [*RUSSIAN * 3, *TURKMEN[:2]]), workers=1)
    text = " ".join(block.text for block in book.blocks)
    assert len(set(text.split()) - set(" ".join(RUSSIAN).split())) <= 2
    assert "2 lines left out, of which it is unsure" in book.report[0].reason


@pytest.fixture
def only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator:
    """Leave Tesseract these models only."""
    listing = subprocess.run(["tesseract", "--list-langs"], capture_output=True, text=True, check=True)
    folder = Path(listing.stdout.split('"')[1])

    def leave(*names: str) -> None:
        (tmp_path / "models").mkdir()
        for name in names:
            place = tmp_path / "models" / f"{name}.traineddata"
            place.parent.mkdir(exist_ok=True)
            place.symlink_to(folder / f"{name}.traineddata")
        (tmp_path / "models/configs").symlink_to(folder / "configs")
        monkeypatch.setenv("TESSDATA_PREFIX", str(tmp_path / "models"))
        ocr_models.cache_clear()

    yield leave
    ocr_models.cache_clear()


@needs_tesseract
@pytest.mark.parametrize("with_detection", [True, False])
@pytest.mark.parametrize(
    ("lines", "script", "package"),
    [(TURKMEN, "Latin", "tesseract-ocr-script-latn"), (RUSSIAN, "Cyrillic", "tesseract-ocr-rus")],
)
def test_a_script_without_its_model_names_the_package(
    tmp_path: Path, only, lines: list[str], script: str, package: str, with_detection: bool
) -> None:
    path = make_scan(tmp_path / "scan.pdf", lines)
    (other,) = {"Latin", "Cyrillic"} - {script}
    only(MODELS[other], *(["osd"] if with_detection else []))
    scan = recognise(pypdfium2.PdfDocument(path)[0], 60)
    assert scan.lines == []
    assert scan.reason == (
        f"not read: {script} script, for which Tesseract has no model; install {package} (Debian)"
    )


@needs_tesseract
@pytest.mark.parametrize("lines", [TURKMEN, RUSSIAN])
def test_without_detection_the_surer_model_is_taken(tmp_path: Path, only, lines: list[str]) -> None:
    path = make_scan(tmp_path / "scan.pdf", lines)
    only(MODELS["Latin"], MODELS["Cyrillic"])
    scan = recognise(pypdfium2.PdfDocument(path)[0], 60)
    assert MODELS["Latin" if lines is TURKMEN else "Cyrillic"] in scan.reason
    assert len(scan.lines) == len(lines)


@needs_tesseract
def test_noise_is_not_text(tmp_path: Path) -> None:
    picture = ImageReader(_noise())
    canvas = Canvas(str(tmp_path / "noise.pdf"), pagesize=(300, 300), invariant=1)
    canvas.drawImage(picture, 0, 0, 300, 300)
    canvas.save()
    book = read_pdf(tmp_path / "noise.pdf", workers=1)
    assert book.blocks == []
    assert book.report[0].status == "scanned"


def _noise() -> object:
    import numpy as np
    from PIL import Image

    return Image.fromarray(np.random.default_rng(1).integers(0, 255, (400, 400), dtype=np.uint8))


def test_without_tesseract_the_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    ocr_models.cache_clear()
    page = _scan(PageText(1, 482, 680, [], "scanned", "", "ocr"), Limits())
    ocr_models.cache_clear()
    assert page.reason == (
        "not read: Tesseract is not installed; install tesseract-ocr tesseract-ocr-script-latn "
        "tesseract-ocr-rus (Debian)"
    )
