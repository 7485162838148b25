"""Feed mutated files of one format to the public commands, in one process; print the counts as JSON.

``python -m tests.mutated_files FORMAT COUNT``, from an empty folder. tests/test_mutated_files.py runs it.
"""

from __future__ import annotations

import contextlib
import io
import json
import random
import resource
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import stages.clean.__main__
import stages.extract.__main__
from stages.lib.core import cli
from stages.lib.core.tables import PAIR_SCHEMA, pair_id, table_from_rows, write_table
from tests.judgements import annotation, task
from tests.phrases import PHRASES
from tests.settings import write_settings
from tests.stages.extract.documents.test_docx import body, docx, p
from tests.stages.extract.html_pages import gold_pages
from tests.stages.extract.messages.test_po import po_file
from tests.stages.extract.pairs.test_tmx import HEADER, unit
from tests.stages.extract.pdf.make_pdf import make_book
from tests.stages.raw_tars import pack

LIMIT_S = 20
# Pieces that formats give a meaning: long numbers, openings without an end, other encodings.
TOKENS = (
    *(b"\xff\xfe", b"\0" * 9, b"99999999999", b"-1", b"<![CDATA[", b"<!--", b"&#x0;", b"[" * 3000, b'"' * 3),
    *(b"\r", b"NaN", b"null", b"{", b"%" * 500, b"<div>" * 2000, b"\xe2\x80\xae", b"\n" * 2000, b"\t"),
)


def mutate(data: bytes, chance: random.Random) -> bytes:
    """Change a file at one to eight places: bits, bytes, pieces cut, repeated or put in; or cut its end."""
    mutated = bytearray(data)
    for _ in range(chance.randint(1, 8)):
        at = chance.randrange(len(mutated) + 1)
        end = min(len(mutated), at + chance.choice((1, 4, 60, 3000)))
        kind = chance.randrange(6)
        if kind == 0 and at < len(mutated):
            mutated[at] ^= 1 << chance.randrange(8)
        elif kind == 1:
            mutated[at:end] = chance.randbytes(end - at)
        elif kind == 2:
            del mutated[at:end]
        elif kind == 3:
            mutated[at:at] = mutated[at:end] * chance.choice((1, 2, 50))
        elif kind == 4:
            mutated[at:at] = chance.choice(TOKENS)
        elif chance.random() < 0.2:
            del mutated[at:]
    return bytes(mutated)


def _document(name: str) -> Callable[[Path, bytes], tuple[Callable[[], None], list[str]]]:
    return _source("files", name)


def _source(source: str, file: str) -> Callable[[Path, bytes], tuple[Callable[[], None], list[str]]]:
    def prepare(folder: Path, data: bytes) -> tuple[Callable[[], None], list[str]]:
        pack(folder / "raw.tar", source, {file: data})
        return _extract(source)

    return prepare


def _extract(source: str) -> tuple[Callable[[], None], list[str]]:
    options = ["--source", source, "--raw", "raw.tar", "--out", "out.parquet"]
    return stages.extract.__main__.main, options


def _tar(folder: Path, data: bytes) -> tuple[Callable[[], None], list[str]]:
    (folder / "raw.tar").write_bytes(data)
    return _extract("tsv")


def _clean(name: str) -> Callable[[Path, bytes], tuple[Callable[[], None], list[str]]]:
    def prepare(folder: Path, data: bytes) -> tuple[Callable[[], None], list[str]]:
        write_pairs(folder / "pairs.parquet")
        (folder / "annotations").mkdir(exist_ok=True)
        (folder / name).write_bytes(data)
        options = ["--pairs", "pairs.parquet", "--annotations", "annotations", "--out", "out.parquet"]
        options += ["--dropped", "dropped.parquet", "--judged", "judged.parquet", "--stats", "stats.json"]
        return stages.clean.__main__.main, options

    return prepare


def write_pairs(path: Path) -> bytes:
    rows = [
        (
            pair_id("ru", src, "tk", tgt),
            src,
            tgt,
            "ru",
            "tk",
            "tsv",
            f"tsv/{n % 4}",
            None,
            n,
            n,
            "key",
            0.9,
            "MIT",
        )
        for n, (src, tgt) in enumerate(PHRASES)
    ]
    write_table(table_from_rows(rows, PAIR_SCHEMA), path, PAIR_SCHEMA)
    return path.read_bytes()


def _written(write: Callable[[Path], object], path: Path) -> bytes:
    write(path)
    return path.read_bytes()


def seeds(kind: str, folder: Path) -> list[bytes]:
    """Return whole files of a format."""
    table = "src\ttgt\tdoc\n" + "".join(f"{src}\t{tgt}\tb\n" for src, tgt in PHRASES)
    make: dict[str, Callable[[], list[bytes]]] = {
        "html": lambda: [page.html.encode() for page in gold_pages(1)],
        "pdf": lambda: [_written(lambda path: make_book(path, 2), folder / "seed.pdf")],
        "docx": lambda: [docx(body("".join(p(tgt) for _, tgt in PHRASES)))],
        "tmx": lambda: [
            (HEADER + "<body>" + "".join(unit(*pair) for pair in PHRASES) + "</body></tmx>").encode()
        ],
        "tsv": lambda: [table.encode()],
        "po": lambda: [po_file("".join(f'msgid "{src}"\nmsgstr "{tgt}"\n\n' for src, tgt in PHRASES))],
        "tar": lambda: [pack(folder / "seed.tar", "tsv", {"files/pairs.tsv": table}).read_bytes()],
        "parquet": lambda: [write_pairs(folder / "seed.parquet")],
        "json": lambda: [json.dumps([task(n, annotation(n, "exact")) for n in range(8)]).encode()],
    }
    return make[kind]()


PREPARE = {
    "html": _document("a.tk.html"),
    "pdf": _document("a.tk.pdf"),
    "docx": _document("a.tk.docx"),
    "tmx": _source("tmx", "files/memory.tmx"),
    "tsv": _source("tsv", "files/pairs.tsv"),
    "po": _source("django", "django/conf/locale/tk/LC_MESSAGES/django.po"),
    "tar": _tar,
    "parquet": _clean("pairs.parquet"),
    "json": _clean("annotations/a.json"),
}


def run_once(main: Callable[[], None], options: list[str]) -> str:
    """Run a command; return ``read``, ``refused`` (one line, code 1) or what went wrong."""
    err = io.StringIO()
    signal.alarm(LIMIT_S)
    try:
        with mock.patch.object(sys, "argv", ["command", *options]), contextlib.redirect_stderr(err):
            cli.run(main)
    except SystemExit as stop:
        lines = [line for line in err.getvalue().splitlines() if line.startswith("error: ")]
        is_line = stop.code == 1 and len(lines) == 1
        return f"refused: {lines[0]}" if is_line else f"code {stop.code}: {err.getvalue()}"
    except BaseException:
        return traceback.format_exc()
    finally:
        signal.alarm(0)
    return "read"


def campaign(kind: str, folder: Path, count: int) -> dict[str, object]:
    """Run a command on ``count`` mutated files; return counts, the slowest time and the peak of memory."""
    chance = random.Random(f"{kind} 15")
    write_settings(folder, lambda raw: raw.update(sources=["tsv", "tmx", "files", "django"]))
    whole = seeds(kind, folder)
    ends: Counter[str] = Counter()
    faults: list[str] = []
    slowest = 0.0
    for number in range(count + 1):
        # The first is whole: the command reads it, or the others say nothing.
        data = mutate(chance.choice(whole), chance) if number else whole[0]
        start = time.monotonic()
        end = run_once(*PREPARE[kind](folder, data))
        slowest = max(slowest, time.monotonic() - start)
        if number == 0 and end != "read":
            raise RuntimeError(end)
        outcome = end.partition(":")[0]
        is_fault = outcome not in ("read", "refused")
        ends["failed" if is_fault else outcome] += number > 0
        if is_fault:
            (folder / f"fault-{number}").write_bytes(data)
            faults.append(f"{number}: {end[-1500:]}")
        if left := [path.name for path in folder.rglob("*.part")]:
            faults.append(f"{number}: left behind {left}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return {
        "format": kind,
        "tried": count,
        **ends,
        "slowest_s": round(slowest, 2),
        "peak_mb": peak,
        "faults": faults,
    }


def _too_slow(*_: object) -> None:
    raise TimeoutError(f"over {LIMIT_S} s")


if __name__ == "__main__":
    signal.signal(signal.SIGALRM, _too_slow)
    print(json.dumps(campaign(sys.argv[1], Path.cwd(), int(sys.argv[2]))))
