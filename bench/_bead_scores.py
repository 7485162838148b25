"""How good an alignment is: precision, recall and F1 of beads, strict and lax.

The definition is that of vecalign's ``score.py`` after Sennrich & Volk (2011, W11-4624). *Strict*: a bead is
right if the other alignment has the very same bead. *Lax*: also if it shares a pair of sentences with one of
the other's beads. Precision is over the beads found, those with an empty side included (right only where the
gold has the same); recall is over the gold beads with two sides.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from stages.lib.core.errors import DataError

# Numbers of the sentences of either side, from 0; they need not be neighbours.
Bead = tuple[tuple[int, ...], tuple[int, ...]]

_GOLD_SIDE = r"\[((?:\d+(?:, ?\d+)*)?)\]"
_GOLD_LINE = re.compile(f"{_GOLD_SIDE}:{_GOLD_SIDE}")


@dataclass(frozen=True)
class BeadScores:
    """Precision, recall and F1, 0 to 1."""

    precision: float
    recall: float
    f1: float


def score_beads(gold: Iterable[Bead], found: Iterable[Bead]) -> tuple[BeadScores, BeadScores]:
    """Return the strict and the lax scores. A share of nothing is 0."""
    gold, found = set(gold), set(found)
    gold_pairs, found_pairs = _pairs(gold), _pairs(found)
    gold_full = {bead for bead in gold if all(bead)}
    strict = (_share(bead in gold for bead in found), _share(bead in found for bead in gold_full))
    lax = (
        _share(bead in gold or not gold_pairs.isdisjoint(_pairs([bead])) for bead in found),
        _share(not found_pairs.isdisjoint(_pairs([bead])) for bead in gold_full),
    )
    return _scores(*strict), _scores(*lax)


def to_beads(beads: np.ndarray) -> list[Bead]:
    """Return the beads of an ``Alignment`` (n, 4) as tuples of sentence numbers."""
    return [
        (tuple(range(src_start, src_end)), tuple(range(tgt_start, tgt_end)))
        for src_start, src_end, tgt_start, tgt_end in beads.tolist()
    ]


def read_beads(lines: Sequence[str], where: str) -> list[Bead]:
    """Read a gold alignment of lines ``[0, 1]:[2]``; raises DataError with ``where`` and the line."""
    beads = []
    for number, line in enumerate(lines, start=1):
        if not (match := _GOLD_LINE.fullmatch(line.strip())):
            raise DataError(
                f"{where}: line {number}: expected a bead as [0, 1]:[2], found {line!r}; correct its pin"
            )
        src, tgt = (tuple(map(int, re.findall(r"\d+", side))) for side in match.groups())
        beads.append((src, tgt))
    return beads


def _pairs(beads: Iterable[Bead]) -> set[tuple[int, int]]:
    return {(i, j) for src, tgt in beads for i in src for j in tgt}


def _share(are_right: Iterable[bool]) -> float:
    values = list(are_right)
    return sum(values) / len(values) if values else 0.0


def _scores(precision: float, recall: float) -> BeadScores:
    total = precision + recall
    return BeadScores(precision, recall, 2 * precision * recall / total if total else 0.0)
