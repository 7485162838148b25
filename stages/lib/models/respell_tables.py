"""Rule tables of respelling, by file name: the files in assets/respell explain their columns.

A saved model carries its tables in a copy of this module that has the texts in it.
"""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).resolve().parents[3] / "assets/respell"
TEXTS = {path.stem: path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.tsv"))}


def rows(name: str) -> list[list[str]]:
    """Return the rows of a table, without comments and empty lines."""
    lines = TEXTS[name].splitlines()
    return [line.split("\t") for line in lines if line and not line.startswith("#")]
