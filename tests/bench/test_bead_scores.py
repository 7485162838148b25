from __future__ import annotations

import numpy as np
import pytest

from bench._bead_scores import read_beads, score_beads, to_beads
from stages.lib.core.errors import DataError

GOLD = [((0,), (0,)), ((1, 2), (1,)), ((3,), ()), ((4,), (2, 3)), ((), (4,))]


def beads(*pairs: tuple[list[int], list[int]]) -> list:
    return [(tuple(src), tuple(tgt)) for src, tgt in pairs]


@pytest.mark.parametrize(
    ("found", "strict", "lax"),
    [
        (GOLD, (1.0, 1.0), (1.0, 1.0)),
        # One bead of two sides is cut short: not the same, but it shares a pair of sentences with the gold's.
        (
            beads(([0], [0]), ([1], [1]), ([2], []), ([3], []), ([4], [2, 3]), ([], [4])),
            (4 / 6, 2 / 3),
            (5 / 6, 3 / 3),
        ),
        # Everything is shifted by one: the bead of 4 and 4 shares a source sentence only, which is no match.
        (beads(([0], []), ([1], [0]), ([2], [1]), ([3], [2]), ([4], [3, 4])), (0.0, 0.0), (2 / 5, 2 / 3)),
        # All of it in one bead is right once, lax, and covers every gold bead of two sides.
        (beads(([0, 1, 2, 3, 4], [0, 1, 2, 3, 4])), (0.0, 0.0), (1.0, 1.0)),
        ([], (0.0, 0.0), (0.0, 0.0)),
    ],
)
def test_precision_and_recall_are_those_of_the_peers_definition(found, strict, lax):
    scores = score_beads(GOLD, found)
    for score, (precision, recall) in zip(scores, (strict, lax), strict=True):
        assert score.precision == pytest.approx(precision)
        assert score.recall == pytest.approx(recall)
        total = precision + recall
        assert score.f1 == pytest.approx(2 * precision * recall / total if total else 0.0)


def test_a_bead_given_twice_counts_once():
    assert score_beads(GOLD, [*GOLD, GOLD[0]]) == score_beads(GOLD, GOLD)


def test_beads_of_an_alignment_are_listed_by_sentence():
    assert to_beads(np.array([[0, 1, 0, 2], [1, 1, 2, 3], [1, 3, 3, 4]], np.int32)) == [
        ((0,), (0, 1)),
        ((), (2,)),
        ((1, 2), (3,)),
    ]


def test_gold_lines_are_read_and_a_wrong_one_is_named():
    assert read_beads(["[0]:[0, 1]", "[]:[2]", "[1,2]:[]"], "gold") == [
        ((0,), (0, 1)),
        ((), (2,)),
        ((1, 2), ()),
    ]
    with pytest.raises(DataError, match=r"^gold: line 2: expected a bead as \[0, 1\]:\[2\], found '0:1'"):
        read_beads(["[0]:[0]", "0:1"], "gold")
    with pytest.raises(DataError, match="line 1"):
        read_beads(["[0 1]:[0]"], "gold")
