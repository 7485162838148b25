from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from commands.exports.hf import split_file, write_hf
from commands.exports.rows import PROVENANCE
from tests.commands.exports.corpus_rows import ROWS


def test_every_row_comes_back_as_it_was(tmp_path: Path) -> None:
    write_hf(iter(ROWS), tmp_path, "ru", "tk")
    expected = [
        {"translation": {"ru": row["src"], "tk": row["tgt"]}, **{name: row[name] for name in PROVENANCE}}
        for row in ROWS
    ]
    assert pq.read_table(tmp_path / split_file("train")).to_pylist() == expected


SPLITS = {row["pair_id"]: ("train", "train", "validation", "test")[n % 4] for n, row in enumerate(ROWS)}


def test_each_split_is_a_file_and_an_empty_one_is_none(tmp_path: Path) -> None:
    write_hf(iter(ROWS), tmp_path / "all", "ru", "tk", SPLITS)
    for split in ("train", "validation", "test"):
        ids = pq.read_table(tmp_path / "all" / split_file(split))["pair_id"].to_pylist()
        assert ids == [row["pair_id"] for row in ROWS if SPLITS[row["pair_id"]] == split]
    write_hf(iter(ROWS), tmp_path / "train", "ru", "tk", dict.fromkeys(SPLITS, "train"))
    assert [path.name for path in (tmp_path / "train/data").iterdir()] == ["train-00000-of-00001.parquet"]


@pytest.mark.slow
def test_the_datasets_library_loads_the_folder_with_its_splits(tmp_path: Path) -> None:
    from datasets import load_dataset

    write_hf(ROWS, tmp_path / "corpus", "ru", "tk", SPLITS)
    loaded = load_dataset(str(tmp_path / "corpus"), cache_dir=str(tmp_path / "cache"))
    assert list(loaded) == ["train", "validation", "test"]
    for split, table in loaded.items():
        rows = [row for row in ROWS if SPLITS[row["pair_id"]] == split]
        assert table["translation"] == [{"ru": row["src"], "tk": row["tgt"]} for row in rows]
        assert table["key"] == [row["key"] for row in rows]
