"""An alignment bead by bead, as people look at it, from the table that align wrote."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class Row:
    """One bead: (name, text) of its segments on either side; ``fault`` is what the keys say instead."""

    src: tuple[tuple[str, str], ...]
    tgt: tuple[tuple[str, str], ...]
    confidence: float
    fault: str | None


def view_rows(alignment: pl.DataFrame, src_lang: str) -> list[Row]:
    """Return the beads of one document (ALIGNMENT_SCHEMA) in order."""
    rows = []
    for _, bead in alignment.group_by("bead", maintain_order=True):
        sides: tuple[list, list] = ([], [])
        for lang, name, text in bead.select("lang", "name", "text").iter_rows():
            sides[lang != src_lang].append((name, text))
        rows.append(Row(tuple(sides[0]), tuple(sides[1]), bead["confidence"][0], bead["fault"][0] or None))
    return rows
