"""Export the corpus in the formats of ``FORMATS``, each with a data card."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from commands.exports.card import Counts, Origin, card_text, hub_header, is_restricted
from commands.exports.hf import SPLITS, split_file, write_hf
from commands.exports.rows import FIELDS, Row
from commands.exports.text import write_jsonl, write_moses, write_tsv
from commands.exports.tmx import write_tmx
from stages.lib.core.errors import DataError, ParamsError
from stages.lib.core.files import atomic_path, sha256_file
from stages.lib.core.params import Pair, Params, unknown
from stages.lib.core.tables import MODEL_METHODS

log = logging.getLogger("export")

CORPUS = "data/corpus.parquet"
JUDGED = "data/judged.parquet"
SPLITS_FOLDER = "data/splits"
OUT = "data/export"
# Rows of the corpus in memory at once.
_ROWS = 5_000
_ESCAPES = r"Tab, line feed, carriage return and backslash inside a text are written `\t`, `\n`, `\r`, `\\`."


@dataclass(frozen=True)
class Format:
    """A writer of rows into an empty folder, the name of the card there, and the notes that go into it.

    A format with splits gets the split of each pair.
    """

    write: Callable[[Iterable[Row], Path, Pair, Mapping[str, str] | None], None]
    card: str
    notes: tuple[str, ...]
    has_splits: bool = False


def _file_name(pair: Pair, suffix: str = "") -> str:
    return f"kopri.{pair.src}-{pair.tgt}{suffix}"


FORMATS = {
    "tsv": Format(
        lambda rows, folder, pair, _: write_tsv(rows, folder / _file_name(pair, ".tsv")),
        "CARD.md",
        (
            "One header line, then one pair a line; UTF-8, nothing is quoted, an empty field is absent.",
            _ESCAPES,
        ),
    ),
    "moses": Format(
        lambda rows, folder, pair, _: write_moses(rows, folder / _file_name(pair), pair.src, pair.tgt),
        "CARD.md",
        ("One plain file for each language, line by line; `.meta.tsv` has the provenance.", _ESCAPES),
    ),
    "tmx": Format(
        lambda rows, folder, pair, _: write_tmx(rows, folder / _file_name(pair, ".tmx"), pair.src, pair.tgt),
        "CARD.md",
        (
            "TMX 1.4b; provenance and licence are properties of each unit (`x-source`, `x-license` ...).",
            "A character that XML 1.0 cannot hold (most control characters) is written as U+241B (␛), its "
            "code point in hexadecimal and a semicolon; U+241B itself likewise, as `␛241B;`.",
        ),
    ),
    "jsonl": Format(
        lambda rows, folder, pair, _: write_jsonl(rows, folder / _file_name(pair, ".jsonl")),
        "CARD.md",
        ("One JSON object a line, in UTF-8; absent fields are null.",),
    ),
    "hf": Format(
        lambda rows, folder, pair, splits: write_hf(rows, folder, pair.src, pair.tgt, splits),
        "README.md",
        ("`load_dataset(PATH)` of the datasets library reads it; `translation` holds the two texts.",),
        has_splits=True,
    ),
}


@dataclass(frozen=True)
class Selection:
    """Which rows are wanted; an empty tuple is all. ``min_score`` (0-1) is for pairs that a model found.

    Raises ParamsError for another score.
    """

    min_score: float | None = None
    sources: tuple[str, ...] = ()
    licenses: tuple[str, ...] = ()
    with_restricted: bool = False

    def __post_init__(self) -> None:
        if self.min_score is not None and not 0.0 <= self.min_score <= 1.0:
            raise ParamsError(f"--min-score: expected a number from 0 to 1, found {self.min_score:g}")

    def reason_against(self, row: Row) -> str | None:
        """Return why a row is left out, None if it is wanted. A licence that is named is asked for."""
        if self.sources and row["source"] not in self.sources:
            return "of other sources"
        if self.licenses and row["license"] not in self.licenses:
            return "under other licences"
        if is_restricted(row["license"]) and not (self.with_restricted or self.licenses):
            return f"under {row['license']}, which does not allow redistribution"
        is_found = row["method"] in MODEL_METHODS
        if self.min_score is not None and is_found and row["score"] < self.min_score:
            return f"with a score below {self.min_score:g}"
        return None


def read_rows(corpus: Path, pair: Pair, counts: Counts) -> Iterator[Row]:
    """Yield the rows of the pair's own languages, in the corpus's order, a few thousand in memory.

    Raises DataError if the file is absent or no corpus.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq
    from tqdm import tqdm

    if not corpus.is_file():
        raise DataError(f"{corpus}: not found; run dvc repro or dvc pull")
    try:
        with pq.ParquetFile(corpus) as file:
            names = [*FIELDS, "src_lang", "tgt_lang"]
            if missing := sorted(set(names) - set(file.schema_arrow.names)):
                raise DataError(
                    f"{corpus}: lacks column {', '.join(missing)}; expected a corpus of this pipeline"
                )
            with tqdm(total=file.metadata.num_rows, desc="export", unit=" pairs", disable=None) as bar:
                for batch in file.iter_batches(_ROWS, columns=names):
                    for row in batch.to_pylist():
                        if (row.pop("src_lang"), row.pop("tgt_lang")) == (pair.src, pair.tgt):
                            yield _row(row)
                        else:
                            counts.left_out["in other languages (pivots)"] += 1
                    bar.update(batch.num_rows)
    except (pa.ArrowInvalid, OSError) as error:
        raise DataError(
            f"{corpus}: not a readable Parquet file ({error}); run dvc repro or dvc pull"
        ) from None


def _row(values: dict[str, Any]) -> Row:
    # 32-bit scores: the shortest number that reads back as the same one.
    score = None if values["score"] is None else float(f"{values['score']:.7g}")
    return Row(**{**{name: values[name] for name in FIELDS}, "score": score})


def select(
    rows: Iterable[Row], selection: Selection, counts: Counts, splits: Mapping[str, str] | None = None
) -> Iterator[Row]:
    """Yield the wanted rows, of ``splits`` if there are any; count the others by reason."""
    for row in rows:
        reason = selection.reason_against(row)
        if not reason and splits is not None and row["pair_id"] not in splits:
            reason = "in no split (repeated, or too near to held-out text)"
        if reason:
            counts.left_out[reason] += 1
        else:
            yield row


def read_splits(folder: Path) -> dict[str, str]:
    """Return the split of each pair by its id, from the tables of the stage; judged test pairs are test.

    Raises DataError if a table is absent or no table of pairs.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    splits: dict[str, str] = {}
    for name, split in (("train", "train"), ("dev", "validation"), ("gold", "test"), ("test", "test")):
        path = folder / f"{name}.parquet"
        try:
            ids = pq.read_table(path, columns=["pair_id"])["pair_id"].to_pylist()
        except FileNotFoundError:
            raise DataError(f"{path}: not found; run dvc repro or dvc pull, or name --splits") from None
        except (pa.ArrowInvalid, OSError) as error:
            raise DataError(f"{path}: not a table of pairs ({error}); run dvc repro or dvc pull") from None
        splits |= dict.fromkeys(ids, split)
    return splits


def read_judged(path: Path) -> frozenset[str]:
    """Return the pairs that people judged and kept, from clean's table; none where it is absent."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not path.is_file():
        log.warning("%s: not found; the card counts mended pairs as judged and no others", path)
        return frozenset()
    try:
        return frozenset(pq.read_table(path, columns=["pair_id"])["pair_id"].to_pylist())
    except (pa.ArrowInvalid, OSError) as error:
        raise DataError(f"{path}: not a table of judged pairs ({error}); run dvc repro or dvc pull") from None


def export_corpus(
    corpus: Path,
    out: Path,
    format_name: str,
    selection: Selection,
    params: Params,
    judged: frozenset[str] = frozenset(),
    splits: Mapping[str, str] | None = None,
) -> Counts:
    """Write the wanted part of a corpus and its card into the folder ``out``, whole or not at all.

    ``judged`` names the pairs that people judged and kept, for the card. ``splits`` has the split of each
    pair; a format with splits leaves the others out, which are near-duplicates of held-out text.

    Raises ParamsError for a source that params.yaml does not know, and DataError if nothing is wanted, if a
    source or licence that was named has no pair, or if ``out`` is a folder that is no export.
    """
    chosen = FORMATS[format_name]
    _check_names(selection, params)
    if out.exists() and not _is_export(out):
        raise DataError(f"{out}: exists and is no export; expected a new or an exported folder, name another")
    counts = Counts(params.pair.src, params.pair.tgt, judged)
    with atomic_path(out) as folder:
        folder.mkdir()
        splits = splits if chosen.has_splits else None
        rows = select(read_rows(corpus, params.pair, counts), selection, counts, splits)
        chosen.write(counts.watch(rows), folder, params.pair, splits)
        _check_found(counts, selection, corpus)
        made_from = f"{corpus.name} (sha256 {sha256_file(corpus)[:16]})"
        card = card_text(counts, _origins(params), made_from, chosen.notes, has_splits=splits is not None)
        written = [split for split in SPLITS if (folder / split_file(split)).exists()]
        header = hub_header(counts, written) if chosen.has_splits else ""
        (folder / chosen.card).write_text(header + card, encoding="utf-8", newline="\n")
    return counts


def _check_names(selection: Selection, params: Params) -> None:
    for name in selection.sources:
        if name not in params.sources_config:
            raise ParamsError(f"--sources: {unknown('source', name, params.sources_config)}")


def _is_export(folder: Path) -> bool:
    """Tell whether a folder, which will be replaced, holds nothing but what an export writes."""
    if not folder.is_dir():
        return False
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}
    if not files:
        return not any(folder.iterdir())
    names = files - {chosen.card for chosen in FORMATS.values()}
    data = {split_file(split) for split in SPLITS}
    return names < files and all(name in data or fnmatch(name, "kopri.*") for name in names)


def _check_found(counts: Counts, selection: Selection, corpus: Path) -> None:
    wanted = {"--sources": selection.sources, "--licenses": selection.licenses}
    found = {"--sources": set(counts.by_source), "--licenses": set(counts.sum_by("licenses"))}
    for option, names in wanted.items():
        if absent := [name for name in names if name not in found[option]]:
            why = "; ".join(f"{n:,} pairs {reason}" for reason, n in sorted(counts.left_out.items()))
            raise DataError(
                f"{corpus}: {option}: no pair of {', '.join(absent)} to export (left out: {why or 'none'})"
            )
    if not counts.by_source:
        why = "; ".join(f"{n:,} {reason}" for reason, n in sorted(counts.left_out.items()))
        raise DataError(f"{corpus}: no pair to export (left out: {why or 'none'}); ask for less")


def _origins(params: Params) -> dict[str, Origin]:
    origins = {}
    for name, config in params.sources_config.items():
        package = " ".join(part for part in (config.package or name, config.version) if part)
        origins[name] = Origin(f"{config.transport} {package}", config.domain, config.translated)
    return origins
