from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from stages.evaluate.retrieval_sets import make_set, rank_set
from stages.lib.core.errors import DataError
from stages.lib.core.params import Pair, load_params
from stages.lib.scores.comparison import measure

PAIR = Pair(src="ru", tgt="tk")
SETTINGS = load_params().evaluate.model_copy(
    update={"bootstrap": 200, "permutations": 500, "confidence": 0.95}
)


def small_set(src_pool=(), tgt_pool=(), **changes):
    rows = {
        "src": ["Мост закрыт", "Мост закрыт", "Новый дом", "Дорога"],
        "tgt": ["Köpri ýapyk", "Köpri ýapyldy", "Täze jaý", "Ýol"],
        "src_group": ["m", "m", "h", "r"],
        "tgt_group": ["k1", "k2", "j", "y"],
        "doc": [f"django/{n}" for n in range(4)],
    }
    table = pl.DataFrame(rows | changes).with_columns(pair_id="doc", source=pl.lit("django"))
    return make_set("test", PAIR, table, src_pool, tgt_pool)


def test_alternatives_of_one_group_are_all_right():
    retrieval = small_set()
    assert retrieval.tgt.gold == [[0, 1], [0, 1], [2], [3]]
    # Both Turkmen rows come from one Russian text, which is one candidate.
    assert retrieval.src.gold == [[0], [0], [1], [2]]
    assert retrieval.src.n_candidates == 3


def test_rows_that_share_a_translation_are_right_for_each_other():
    retrieval = small_set(src=["Мост", "Переправа", "Дом", "Дорога"], tgt=["Köpri", "Köpri!", "Jaý", "Ýol"])
    assert retrieval.tgt.gold[0] == [0, 1]
    groups = {"src_group": ["m", "p", "h", "r"], "tgt_group": ["k", "k", "j", "y"]}
    shared = small_set(
        src=["Мост", "Переправа", "Дом", "Дорога"], tgt=["Köpri", "Köpri", "Jaý", "Ýol"], **groups
    )
    assert shared.src.gold[:2] == [[0, 1], [0, 1]]


def test_a_pool_text_that_differs_in_capitals_and_punctuation_is_right():
    retrieval = small_set(tgt_pool=["Başga söz", "köpri ýapyldy.", "Ýol"])
    texts = retrieval.tgt.texts[: retrieval.tgt.n_candidates]
    assert [texts[n] for n in retrieval.tgt.gold[0]] == ["Köpri ýapyk", "Köpri ýapyldy", "köpri ýapyldy."]
    assert texts.count("Ýol") == 1


def test_a_corruption_that_is_a_real_text_is_no_hard_negative():
    alone = small_set(src=["Мост открыт", "Дом", "Сад", "Лес"])
    assert "Мост закрыт" in alone.src.texts[alone.src.n_candidates :]
    both = small_set(src=["Мост открыт", "Дом", "Сад", "Лес"], src_pool=["Мост закрыт"])
    assert "Мост закрыт" not in both.src.texts[both.src.n_candidates :]


def test_an_empty_set_is_refused():
    with pytest.raises(DataError, match="test: no pair to evaluate"):
        make_set("test", PAIR, pl.DataFrame({"src": []}))


def test_ranks_have_a_row_for_each_query_direction_and_scoring():
    retrieval = small_set()
    rng = np.random.default_rng(1)
    drawn = (rng.normal(size=(len(side.texts), 8)) for side in (retrieval.src, retrieval.tgt))
    src, tgt = ((v / np.linalg.norm(v, axis=1, keepdims=True)).astype(np.float32) for v in drawn)
    frame = rank_set(retrieval, src, tgt, PAIR, margin_k=2, seed=3)
    counts = frame.group_by("benchmark", "direction", "scoring", maintain_order=True).len().rows()
    assert counts[:2] == [("test", "ru_tk", "cosine", 4), ("test", "ru_tk", "margin", 4)]
    hard = {(direction, n) for benchmark, direction, _, n in counts if benchmark == "hard"}
    assert hard == {("ru_tk", retrieval.tgt.has_hard.sum()), ("tk_ru", retrieval.src.has_hard.sum())}
    assert set(frame["seed"]) == {3}
    figures = measure(frame, PAIR, SETTINGS, seed=1)["metrics"]
    assert figures["hard_p1_ru_tk"]["n"] == retrieval.tgt.has_hard.sum()
