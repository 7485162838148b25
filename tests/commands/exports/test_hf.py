from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from commands.exports.hf import DATA, write_hf
from commands.exports.rows import PROVENANCE
from tests.commands.exports.corpus_rows import ROWS


def test_every_row_comes_back_as_it_was(tmp_path: Path) -> None:
    write_hf(iter(ROWS), tmp_path, "ru", "tk")
    expected = [
        {"translation": {"ru": row["src"], "tk": row["tgt"]}, **{name: row[name] for name in PROVENANCE}}
        for row in ROWS
    ]
    assert pq.read_table(tmp_path / DATA).to_pylist() == expected


@pytest.mark.slow
def test_the_datasets_library_loads_the_folder_by_its_path(tmp_path: Path) -> None:
    from datasets import load_dataset

    write_hf(ROWS, tmp_path / "corpus", "ru", "tk")
    loaded = load_dataset(str(tmp_path / "corpus"), cache_dir=str(tmp_path / "cache"), split="train")
    assert loaded["translation"] == [{"ru": row["src"], "tk": row["tgt"]} for row in ROWS]
    assert loaded["key"] == [row["key"] for row in ROWS]
