"""Beads as people look at them, from the table of alignments."""

from __future__ import annotations

from stages.lib.core.tables import ALIGNMENT_SCHEMA, table_from_rows
from stages.report.alignment_view import Row, view_rows


def test_the_segments_of_a_bead_come_together_on_their_sides():
    rows = [
        ("u", "u", bead, lang, name, text, confidence, fault, 0.5)
        for bead, lang, name, text, confidence, fault in (
            (0, "ru", "a 1", "Мост", 0.5, ""),
            (0, "ru", "a 2", "закрыт", 0.5, ""),
            (0, "tk", "a 1", "Köpri ýapyk", 0.5, ""),
            (1, "tk", "a 3", "Suw", 0.0, "a 3 belongs to a 3"),
        )
    ]
    assert view_rows(table_from_rows(rows, ALIGNMENT_SCHEMA), "ru") == [
        Row((("a 1", "Мост"), ("a 2", "закрыт")), (("a 1", "Köpri ýapyk"),), 0.5, None),
        Row((), (("a 3", "Suw"),), 0.0, "a 3 belongs to a 3"),
    ]
