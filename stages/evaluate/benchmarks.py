"""Public test sets, pinned in assets/benchmarks.yaml: evaluation reads them, training must not hold them."""

from __future__ import annotations

import csv
import hashlib
import io
import re
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from stages.evaluate.graded_sets import StsSet
from stages.lib.core.errors import DataError, DownloadError, ParamsError
from stages.lib.core.fetch import CACHE_DIR, fetch
from stages.lib.core.params import STS_KINDS, BenchmarkConfig, Pair, Params, PinnedFile
from stages.lib.models.hub import hub_snapshot
from stages.lib.text.fingerprints import read_fingerprints

# The largest pinned file has 0.5 MB.
MAX_BYTES = 8 << 20
DOCUMENTS = "documents"
GOLD = "gold"


@dataclass(frozen=True)
class Benchmark:
    """Parallel sentences: ``src[i]`` and ``tgt[i]`` translate each other.

    ``docs`` gives each sentence's document, None where the benchmark does not tell them: then sentences are
    the unit of resampling. ``sha256`` names the content: those of its files, by key.
    """

    name: str
    src: tuple[str, ...]
    tgt: tuple[str, ...]
    docs: tuple[str, ...] | None
    sha256: dict[str, str]


def load_benchmark(name: str, params: Params, pair: Pair, cache_dir: Path = CACHE_DIR) -> Benchmark:
    """Fetch and read a parallel benchmark for one language pair.

    Raises ParamsError if the benchmark is unknown, not parallel, or lacks a language of the pair;
    DownloadError if a file cannot be had; DataError if its sides differ in length or a line is empty.
    """
    config = _config(name, params)
    if config.kind != "parallel_lines":
        raise ParamsError(
            f"benchmarks: {name} is of kind {config.kind}, neither parallel_lines nor one of "
            f"{', '.join(STS_KINDS)}: there is nothing to evaluate; drop it from benchmarks"
        )
    for lang in (pair.src, pair.tgt):
        if lang not in config.files:
            languages = ", ".join(sorted(set(config.files) - {DOCUMENTS}))
            raise ParamsError(
                f"benchmarks: {name} has no language {lang!r} (it has {languages}); "
                f"drop it from benchmarks, or add the file to {name}.files in assets/benchmarks.yaml"
            )
    keys = [key for key in (pair.src, pair.tgt, DOCUMENTS) if key in config.files]
    columns = fetch_lines(name, keys, params, cache_dir)
    for key in keys:
        where = f"benchmark {name}: {config.files[key].url}"
        if len(columns[key]) != len(columns[pair.src]):
            raise DataError(
                f"{where}: expected {len(columns[pair.src]):,} lines as in {pair.src!r}, "
                f"found {len(columns[key]):,}; correct the pins of {name} in assets/benchmarks.yaml"
            )
        for number, line in enumerate(columns[key], start=1):
            if not line:
                raise DataError(
                    f"{where}: line {number} is empty; correct the pins of {name} in assets/benchmarks.yaml"
                )
    return Benchmark(
        name=name,
        src=tuple(columns[pair.src]),
        tgt=tuple(columns[pair.tgt]),
        docs=tuple(columns[DOCUMENTS]) if DOCUMENTS in columns else None,
        sha256={key: config.files[key].sha256 for key in keys},
    )


def fetch_lines(
    name: str, keys: Iterable[str], params: Params, cache_dir: Path = CACHE_DIR
) -> dict[str, list[str]]:
    """Fetch the named files of a benchmark and return the lines of each. Raises DownloadError."""
    files, remedy = _config(name, params).files, f"drop {name} from benchmarks"
    return {key: _read_lines(_fetch(name, files[key], cache_dir, remedy)) for key in keys}


def has_grades(name: str, params: Params) -> bool:
    """Tell whether a benchmark is of graded pairs (for :func:`load_sts`), not of translations.

    Raises ParamsError if it is unknown.
    """
    return _config(name, params).kind in STS_KINDS


def load_sts(name: str, params: Params, cache_dir: Path = CACHE_DIR) -> list[StsSet]:
    """Fetch and read a benchmark of graded sentence pairs: one set for each track or language.

    SemEval's STS17 has Arabic, English, Spanish and Turkish tracks: none is Russian. stsb-multi-mt is the
    English STS benchmark by machine translation, with the people's grades of the English sentences; the hub's
    RuSTSBenchmark is its Russian test part, filtered.
    Raises DownloadError if it cannot be had, DataError if its content is of another form.
    """
    config, remedy = _config(name, params), f"drop {name} from benchmarks"
    if config.hub is not None:
        return [_hub_sts(name, config, remedy)]
    paths = {key: _fetch(name, pinned, cache_dir, remedy) for key, pinned in config.files.items()}
    if config.kind == "sts17":
        return _sts17_tracks(name, paths["inputs"], paths["gold"], content_pins(config))
    sets = []
    for lang, path in sorted(paths.items()):
        rows = _stsb_rows(path)
        sets.append(
            StsSet(
                name=f"{name}_{lang}",
                left_lang=lang,
                right_lang=lang,
                left=tuple(row[0].strip() for row in rows),
                right=tuple(row[1].strip() for row in rows),
                grades=_grades((row[2] for row in rows), str(path)),
                sha256={lang: config.files[lang].sha256},
            )
        )
    return sets


def not_fingerprinted(names: Iterable[str], params: Params, fingerprints: Path) -> list[str]:
    """Name the benchmarks whose text the fingerprints do not cover: training may have seen it."""
    known = {item.name: dict(item.files) for item in read_fingerprints(fingerprints)}
    return [name for name in names if known.get(name) != content_pins(_config(name, params))]


def content_pins(config: BenchmarkConfig) -> dict[str, str]:
    """Return what pins a benchmark's content: the sha256 of its files by key, or its data set's revision."""
    if config.hub is not None:
        return {config.hub.id: config.hub.revision}
    return {key: pinned.sha256 for key, pinned in config.files.items()}


def read_texts(name: str, params: Params, cache_dir: Path = CACHE_DIR) -> list[str]:
    """Fetch a benchmark of any kind and return all its texts, in all its languages, for its fingerprint."""
    config = _config(name, params)
    remedy = f"leave it out with --without {name}"
    if config.hub is not None:
        sts = _hub_sts(name, config, remedy)
        return [*sts.left, *sts.right]
    texts: list[str] = []
    for key, pinned in sorted(config.files.items()):
        if key not in (DOCUMENTS, GOLD):
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


def _stsb_rows(path: Path) -> list[list[str]]:
    """Rows of sentence, sentence, grade."""
    rows = list(csv.reader(io.StringIO(_read_text(path), newline="")))
    for number, row in enumerate(rows, start=1):
        if len(row) != 3:
            raise DataError(f"{path}: row {number}: expected 3 columns, found {len(row)}; correct its pin")
    return rows


def _read_stsb(path: Path) -> list[str]:
    return [text for row in _stsb_rows(path) for text in row[:2]]


def _read_sts17(path: Path) -> list[str]:
    tracks = _sts17_files(path, "input")
    return [part for lines in tracks.values() for line in lines for part in line]


def _sts17_files(path: Path, role: str) -> dict[str, list[list[str]]]:
    """Read ``STS.<role>.track<n>.<langs>.txt`` of an archive as tab-parted lines by track.

    A track is named by its languages, and its letter where there are two of them: track4b.es-en is es_en_b.
    Nothing is unpacked on disk.
    """
    tracks = {}
    with zipfile.ZipFile(path) as archive:
        for member in sorted(archive.infolist(), key=lambda info: info.filename):
            found = re.search(rf"STS\.{role}\.track\d+([a-z]?)\.([a-z]+)-([a-z]+)\.txt$", member.filename)
            if found is None:
                continue
            if member.file_size > MAX_BYTES:
                raise DataError(f"{path}: {member.filename}: {member.file_size:,} bytes; correct its pin")
            letter, left, right = found.groups()
            lines = archive.read(member).decode("utf-8").removesuffix("\n").split("\n")
            tracks["_".join(part for part in (left, right, letter) if part)] = [
                [part.strip() for part in line.split("\t")] for line in lines
            ]
    return tracks


def _sts17_tracks(name: str, inputs: Path, gold: Path, sha256: dict[str, str]) -> list[StsSet]:
    texts, grades = _sts17_files(inputs, "input"), _sts17_files(gold, "gs")
    if not texts or set(texts) != set(grades):
        raise DataError(
            f"{inputs}: expected the tracks of {gold}, {', '.join(grades) or 'none'}, "
            f"found {', '.join(texts) or 'none'}; correct the pins of {name} in assets/benchmarks.yaml"
        )
    sets = []
    for track, lines in texts.items():
        # The tr-en input has 500 lines, and grades for the first half only.
        lines = lines[: len(grades[track])]
        odd = next((n for n, line in enumerate(lines, start=1) if len(line) < 2), None)
        if odd or len(lines) != len(grades[track]):
            raise DataError(
                f"{inputs}: track {track}: expected two sentences for each of {len(grades[track])} grades, "
                f"found {f'one in line {odd}' if odd else f'{len(lines)} lines'}; correct its pin"
            )
        left_lang, right_lang = track.split("_")[:2]
        sets.append(
            StsSet(
                name=f"{name}_{track}",
                left_lang=left_lang,
                right_lang=right_lang,
                left=tuple(line[0] for line in lines),
                right=tuple(line[1] for line in lines),
                grades=_grades((line[0] for line in grades[track]), f"{gold}: track {track}"),
                sha256=sha256,
            )
        )
    return sets


def _grades(texts: Iterable[str], where: str) -> tuple[float, ...]:
    grades = []
    for number, text in enumerate(texts, start=1):
        try:
            grades.append(float(text))
        except ValueError:
            raise DataError(
                f"{where}: line {number}: expected a grade, found {text!r}; correct its pin"
            ) from None
    return tuple(grades)


def _hub_sts(name: str, config: BenchmarkConfig, remedy: str) -> StsSet:
    """Read a data set of the model hub, from its local cache if it is there, at the pinned revision."""
    import datasets

    hub = config.hub
    try:
        folder = str(hub_snapshot(hub.id, hub.revision, kind="dataset", remedy=remedy))
    except DownloadError as error:
        raise DownloadError(f"benchmark {name}: {error}") from None
    bars = datasets.is_progress_bar_enabled()
    try:
        datasets.disable_progress_bars()
        rows = datasets.load_dataset(folder, split=hub.split)
        left, right, grades = (rows[column] for column in hub.columns)
    except (ValueError, KeyError, OSError, datasets.exceptions.DatasetsError) as error:
        raise DataError(
            f"benchmark {name}: {hub.id}: expected columns {', '.join(hub.columns)} in split {hub.split}, "
            f"found {' '.join(str(error).split())[:200]}; correct {name}.hub in "
            f"assets/benchmarks.yaml, or {remedy}"
        ) from None
    finally:
        if bars:
            datasets.enable_progress_bars()
    left, right = ([text.strip() for text in side] for side in (left, right))
    grades = [float(grade) for grade in grades]
    digest = hashlib.sha256(repr((left, right, grades)).encode()).hexdigest()
    return StsSet(
        name=name,
        left_lang=hub.lang,
        right_lang=hub.lang,
        left=tuple(left),
        right=tuple(right),
        grades=tuple(grades),
        sha256={f"{hub.id}@{hub.revision}": digest},
    )


_READERS = {"parallel_lines": _read_lines, "lines": _read_lines, "stsb": _read_stsb, "sts17": _read_sts17}
