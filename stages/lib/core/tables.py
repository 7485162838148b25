"""Schemas and I/O of the segment and pair tables (Parquet, zstd, fixed order)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from stages.lib.core.errors import DataError
from stages.lib.core.files import atomic_path

if TYPE_CHECKING:
    import polars as pl

# Column name -> polars type name. Names rather than types, so that importing this module is free.
# One row is one sentence, paragraph or message in one language.
SEGMENT_SCHEMA = {
    "source": "String",
    "doc": "String",
    "lang": "String",
    "n": "Int32",
    "text": "String",
    "key": "String",
    "url": "String",
    "page": "Int32",
    "license": "String",
    "date": "String",
}

# One row is two versions of a document that were aligned by their vectors; see stages.align.
DOCUMENT_SCHEMA = {
    "source": "String",
    "src_doc": "String",
    "tgt_doc": "String",
    "pairing": "Float64",
    "alignment": "Float64",
    "beads": "Int32",
}

# One row is one segment of an aligned document, or of a test source aligned with its keys hidden (doc is
# then the source), in the order of beads. confidence is the bead's, score the document's; fault is what the
# keys say instead of the bead: empty where they agree, null where there are none.
ALIGNMENT_SCHEMA = {
    "source": "String",
    "doc": "String",
    "bead": "Int32",
    "lang": "String",
    "name": "String",
    "text": "String",
    "confidence": "Float32",
    "fault": "String",
    "score": "Float64",
}

# One row is one pair of texts; rows whose src_lang is not the pair's own are pivots for training.
PAIR_SCHEMA = {
    "pair_id": "String",
    "src": "String",
    "tgt": "String",
    "src_lang": "String",
    "tgt_lang": "String",
    "source": "String",
    "doc": "String",
    "key": "String",
    "n_src": "Int32",
    "n_tgt": "Int32",
    "method": "String",
    "score": "Float32",
    "license": "String",
}

# A cleaned pair: rows that share src_group (tgt_group) have the same normalised src (tgt) text, so that the
# other side's texts are alternatives.
CORPUS_SCHEMA = {**PAIR_SCHEMA, "src_group": "String", "tgt_group": "String"}

# One row is one distractor of retrieval: a text of the pair's languages that is no test text.
POOL_SCHEMA = {"lang": "String", "text": "String"}

# The columns whose content is the identity of a split.
SPLIT_IDENTITY = ("pair_id", "source", "doc", "src_group", "tgt_group")

# Columns that may be empty in a row, and those that hold a probability.
NULLABLE = frozenset(("key", "url", "page", "date", "n_src", "n_tgt", "score", "pairing", "fault", "pick"))
_PROBABILITIES = frozenset(("score", "confidence", "pairing", "alignment"))

# Pairs that a model found: they never judge a model.
MODEL_METHODS = ("aligned", "mined")


def pair_id(src_lang: str, src: str, tgt_lang: str, tgt: str) -> str:
    """Return the 16 hex digits that name a pair by its languages and texts."""
    joined = "\0".join((src_lang, src, tgt_lang, tgt))
    return hashlib.sha256(joined.encode()).hexdigest()[:16]


def table_from_rows(rows: list[dict] | list[tuple], schema: dict[str, str]) -> pl.DataFrame:
    """Make a frame with exactly the columns and types of ``schema``."""
    import polars as pl

    return pl.DataFrame(rows, schema={name: getattr(pl, kind) for name, kind in schema.items()}, orient="row")


def check_columns(frame: pl.DataFrame, schema: dict[str, str], where: str) -> None:
    """Raise DataError unless ``frame`` has exactly the columns and types of ``schema``."""
    found = {name: str(kind) for name, kind in frame.schema.items()}
    if found == schema:
        return
    missing = [name for name in schema if name not in found]
    extra = [name for name in found if name not in schema]
    wrong = [
        f"{name} is {found[name]}, not {kind}"
        for name, kind in schema.items()
        if found.get(name, kind) != kind
    ]
    faults = [
        *(f"lacks column {name}" for name in missing),
        *(f"has unknown column {name}" for name in extra),
        *wrong,
    ]
    raise DataError(
        f"{where}: {'; '.join(faults) or 'columns are in another order'}; expected {', '.join(schema)}"
    )


def read_table(path: Path, schema: dict[str, str]) -> pl.DataFrame:
    """Read a Parquet table and check it against ``schema``.

    Raises DataError, with the file's name, if it is absent, broken or of another form, or if it holds a value
    that no stage writes.
    """
    import polars as pl

    if not path.is_file():
        raise DataError(f"{path}: not found; run the stage that writes it (dvc repro) or dvc pull")
    try:
        frame = pl.read_parquet(path)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise DataError(
            f"{path}: not a readable Parquet file ({error}); delete it and run dvc repro"
        ) from None
    check_columns(frame, schema, str(path))
    _check_values(frame, str(path))
    return frame


def _check_values(frame: pl.DataFrame, where: str) -> None:
    """Raise DataError for nulls outside NULLABLE, negative integers, and floats that are out of range."""
    import polars as pl

    for name, kind in frame.schema.items():
        column, bad, expected = pl.col(name), pl.lit(False), "a value"
        if kind.is_integer():
            bad, expected = column < 0, "0 or more"
        elif kind.is_float() and name in _PROBABILITIES:
            bad, expected = ~column.is_between(-1e-6, 1 + 1e-6) | column.is_nan(), "a number from 0 to 1"
        elif kind.is_float():
            bad, expected = ~column.is_finite(), "a finite number"
        if name not in NULLABLE:
            bad |= column.is_null()
        rows = frame.select(bad.fill_null(False).arg_true()).to_series()
        if len(rows):
            raise DataError(
                f"{where}: column {name}: row {rows[0]} has {frame[name][rows[0]]}, expected {expected} "
                f"({len(rows):,} such rows); run the stage that writes it again"
            )


def write_table(frame: pl.DataFrame, path: Path, schema: dict[str, str]) -> None:
    """Write a table in the order it has; same rows, same bytes. Raises DataError on a wrong schema."""
    check_columns(frame, schema, str(path))
    with atomic_path(path) as temporary:
        frame.write_parquet(temporary, compression="zstd", compression_level=9, statistics=False)


def content_sha256(frame: pl.DataFrame, columns: Sequence[str]) -> str:
    """Hash columns of a table by content, in the order of its rows; the file format does not matter."""
    digest = hashlib.sha256()
    for column in columns:
        digest.update(f"\0\0{column}".encode())
        for value in frame[column]:
            digest.update(b"\0" + str(value).encode())
    return digest.hexdigest()
