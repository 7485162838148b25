"""A document aligned anew by its vectors, its keys hidden, bead by bead as people look at it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from stages.align.beads import Alignment
from stages.align.check import gold_pairs, read_hidden
from stages.align.found import Side, align_sides
from stages.lib.core.params import Params
from stages.lib.models.vectors import Embedder, read_extract

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class Row:
    """One bead: (name, text) of its segments on either side; ``fault`` is what the keys say instead."""

    src: tuple[tuple[str, str], ...]
    tgt: tuple[tuple[str, str], ...]
    confidence: float
    fault: str | None


def align_hidden(
    segments: pl.DataFrame, vectors: Path, source: str, params: Params
) -> tuple[list[Row], float, bool]:
    """Align segments of one source, all of either language as one text; ``vectors`` is the extract's folder.

    Returns the beads in order, the document's score, and whether there are keys to compare with.
    """
    joined, rows = read_extract(segments, vectors, source)
    sides, keys = read_hidden(joined, rows, params)
    alignment = align_sides(*sides, Embedder.of(params.align.model, params).unit, params.align)
    gold = gold_pairs(keys)
    names = tuple([_name(place, n) for n, place in enumerate(side, start=1)] for side in keys)
    return view_rows(sides, names, alignment, gold), alignment.score, bool(gold)


def view_rows(
    sides: tuple[Side, Side],
    names: tuple[Sequence[str], Sequence[str]],
    alignment: Alignment,
    gold: set[tuple[int, int]],
) -> list[Row]:
    """Return the beads in order; ``gold`` holds the pairs of positions that belong together by key.

    Without gold nothing is at fault.
    """
    to_tgt: dict[int, set[int]] = {}
    to_src: dict[int, set[int]] = {}
    for a, c in gold:
        to_tgt.setdefault(a, set()).add(c)
        to_src.setdefault(c, set()).add(a)
    rows = []
    for (a, b, c, d), confidence in zip(alignment.beads.tolist(), alignment.confidence.tolist(), strict=True):
        src_texts, tgt_texts = (
            tuple((own[n], side.texts[n]) for n in range(*span))
            for own, side, span in ((names[0], sides[0], (a, b)), (names[1], sides[1], (c, d)))
        )
        faults = [
            *_faults(range(a, b), range(c, d), to_tgt, names),
            *_faults(range(c, d), range(a, b), to_src, names[::-1]),
        ]
        if gold and b > a and d > c:
            faults += [f"{names[0][n]} has no partner" for n in range(a, b) if n not in to_tgt]
            faults += [f"{names[1][n]} has no partner" for n in range(c, d) if n not in to_src]
        fault = "; ".join(faults) if faults else None
        rows.append(Row(src_texts, tgt_texts, confidence, fault))
    return rows


def _faults(
    own: range, found: range, gold: dict[int, set[int]], names: tuple[Sequence[str], Sequence[str]]
) -> list[str]:
    """Say of each position of a bead's side what it belongs to by key, where that is not all in the bead."""
    return [
        f"{names[0][n]} belongs to {', '.join(names[1][m] for m in sorted(gold[n]))}"
        for n in own
        if not gold.get(n, set()) <= set(found)
    ]


def _name(place: tuple[str, str | None], n: int) -> str:
    doc, key = place
    return f"{doc.partition('/')[2]} {key}" if key is not None else str(n)
