"""Sections of the report page on the corpus, made of small results."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from stages.align.calibration import Calibration
from stages.lib.core.params import Pair
from stages.lib.core.tables import CORPUS_SCHEMA, DOCUMENT_SCHEMA, table_from_rows
from stages.report.alignment_view import Row
from stages.report.corpus import (
    N_EXAMPLES,
    alignment_section,
    calibration_section,
    flow_section,
    length_section,
    reliability,
)
from stages.report.page import Text
from tests.stages.small_corpus import corpus_row

PAIR = Pair(src="ru", tgt="tk")
NO_DOCUMENTS = table_from_rows([], DOCUMENT_SCHEMA)
NO_PAIRS = table_from_rows([], CORPUS_SCHEMA)


def flow(clean: dict, split: dict | None = None, own: dict | None = None) -> dict:
    """Counts of align, clean and split as those stages write them, for the sources of ``clean``."""
    counts = {source: counts["ru"]["in"] for source, counts in clean.items()}
    aligned = {
        source: {"segments": {"ru": n + 2, "tk": n + 1, "en": 1}, "pairs": {"ru": n, "en": 1}}
        for source, n in counts.items()
    }
    ends = ("train", "dev", "test", "gold_not_in_test", "short_in_dev_and_test", "found_in_dev_and_test")
    return {
        "align": {"by_source": aligned},
        "clean": {"by_source": clean},
        "split": {
            "by_source": {part: (split or {}).get(part, {}) for part in ("train", "dev", "test")},
            "own_by_source": {end: (own or {}).get(end, {}) for end in (*ends, "removed")},
        },
    }


def test_the_flow_tells_what_every_stage_kept_and_where_each_pair_went():
    clean = {
        "django": {
            "ru": {"in": 10, "kept": 7, "dropped": {"duplicate": 2, "script": 1}},
            "en": {"in": 3, "kept": 3, "dropped": {}},
        },
        "udhr": {"ru": {"in": 7, "kept": 7, "dropped": {}}},
    }
    split = {"train": {"django": 5}, "dev": {"django": 2}, "test": {"udhr": 4}}
    own = {"train": {"django": 3}, "dev": {"django": 2}, "test": {"udhr": 3}}
    own |= {"short_in_dev_and_test": {"udhr": 1}, "removed": {"django": 2}}
    own |= {"gold_not_in_test": {"udhr": 1}, "found_in_dev_and_test": {"udhr": 2}}
    section = flow_section(flow(clean, split, own), PAIR)
    stages, kept, ends = section.charts
    assert [row[0] for row in stages.rows] == [
        *("ru segments", "tk segments", "pairs", "kept by clean", "train", "dev", "test")
    ]
    assert stages.rows[0] == ["ru segments", "12", "9"]
    assert {row[0]: sum(int(cell) for cell in row[1:]) for row in kept.rows} == {"django": 10, "udhr": 7}
    # Every kept pair is in a split, or there is a reason.
    assert {row[0]: sum(int(cell) for cell in row[1:]) for row in ends.rows} == {"django": 7, "udhr": 7}
    whole, cleaning, splits = section.tables
    assert whole.rows[0] == ["django", "12", "11", "10", "7", "3", "2", "0", "0", "0", "0", "2"]
    assert whole.rows[1][-4:] == ["1", "1", "2", "0"]
    assert cleaning.rows[0] == ["django", "10", "7", "2", "1"]
    assert splits.rows == [["django", "5", "2", "0"], ["udhr", "0", "0", "4"]]


def test_reasons_beyond_the_colours_are_drawn_together_and_listed_apart():
    dropped = {f"reason_{n}": 20 - n for n in range(12)}
    clean = {"a": {"ru": {"in": 300, "kept": 300 - sum(dropped.values()), "dropped": dropped}}}
    section = flow_section(flow(clean), PAIR)
    header, row = section.charts[1].header, section.charts[1].rows[0]
    assert "other reasons" in header
    assert sum(int(cell) for cell in row[1:]) == 300
    assert len(section.tables[1].header) == 3 + 12


def test_lengths_fall_into_their_bins():
    corpus = pl.DataFrame(
        {
            "src": ["Добро пожаловать", "Сохранить файл", "Закрыть окно", "пивот"],
            "tgt": ["Hoş geldiňiz", "Faýly ýatda sakla", "Äpişgäni ýap", "pivot"],
            "src_lang": ["ru", "ru", "ru", "en"],
            "tgt_lang": ["tk"] * 4,
            "method": ["given"] * 4,
            "score": pl.Series([0.9, None, 0.2, 0.5], dtype=pl.Float32),
        }
    )
    lengths, scores = length_section(corpus, PAIR).charts
    assert lengths.rows[1] == ["2", "3", "2"]  # all Russian texts and two Turkmen ones have two words
    assert lengths.rows[2] == ["3", "0", "1"]
    assert sum(int(row[1]) for row in scores.rows) == 2  # the pair without a score has no place


def test_calibration_is_the_share_right_among_pairs_of_like_probability():
    # Half of what scores 0.6 and more is right, and a tenth of the rest, both kinds weighing the same.
    rng = np.random.default_rng(1)
    right = np.concatenate([rng.uniform(0.6, 1.0, 90), rng.uniform(0.0, 0.6, 10)])
    wrong = np.concatenate([rng.uniform(0.6, 1.0, 30), rng.uniform(0.0, 0.6, 70)])
    made = Calibration.from_scores(right, wrong)
    found = reliability(made.curve())
    scores = np.concatenate([right, wrong])
    chances = made.probability(scores)
    is_right = np.arange(len(scores)) < len(right)
    for predicted, observed in found:
        inside = np.minimum((chances * 10).astype(int), 9) == min(int(predicted * 10), 9)
        assert observed == pytest.approx(is_right[inside].mean(), abs=0.1)
        assert predicted == pytest.approx(chances[inside].mean(), abs=0.03)
    assert len(found) >= 5
    section = calibration_section(made.curve(), {"udhr": {}})
    assert [chart.name for chart in section.charts] == ["calibration", "threshold"]
    assert calibration_section([], {}) is None


def test_a_threshold_that_keeps_nothing_has_no_precision():
    curve = [{"score": 1.5, "probability": 0.9, "precision": 0.9, "recall": 0.5}]
    scores = {"right": 60, "wrong": 120, "precision": 0.96, "recall": 0.8, "brier": 0.05}
    for found, told in (
        ({}, "keeps 80 % of 60 right pairs; against 120 hard wrong ones, both kinds weighing the same, 96 %"),
        ({"precision": None, "recall": 0.0}, "keeps none of 60 right pairs and of 120 hard wrong ones. "),
    ):
        (said,) = calibration_section(curve, {"udhr": {"scores": {**scores, **found}}}).paragraphs
        assert told in said
        assert said.endswith("Brier score of the probabilities: 0.050.")


def beads(count: int, wrong: int) -> list[Row]:
    return [
        Row(
            ((str(n), f"Мост {n}"),),
            ((str(n), f"Köpri {n}"),),
            n / count,
            "1 belongs to 2" if n == wrong else None,
        )
        for n in range(count)
    ]


def test_alignment_shows_the_wrong_and_the_least_sure_beads_in_the_documents_order():
    section = alignment_section({"udhr": beads(60, wrong=59)}, {}, NO_DOCUMENTS, NO_PAIRS, PAIR)
    assert section.paragraphs == ["With its keys hidden, udhr is aligned in 60 beads, 1 of them wrong."]
    rows = section.tables[0].rows
    assert len(rows) == 2 * N_EXAMPLES
    shown = [int(row[0].text.split()[1]) for row in rows]
    assert shown == sorted(shown)
    assert {*range(9), 59} <= set(shown)
    assert rows[-1][2:] == ["1 belongs to 2", "0.98"]
    assert rows[0] == [Text("Мост 0", "ru"), Text("Köpri 0", "tk"), "right", "0.00"]
    assert alignment_section({}, {}, NO_DOCUMENTS, NO_PAIRS, PAIR) is None


def test_pairs_that_the_model_found_stand_with_their_probability():
    rows = [
        corpus_row(f"Мост {n}", f"Köpri {n}", "files/a") | {"method": "aligned", "score": n / 40}
        for n in range(40)
    ]
    corpus = table_from_rows([*rows, corpus_row("Дом", "Jaý", "udhr/1")], CORPUS_SCHEMA)
    table = alignment_section({}, {}, NO_DOCUMENTS, corpus, PAIR).tables[0]
    assert "10 of 40 kept pairs" in table.caption
    assert table.rows[0] == [Text("Мост 39", "ru"), Text("Köpri 39", "tk"), "files/a", "0.98"]


def test_documents_stand_by_what_is_least_sure_of_them_ten_at_most():
    rows = [("files", f"files/{n:02}", f"files/{n:02}", None, 0.5 + n / 100, 9) for n in range(30)]
    rows.append(("files", "files/река", "files/derýa", 0.4, 0.9, 1200))
    (table,) = alignment_section({}, {}, table_from_rows(rows, DOCUMENT_SCHEMA), NO_PAIRS, PAIR).tables
    assert "the 10 least sure of 31" in table.caption
    assert table.rows[:2] == [
        ["files", "files/река", "files/derýa", "0.40", "0.90", "1,200"],
        ["files", "files/00", "files/00", "by name", "0.50", "9"],
    ]
    assert len(table.rows) == N_EXAMPLES
