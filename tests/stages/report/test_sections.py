"""Sections of the report page, made of small results."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from stages.align.calibration import Calibration
from stages.lib.core.params import Pair
from stages.lib.core.tables import CORPUS_SCHEMA, DOCUMENT_SCHEMA, table_from_rows
from stages.lib.scores.comparison import RANKS_SCHEMA
from stages.lib.scores.translation import TRANSLATIONS_SCHEMA
from stages.report.alignment_view import Row
from stages.report.page import Text
from stages.report.sections import (
    N_EXAMPLES,
    alignment_section,
    calibration_section,
    examples_section,
    flow_section,
    learning_section,
    length_section,
    p_at_k_section,
    reliability,
    result_section,
    signature_section,
    sts_section,
    translation_section,
)
from tests.stages.small_corpus import corpus_row

PAIR = Pair(src="ru", tgt="tk")
NO_DOCUMENTS = table_from_rows([], DOCUMENT_SCHEMA)
TEXTS = [
    ("Добро пожаловать", "Hoş geldiňiz"),
    ("Сохранить файл", "Faýly ýatda sakla"),
    ("Закрыть окно", "Äpişgäni ýap"),
]


def ranks(found: dict[str, list[int]], seed: int = 0) -> pl.DataFrame:
    rows = [
        ("test", direction, "cosine", seed, f"p{n}", "django", "d", rank)
        for direction, values in found.items()
        for n, rank in enumerate(values)
    ]
    return table_from_rows(rows, RANKS_SCHEMA)


def test_wins_and_losses_come_in_the_order_of_the_change_with_the_query_first():
    test = pl.DataFrame(
        {"pair_id": ["p0", "p1", "p2"], "src": [a for a, _ in TEXTS], "tgt": [b for _, b in TEXTS]}
    )
    before = ranks({"ru_tk": [9, 2, 1], "tk_ru": [1, 3, 4]})
    after = ranks({"ru_tk": [1, 1, 1], "tk_ru": [2, 3, 5]}, seed=1)
    won, lost = examples_section({"use": before}, {"use": after}, test, PAIR).tables
    assert "(2 of 6 queries)" in won.caption
    assert won.rows == [
        [Text(TEXTS[0][0], "ru"), Text(TEXTS[0][1], "tk"), "9", "1"],
        [Text(TEXTS[1][0], "ru"), Text(TEXTS[1][1], "tk"), "2", "1"],
    ]
    assert lost.rows == [
        [Text(TEXTS[0][1], "tk"), Text(TEXTS[0][0], "ru"), "1", "2"],
        [Text(TEXTS[2][1], "tk"), Text(TEXTS[2][0], "ru"), "4", "5"],
    ]


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
        *("ru segments", "tk segments", "pairs", "kept by clean", "train", "dev", "test"),
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
            "src": [a for a, _ in TEXTS] + ["пивот"],
            "tgt": [b for _, b in TEXTS] + ["pivot"],
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


def test_a_star_marks_a_difference_that_holds_and_each_has_its_interval():
    header = ["model", "variant", "n", "Δ P@1", "p"]
    body = [
        ["use", "pretrained", "9", "", ""],
        ["use", "finetuned", "9", "+8.3", "<0.0001"],
        ["use_tr", "finetuned", "9", "+0.5", "0.3000"],
    ]
    compared = {"use": {"low": 0.021, "high": 0.104}, "use_tr": {"low": -0.02, "high": 0.03}}
    section = result_section([header, *body], ["legend"], compared)
    assert [row[3] for row in section.tables[0].rows] == [
        *("", "+8.3 [+2.1, +10.4]\u00a0*", "+0.5 [-2.0, +3.0]"),
    ]


def test_curves_have_a_line_for_each_model_variant_and_seed():
    rows = [
        {"model": "use", "variant": variant, "direction": direction, "k": k, "p_at_k": 0.1}
        for variant in ("pretrained", "finetuned")
        for direction in ("ru_tk", "tk_ru")
        for k in (1, 5)
    ]
    charts = p_at_k_section(rows).charts
    assert [chart.title for chart in charts] == ["P@k, ru → tk", "P@k, tk → ru"]
    assert {row[0] for row in charts[0].rows} == {"use pretrained", "use finetuned"}
    curve = [
        {"model": "use", "seed": seed, "epoch": e, "metric": "score", "value": 0.5}
        for seed in (1, 2)
        for e in (0, 1)
    ]
    assert {row[0] for row in learning_section(curve).charts[0].rows} == {"use seed 1", "use seed 2"}
    assert learning_section([]) is None


def test_scores_of_translation_share_no_axis_with_those_of_retrieval():
    def curve(model: str, **values: float) -> list[dict]:
        return [
            {"model": model, "seed": 1, "epoch": epoch, "metric": metric, "value": value}
            for metric, value in values.items()
            for epoch in (0, 1)
        ]

    rows = curve("use", score=0.3, mrr_src_tgt=0.3, loss=2.0)
    rows += curve("nllb_mini", score=11.6, chrfpp_src_tgt=11.6, loss=4.0)
    charts = {chart.title: {row[0] for row in chart.rows} for chart in learning_section(rows).charts}
    assert charts == {
        "Dev score by epoch, retrieval": {"use seed 1"},
        "Dev score by epoch, translation": {"nllb_mini seed 1"},
        "Training loss by epoch, retrieval": {"use seed 1"},
        "Training loss by epoch, translation": {"nllb_mini seed 1"},
    }


def test_what_all_results_share_is_said_once_and_the_run_is_pinned():
    signatures = {"use pretrained": {"a": {"b": 1}, "c": [1, 2]}, "use finetuned": {"a": {"b": 1}, "c": [3]}}
    files = [("corpus.parquet", 1234, "d41d8cd9")]
    section = signature_section(signatures, files, {"torch": "2.13.0"}, "seed: 13  # of all\n")
    shared, own, read, packages = section.tables
    assert shared.rows == [["a.b", "1"]]
    assert own.rows == [["use pretrained", "c", "1, 2"], ["use finetuned", "c", "3"]]
    assert read.rows == [["corpus.parquet", "d41d8cd9", "1,234"]]
    assert packages.rows == [["torch", "2.13.0"]]
    assert section.listings[0].text == "seed: 13  # of all\n"


def translations(texts: list[str], seeds: tuple[int, ...]) -> pl.DataFrame:
    rows = [
        (system, "ru_tk", seed, f"p{n}", "django", "d", TEXTS[n][0], TEXTS[n][1], f"{system} {seed}: {text}")
        for system, seed in [("copy", 0), *(("model", seed) for seed in seeds)]
        for n, text in enumerate(texts)
    ]
    return table_from_rows(rows, TRANSLATIONS_SCHEMA)


def test_translations_before_and_after_stand_beside_source_and_reference():
    # As evaluate writes them: copying and the pretrained model have seed 0, the fine-tuned one those trained.
    frames = {
        "pretrained": translations(["a", "b", "c"], (0,)),
        "finetuned": translations(["x", "y", "z"], (1, 2)),
    }
    rows = [["system", "variant", "chrF++ ru→tk"], ["nllb_mini", "pretrained", "8.0 [7.0, 9.0]"]]
    figures, examples = translation_section(rows, {"nllb_mini": frames}).tables
    assert figures.rows == [["nllb_mini", "pretrained", "8.0 [7.0, 9.0]"]]
    assert examples.header == ["source", "reference", "pretrained", "finetuned"]
    assert examples.rows[1] == [
        *(Text(TEXTS[1][0], "ru"), Text(TEXTS[1][1], "tk")),
        *(Text("model 0: b", "tk"), Text("model 1: y", "tk")),
    ]
    assert len(examples.rows) == len(TEXTS)
    assert translation_section([], {}) is None


BEFORE = {"sts_ru_smoke_pearson": 0.8, "test_p1_mean": 0.2}
AFTER = {"sts_ru_smoke_pearson": 0.7, "test_p1_mean": 0.3}


def interpolated(p1: float = 0.2, adapter: str = "a") -> dict:
    """What `make benchmarks` writes of one model at two strengths, with two guarded sets."""

    def point(strength: float, p1: float, **changes: float) -> dict:
        differences = {f"sts_{name}_pearson": {"difference": change} for name, change in changes.items()}
        return {
            "strength": strength,
            "figures": {"test_p1_mean": {"value": p1}},
            "differences": differences,
        }

    found = {
        "points": [point(0.0, p1), point(0.5, 0.3, en=-0.02, ru=0.01)],
        "saved": {"1": 0.5},
        "signature": {"adapter_sha256": {"1": adapter}},
    }
    return {"guarded": ["en", "ru"], "models": {"use": found}}


def test_forgetting_is_drawn_from_pretrained_to_finetuned_and_by_strength():
    summary = {"use": {"finetuned": AFTER, "pretrained": BEFORE}}
    section = sts_section(summary, interpolated(), {"use": {"1": "a"}})
    ends, curve = section.charts
    assert ends.rows == [["use", "pretrained", "0.8", "0.2"], ["use", "finetuned", "0.7", "0.3"]]
    assert curve.rows == [["use", "0", "0", "0.2"], ["use", "0.5", "-0.02", "0.3"]]
    assert len(section.paragraphs) == 1  # nothing to excuse
    assert sts_section({"use": {"pretrained": {"test_p1_mean": 0.2}}}, interpolated(), {}) is None


def test_a_curve_of_other_adapters_or_of_other_data_is_said_to_be_so_and_the_latter_is_not_drawn():
    summary = {"use": {"finetuned": AFTER, "pretrained": BEFORE}}
    section = sts_section(summary, interpolated(), {"use": {"1": "b"}})
    assert "adapters of another training run" in section.paragraphs[-1]
    other_data = sts_section(summary, interpolated(p1=0.4), {"use": {"1": "a"}})
    assert len(other_data.charts) == 1
    assert [text.split(";")[0] for text in other_data.paragraphs] == [
        "There is no curve of use, measured on another test set",
    ]
    unmeasured = sts_section(summary, interpolated(), {"use_tr": {"1": "a"}})
    assert (len(unmeasured.charts), unmeasured.paragraphs) == (1, [])


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
    none = table_from_rows([], CORPUS_SCHEMA)
    section = alignment_section({"udhr": beads(60, wrong=59)}, {}, NO_DOCUMENTS, none, PAIR)
    assert section.paragraphs == ["With its keys hidden, udhr is aligned in 60 beads, 1 of them wrong."]
    rows = section.tables[0].rows
    assert len(rows) == 2 * N_EXAMPLES
    shown = [int(row[0].text.split()[1]) for row in rows]
    assert shown == sorted(shown)
    assert {*range(9), 59} <= set(shown)
    assert rows[-1][2:] == ["1 belongs to 2", "0.98"]
    assert rows[0] == [Text("Мост 0", "ru"), Text("Köpri 0", "tk"), "right", "0.00"]
    assert alignment_section({}, {}, NO_DOCUMENTS, none, PAIR) is None


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
    none = table_from_rows([], CORPUS_SCHEMA)
    (table,) = alignment_section({}, {}, table_from_rows(rows, DOCUMENT_SCHEMA), none, PAIR).tables
    assert "the 10 least sure of 31" in table.caption
    assert table.rows[:2] == [
        ["files", "files/река", "files/derýa", "0.40", "0.90", "1,200"],
        ["files", "files/00", "files/00", "by name", "0.50", "9"],
    ]
    assert len(table.rows) == N_EXAMPLES
