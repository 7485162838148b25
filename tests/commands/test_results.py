"""The tables of the last run, two experiments compared, and the figures of another pair."""

from __future__ import annotations

import copy
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from commands import results
from stages.lib.core.errors import DataError
from stages.lib.core.files import read_json, write_json
from stages.lib.core.params import Pair, Params, load_params
from stages.lib.core.tables import table_from_rows, write_table
from stages.lib.scores.comparison import RANKS_SCHEMA, measure
from stages.report.tables import Details, legend, table_rows, translation_rows

ROOT = Path(__file__).resolve().parents[2]
PAIR = Pair(src="ru", tgt="tk")
DOCS, QUERIES = 30, 4
FIGURE = {"value": 0.4321, "low": 0.4, "high": 0.4649, "n": 1997, "unit": "document", "units": 123}
NAMES = [f"{name}_{way}" for name in ("test_p1", "test_mrr", "hard_p1") for way in ("ru_tk", "tk_ru")]
METRICS = dict.fromkeys(NAMES, FIGURE)
SIGNATURE = {
    "candidates": {"test": {"ru": 9000, "tk": 8000, "hard_ru": 700, "hard_tk": 600}},
    "settings": {"confidence": 0.95},
}
COMPARED = {"test_p1_mean": {"difference": 0.1234, "p_holm": 0.00049, "unit": "document", "family": 12}}


@pytest.fixture
def metrics(tmp_path) -> Path:
    summary = {"use": {"finetuned": {}, "pretrained": {}}, "minilm_en": {"pretrained": {}}}
    write_json(tmp_path / "summary.json", summary)
    for name in ("use-pretrained", "minilm_en-pretrained", "use-finetuned"):
        compared = {"compared_with_pretrained": COMPARED} if name == "use-finetuned" else {}
        detail = {"metrics": METRICS, "signature": SIGNATURE, **compared}
        write_json(tmp_path / "detail" / f"{name}.json", detail)
    return tmp_path


@pytest.fixture
def details(metrics) -> Details:
    return results.read_details(metrics, load_params())


def test_table_has_a_row_for_each_model_and_variant_in_the_order_of_the_params(details):
    lines = results.result_table(details, PAIR).split("\n")
    assert [line.split()[:2] for line in lines[2:5]] == [
        *(["use", "pretrained"], ["use", "finetuned"], ["minilm_en", "pretrained"])
    ]
    assert "0.432 [0.400, 0.465]" in lines[2]
    assert lines[3].split()[-2:] == ["+12.3", "0.0005"]
    # Only the fine-tuned row has a difference; columns are aligned.
    assert len(lines[2]) < len(lines[3]) == len(lines[0])
    assert len({line.index("[0.400") for line in lines[2:5]}) == 1
    assert any("9,000 ru and 8,000 tk candidates" in line for line in lines)
    assert any("Holm-corrected for 12 comparisons" in line for line in lines)


@pytest.mark.parametrize("command", ["table", "study"])
def test_command_prints_the_tables(metrics, details, monkeypatch, capsys, command):
    monkeypatch.setattr(sys, "argv", ["results", command, "--metrics", str(metrics)])
    monkeypatch.setattr(sys.stdout, "reconfigure", lambda **_: None, raising=False)
    results.main()
    table = results.result_table(details, PAIR)
    study = results.study_page(details, metrics, PAIR)
    assert capsys.readouterr().out == {"table": table, "study": study}[command] + "\n"


def test_tiny_p_is_written_as_a_bound_and_missing_hard_negatives_as_a_dash():
    detail = {"metrics": {k: v for k, v in METRICS.items() if not k.startswith("hard")}}
    compared = copy.deepcopy(COMPARED)
    compared["test_p1_mean"]["p_holm"] = 0.00001
    details = {("use", "finetuned"): detail | {"compared_with_pretrained": compared}}
    rows = table_rows(details, PAIR)
    assert rows[1][-1] == "<0.0001"
    assert rows[1][-4:-2] == ["–", "–"]


def test_a_share_of_a_few_hard_queries_is_no_figure():
    metrics = METRICS | {"hard_p1_ru_tk": FIGURE | {"n": 19}, "hard_p1_tk_ru": FIGURE | {"n": 20}}
    rows = table_rows({("use", "pretrained"): {"metrics": metrics}}, PAIR)
    assert rows[1][-4:-2] == ["–", "0.432"]


def test_markdown_has_the_table_its_legend_and_nothing_for_a_terminal(details):
    lines = results.result_table(details, PAIR, "md").split("\n")
    assert lines[0].startswith("| model | variant | n | P@1 ru→tk |")
    assert lines[1].startswith("| --- | --- | ---: |")
    assert lines[2].startswith("| use | pretrained | 1997 | 0.432 [0.400, 0.465] |")
    assert lines[5] == ""
    assert all(line.startswith("- ") for line in lines[6:])
    assert "candidates by cosine" in lines[6]


@pytest.mark.parametrize("width", [48, 60, 80, 120])
def test_a_narrow_terminal_gets_every_cell_in_tables_that_fit(details, width):
    wide = results.result_table(details, PAIR).split("\n\n")[0].split("\n")
    narrow = results.result_table(details, PAIR, width=width)
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


def test_a_terminal_that_is_wide_enough_gets_one_table(details):
    whole = results.result_table(details, PAIR)
    first = whole.split("\n\n")[0]
    assert results.result_table(details, PAIR, width=max(map(len, first.split("\n")))).startswith(first)


def test_missing_files_are_named(tmp_path, metrics):
    with pytest.raises(DataError, match=r"summary\.json: not found"):
        results.read_details(tmp_path / "none", load_params())
    (metrics / "detail" / "use-finetuned.json").unlink()
    with pytest.raises(DataError, match=r"use-finetuned\.json: not found"):
        results.read_details(metrics, load_params())
    write_json(metrics / "summary.json", {})
    with pytest.raises(DataError, match="no model in it"):
        results.read_details(metrics, load_params())
    with pytest.raises(DataError, match="run dvc repro"):
        results.read_runs(tmp_path)


def test_a_detail_without_a_figure_is_named():
    metrics = {name: figure for name, figure in METRICS.items() if name != "test_p1_tk_ru"}
    with pytest.raises(DataError, match=r"use-pretrained\.json: lacks 'test_p1_tk_ru'"):
        table_rows({("use", "pretrained"): {"metrics": metrics}}, PAIR)


@pytest.fixture(scope="module")
def params() -> Params:
    raw = load_params().model_dump(exclude_unset=True)
    raw["evaluate"] |= {"bootstrap": 200, "permutations": 2000}
    return Params.model_validate(raw)


def write_result(folder: Path, params: Params, *, misses: int, test: str = "t") -> None:
    """Write a result in which the first ``misses`` of 120 queries, in both directions, have rank 2."""
    rows = [
        ("test", direction, "cosine", 0, f"{n:04}", "django", f"doc{n // QUERIES}", 2 if n < misses else 1)
        for direction in ("ru_tk", "tk_ru")
        for n in range(DOCS * QUERIES)
    ]
    frame = table_from_rows(rows, RANKS_SCHEMA)
    folder.mkdir(parents=True)
    write_table(frame, folder / "ranks.parquet", RANKS_SCHEMA)
    signature = {"pair": "ru-tk", "test_sha256": test, "pool_sha256": "p", "normalisation": "n"}
    found = measure(frame, params.pair, params.evaluate, params.seed)
    write_json(folder / "metrics.json", {**found, "signature": signature})


def compared(folder: Path, params: Params) -> dict:
    """Compare the runs in ``folder``/a and ``folder``/b."""
    return results.compare_runs(*(results.read_runs(folder / side) for side in "ab"), ("a", "b"), params)


def test_a_better_experiment_is_told_from_the_same_one(tmp_path, params):
    write_result(tmp_path / "a/use-finetuned", params, misses=60)
    write_result(tmp_path / "b/use-finetuned", params, misses=20)
    write_result(tmp_path / "a/use-pretrained", params, misses=60)
    write_result(tmp_path / "b/use-pretrained", params, misses=60)
    write_result(tmp_path / "b/minilm_en-pretrained", params, misses=60)
    found = compared(tmp_path, params)
    assert set(found) == {"use-finetuned", "use-pretrained"}
    assert found["use-pretrained"] == {}
    test = found["use-finetuned"]["test_p1_mean"]
    assert (test["a"], test["b"], test["n"]) == (0.5, pytest.approx(100 / 120), 120)
    assert test["difference"] == pytest.approx(40 / 120)
    assert test["low"] < 40 / 120 < test["high"]
    assert test["p"] < 0.01
    assert test["family"] == 1  # the run without a difference is no comparison
    text = results.comparison_table(found, ("a", "b"))
    assert "test_p1_mean" in text
    assert text.endswith("The same ranks in both: use-pretrained.")


@pytest.mark.parametrize(
    ("name", "test", "message"),
    [
        ("use-finetuned", "other", "test_sha256 is t in a and other in b"),
        ("use_tr-finetuned", "t", "nothing to compare"),
    ],
)
def test_what_cannot_be_compared_is_refused(tmp_path, params, name, test, message):
    write_result(tmp_path / "a/use-finetuned", params, misses=3)
    write_result(tmp_path / "b" / name, params, misses=2, test=test)
    with pytest.raises(DataError, match=message):
        compared(tmp_path, params)


def test_results_of_a_commit_come_out_of_the_cache_and_an_unknown_name_is_one_line(
    tmp_path, params, monkeypatch
):
    def run(*command: str) -> None:
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)

    python = sys.executable
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.org")
    run("git", "init", "--quiet")
    run(python, "-m", "dvc", "init", "--quiet")
    write_result(tmp_path / "results/use-finetuned", params, misses=30)
    run(python, "-m", "dvc", "add", "--quiet", "results")
    run("git", "add", "--all")
    run("git", *identity, "commit", "--quiet", "-m", "first")
    run("git", "tag", "first")
    shutil.rmtree(tmp_path / "results")
    write_result(tmp_path / "results/use-finetuned", params, misses=10)
    monkeypatch.chdir(tmp_path)
    before = results.read_runs(results.fetch_output("first", "results", tmp_path / "scratch"))
    after = results.read_runs(results.fetch_output("workspace", "results", tmp_path / "scratch"))
    comparison = results.compare_runs(before, after, ("first", "workspace"), params)["use-finetuned"]
    assert comparison["test_p1_mean"]["difference"] == pytest.approx(20 / 120)
    with pytest.raises(DataError, match="no-such: no experiment, branch, tag or commit here"):
        results.fetch_output("no-such", "results", tmp_path / "other")
    # A clone that has pulled nothing: git knows the commit, the cache has no file of it.
    shutil.rmtree(tmp_path / ".dvc/cache")
    with pytest.raises(DataError, match=r"first: results is neither in git nor in DVC's cache"):
        results.fetch_output("first", "results", tmp_path / "empty")


def read_here(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def test_a_record_gives_the_tables_of_the_run_that_it_was_made_of(tmp_path: Path) -> None:
    params = load_params(ROOT / "params.yaml")
    write_json(tmp_path / "record.json", results.pair_record(params, read_here))
    record = read_json(tmp_path / "record.json")
    details = results.read_details(ROOT / "metrics", params)
    kept = results.record_details(record)
    for rows in (table_rows, translation_rows):
        assert rows(kept, params.pair) == rows(details, params.pair)
    assert legend(kept) == legend(details)
    assert record["corpus"]["rows"]["test"] == sum(record["corpus"]["test_by_source"].values())
    figures = json.dumps(record["figures"])
    assert "margin" not in figures.replace("margin_k", "")
    assert "_p5_" not in figures


def test_a_revision_without_the_file_says_which(monkeypatch) -> None:
    monkeypatch.chdir(ROOT)
    with pytest.raises(DataError, match=r"^HEAD: metrics/none\.json is neither in git nor in DVC's cache"):
        results.read_revision("HEAD")("metrics/none.json")
