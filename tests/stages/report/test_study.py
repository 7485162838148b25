from __future__ import annotations

from stages.lib.core.params import Pair
from stages.report.study import nine_sentences, study_table

PAIR = Pair(src="ru", tgt="tk")
FIGURE = {"value": 0.4321, "low": 0.4, "high": 0.4649, "n": 367}


def detail(**more: dict) -> dict:
    names = ("test_p1_ru_tk", "test_p1_tk_ru", "test_mrr_ru_tk", "test_mrr_tk_ru")
    return {
        "metrics": dict.fromkeys(names, FIGURE) | more,
        "signature": {"candidates": {"test": {"ru": 5098, "tk": 5091}}},
    }


def cells(table: str, start: str) -> list[list[str]]:
    lines = [line for line in table.splitlines() if line.startswith(start)]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_the_studys_shares_of_nine_come_with_exact_intervals():
    table = study_table({}, PAIR)
    by_model = {(row[1], row[2]): row[6:] for row in cells(table, "| study |") if "9" in row[4:5]}
    # Clopper-Pearson, as tables of the binomial have them.
    assert by_model["LaBSE", "pretrained"] == ["0.8889", "[0.518, 0.997]", "0.9444"]
    assert by_model["LaBSE", "finetuned"] == ["1.0000", "[0.664, 1.000]", "1.0000"]
    assert by_model["MiniLM", "pretrained"] == ["0.5556", "[0.212, 0.863]", "0.7011"]


def test_what_nine_sentences_show_is_said_in_figures():
    text = nine_sentences()
    assert "8 of 9 is anything in [0.52, 0.997]" in text
    assert "chance among nine is 0.11" in text
    assert "McNemar p = 1.0" in text
    assert "6 sentences won and none lost (p = 0.031)" in text


def test_our_rows_stand_below_with_n_candidates_and_interval():
    details = {("use", "pretrained"): detail(), ("use", "finetuned"): detail()}
    rows = cells(study_table(details, PAIR), "| ours |")
    assert rows[0] == [
        *("ours", "use", "pretrained", "ru→tk", "367", "5,091", "0.4321", "[0.400, 0.465]", "0.4321")
    ]
    assert [row[1:4] for row in rows] == [
        *(["use", "pretrained", "ru→tk"], ["use", "pretrained", "tk→ru"]),
        *(["use", "finetuned", "ru→tk"], ["use", "finetuned", "tk→ru"]),
    ]


def test_a_table_of_another_pair_says_that_the_study_is_of_turkmen():
    line = "The study is of Russian and Turkmen; our figures here are of ru–uz."
    assert study_table({}, Pair(src="ru", tgt="uz")).startswith(line)
    assert line[:15] not in study_table({}, Pair(src="tk", tgt="ru"))


def test_graded_pairs_and_translations_join_where_we_have_them():
    mt = {f"mt_ru_tk_{name}": {"value": 12.3456, "n": 367} for name in ("bleu", "chrf", "ter")}
    mt["mt_ru_tk_bleu"] |= {"low": 11.0, "high": 13.0}
    graded = {"sts_ru_smoke_pearson": FIGURE | {"n": 132}, "sts_sts17_en_en_pearson": FIGURE}
    details = {("nllb_mini", "pretrained"): detail(**mt, **graded)}
    flat = {"stsb_ru_pearson": 0.79, "stsb_ru_pearson_low": 0.77, "stsb_ru_pearson_high": 0.81}
    flat |= {"stsb_ru_n": 1500, "stsb_en_pearson": 0.8}
    # A difference, as fine-tuned figures have it, is no set.
    flat |= {f"delta_stsb_ru_pearson{end}": 0.1 for end in ("", "_low", "_high")}
    benchmarks = {"stsb": {"nllb_mini": {"pretrained": flat}}}
    rows = cells(study_table(details, PAIR, benchmarks), "| ours |")
    assert [row[3:] for row in rows if len(row) == 7] == [
        ["ru_smoke", "132", "0.4321", "[0.400, 0.465]"],
        ["stsb_ru", "1500", "0.7900", "[0.770, 0.810]"],  # English sets are not Russian STS
    ]
    assert [row[3:] for row in rows if len(row) == 8] == [
        ["ru→tk", "367", "12.35 [11.00, 13.00]", "12.35", "12.35"]
    ]
