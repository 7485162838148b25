"""Reading scanned pages with Tesseract, where it is installed."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from typing import Any

from stages.extract.pdf.book import Line

DPI = 300


@functools.cache
def ocr_languages() -> str:
    """Return Tesseract's -l argument (Russian and the Latin script); "" where it cannot read these."""
    program = shutil.which("tesseract")
    if not program:
        return ""
    listing = subprocess.run(
        [program, "--list-langs"], capture_output=True, text=True, timeout=30, check=False
    )
    installed = set(listing.stdout.split())
    # Debian packs the script model as "Latin", the upstream data files as "script/Latin".
    latin = next((name for name in ("script/Latin", "Latin") if name in installed), "")
    return "+".join(name for name in ("rus" if "rus" in installed else "", latin) if name)


def recognise(page: Any, height: float, seconds: float) -> list[Line]:
    """Return the lines that Tesseract reads on a pdfium page; [] for a page without text.

    Raises RuntimeError when Tesseract fails, subprocess.TimeoutExpired when it overruns.
    """
    scale = DPI / 72.0
    bitmap = page.render(scale=scale, grayscale=True)
    rows = bytes(bitmap.buffer)
    width, tall, stride = bitmap.width, bitmap.height, bitmap.stride
    if stride != width:
        rows = b"".join(rows[i * stride : i * stride + width] for i in range(tall))
    picture = b"P5\n%d %d\n255\n" % (width, tall) + rows
    bitmap.close()
    result = subprocess.run(
        ["tesseract", "stdin", "stdout", "-l", ocr_languages(), "--dpi", str(DPI), "--psm", "3", "tsv"],
        input=picture,
        capture_output=True,
        timeout=seconds,
        check=False,
        # One thread each: pages are already read in parallel.
        env={**os.environ, "OMP_THREAD_LIMIT": "1"},
    )
    if result.returncode:
        said = result.stderr.decode("utf-8", "replace").strip().splitlines()
        raise RuntimeError(f"tesseract: {said[-1] if said else result.returncode}")
    return _lines_from_tsv(result.stdout.decode("utf-8", "replace"), scale)


def _lines_from_tsv(tsv: str, scale: float) -> list[Line]:
    groups: dict[tuple[int, int, int], list[list[str]]] = {}
    for row in tsv.splitlines()[1:]:
        cells = row.split("\t")
        if len(cells) == 12 and cells[0] == "5" and cells[11].strip():
            groups.setdefault((int(cells[2]), int(cells[3]), int(cells[4])), []).append(cells)
    blocks = sorted({key[0] for key in groups})
    # The height of a block's lines is its size: that of one line depends on which letters it has.
    heights: dict[int, list[float]] = {}
    for (block, _, _), words in groups.items():
        heights.setdefault(block, []).append(max(int(word[9]) for word in words) / scale)
    lines = []
    for (block, _, _), words in sorted(groups.items()):
        x0 = min(int(word[6]) for word in words) / scale
        x1 = max(int(word[6]) + int(word[8]) for word in words) / scale
        y = max(int(word[7]) + int(word[9]) for word in words) / scale
        sizes = sorted(heights[block])
        size = round(sizes[len(sizes) // 2], 1)
        text = " ".join(word[11] for word in words)
        lines.append(Line(text, x0, x1, y, size, False, blocks.index(block)))
    return lines
