"""JSON lines: one object a pair, UTF-8, the fields of the row by name; JSON's own escapes, nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from commands.exports.rows import FIELDS, Row


def write_jsonl(rows: Iterable[Row], path: Path) -> None:
    """Write all fields of every row, absent ones as null."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for row in rows:
            line = json.dumps({name: row[name] for name in FIELDS}, ensure_ascii=False, allow_nan=False)
            file.write(line + "\n")
