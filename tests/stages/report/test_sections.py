"""Sections of the report page on models, made of small results."""

from __future__ import annotations

import polars as pl

from stages.lib.core.params import Pair
from stages.lib.core.tables import table_from_rows
from stages.lib.scores.comparison import RANKS_SCHEMA
from stages.lib.scores.translation import TRANSLATIONS_SCHEMA
from stages.report.page import Text
from stages.report.sections import (
    examples_section,
    learning_section,
    p_at_k_section,
    result_section,
    signature_section,
    sts_section,
    translation_section,
)

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
        *("", "+8.3 [+2.1, +10.4]\u00a0*", "+0.5 [-2.0, +3.0]")
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


def details(**metrics: float) -> dict:
    return {"metrics": {name: {"value": value} for name, value in metrics.items()}}


DETAILS = {
    ("use", "pretrained"): details(sts_ru_smoke_pearson=0.8, test_p1_mean=0.2),
    ("use", "finetuned"): details(sts_ru_smoke_pearson=0.7, test_p1_mean=0.3),
}


def interpolated(p1: float = 0.2, adapter: str = "a") -> dict:
    """What `make benchmarks` writes of one model at two strengths, with two guarded sets."""

    def point(strength: float, p1: float, **changes: float) -> dict:
        differences = {f"sts_{name}_pearson": {"difference": change} for name, change in changes.items()}
        return {"strength": strength, "figures": {"test_p1_mean": {"value": p1}}, "differences": differences}

    found = {
        "points": [point(0.0, p1), point(0.5, 0.3, en=-0.02, ru=0.01)],
        "saved": {"1": 0.5},
        "signature": {"adapter_sha256": {"1": adapter}},
    }
    return {"guarded": ["en", "ru"], "models": {"use": found}}


def test_forgetting_is_drawn_from_pretrained_to_finetuned_and_by_strength():
    section = sts_section(DETAILS, interpolated(), {"use": {"1": "a"}})
    ends, curve = section.charts
    assert ends.rows == [["use", "pretrained", "0.8", "0.2"], ["use", "finetuned", "0.7", "0.3"]]
    assert curve.rows == [["use", "0", "0", "0.2"], ["use", "0.5", "-0.02", "0.3"]]
    assert len(section.paragraphs) == 1  # nothing to excuse
    assert sts_section({("use", "pretrained"): details(test_p1_mean=0.2)}, interpolated(), {}) is None


def test_a_curve_of_other_adapters_or_of_other_data_is_said_to_be_so_and_the_latter_is_not_drawn():
    section = sts_section(DETAILS, interpolated(), {"use": {"1": "b"}})
    assert "adapters of another training run" in section.paragraphs[-1]
    other_data = sts_section(DETAILS, interpolated(p1=0.4), {"use": {"1": "a"}})
    assert len(other_data.charts) == 1
    assert [text.split(";")[0] for text in other_data.paragraphs] == [
        "There is no curve of use, measured on another test set"
    ]
    unmeasured = sts_section(DETAILS, interpolated(), {"use_tr": {"1": "a"}})
    assert (len(unmeasured.charts), unmeasured.paragraphs) == (1, [])
