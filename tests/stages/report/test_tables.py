from __future__ import annotations

from stages.lib.core.params import Pair
from stages.report.tables import translation_rows


def translated(value: float) -> dict:
    def figure(one: float) -> dict:
        beside = {name: {"value": one / 2, "p": 0.01} for name in ("copy", "nearest")}
        return {"value": one, "low": one - 1, "high": one + 1, "n": 9, "beside": beside}

    names = [f"mt_{way}_{name}" for way in ("ru_tk", "tk_ru") for name in ("chrfpp", "bleu", "ter")]
    return {"metrics": {name: figure(value + n) for n, name in enumerate(names)}}


def test_translation_has_a_row_for_each_variant_and_one_for_each_system_without_a_model():
    after = translated(20.0)
    after["compared_with_pretrained"] = {
        f"mt_{way}_chrfpp": {"p_holm": p} for way, p in (("ru_tk", 0.0005), ("tk_ru", 0.25))
    }
    details = {
        ("use", "pretrained"): {"metrics": {}},
        ("nllb_mini", "pretrained"): translated(10.0),
        ("nllb_mini", "finetuned"): after,
    }
    header, *rows = translation_rows(details, Pair(src="ru", tgt="tk"))
    assert header[2:6] == ["chrF++ ru→tk", "chrF++ tk→ru", "BLEU ru→tk", "BLEU tk→ru"]
    assert [row[0] for row in rows] == [
        *("nllb_mini", "nllb_mini", "source copied", "nearest training sentence")
    ]
    assert rows[0][2:] == ["10.0 [9.0, 11.0]", "13.0 [12.0, 14.0]", "11.0", "14.0", "12.0", "15.0", "", ""]
    assert rows[1][-2:] == ["0.0005", "0.2500"]
    assert rows[2][2:4] == ["10.0", "11.5"]
    assert {len(row) for row in rows} == {len(header)}


def test_without_a_model_that_translates_there_is_no_table_of_it():
    assert translation_rows({("use", "pretrained"): {"metrics": {}}}, Pair(src="ru", tgt="tk")) == []
