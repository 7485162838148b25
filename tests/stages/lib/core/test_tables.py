from __future__ import annotations

import re
from pathlib import Path

import polars as pl
import pytest

from stages.lib.core.errors import DataError
from stages.lib.core.tables import (
    PAIR_SCHEMA,
    SEGMENT_SCHEMA,
    pair_id,
    read_table,
    table_from_rows,
    write_table,
)

ROW = ("udhr", "udhr/article-01", "tk", 0, "Hemme adamlar deň hukukly.", "1", None, None, "MIT", None)


def test_a_table_reads_back_equal_and_writes_the_same_bytes(tmp_path: Path) -> None:
    frame = table_from_rows([ROW, ROW], SEGMENT_SCHEMA)
    write_table(frame, tmp_path / "a.parquet", SEGMENT_SCHEMA)
    write_table(frame, tmp_path / "b.parquet", SEGMENT_SCHEMA)
    assert read_table(tmp_path / "a.parquet", SEGMENT_SCHEMA).equals(frame)
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


def test_a_missing_extra_or_mistyped_column_is_named(tmp_path: Path) -> None:
    frame = table_from_rows([ROW], SEGMENT_SCHEMA)
    wrong = frame.drop("doc").with_columns(pl.col("n").cast(pl.Int64), score=pl.lit(1.0))
    wrong.write_parquet(tmp_path / "a.parquet")
    with pytest.raises(DataError) as error:
        read_table(tmp_path / "a.parquet", SEGMENT_SCHEMA)
    for part in ("a.parquet", "lacks column doc", "unknown column score", "n is Int64, not Int32"):
        assert part in str(error.value)


def test_an_absent_or_broken_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="dvc repro"):
        read_table(tmp_path / "a.parquet", SEGMENT_SCHEMA)
    (tmp_path / "a.parquet").write_bytes(b"PAR1 and nothing else")
    with pytest.raises(DataError, match="not a readable Parquet file"):
        read_table(tmp_path / "a.parquet", SEGMENT_SCHEMA)


PAIR = ("1" * 16, "да", "hawa", "ru", "tk", "udhr", "udhr", None, None, None, "key", 1.0, "MIT")


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("pair_id", None, "column pair_id: row 1 has None, expected a value"),
        ("tgt", None, "column tgt: row 1 has None"),
        ("score", float("nan"), "column score: row 1 has nan, expected a number from 0 to 1"),
        ("score", 1.5, "column score: row 1 has 1.5"),
        ("n_src", -1, "column n_src: row 1 has -1, expected 0 or more"),
    ],
)
def test_values_that_no_stage_writes_are_refused(
    column: str, value: object, message: str, tmp_path: Path
) -> None:
    row = [value if name == column else given for name, given in zip(PAIR_SCHEMA, PAIR, strict=True)]
    table_from_rows([PAIR, tuple(row)], PAIR_SCHEMA).write_parquet(tmp_path / "pairs.parquet")
    with pytest.raises(DataError, match=re.escape(f"pairs.parquet: {message}")):
        read_table(tmp_path / "pairs.parquet", PAIR_SCHEMA)
    table_from_rows([PAIR], PAIR_SCHEMA).write_parquet(tmp_path / "pairs.parquet")
    assert len(read_table(tmp_path / "pairs.parquet", PAIR_SCHEMA)) == 1


def test_pair_id_tells_languages_and_texts_apart() -> None:
    ids = {
        pair_id("ru", "да", "tk", "hawa"),
        pair_id("ru", "да", "en", "hawa"),
        pair_id("ru", "дa", "tk", "hawa"),  # Latin a
        pair_id("ru", "да\0tk", "", "hawa"),
    }
    assert len(ids) == 4
    assert all(len(name) == 16 for name in ids)
