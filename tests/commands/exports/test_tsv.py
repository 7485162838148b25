from __future__ import annotations

import csv
from pathlib import Path

from commands.exports.rows import FIELDS, field_text
from commands.exports.tsv import write_tsv
from stages.extract.pairs.tsv import read_tsv
from tests.commands.exports.corpus_rows import ROWS


def test_every_field_of_every_row_comes_back_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "corpus.tsv"
    write_tsv(ROWS, path)
    with path.open("rb") as file:
        found = list(read_tsv(file, {name: name for name in FIELDS}, "corpus.tsv", is_escaped=True))
    assert [values for _, values in found] == [
        {name: field_text(row[name]) for name in FIELDS} for row in ROWS
    ]
    assert path.read_bytes().count(b"\n") == len(ROWS) + 1


def test_a_plain_reader_of_tables_sees_the_same_columns(tmp_path: Path) -> None:
    path = tmp_path / "corpus.tsv"
    write_tsv(ROWS[:24], path)
    with path.open(encoding="utf-8", newline="") as file:
        table = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    assert [(row["src"], row["tgt"], row["doc"]) for row in table] == [
        (row["src"], row["tgt"], row["doc"]) for row in ROWS[:24]
    ]
