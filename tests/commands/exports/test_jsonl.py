from __future__ import annotations

import json
from pathlib import Path

from commands.exports.jsonl import write_jsonl
from tests.commands.exports.corpus_rows import ROWS


def test_every_row_comes_back_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "corpus.jsonl"
    write_jsonl(ROWS, path)
    with path.open(encoding="utf-8", newline="\n") as file:
        assert [json.loads(line) for line in file] == ROWS
    assert "Сегодня" in path.read_text(encoding="utf-8")  # readable, not \u escapes
