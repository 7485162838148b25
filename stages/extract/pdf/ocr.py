"""Reading scanned pages with Tesseract, where it is installed.

The script of a page is decided first, by Tesseract's own detection, and the page then read with one model:
two at once turn whole Turkmen words into Cyrillic ones.
"""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
import time
from dataclasses import dataclass
from typing import Any

from stages.extract.pdf.book import Line

DPI = 300
# The package of Debian that has the model of a script.
PACKAGES = {"Latin": "tesseract-ocr-script-latn", "Cyrillic": "tesseract-ocr-rus"}
# Detection less sure than this (its own scale) is not relied on: 7 and more is usual, 1.5 for a mixed page.
SURE_OF_SCRIPT, SURE_OF_DIRECTION = 2.0, 3.0
# Lines read less surely than this (0-100) are noise or in the other script (about 30); print has 75 to 97.
SURE_OF_TEXT = 45.0


@dataclass(frozen=True)
class Scan:
    """What was read of a scanned page: its lines, how, and how far it was turned (clockwise degrees)."""

    lines: list[Line]
    reason: str
    turn: int = 0


@functools.cache
def ocr_models() -> dict[str, str]:
    """Return Tesseract's models by the script that they read, and "osd", which tells scripts; {} for none."""
    program = shutil.which("tesseract")
    if not program:
        return {}
    listing = subprocess.run(
        [program, "--list-langs"], capture_output=True, text=True, timeout=30, check=False
    )
    installed = set(listing.stdout.split())
    # Debian packs the script model as "Latin", the upstream data files as "script/Latin".
    names = {"Latin": ("script/Latin", "Latin"), "Cyrillic": ("rus",), "osd": ("osd",)}
    models = {key: next((n for n in choices if n in installed), "") for key, choices in names.items()}
    return {key: name for key, name in models.items() if name}


def missing_model(script: str) -> str:
    """Say which package lacks for a script."""
    return f"not read: {script} script, for which Tesseract has no model; install {PACKAGES[script]} (Debian)"


def recognise(page: Any, seconds: float) -> Scan:
    """Return what Tesseract reads on a pdfium page with the model of the page's script.

    A page of no script, or of one whose model is not installed, has no lines and a reason that begins with
    "not read". Raises RuntimeError when Tesseract fails, subprocess.TimeoutExpired when it overruns.
    """
    end = time.monotonic() + seconds
    models = ocr_models()
    picture = _render(page, 0)
    script, turn = _detect(picture, end) if "osd" in models else ("", 0)
    if script and script not in models:
        return Scan([], missing_model(script), turn)
    if turn:
        picture = _render(page, turn)
    readings = []
    for name in [script] if script else sorted(PACKAGES.keys() & models.keys()):
        tsv = _run(picture, end, "-l", models[name], "--psm", "3", "tsv")
        readings.append((*_lines_from_tsv(tsv, DPI / 72.0), name))
    lines, surety, name = max(readings, key=lambda reading: reading[1])
    # In a picture it sees single letters and strokes.
    lines = [(line, line_surety) for line, line_surety in lines if re.search(r"\w\w", line.text)]
    sure = [line for line, line_surety in lines if line_surety >= SURE_OF_TEXT]
    if lines and not sure:
        others = [other for other in PACKAGES if other not in models]
        if not script and others:
            return Scan([], missing_model(others[0]), turn)
        return Scan([], f"not read: Tesseract is too unsure of it ({surety:.0f} of 100)", turn)
    reason = f"read with tesseract ({models[name]})"
    if len(sure) < len(lines):
        reason += f"; {len(lines) - len(sure)} lines left out, of which it is unsure"
    return Scan(sure, reason, turn)


def _render(page: Any, turn: int) -> bytes:
    """Return a page as a grey picture (PGM), turned clockwise."""
    bitmap = page.render(scale=DPI / 72.0, grayscale=True, rotation=turn)
    rows = bytes(bitmap.buffer)
    width, tall, stride = bitmap.width, bitmap.height, bitmap.stride
    if stride != width:
        rows = b"".join(rows[i * stride : i * stride + width] for i in range(tall))
    bitmap.close()
    return b"P5\n%d %d\n255\n" % (width, tall) + rows


def _detect(picture: bytes, end: float) -> tuple[str, int]:
    """Return a page's script ("" where that is unsure) and how far it is to be turned to stand upright."""
    try:
        told = _run(picture, end, "-l", "osd", "--psm", "0")
    except RuntimeError:
        # Too few letters to tell.
        return "", 0
    fields = dict(re.findall(r"^([A-Z][\w ]+): (\S+)", told, re.MULTILINE))
    is_sure = float(fields.get("Script confidence", 0)) >= SURE_OF_SCRIPT
    script = fields.get("Script", "") if is_sure and fields.get("Script") in PACKAGES else ""
    is_turned = float(fields.get("Orientation confidence", 0)) >= SURE_OF_DIRECTION
    return script, int(fields.get("Rotate", 0)) if is_turned else 0


def _run(picture: bytes, end: float, *arguments: str) -> str:
    result = subprocess.run(
        ["tesseract", "stdin", "stdout", "--dpi", str(DPI), *arguments],
        input=picture,
        capture_output=True,
        timeout=max(0.1, end - time.monotonic()),
        check=False,
        # One thread each: pages are already read in parallel.
        env={**os.environ, "OMP_THREAD_LIMIT": "1"},
    )
    if result.returncode:
        output = result.stderr.decode("utf-8", "replace").strip().splitlines()
        raise RuntimeError(f"tesseract: {output[-1] if output else result.returncode}")
    return result.stdout.decode("utf-8", "replace")


def _lines_from_tsv(tsv: str, scale: float) -> tuple[list[tuple[Line, float]], float]:
    """Return each line with Tesseract's confidence in it (0-100, by letters), and the confidence in all."""
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
    total = letters = 0.0
    for (block, _, _), words in sorted(groups.items()):
        x0 = min(int(word[6]) for word in words) / scale
        x1 = max(int(word[6]) + int(word[8]) for word in words) / scale
        y = max(int(word[7]) + int(word[9]) for word in words) / scale
        sizes = sorted(heights[block])
        size = round(sizes[len(sizes) // 2], 1)
        text = " ".join(word[11] for word in words)
        n = sum(len(word[11]) for word in words)
        surety = sum(len(word[11]) * float(word[10]) for word in words)
        lines.append((Line(text, x0, x1, y, size, False, blocks.index(block)), surety / n))
        total, letters = total + surety, letters + n
    return lines, total / letters if letters else 0.0
