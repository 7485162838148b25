"""Sections of the report page, made of small results."""

from __future__ import annotations

import polars as pl

from stages.lib.evaluation import RANKS_SCHEMA
from stages.lib.page import Text
from stages.lib.params import Pair
from stages.lib.report_page import (
    examples_section,
    flow_section,
    learning_section,
    length_section,
    p_at_k_section,
    result_section,
    signature_section,
    sts_section,
    translation_section,
)
from stages.lib.tables import table_from_rows
from stages.lib.translation import TRANSLATIONS_SCHEMA

PAIR = Pair(src="ru", tgt="tk")
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


def test_the_flow_counts_every_pair_once():
    clean = {
        "django": {
            "ru": {"in": 10, "kept": 7, "dropped": {"duplicate": 2, "script": 1}},
            "en": {"in": 3, "kept": 3, "dropped": {}},
        },
        "udhr": {"ru": {"in": 4, "kept": 4, "dropped": {}}},
    }
    split = {"by_source": {"train": {"django": 5}, "dev": {"django": 2}, "test": {"udhr": 4}}}
    section = flow_section({"clean": {"by_source": clean}, "split": split}, PAIR)
    drawn = {row[0]: sum(int(cell) for cell in row[1:]) for row in section.charts[0].rows}
    assert drawn == {"django": 10, "udhr": 4}
    assert section.tables[0].rows[0] == ["django", "10", "7", "2", "1"]
    assert section.tables[1].rows == [["django", "5", "2", "0"], ["udhr", "0", "0", "4"]]


def test_reasons_beyond_the_colours_are_drawn_together_and_listed_apart():
    dropped = {f"reason{n}": 20 - n for n in range(12)}
    clean = {"a": {"ru": {"in": 300, "kept": 300 - sum(dropped.values()), "dropped": dropped}}}
    section = flow_section(
        {"clean": {"by_source": clean}, "split": {"by_source": {"train": {}, "dev": {}, "test": {}}}}, PAIR
    )
    header, row = section.charts[0].header, section.charts[0].rows[0]
    assert "other reasons" in header
    assert sum(int(cell) for cell in row[1:]) == 300
    assert len(section.tables[0].header) == 3 + 12


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


def test_a_star_marks_a_difference_that_holds():
    header = ["model", "variant", "n", "Δ P@1", "p"]
    body = [["use", "finetuned", "9", "+8.3", "<0.0001"], ["use_tr", "finetuned", "9", "+0.5", "0.3000"]]
    section = result_section([header, *body], ["legend"])
    assert [row[3] for row in section.tables[0].rows] == ["+8.3 *", "+0.5"]


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


def test_what_all_results_share_is_said_once():
    section = signature_section(
        {"use pretrained": {"a": {"b": 1}, "c": [1, 2]}, "use finetuned": {"a": {"b": 1}, "c": [3]}}
    )
    shared, own = section.tables
    assert shared.rows == [["a.b", "1"]]
    assert own.rows == [["use pretrained", "c", "1, 2"], ["use finetuned", "c", "3"]]


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


def test_forgetting_is_drawn_from_pretrained_to_finetuned():
    before = {"sts_ru_smoke_pearson": 0.8, "test_p1_mean": 0.2}
    after = {"sts_ru_smoke_pearson": 0.7, "test_p1_mean": 0.3}
    section = sts_section({"use": {"finetuned": after, "pretrained": before}})
    assert section.charts[0].rows == [["use", "0.8", "0.2"], ["use", "0.7", "0.3"]]
    assert sts_section({"use": {"pretrained": {"test_p1_mean": 0.2}}}) is None
