from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np

from stages.lib.found_pairs import Found, Side, _document, mine_rest
from stages.lib.params import load_params

PARAMS = load_params(Path(__file__).parents[3] / "params.yaml").align


def side(doc: str, lang: str, meanings: list[int], date: str | None = None) -> Side:
    vectors = np.eye(12, dtype=np.float32)[meanings]
    texts = [f"{lang} {meaning}" for meaning in meanings]
    return Side(doc, lang, texts, np.arange(len(meanings)), vectors, date, "MIT")


def test_only_what_is_in_no_kept_pair_is_mined_each_text_once():
    src = [side("f/a", "ru", [0, 1, 2]), side("f/b", "ru", [3, 2])]
    tgt = [side("f/a", "tk", [0, 5, 2]), side("f/c", "tk", [3])]
    kept = Found(
        "aligned", "f/a", "f/a", "ru 0", "tk 0", (0,), (0,), src[0].vectors[0], tgt[0].vectors[0], ""
    )
    params = PARAMS.model_copy(update={"retrieval": "intersection"})
    found = {(pair.src, pair.tgt): pair for pair in mine_rest(src, tgt, [kept], params)}
    assert not any("ru 0" in pair or "tk 0" in pair for pair in found)
    assert found["ru 2", "tk 2"].src_doc == "f/a"  # its first place
    assert found["ru 3", "tk 3"].doc == "f/b|f/c"
    assert (found["ru 3", "tk 3"].src_ns, found["ru 3", "tk 3"].method) == ((0,), "mined")


def test_nothing_is_mined_where_a_side_is_used_up():
    src, tgt = side("f/a", "ru", [0]), side("f/a", "tk", [0])
    kept = Found("aligned", "f/a", "f/a", "ru 0", "tk 0", (0,), (0,), src.vectors[0], tgt.vectors[0], "")
    assert mine_rest([src], [tgt], [kept], PARAMS) == []


def test_a_document_has_the_day_that_its_segments_have():
    assert _document(side("f/a", "ru", [0], "2024-01-05")).date == dt.date(2024, 1, 5)
    assert _document(side("f/a", "ru", [0])).date is None
