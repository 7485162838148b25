from __future__ import annotations

import numpy as np
import pytest

from stages.lib.core.errors import DataError
from stages.lib.core.params import Pair, load_params
from stages.lib.core.tables import content_sha256, table_from_rows
from stages.lib.scores.comparison import RANKS_SCHEMA, compare, correct, measure, rounded

PAIR = Pair(src="ru", tgt="tk")
SETTINGS = load_params().evaluate.model_copy(
    update={"bootstrap": 200, "permutations": 500, "confidence": 0.95}
)


def fake_ranks(values: dict[tuple[str, int], list[int]]):
    rows = [
        ("test", direction, "cosine", seed, f"{n:016x}", "udhr" if n % 2 else "django", f"doc/{n // 2}", rank)
        for (direction, seed), found in values.items()
        for n, rank in enumerate(found)
    ]
    return table_from_rows(rows, RANKS_SCHEMA)


def test_figures_by_hand():
    frame = fake_ranks({("ru_tk", 0): [1, 2, 1, 10], ("tk_ru", 0): [1, 1, 4, 5]})
    found = measure(frame, PAIR, SETTINGS, seed=1)
    values = {name: figure["value"] for name, figure in found["metrics"].items()}
    assert values["test_p1_ru_tk"] == 0.5
    assert values["test_p5_ru_tk"] == 0.75
    assert values["test_p5_tk_ru"] == 1.0
    assert values["test_mrr_ru_tk"] == pytest.approx((1 + 0.5 + 1 + 0.1) / 4)
    assert values["test_p1_mean"] == pytest.approx(0.5)
    assert found["by_source"]["django"]["test_p1_ru_tk"]["value"] == 1.0
    assert found["by_source"]["udhr"]["test_p1_ru_tk"]["value"] == 0.0
    assert found["metrics"]["test_p1_ru_tk"]["unit"] == "sentence"


def test_seeds_are_averaged_and_their_spread_is_told():
    frame = fake_ranks({("ru_tk", 1): [1, 2, 1, 1], ("ru_tk", 2): [1, 2, 2, 1]})
    figure = measure(frame, PAIR, SETTINGS, seed=1)["metrics"]["test_p1_ru_tk"]
    assert figure["value"] == 0.625
    assert figure["by_seed"] == {"1": 0.75, "2": 0.5}
    assert figure["spread"] == pytest.approx(np.std([0.75, 0.5], ddof=1))
    assert figure["n"] == 4


def test_comparison_pairs_the_same_queries_and_corrects_by_family():
    before = fake_ranks({("ru_tk", 0): [2] * 40, ("tk_ru", 0): [1, 2] * 20})
    after = fake_ranks({("ru_tk", 1): [1] * 40, ("tk_ru", 1): [1, 2] * 20})
    found = compare(before, after, PAIR, SETTINGS, seed=1)
    assert found["test_p1_ru_tk"]["difference"] == 1.0
    assert found["test_p1_ru_tk"]["unit"] == "document"
    assert found["test_p1_ru_tk"]["p_mcnemar"] == pytest.approx(2 / 2**40)
    assert found["test_p1_tk_ru"]["p"] == 1.0
    assert found["test_p1_mean"]["difference"] == pytest.approx(0.5)
    tests = {"use": found}
    correct(tests)
    # What a run is judged by is a family of its own: one test for each model, here one.
    assert found["test_p1_mean"]["family"] == 1
    assert found["test_p1_mean"]["p_holm"] == found["test_p1_mean"]["p"]
    assert found["test_p1_ru_tk"]["family"] == 5
    # Three of the five others share the least p; the correction is by all five.
    assert found["test_p1_ru_tk"]["p_holm"] == pytest.approx(5 * found["test_p1_ru_tk"]["p"])


def test_comparison_of_other_queries_is_refused():
    before, after = fake_ranks({("ru_tk", 0): [1, 2]}), fake_ranks({("ru_tk", 0): [1, 2, 3]})
    with pytest.raises(DataError, match="other queries"):
        compare(before, after, PAIR, SETTINGS, seed=1)


def test_every_kind_of_figure_is_a_family_of_its_own():
    tests = {
        name: {"p": 0.01}
        for name in ("test_p1_mean", "test_p1_ru_tk", "test_mrr_mean", "hard_p1_mean", "test_margin_p1_mean")
    }
    tests |= {name: {"p": 0.01} for name in ("sts_ru_smoke_pearson", "mt_ru_tk_bleu", "mt_tk_ru_bleu")}
    tests |= {name: {"p": 0.01} for name in ("mt_ru_tk_chrf", "mt_ru_tk_chrfpp", "mt_tk_ru_chrfpp")}
    # Pairs that people judged change no p of test.
    tests |= {name: {"p": 0.01} for name in ("gold_p1_mean", "gold_mrr_mean", "mt_gold_ru_tk_chrfpp")}
    correct({"use": tests})
    assert {name: test["family"] for name, test in tests.items()} == {
        "test_p1_mean": 1,
        **dict.fromkeys(("test_p1_ru_tk", "test_mrr_mean", "hard_p1_mean", "test_margin_p1_mean"), 4),
        "sts_ru_smoke_pearson": 1,
        **dict.fromkeys(("mt_ru_tk_bleu", "mt_tk_ru_bleu", "mt_ru_tk_chrf"), 3),
        **dict.fromkeys(("mt_ru_tk_chrfpp", "mt_tk_ru_chrfpp"), 2),
        **dict.fromkeys(("gold_p1_mean", "gold_mrr_mean", "mt_gold_ru_tk_chrfpp"), 1),
    }


def test_rounding_refuses_what_is_not_a_number():
    assert rounded({"a": [0.123456, 1], "b": "x", "c": -0.00001}) == {"a": [0.1235, 1], "b": "x", "c": 0.0}
    with pytest.raises(DataError, match="finite"):
        rounded({"a": float("nan")})


def test_content_hash_sees_text_and_order_only():
    frame = fake_ranks({("ru_tk", 0): [1, 2, 3]})
    columns = ["pair_id", "doc"]
    assert content_sha256(frame, columns) == content_sha256(frame.clone(), columns)
    assert content_sha256(frame, columns) != content_sha256(frame.reverse(), columns)
    assert content_sha256(frame, columns) != content_sha256(frame.head(2), columns)
