"""Public test sets, pinned in ``benchmarks_config``: evaluation reads them, training must not hold them."""

from __future__ import annotations

import csv
import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

from stages.lib.download import CACHE_DIR, fetch
from stages.lib.errors import DataError, DownloadError, ParamsError
from stages.lib.params import BenchmarkConfig, Pair, Params, PinnedFile

# The largest pinned file has 0.5 MB.
MAX_BYTES = 8 << 20
DOCUMENTS = "documents"


@dataclass(frozen=True)
class Benchmark:
    """Parallel sentences: ``src[i]`` and ``tgt[i]`` translate each other.

    ``docs`` gives each sentence's document, None where the benchmark does not tell them: then sentences are
    the unit of resampling. ``sha256`` names the content: those of its files, by key.
    """

    name: str
    src_lang: str
    tgt_lang: str
    src: tuple[str, ...]
    tgt: tuple[str, ...]
    docs: tuple[str, ...] | None
    license: str
    sha256: dict[str, str]


def load_benchmark(name: str, params: Params, pair: Pair, cache_dir: Path = CACHE_DIR) -> Benchmark:
    """Fetch and read a parallel benchmark for one language pair.

    Raises ParamsError if the benchmark is unknown, not parallel, or lacks a language of the pair;
    DownloadError if a file cannot be had; DataError if its sides differ in length or a line is empty.
    """
    config = _config(name, params)
    if config.kind != "parallel_lines":
        raise ParamsError(
            f"benchmarks: {name} is of kind {config.kind}, not parallel_lines: it has no "
            f"translation pairs; drop it from benchmarks"
        )
    for lang in (pair.src, pair.tgt):
        if lang not in config.files:
            languages = ", ".join(sorted(set(config.files) - {DOCUMENTS}))
            raise ParamsError(
                f"benchmarks: {name} has no language {lang!r} (it has {languages}); "
                f"drop it from benchmarks, or add the file under benchmarks_config.{name}.files"
            )
    keys = [key for key in (pair.src, pair.tgt, DOCUMENTS) if key in config.files]
    remedy = f"drop {name} from benchmarks"
    columns = {key: _read_lines(_fetch(name, config.files[key], cache_dir, remedy)) for key in keys}
    for key in keys:
        where = f"benchmark {name}: {config.files[key].url}"
        if len(columns[key]) != len(columns[pair.src]):
            raise DataError(
                f"{where}: expected {len(columns[pair.src]):,} lines as in {pair.src!r}, "
                f"found {len(columns[key]):,}; correct the pins under benchmarks_config.{name}"
            )
        for number, line in enumerate(columns[key], start=1):
            if not line:
                raise DataError(
                    f"{where}: line {number} is empty; correct the pins under benchmarks_config.{name}"
                )
    return Benchmark(
        name=name,
        src_lang=pair.src,
        tgt_lang=pair.tgt,
        src=tuple(columns[pair.src]),
        tgt=tuple(columns[pair.tgt]),
        docs=tuple(columns[DOCUMENTS]) if DOCUMENTS in columns else None,
        license=config.license,
        sha256={key: config.files[key].sha256 for key in keys},
    )


def read_texts(name: str, params: Params, cache_dir: Path = CACHE_DIR) -> list[str]:
    """Fetch a benchmark of any kind and return all its texts, in all its languages, for its fingerprint."""
    config = _config(name, params)
    remedy = f"leave it out with --without {name}"
    texts: list[str] = []
    for key, pinned in sorted(config.files.items()):
        if key != DOCUMENTS and (config.kind, key) != ("sts17", "gold"):
            texts += _READERS[config.kind](_fetch(name, pinned, cache_dir, remedy))
    return texts


def _config(name: str, params: Params) -> BenchmarkConfig:
    if name not in params.benchmarks_config:
        known = ", ".join(sorted(params.benchmarks_config))
        raise ParamsError(f"benchmarks: unknown name {name!r}; known: {known}")
    return params.benchmarks_config[name]


def _fetch(name: str, pinned: PinnedFile, cache_dir: Path, remedy: str) -> Path:
    try:
        return fetch(pinned.url, pinned.sha256, MAX_BYTES, cache_dir)
    except DownloadError as error:
        raise DownloadError(f"benchmark {name}: {error}, or {remedy}") from None


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}: expected UTF-8, found byte {error.start} not to be; pin the UTF-8 file"
        ) from None


def _read_lines(path: Path) -> list[str]:
    """Lines without their surrounding spaces; only \\n and \\r\\n end a line."""
    lines = _read_text(path).split("\n")
    if lines and not lines[-1]:
        lines.pop()
    return [line.strip() for line in lines]


def _read_stsb(path: Path) -> list[str]:
    """Both sentences of rows ``sentence1,sentence2,score``."""
    texts = []
    for number, row in enumerate(csv.reader(io.StringIO(_read_text(path), newline="")), start=1):
        if len(row) != 3:
            raise DataError(f"{path}: row {number}: expected 3 columns, found {len(row)}; correct its pin")
        texts += row[:2]
    return texts


def _read_sts17(path: Path) -> list[str]:
    """All tab-parted sentences of the tracks in the archive; nothing is unpacked on disk."""
    texts = []
    with zipfile.ZipFile(path) as archive:
        for member in sorted(archive.infolist(), key=lambda info: info.filename):
            if "STS.input." not in member.filename:
                continue
            if member.file_size > MAX_BYTES:
                raise DataError(f"{path}: {member.filename}: {member.file_size:,} bytes; correct its pin")
            for line in archive.read(member).decode("utf-8").split("\n"):
                texts += [part.strip() for part in line.split("\t")]
    return texts


_READERS = {"parallel_lines": _read_lines, "lines": _read_lines, "stsb": _read_stsb, "sts17": _read_sts17}
