from __future__ import annotations

import copy
import sys
from pathlib import Path

import pytest

from commands import results
from stages.lib.core.errors import DataError
from stages.lib.core.files import write_json
from stages.lib.core.params import Pair, load_params
from stages.report.result_table import as_markdown, as_text, table_rows

PAIR = Pair(src="ru", tgt="tk")
FIGURE = {"value": 0.4321, "low": 0.4, "high": 0.4649, "n": 1997, "unit": "document", "units": 123}
NAMES = (
    "test_p1_ru_tk",
    "test_p1_tk_ru",
    "test_mrr_ru_tk",
    "test_mrr_tk_ru",
    "hard_p1_ru_tk",
    "hard_p1_tk_ru",
)
METRICS = dict.fromkeys(NAMES, FIGURE)
SIGNATURE = {
    "candidates": {"test": {"ru": 9000, "tk": 8000, "hard_ru": 700, "hard_tk": 600}},
    "settings": {"confidence": 0.95},
}
COMPARED = {"test_p1_mean": {"difference": 0.1234, "p_holm": 0.00049, "unit": "document", "family": 12}}


@pytest.fixture
def metrics(tmp_path) -> Path:
    write_json(
        tmp_path / "summary.json",
        {
            "use": {"finetuned": {"test_n": 1997}, "pretrained": {"test_n": 1997}},
            "minilm_en": {"pretrained": {"test_n": 1997}},
        },
    )
    for name in ("use-pretrained", "minilm_en-pretrained"):
        write_json(tmp_path / "detail" / f"{name}.json", {"metrics": METRICS, "signature": SIGNATURE})
    tuned = {"metrics": METRICS, "signature": SIGNATURE, "compared_with_pretrained": COMPARED}
    write_json(tmp_path / "detail" / "use-finetuned.json", tuned)
    return tmp_path


def test_table_has_a_row_for_each_model_and_variant_in_the_order_of_the_params(metrics):
    lines = results.result_table(metrics, load_params()).split("\n")
    assert [line.split()[:2] for line in lines[2:5]] == [
        *(["use", "pretrained"], ["use", "finetuned"], ["minilm_en", "pretrained"])
    ]
    assert "0.432 [0.400, 0.465]" in lines[2]
    assert lines[3].split()[-2:] == ["+12.3", "0.0005"]
    # Only the fine-tuned row has a difference.
    assert len(lines[2]) < len(lines[3])
    assert any("9,000 ru and 8,000 tk candidates" in line for line in lines)
    assert any("Holm-corrected for 12 comparisons" in line for line in lines)


def test_columns_are_aligned(metrics):
    lines = results.result_table(metrics, load_params()).split("\n")
    ends = [len(lines[1]), len(lines[0]), len(lines[3])]
    assert len(set(ends)) == 1
    starts = {line.index("[0.400") for line in lines[2:5]}
    assert len(starts) == 1


def test_command_prints_the_table(metrics, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["results", "--metrics", str(metrics)])
    monkeypatch.setattr(sys.stdout, "reconfigure", lambda **_: None, raising=False)
    results.main()
    out = capsys.readouterr().out
    assert out == results.result_table(metrics, load_params()) + "\n"


def test_tiny_p_is_written_as_a_bound_and_missing_hard_negatives_as_a_dash():
    detail = {"metrics": {k: v for k, v in METRICS.items() if not k.startswith("hard")}}
    compared = copy.deepcopy(COMPARED)
    compared["test_p1_mean"]["p_holm"] = 0.00001
    details = {("use", "finetuned"): detail | {"compared_with_pretrained": compared}}
    rows = table_rows({"use": {"finetuned": {"test_n": 3}}}, details, PAIR)
    assert rows[1][-1] == "<0.0001"
    assert rows[1][-4:-2] == ["–", "–"]


def test_a_share_of_a_few_hard_queries_is_no_figure():
    metrics = METRICS | {"hard_p1_ru_tk": FIGURE | {"n": 19}, "hard_p1_tk_ru": FIGURE | {"n": 20}}
    rows = table_rows(
        {"use": {"pretrained": {"test_n": 3}}}, {("use", "pretrained"): {"metrics": metrics}}, PAIR
    )
    assert rows[1][-4:-2] == ["–", "0.432"]


def test_markdown_and_text_hold_the_same_cells():
    rows = [["model", "variant", "n"], ["use", "pretrained", "12"]]
    assert as_markdown(rows) == "| model | variant | n |\n| --- | --- | ---: |\n| use | pretrained | 12 |"
    assert as_text(rows).split("\n")[2].split() == rows[1]


def test_markdown_has_the_table_its_legend_and_nothing_for_a_terminal(metrics):
    lines = results.result_table(metrics, load_params(), "md").split("\n")
    assert lines[0].startswith("| model | variant | n | P@1 ru→tk |")
    assert lines[1].startswith("| --- | --- | ---: |")
    assert lines[2].startswith("| use | pretrained | 1997 | 0.432 [0.400, 0.465] |")
    assert lines[5] == ""
    assert all(line.startswith("- ") for line in lines[6:])
    assert "candidates by cosine" in lines[6]


@pytest.mark.parametrize("width", [48, 60, 80, 120])
def test_a_narrow_terminal_gets_every_cell_in_tables_that_fit(metrics, width):
    wide = results.result_table(metrics, load_params()).split("\n\n")[0].split("\n")
    narrow = results.result_table(metrics, load_params(), width=width)
    assert max(len(line) for line in narrow.split("\n")) <= width
    blocks = narrow[: narrow.index("P@1, MRR:")].strip().split("\n\n")
    assert len(blocks) > 1
    for n, row in enumerate(wide):
        if n != 1:  # the rule
            cells = row.split()
            found = [block.split("\n")[n].split() for block in blocks]
            names = found[0][:2]
            assert all(part[:2] == names for part in found)
            assert names + [cell for part in found for cell in part[2:]] == cells


def test_a_terminal_that_is_wide_enough_gets_one_table(metrics):
    whole = results.result_table(metrics, load_params())
    first = whole.split("\n\n")[0]
    assert results.result_table(metrics, load_params(), width=max(map(len, first.split("\n")))).startswith(
        first
    )


def test_missing_files_are_named(tmp_path, metrics):
    with pytest.raises(DataError, match=r"summary\.json: not found"):
        results.result_table(tmp_path / "none", load_params())
    (metrics / "detail" / "use-finetuned.json").unlink()
    with pytest.raises(DataError, match=r"use-finetuned\.json: not found"):
        results.result_table(metrics, load_params())


def test_a_detail_without_a_figure_is_named():
    metrics = {name: figure for name, figure in METRICS.items() if name != "test_p1_tk_ru"}
    with pytest.raises(DataError, match=r"use-pretrained\.json: lacks 'test_p1_tk_ru'"):
        table_rows(
            {"use": {"pretrained": {"test_n": 3}}}, {("use", "pretrained"): {"metrics": metrics}}, PAIR
        )


def test_an_empty_summary_is_refused(tmp_path):
    write_json(tmp_path / "summary.json", {})
    with pytest.raises(DataError, match="no model in it"):
        results.result_table(tmp_path, load_params())
