"""The process that opens a PDF and reads pages: what a broken file can kill or hang is this, not the caller.

It talks over its standard input and output in pickled messages, each after its length. The parent
(stages.extract.pdf.pool) starts it, bounds its time, and kills it by its process id.
"""

from __future__ import annotations

import gc
import os
import pickle
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any, BinaryIO

from stages.extract.pdf.book import Limits, Line, PageText
from stages.extract.pdf.damage import find_damage
from stages.extract.pdf.letters import has_odd_letters

# A page with fewer letters than this under a picture that covers half of it is a scan.
SCAN_LETTERS = 30
SCAN_COVER = 0.5
_HEADER = struct.Struct(">I")


def send(stream: BinaryIO, message: Any) -> None:
    """Write one message."""
    body = pickle.dumps(message, protocol=5)
    stream.write(_HEADER.pack(len(body)) + body)
    stream.flush()


def receive(stream: BinaryIO) -> Any:
    """Read one message; None at the end of the stream."""
    header = stream.read(_HEADER.size)
    if len(header) < _HEADER.size:
        return None
    return pickle.loads(stream.read(_HEADER.unpack(header)[0]))


def take_messages(buffer: bytearray) -> list[Any]:
    """Return the whole messages at the front of a buffer, and remove them from it."""
    messages = []
    while len(buffer) >= _HEADER.size:
        size = _HEADER.size + _HEADER.unpack_from(buffer)[0]
        if len(buffer) < size:
            break
        messages.append(pickle.loads(bytes(buffer[_HEADER.size : size])))
        del buffer[:size]
    return messages


class Reader:
    """One opened PDF; pages are read by the fast path, the layout reader or Tesseract."""

    def __init__(self, path: str, limits: Limits, announce: Any) -> None:
        self.path, self.limits, self.announce = path, limits, announce
        self.pdfium: Any = None
        self.miner: Any = None
        self.pages_read = 0

    def open(self, wants_damage: bool = True) -> tuple[int, str, dict[int, str]]:
        """Return the number of pages, a remark on damage, and the pages (from 0) whose content is damaged.

        Raises ValueError with the reason when the file cannot be read.
        """
        import pypdfium2

        damage = _check_file(self.path)
        try:
            self.pdfium = pypdfium2.PdfDocument(self.path)
            count = len(self.pdfium)
        except pypdfium2.PdfiumError as error:
            if "password" in str(error).lower():
                raise ValueError("encrypted: it opens with a password only") from None
            if "security" in str(error).lower():
                raise ValueError("encrypted: its security scheme is not supported") from None
            self.pdfium = None
            count = self._count_with_miner(str(error), damage)
            damage = damage or "damaged: pdfium cannot open it, pdfminer.six can"
        if count == 0:
            raise ValueError("no pages")
        pages: dict[int, str] = {}
        remark = ""
        if wants_damage:
            try:
                pages, remark = find_damage(self.path)
            except (OSError, MemoryError):
                remark = "not searched for damage: too large for the memory limit"
        return count, "; ".join(filter(None, (damage, remark))), pages

    def _count_with_miner(self, reason: str, damage: str) -> int:
        from stages.extract.pdf.miner import MinerDocument

        try:
            document = MinerDocument(self.path)
        except Exception as error:
            # PDFium's own word for it, without what pypdfium2 says around it.
            said = f"{reason.split('PDFium: ')[-1].rstrip(').')}; {_name(error)}"
            start = damage.split(";")[0] + "; " if damage else ""
            raise ValueError(f"{start}cannot be opened ({said})") from None
        count = document.count()
        document.close()
        return count

    def read(self, index: int) -> PageText:
        """Read page ``index`` (from 0); every fault becomes its status and reason."""
        self._free_caches()
        page = None
        width, height = 595.0, 842.0
        reason = ""
        if self.pdfium is not None:
            try:
                page = self.pdfium[index]
                width, height = page.get_size()
            except Exception as error:
                reason = f"pdfium: {_name(error)}"
        try:
            if page is not None and self.limits.fast_path:
                from stages.extract.pdf.plain import NotPlain, read_plain_page

                try:
                    lines = read_plain_page(page, width, height)
                    return PageText(index + 1, width, height, lines, "ok", "", "plain")
                except NotPlain:
                    reason = ""
            return self._read_layout(index, page, width, height, reason)
        finally:
            if page is not None:
                page.close()

    def _read_layout(self, index: int, page: Any, width: float, height: float, reason: str) -> PageText:
        from stages.extract.pdf.layout import lay_out, lay_out_turned

        lines: list[Line] = []
        fault = reason
        try:
            device = self._miner_page(index)
            lines = lay_out(device.words, device.rules) + lay_out_turned(device.turned)
            if page is None:
                width, height = device.width, device.height
        except MemoryError:
            raise
        except RecursionError:
            fault = "pdfminer.six: nested too deeply"
        except Exception as error:
            fault = f"pdfminer.six: {_name(error)}"
        letters = _letters(lines)
        status, remark = ("ok", "") if not fault else ("error", fault)
        if page is not None:
            from stages.extract.pdf.plain import read_any_page

            others = read_any_page(page, height) if fault or letters < 400 else []
            # pdfminer.six and pdfium seldom differ; where pdfminer.six lost text, pdfium's is taken.
            if _letters(others) > 1.3 * letters + 5:
                lines, letters = others, _letters(others)
                status, remark = "repaired", f"{fault or 'pdfminer.six loses text here'}; read with pdfium"
        if letters < SCAN_LETTERS and page is not None and self._is_scan(page, width, height):
            return self._read_scan(index, page, width, height, lines)
        if not letters and status == "ok":
            remark = "no text"
            if self._is_undecoded(page):
                status, remark = "error", "the page has content, but nothing of it can be decoded"
        if not any("(cid:" in line.text for line in lines) and not has_odd_letters(
            "\n".join(line.text for line in lines)
        ):
            lines = [line._replace(spans=()) for line in lines]
        return PageText(index + 1, width, height, lines, status, remark, "layout")

    def _is_undecoded(self, page: Any) -> bool:
        import pypdfium2.raw as raw

        # An empty page has a few bytes of content at most; a drawing or a picture is an object.
        is_blank = page is None or raw.FPDFPage_CountObjects(page) == 0
        return is_blank and self.miner is not None and self.miner.content_bytes > 100

    def _miner_page(self, index: int) -> Any:
        from stages.extract.pdf.miner import MinerDocument

        if self.miner is None or self.miner.next_index > index:
            self._close_miner()
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

    def _is_scan(self, page: Any, width: float, height: float) -> bool:
        import pypdfium2.raw as raw

        boxes = []
        for item in page.get_objects(filter=[raw.FPDF_PAGEOBJ_IMAGE], max_depth=3):
            x0, y0, x1, y1 = item.get_bounds()
            boxes.append((x0, y0, x1, y1))
        area = sum(
            max(0.0, min(x1, width) - max(x0, 0.0)) * max(0.0, min(y1, height) - max(y0, 0.0))
            for x0, y0, x1, y1 in set(boxes)
        )
        return area >= SCAN_COVER * width * height

    def _read_scan(self, index: int, page: Any, width: float, height: float, lines: list[Line]) -> PageText:
        from stages.extract.pdf.ocr import ocr_languages, recognise

        number = index + 1
        if not self.limits.ocr:
            return PageText(number, width, height, lines, "scanned", "not read: OCR is off", "ocr")
        if not ocr_languages():
            reason = "not read: tesseract with rus or script/Latin is not installed"
            return PageText(number, width, height, lines, "scanned", reason, "ocr")
        self.announce(("ocr", index))
        try:
            lines = recognise(page, height, self.limits.ocr_seconds)
        except (RuntimeError, OSError, subprocess.TimeoutExpired) as error:
            return PageText(number, width, height, [], "error", f"scanned; {_name(error)}", "ocr")
        return PageText(
            number, width, height, lines, "scanned", f"read with tesseract ({ocr_languages()})", "ocr"
        )


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


def main() -> None:
    """Serve requests: ("open", path, limits, is_first), then ("read", [index, ...]) as often as wanted."""
    incoming = os.fdopen(os.dup(0), "rb")
    outgoing = os.fdopen(os.dup(1), "wb")
    # What a library prints must not get between the messages.
    os.dup2(2, 1)
    _, path, limits, wants_damage = receive(incoming)
    _bound_memory(limits.memory_mb)
    reader = Reader(path, limits, lambda message: send(outgoing, message))
    try:
        send(outgoing, ("opened", *reader.open(wants_damage)))
    except ValueError as error:
        send(outgoing, ("failed", str(error)))
        return
    except (Exception, RecursionError) as error:
        send(outgoing, ("failed", f"cannot be opened ({_name(error)})"))
        return
    # What is loaded stays; what a page leaves behind is collected after some pages, not some hundred objects.
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    while (request := receive(incoming)) is not None:
        for index in request[1]:
            try:
                page = reader.read(index)
            except MemoryError:
                # What is left of the heap is not to be trusted: the parent starts a fresh worker.
                os._exit(77)
            except Exception as error:
                page = PageText(index + 1, 0.0, 0.0, [], "error", _name(error), "layout")
            send(outgoing, ("page", page))
        send(outgoing, ("done",))


def _bound_memory(megabytes: int) -> None:
    if sys.platform == "win32":
        return
    import resource

    limit = megabytes * 1024 * 1024
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))


if __name__ == "__main__":
    main()
