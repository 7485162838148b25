"""Plain text formats, read back by our own readers and by a plain one."""

from __future__ import annotations

import csv
from pathlib import Path

from commands.exports.rows import FIELDS, PROVENANCE, field_text
from commands.exports.text import write_jsonl, write_moses, write_tsv
from stages.extract.pairs.lines import unescape_line
from stages.extract.pairs.moses import read_moses
from stages.extract.pairs.tsv import read_tsv
from tests.commands.exports.corpus_rows import ROWS, TEXTS


def read_table(path: Path, names: tuple[str, ...]) -> list[dict[str, str] | None]:
    with path.open("rb") as file:
        return [values for _, values in read_tsv(file, {name: name for name in names}, "a", is_escaped=True)]


def test_a_table_keeps_every_field_of_every_row(tmp_path: Path) -> None:
    path = tmp_path / "corpus.tsv"
    write_tsv(ROWS, path)
    assert read_table(path, FIELDS) == [{name: field_text(row[name]) for name in FIELDS} for row in ROWS]
    assert path.read_bytes().count(b"\n") == len(ROWS) + 1
    with path.open(encoding="utf-8", newline="") as file:
        first = next(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    assert (first["src"], first["doc"]) == (ROWS[0]["src"], ROWS[0]["doc"])


def test_plain_files_keep_texts_and_provenance_line_by_line(tmp_path: Path) -> None:
    write_moses(ROWS, tmp_path / "corpus.ru-tk", "ru", "tk")
    src, tgt, meta = (tmp_path / f"corpus.ru-tk.{name}" for name in ("ru", "tk", "meta.tsv"))
    with src.open("rb") as src_file, tgt.open("rb") as tgt_file:
        pairs = [tuple(map(unescape_line, pair)) for _, pair in read_moses(src_file, tgt_file, "corpus")]
    assert pairs == TEXTS
    assert read_table(meta, PROVENANCE) == [
        {name: field_text(row[name]) for name in PROVENANCE} for row in ROWS
    ]


def test_json_lines_are_readable(tmp_path: Path) -> None:
    write_jsonl(ROWS, tmp_path / "corpus.jsonl")
    assert "Сегодня" in (tmp_path / "corpus.jsonl").read_text(encoding="utf-8")  # not \u escapes
