"""The table of alignments, and what the keys say instead of a bead."""

from __future__ import annotations

import numpy as np

from stages.align.alignments import alignment_rows, find_faults
from stages.align.beads import Alignment
from stages.align.candidates import Side
from stages.lib.core.tables import ALIGNMENT_SCHEMA, table_from_rows


def side(lang: str, count: int) -> Side:
    texts = [f"{lang} {n}" for n in range(count)]
    return Side("", lang, texts, np.arange(count), np.zeros((count, 1)))


def test_a_bead_is_at_fault_when_it_lacks_what_belongs_to_it_or_holds_what_does_not():
    beads = np.array([[0, 1, 0, 1], [1, 3, 1, 2], [3, 4, 2, 2], [4, 4, 2, 3]], dtype=np.int32)
    names = (["r0", "r1", "r2", "r3"], ["t0", "t1", "t2"])
    gold = {(0, 0), (1, 1), (2, 1), (3, 2)}
    assert find_faults(beads, names, gold) == ["", "", "r3 belongs to t2", "t2 belongs to r3"]


def test_a_bead_is_at_fault_for_each_segment_in_it_that_has_no_partner():
    # Two without partners beside each other; one swallowed by its neighbour's bead; one rightly alone.
    beads = np.array([[0, 1, 0, 1], [1, 3, 1, 2], [3, 4, 2, 2]], dtype=np.int32)
    names = (["r0", "r1", "r2", "r3"], ["t0", "t1"])
    assert find_faults(beads, names, {(1, 1)}) == [
        *("r0 has no partner; t0 has no partner", "r2 has no partner", "")
    ]


def test_every_segment_is_a_row_of_its_bead_and_nothing_is_at_fault_without_keys():
    beads = np.array([[0, 2, 0, 1], [2, 2, 1, 2]], dtype=np.int32)
    alignment = Alignment(beads, np.array([0.5, 0], dtype=np.float32), 0.25, 0)
    rows = alignment_rows("files", "files/a", (side("ru", 2), side("tk", 2)), alignment)
    assert rows == [
        ("files", "files/a", 0, "ru", "1", "ru 0", 0.5, None, 0.25),
        ("files", "files/a", 0, "ru", "2", "ru 1", 0.5, None, 0.25),
        ("files", "files/a", 0, "tk", "1", "tk 0", 0.5, None, 0.25),
        ("files", "files/a", 1, "tk", "2", "tk 1", 0.0, None, 0.25),
    ]
    assert len(table_from_rows(rows, ALIGNMENT_SCHEMA)) == 4
