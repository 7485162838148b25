from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import krippendorff
import numpy as np
import pytest

from commands.annotate.agreement import agreement_figures, alpha, annotator_figures, resampled_alphas
from stages.lib.core.params import Pair
from stages.lib.text.annotations import VERDICTS, Judgement, merge, read_judgements
from tests.judgements import annotation, task, task_data, write_export

PAIR = Pair(src="ru", tgt="tk")
SETTINGS = {"resamples": 200, "confidence": 0.95, "seed": 1}


def judgements(table: list[str], seconds: float = 10.0) -> list[Judgement]:
    """Make judgements of a table: one string for each pair, one digit (or a gap) for each annotator."""
    rows = []
    for n, line in enumerate(table):
        data = task_data(n) | {"pair_id": f"{n:016x}", "doc": f"phrases/{n}"}
        texts = (data["src"], data["tgt"])
        rows += [
            Judgement(data["pair_id"], f"a-{who}", VERDICTS[int(code) - 1], (), texts, seconds, "", data)
            for who, code in enumerate(line)
            if code != " "
        ]
    return rows


# Krippendorff (2011), Computing Krippendorff's Alpha-Reliability, section C: four observers, twelve units,
# five values, missing data; its alpha for nominal data is 0.743.
PUBLISHED = [
    "11 1", "2232", "3333", "3333", "2222", "1234", "4444", "1121", "2222", " 555", "  11", " 3  ",
]  # fmt: skip


def test_alpha_is_that_of_the_published_example() -> None:
    found = alpha(judgements(PUBLISHED), keep_only=False, **SETTINGS)
    assert found.value == pytest.approx(0.743, abs=5e-4)
    assert found.low < found.value < found.high
    assert (found.n, found.unit) == (11, "sentence")


def test_alpha_of_keep_or_reject_does_not_see_shades() -> None:
    table = ["12", "21", "11", "45", "34", "55"]
    assert alpha(judgements(table), keep_only=True, **SETTINGS).value == 1.0
    assert alpha(judgements(table), keep_only=False, **SETTINGS).value < 0.5


@pytest.mark.parametrize("table", [["1", "2", "4"], ["11", "11"], []])
def test_alpha_is_undefined_where_nothing_can_be_said(table: list[str]) -> None:
    assert alpha(judgements(table), keep_only=False, **SETTINGS).value is None


def test_documents_are_resampled_where_there_are_enough() -> None:
    found = alpha(judgements(["11", "44", "14"] * 10), keep_only=True, **SETTINGS)
    assert (found.unit, found.units, found.n) == ("document", 30, 30)


def test_resampled_alphas_are_those_of_the_library() -> None:
    rng = np.random.default_rng(3)
    counts = rng.multinomial(3, [0.4, 0.3, 0.2, 0.1], size=25)
    numbers = np.arange(25) // 5  # five documents of five pairs
    found = resampled_alphas(counts, numbers, 20, seed=7)
    weights = np.random.default_rng(7).multinomial(5, np.full(5, 0.2), size=20)
    expected = [
        krippendorff.alpha(
            value_counts=np.repeat(counts, row[numbers], axis=0), level_of_measurement="nominal"
        )
        for row in weights
    ]
    assert found == pytest.approx(expected, abs=1e-12)


def test_the_one_who_judges_against_the_others_stands_out() -> None:
    rows = judgements(["1114"] * 20 + ["4441"] * 20)
    figures = annotator_figures(rows, merge(rows), 0.95)
    assert [name for name, values in figures.items() if values["is_outlier"]] == ["a-3"]
    assert figures["a-3"]["agreement"]["value"] == 0.0
    assert figures["a-0"]["agreement"]["n"] == 40


def test_hasty_and_forgotten_tasks_are_counted(tmp_path: Path) -> None:
    times = [8.0, 9.0, 10.0, 11.0, 12.0] * 4
    tasks = [task(n, annotation(0, "exact", n, seconds)) for n, seconds in enumerate(times)]
    tasks += [task(20, annotation(0, "exact", 20, 0.4)), task(21, annotation(0, "exact", 21, 7200.0))]
    write_export(tmp_path / "a.json", tasks)
    rows = read_judgements(tmp_path, PAIR).rows
    (figures,) = annotator_figures(rows, merge(rows), 0.95).values()
    assert (figures["too_fast"], figures["too_slow"], figures["median_seconds"]) == (1, 1, 10.0)
    assert figures["agreement"] is None


def test_the_figures_count_pairs_decisions_and_the_good_ones_drawn_blindly() -> None:
    rows = judgements(["11", "12", "14", "44", "5"])
    figures = agreement_figures(rows, merge(rows), **SETTINGS)
    assert (figures["pairs"], figures["judgements"]) == (5, 9)
    assert figures["decisions"] == {"keep": 2, "reject": 2, "second_look": 1}
    assert figures["control_good"]["value"] == 0.5
    assert figures["control_good"]["n"] == 4
    assert list(figures["alpha_keep_by_annotators"]) == ["a-0 a-1"]


def _control_good(docs: int, pairs: int) -> dict:
    """Half of the documents are good and half bad, as an alignment goes wrong."""
    rows = []
    for n in range(pairs):
        (one,) = judgements(["1" if n % docs < docs // 2 else "4"])
        task_ = {**one.task, "pair_id": f"{n:016x}", "doc": f"phrases/{n % docs}"}
        rows.append(replace(one, pair_id=task_["pair_id"], task=task_))
    return agreement_figures(rows, merge(rows), **SETTINGS | {"resamples": 2000})["control_good"]


def test_the_share_of_good_ones_is_as_sure_as_its_documents_are_many() -> None:
    by_document, by_pair = _control_good(20, 400), _control_good(10, 400)
    assert (by_document["value"], by_document["unit"], by_document["units"]) == (0.5, "document", 20)
    # Twenty documents that are each all good or all bad: the spread of a mean of twenty coins.
    assert by_document["high"] - by_document["low"] == pytest.approx(4 * 0.5 / 20**0.5, rel=0.15)
    assert (by_pair["unit"], by_pair["units"]) == ("sentence", 400)
    assert by_pair["high"] - by_pair["low"] == pytest.approx(4 * 0.5 / 400**0.5, rel=0.15)
