"""The table of alignments: every segment in its bead, and what the keys say instead."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from stages.align.beads import Alignment

if TYPE_CHECKING:
    from stages.align.candidates import Side

Names = tuple[Sequence[str], Sequence[str]]


def alignment_rows(
    source: str,
    doc: str,
    sides: tuple[Side, Side],
    alignment: Alignment,
    names: Names | None = None,
    gold: set[tuple[int, int]] | None = None,
) -> list[tuple]:
    """Return rows of ALIGNMENT_SCHEMA, one for each segment, in the order of beads.

    ``names`` are those of each side's segments, by default their numbers; ``gold`` holds the pairs of
    positions that belong together by key.
    """
    if names is None:
        names = tuple([str(n) for n in range(1, len(side.texts) + 1)] for side in sides)
    faults = find_faults(alignment.beads, names, gold) if gold else [None] * len(alignment.beads)
    rows = []
    beads = zip(alignment.beads.tolist(), alignment.confidence.tolist(), faults, strict=True)
    for bead, ((a, b, c, d), confidence, fault) in enumerate(beads):
        for side, side_names, span in zip(sides, names, (range(a, b), range(c, d)), strict=True):
            for n in span:
                segment = (side.lang, side_names[n], side.texts[n])
                rows.append((source, doc, bead, *segment, confidence, fault, alignment.score))
    return rows


def find_faults(beads: np.ndarray, names: Names, gold: set[tuple[int, int]]) -> list[str]:
    """Return what the keys say instead of each bead, "" where they agree."""
    partners: tuple[dict[int, set[int]], dict[int, set[int]]] = ({}, {})
    for pair in gold:
        for side in (0, 1):
            partners[side].setdefault(pair[side], set()).add(pair[1 - side])
    faults = []
    for a, b, c, d in beads.tolist():
        spans = (range(a, b), range(c, d))
        messages = [
            f"{names[side][n]} belongs to {', '.join(names[1 - side][m] for m in sorted(partners[side][n]))}"
            for side in (0, 1)
            for n in spans[side]
            if not partners[side].get(n, set()) <= set(spans[1 - side])
        ]
        if all(spans):
            messages += [
                f"{names[side][n]} has no partner"
                for side in (0, 1)
                for n in spans[side]
                if n not in partners[side]
            ]
        faults.append("; ".join(messages))
    return faults
