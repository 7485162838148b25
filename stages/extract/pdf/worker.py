"""The isolated process that opens a PDF and reads pages: a broken file can crash or hang it, not the caller.

pebble starts it for one file (``start``), hands it the functions below as tasks and bounds their time.
"""

from __future__ import annotations

import functools
import gc
import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stages.extract.pdf.book import Limits, Line, PageText
from stages.extract.pdf.damage import find_damage
from stages.extract.pdf.fonts import has_odd_letters

# A page with fewer letters than this under a picture that covers half of it is a scan.
SCAN_LETTERS = 30
SCAN_COVER = 0.5
# Exit code of a worker that reached its memory limit.
OUT_OF_MEMORY = 77
# What the readers import, for a server to import once before it forks workers.
READERS = (
    "pypdfium2",
    *(f"{__package__}.{name}" for name in ("worker", "reader", "layout", "miner", "plain")),
)

_arguments: tuple[str, Limits]


def start(path: str, limits: Limits) -> None:
    """Prepare this process for one file: bound its memory, and mute what its libraries print."""
    global _arguments
    _arguments = (path, limits)
    # pebble's handler of SIGTERM would wait until a call into pdfium returns.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    _bound_memory(limits.memory_mb)
    # What is loaded stays; what a page leaves behind is collected after some pages, not some hundred objects.
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def _bound_memory(megabytes: int) -> None:
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    limit = megabytes * 1024 * 1024
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))


@functools.cache
def _document() -> Document:
    return Document(*_arguments)


def open_file() -> tuple[int, str]:
    """Return the number of pages, and a remark on damage.

    Raises ValueError with the reason when the file cannot be read.
    """
    try:
        return _document().check()
    except ValueError:
        raise
    except Exception as error:
        raise ValueError(f"cannot be opened ({_name(error)})") from None


def search_damage() -> tuple[dict[int, str], str]:
    """Return the pages (from 0) whose content is damaged, and a remark on other damage."""
    try:
        return find_damage(_arguments[0])
    except (OSError, MemoryError):
        return {}, "not searched for damage: too large for the memory limit"


def read_pages(indices: Sequence[int]) -> list[PageText]:
    """Read pages (from 0); every fault becomes a page's status and reason. Path "scan" asks for OCR."""
    return [_read_page(index) for index in indices]


def _read_page(index: int) -> PageText:
    try:
        return _document().read(index)
    except MemoryError:
        # What remains of the heap should not be relied on: pebble starts a fresh worker.
        os._exit(OUT_OF_MEMORY)
    except Exception as error:
        return PageText(index + 1, 0.0, 0.0, [], "error", _name(error), "layout")


def recognise_pages(pages: Sequence[PageText]) -> list[PageText]:
    """Read scanned pages with Tesseract."""
    return [_recognise_page(page) for page in pages]


def _recognise_page(page: PageText) -> PageText:
    from stages.extract.pdf.ocr import recognise

    document = _document()
    try:
        scan = recognise(document.pdfium[page.number - 1], document.limits.ocr_seconds)
    except (RuntimeError, OSError, subprocess.TimeoutExpired) as error:
        return page._replace(lines=[], status="error", reason=f"scanned; {_name(error)}", path="ocr")
    width, height = (page.height, page.width) if scan.turn % 180 else (page.width, page.height)
    return page._replace(
        lines=scan.lines, status="scanned", reason=scan.reason, path="ocr", width=width, height=height
    )


class Document:
    """One opened PDF; pages are read by the fast path or the layout reader."""

    def __init__(self, path: str, limits: Limits) -> None:
        import pypdfium2

        self.path, self.limits = path, limits
        self.pdfium: Any = None
        self.miner: Any = None
        self.pages_read = 0
        self.fault = ""
        try:
            self.pdfium = pypdfium2.PdfDocument(path)
        except pypdfium2.PdfiumError as error:
            self.fault = str(error)

    def check(self) -> tuple[int, str]:
        """Return what ``open_file`` does; raises ValueError as it does."""
        damage = _check_file(self.path)
        for word, reason in (
            ("password", "it opens with a password only"),
            ("security", "its security scheme is not supported"),
        ):
            if word in self.fault.lower():
                raise ValueError(f"encrypted: {reason}")
        if self.fault:
            count = self._count_with_miner(damage)
            damage = damage or "damaged: pdfium cannot open it, pdfminer.six can"
        else:
            count = len(self.pdfium)
        if count == 0:
            raise ValueError("no pages")
        return count, damage

    def _count_with_miner(self, damage: str) -> int:
        from stages.extract.pdf.miner import MinerDocument

        try:
            document = MinerDocument(self.path)
        except Exception as error:
            # PDFium's own words, without what pypdfium2 puts around them.
            reason = f"{self.fault.split('PDFium: ')[-1].rstrip(').')}; {_name(error)}"
            start = damage.split(";")[0] + "; " if damage else ""
            raise ValueError(f"{start}cannot be opened ({reason})") from None
        count = document.count()
        document.close()
        return count

    def read(self, index: int) -> PageText:
        """Read page ``index`` (from 0); most faults become its status and reason."""
        from stages.extract.pdf.plain import NotPlain, read_plain_page

        self._free_caches()
        page = None
        width, height = 595.0, 842.0
        reason = ""
        try:
            if self.pdfium is not None:
                page = self.pdfium[index]
                width, height = page.get_size()
        except Exception as error:
            reason = f"pdfium: {_name(error)}"
        try:
            if page is not None and self.limits.fast_path:
                try:
                    lines = read_plain_page(page)
                    return PageText(index + 1, width, height, lines, "ok", "", "plain")
                except NotPlain:
                    reason = ""
            return self._read_layout(index, page, width, height, reason)
        finally:
            if page is not None:
                page.close()

    def _read_layout(self, index: int, page: Any, width: float, height: float, reason: str) -> PageText:
        from stages.extract.pdf.layout import lay_out, lay_out_turned
        from stages.extract.pdf.plain import read_any_page

        lines: list[Line] = []
        remark = ""
        try:
            device = self._miner_page(index)
            lines = lay_out(device.words, device.rules) + lay_out_turned(device.turned)
            width, height = device.width, device.height
            counts = ((device.outside, "outside the page's box"), (len(device.turned), "across the text"))
            remark = "; ".join(f"{n} words {where} left out" for n, where in counts if n)
        except MemoryError:
            raise
        except RecursionError:
            reason = "pdfminer.six: nested too deeply"
        except Exception as error:
            reason = f"pdfminer.six: {_name(error)}"
        letters = _letters(lines)
        status, remark = ("error", reason) if reason else ("ok", remark)
        if page is not None:
            others = read_any_page(page) if reason or letters < 400 else []
            # pdfminer.six and pdfium seldom differ; where pdfminer.six lost text, pdfium's is taken.
            if _letters(others) > 1.3 * letters + 5:
                lines, letters = others, _letters(others)
                status, remark = "repaired", f"{reason or 'pdfminer.six loses text here'}; read with pdfium"
            if letters < SCAN_LETTERS and _is_scan(page):
                return _scan(PageText(index + 1, width, height, lines, "scanned", "", "ocr"), self.limits)
        if not letters and status == "ok":
            remark = remark or "no text"
            if self._is_undecoded(page):
                status, remark = "error", "the page has content, but nothing of it can be decoded"
        text = "\n".join(line.text for line in lines)
        if "(cid:" not in text and not has_odd_letters(text):
            lines = [line._replace(spans=()) for line in lines]
        return PageText(index + 1, width, height, lines, status, remark, "layout")

    def _is_undecoded(self, page: Any) -> bool:
        import pypdfium2.raw as raw

        # An empty page has a few bytes of content at most; a drawing or a picture is an object.
        is_blank = page is None or raw.FPDFPage_CountObjects(page) == 0
        return is_blank and self.miner is not None and self.miner.content_bytes > 100

    def _miner_page(self, index: int) -> Any:
        from stages.extract.pdf.miner import MinerDocument

        if self.miner is None:
            self.miner = MinerDocument(self.path)
        return self.miner.read(index)

    def _close_miner(self) -> None:
        if self.miner is not None:
            self.miner.close()
        self.miner = None

    def _free_caches(self) -> None:
        # Both readers keep every object that they have decoded until the file is closed.
        self.pages_read += 1
        if self.pages_read % self.limits.pages_per_opening == 0:
            self._close_miner()
            if self.pdfium is not None:
                import pypdfium2

                self.pdfium.close()
                self.pdfium = pypdfium2.PdfDocument(self.path)


def _is_scan(page: Any) -> bool:
    import pypdfium2.raw as raw

    left, bottom, right, top = page.get_bbox()
    images = page.get_objects(filter=[raw.FPDF_PAGEOBJ_IMAGE], max_depth=3)
    area = sum(
        max(0.0, min(x1, right) - max(x0, left)) * max(0.0, min(y1, top) - max(y0, bottom))
        for x0, y0, x1, y1 in {tuple(image.get_bounds()) for image in images}
    )
    return area >= SCAN_COVER * (right - left) * (top - bottom)


def _scan(page: PageText, limits: Limits) -> PageText:
    from stages.extract.pdf.ocr import PACKAGES, ocr_models

    if not limits.ocr:
        return page._replace(reason="not read: OCR is off")
    if not PACKAGES.keys() & ocr_models().keys():
        packages = " ".join(("tesseract-ocr", *PACKAGES.values()))
        return page._replace(reason=f"not read: Tesseract is not installed; install {packages} (Debian)")
    return page._replace(path="scan")


def _check_file(path: str) -> str:
    """Return a remark on a file that is cut off; raises ValueError for one that is no PDF."""
    size = Path(path).stat().st_size
    if size == 0:
        raise ValueError("empty file")
    with open(path, "rb") as file:
        start = file.read(1024)
        file.seek(max(0, size - 2048))
        end = file.read()
    if b"%PDF-" not in start:
        raise ValueError("not a PDF file: no %PDF header")
    return "" if b"%%EOF" in end else "truncated: no end mark; pages after the cut are lost"


def _letters(lines: list[Line]) -> int:
    return sum(len(line.text) - line.text.count(" ") for line in lines)


def _name(error: BaseException) -> str:
    text = " ".join(str(error).split())[:120]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
