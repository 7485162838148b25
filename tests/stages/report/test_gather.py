"""The report, from files to files, on results that the evaluation made with a keyword encoder."""

from __future__ import annotations

import csv
import hashlib
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from stages.evaluate.results import evaluate
from stages.lib.core.errors import DataError
from stages.lib.core.files import read_json, write_json
from stages.lib.core.params import Params, load_params
from stages.lib.core.tables import DOCUMENT_SCHEMA, table_from_rows, write_table
from stages.report import gather as report
from tests.stages.keyword_encoder import KEYWORDS, keyword_models
from tests.stages.small_corpus import write_alignments, write_splits, write_stats

ROOT = Path(__file__).parents[3]
ASSETS = ROOT / "assets"
STS_RU, FINGERPRINTS = ASSETS / "sts_ru.tsv", ASSETS / "fingerprints.json.gz"


@pytest.fixture(scope="module")
def params() -> Params:
    raw = load_params().model_dump()
    raw |= {"models": ["use"], "baselines": ["minilm_en"], "benchmarks": [], "sources": ["django", "udhr"]}
    raw["evaluate"] |= {"bootstrap": 200, "permutations": 500}
    return Params.model_validate(raw)


def make_run(folder: Path, params: Params, gold: int = 0) -> Path:
    """Fill a folder with results, statistics, alignments, and a training log."""
    splits = write_splits(folder / "splits", gold=gold)
    write_alignments(folder / "alignments.parquet")
    write_stats(folder / "stats")
    aligned = [("files", "files/река", "files/derýa", 0.4, 0.9, 12)]
    write_table(table_from_rows(aligned, DOCUMENT_SCHEMA), folder / "documents.parquet", DOCUMENT_SCHEMA)
    write_json(folder / "interpolation.json", {"guarded": [], "models": {}})
    adapter = folder / "models" / "use" / "seed-1"
    adapter.mkdir(parents=True)
    (adapter / "adapter_model.safetensors").write_bytes(b"1")
    history = [{"epoch": 0, "score": 0.5}, {"epoch": 1, "score": 0.75, "loss": 0.2}]
    write_json(folder / "models" / "use" / "training.json", {"seeds": [{"seed": 1, "history": history}]})
    with keyword_models(folder):
        for model, variant, tuned in (
            ("use", "pretrained", None),
            ("use", "finetuned", folder / "models" / "use"),
            ("minilm_en", "pretrained", None),
        ):
            out = folder / "results" / f"{model}-{variant}"
            evaluate(model, variant, splits, STS_RU, FINGERPRINTS, tuned, out, params)
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory, params) -> Path:
    return make_run(tmp_path_factory.mktemp("run"), params)


def write_report(run: Path, out: Path, params: Params) -> None:
    inputs = report.Inputs(
        alignments=run / "alignments.parquet",
        documents=run / "documents.parquet",
        corpus=run / "splits" / "test.parquet",  # any table of its form will do
        params=ROOT / "params.yaml",
        interpolation=run / "interpolation.json",
        **{name: run / name for name in ("results", "stats", "splits")},
    )
    with keyword_models(run):
        report.report(inputs, out / "metrics", out / "report", params)


def copied(run: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(run, tmp_path / "run"))


def test_summary_is_nested_by_model_variant_and_metric(run, tmp_path, params):
    write_report(run, tmp_path, params)
    summary = read_json(tmp_path / "metrics" / "summary.json")
    assert {model: sorted(variants) for model, variants in summary.items()} == {
        "use": ["finetuned", "pretrained"],
        "minilm_en": ["pretrained"],
    }
    # As `dvc exp show` lays its columns out: by params.yaml, pretrained first.
    assert [list(summary), list(summary["use"])] == [["use", "minilm_en"], ["pretrained", "finetuned"]]
    before, after = summary["use"]["pretrained"], summary["use"]["finetuned"]
    assert list(before) == ["p1", "mrr", "hard_p1", "sts"]
    assert list(after) == [*before, "delta", "p"]
    assert before["p1"] == pytest.approx((len(KEYWORDS) - 1) / len(KEYWORDS), abs=1e-4)
    assert after["p1"] == 1.0
    assert after["delta"] == round(1 / len(KEYWORDS), 4)
    # One document of 24 differs: its sign is + or -, both as extreme.
    assert after["p"] == 1.0


def test_a_translator_is_summed_up_by_chrfpp_in_the_place_of_graded_pairs():
    names = ("test_p1_mean", "hard_p1_ru_tk", "hard_p1_tk_ru", "mt_ru_tk_chrfpp", "mt_tk_ru_chrfpp")
    values = (0.5, 0.25, 0.5, 11.0, 12.0)
    metrics = {name: {"value": value} for name, value in zip(names, values, strict=True)}
    metrics |= {key: {"value": 90.0} for key in ("mt_gold_ru_tk_chrfpp", "sts_ru_smoke_pearson")}
    assert report.summarise({"metrics": metrics}) == {"p1": 0.5, "hard_p1": 0.375, "chrfpp": 11.5}


def test_details_carry_interval_n_unit_signature_and_comparison(run, tmp_path, params):
    write_report(run, tmp_path, params)
    detail = read_json(tmp_path / "metrics" / "detail" / "use-finetuned.json")
    figure = detail["metrics"]["test_p1_ru_tk"]
    assert {"value", "low", "high", "n", "unit", "units", "method"} <= set(figure)
    compared = detail["compared_with_pretrained"]["test_p1_ru_tk"]
    assert {"difference", "low", "high", "p", "p_holm", "p_mcnemar", "family", "unit"} <= set(compared)
    graded = detail["compared_with_pretrained"]["sts_ru_smoke_pearson"]
    assert {"difference", "low", "high", "p", "p_holm", "unit"} <= set(graded)
    assert {"test_p5_ru_tk", "test_margin_p1_ru_tk", "sts_ru_smoke_spearman"} <= set(detail["metrics"])
    assert {"test_sha256", "pool_sha256", "dev_sha256", "model", "adapter_sha256", "versions"} <= set(
        detail["signature"]
    )
    assert set(detail["by_source"]) == {"django", "udhr"}
    pretrained = read_json(tmp_path / "metrics" / "detail" / "use-pretrained.json")
    assert "compared_with_pretrained" not in pretrained


def test_plots_corpus_and_table_are_written(run, tmp_path, params):
    write_report(run, tmp_path, params)
    metrics = tmp_path / "metrics"
    with (metrics / "plots" / "p_at_k.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {(row["model"], row["variant"]) for row in rows} == {
        *(("use", "pretrained"), ("use", "finetuned"), ("minilm_en", "pretrained"))
    }
    tuned = [float(row["p_at_k"]) for row in rows if row["variant"] == "finetuned"]
    assert tuned == [1.0] * len(tuned)
    with (metrics / "plots" / "learning_curves.csv").open(encoding="utf-8") as file:
        curves = [tuple(row.values()) for row in csv.DictReader(file)]
    assert curves == [
        *(("use", "1", "0", "score", "0.5"), ("use", "1", "1", "loss", "0.2")),
        ("use", "1", "1", "score", "0.75"),
    ]
    assert read_json(metrics / "corpus.json")["clean"]["share"] == 0.3333
    text = (tmp_path / "report" / "results.md").read_text(encoding="utf-8")
    assert text.count("| use | ") == 2
    assert "P@1 ru→tk" in text
    study = (tmp_path / "report" / "study.md").read_text(encoding="utf-8")
    assert "| ours | use | finetuned | ru→tk | 24 |" in study


def test_judged_pairs_have_a_column_a_paired_test_and_a_place_in_the_correction(run, tmp_path, params):
    judged = make_run(tmp_path / "judged", params, gold=4)
    write_report(judged, tmp_path, params)
    detail = read_json(tmp_path / "metrics" / "detail" / "use-finetuned.json")
    compared = detail["compared_with_pretrained"]
    # The last keyword is the one that the pretrained model lacks.
    assert compared["gold_p1_mean"]["difference"] == 0.25
    assert compared["gold_p1_mean"]["family"] == compared["test_p1_mean"]["family"] == 1
    header, _, first = (tmp_path / "report" / "results.md").read_text(encoding="utf-8").splitlines()[2:5]
    cells = dict(zip(header.split(" | "), first.split(" | "), strict=True))
    assert cells["gold"].startswith("0.750 [")
    # Figures of other judgements do not belong in one table.
    path = judged / "results" / "use-finetuned" / "metrics.json"
    spoil(path, lambda raw: raw["signature"].pop("gold_sha256"))
    with pytest.raises(DataError, match=r"use-finetuned/metrics\.json: gold_sha256 is None, but"):
        write_report(judged, tmp_path / "out", params)


def test_the_page_has_every_section_and_the_figures_of_the_table(run, tmp_path, params):
    from lxml import html

    write_report(run, tmp_path, params)
    page = html.fromstring((tmp_path / "report" / "index.html").read_text(encoding="utf-8"))
    assert page.xpath("//h2/@id") == [
        *("results", "forgetting", "p-at-k", "learning", "flow", "lengths", "calibration", "alignment"),
        *("examples", "signature"),
    ]
    markdown = (tmp_path / "report" / "results.md").read_text(encoding="utf-8")
    before, after = page.xpath("//section[@aria-labelledby='results']//tbody/tr")[:2]
    cells = [cell.text_content().strip().replace("\u00a0", " ") for cell in before.xpath("./td")]
    assert f"| {' | '.join(cells)} |" in markdown
    assert re.fullmatch(r"\+4\.2 \[[-+]\d+\.\d, \+\d+\.\d\]", after[-2].text_content().replace("\u00a0", " "))
    assert len(page.xpath("//figure/*[name()='svg'][@aria-label]")) == len(page.xpath("//figure")) == 11


def test_the_page_tells_parameters_hashes_and_versions_of_the_run(run, tmp_path, params):
    from lxml import html

    write_report(run, tmp_path, params)
    page = html.fromstring((tmp_path / "report" / "index.html").read_text(encoding="utf-8"))
    assert page.xpath("string(//pre)") == (ROOT / "params.yaml").read_text(encoding="utf-8")
    rows = [[cell.text_content() for cell in row] for row in page.xpath("//table[caption='Files read']//tr")]
    found = {name: (md5, size) for name, md5, size in rows}
    for name in (
        *("results/use-finetuned/ranks.parquet", "interpolation.json"),
        *("alignments.parquet", "documents.parquet"),
    ):
        content = (run / name).read_bytes()
        assert found[name] == (hashlib.md5(content).hexdigest(), f"{len(content):,}")
    assert str(tmp_path.parent) not in page.text_content()


def test_the_page_shows_the_beads_of_the_test_source_with_its_keys_hidden(run, tmp_path, params):
    from lxml import html

    write_report(run, tmp_path, params)
    page = html.fromstring((tmp_path / "report" / "index.html").read_text(encoding="utf-8"))
    section = page.xpath("//section[@aria-labelledby='alignment']")[0]
    assert "udhr is aligned in 12 beads, 0 of them wrong" in section.text_content()
    assert "Новое слово дом" in section.text_content()
    assert "files/derýa" in section.text_content()


def test_two_reports_have_the_same_bytes_and_a_stray_result_changes_nothing(run, tmp_path, params):
    changed = copied(run, tmp_path)
    shutil.copytree(changed / "results" / "use-pretrained", changed / "results" / "labse-pretrained")
    hashes = []
    for source, out in ((run, tmp_path / "a"), (changed, tmp_path / "b")):
        write_report(source, out, params)
        files = sorted(path for path in out.rglob("*") if path.is_file())
        hashes.append([(p.relative_to(out), hashlib.sha256(p.read_bytes()).hexdigest()) for p in files])
    assert hashes[0] == hashes[1]
    assert len(hashes[0]) == 12


def test_a_missing_result_is_named(run, tmp_path, params):
    changed = copied(run, tmp_path)
    shutil.rmtree(changed / "results" / "minilm_en-pretrained")
    with pytest.raises(DataError, match=r"minilm_en-pretrained/metrics\.json: not found"):
        write_report(changed, tmp_path / "out", params)
    assert not (tmp_path / "out").exists()


def spoil(path: Path, change) -> None:
    raw = json.loads(path.read_text(encoding="utf-8"))
    change(raw)
    write_json(path, raw)


@pytest.mark.parametrize("key", ["test_sha256", "pool_sha256", "pair"])
def test_results_of_other_data_are_refused(run, tmp_path, params, key):
    changed = copied(run, tmp_path)
    path = changed / "results" / "use-finetuned" / "metrics.json"
    spoil(path, lambda raw: raw["signature"].update({key: "f" * 8}))
    with pytest.raises(DataError, match=rf"use-finetuned/metrics\.json: {key} is ffffffff"):
        write_report(changed, tmp_path / "out", params)
    assert not (tmp_path / "out").exists()


def test_a_result_under_another_name_is_refused(run, tmp_path, params):
    changed = copied(run, tmp_path)
    shutil.rmtree(changed / "results" / "minilm_en-pretrained")
    shutil.copytree(changed / "results" / "use-pretrained", changed / "results" / "minilm_en-pretrained")
    with pytest.raises(DataError, match="expected minilm_en pretrained, found use pretrained"):
        write_report(changed, tmp_path / "out", params)


def test_an_unfinished_result_is_refused(run, tmp_path, params):
    changed = copied(run, tmp_path)
    spoil(changed / "results" / "use-pretrained" / "metrics.json", lambda raw: raw.pop("signature"))
    with pytest.raises(DataError, match="lacks 'signature'"):
        write_report(changed, tmp_path / "out", params)


def test_ranks_of_another_form_are_refused(run, tmp_path, params):
    changed = copied(run, tmp_path)
    path = changed / "results" / "use-pretrained" / "ranks.parquet"
    pl.read_parquet(path).drop("doc").write_parquet(path)
    with pytest.raises(DataError, match="lacks column doc"):
        write_report(changed, tmp_path / "out", params)


def test_seeds_are_told_apart_in_table_and_curves(run, tmp_path, params):
    changed = copied(run, tmp_path)
    models = changed / "models" / "use"
    shutil.copytree(models / "seed-1", models / "seed-2")
    curves = [{"seed": seed, "history": [{"epoch": 0, "score": 0.5}]} for seed in (1, 2)]
    write_json(models / "training.json", {"seeds": curves})
    with keyword_models(changed):
        out = changed / "results" / "use-finetuned"
        evaluate("use", "finetuned", changed / "splits", STS_RU, FINGERPRINTS, models, out, params)
    write_report(changed, tmp_path / "out", params)
    text = (tmp_path / "out" / "report" / "results.md").read_text(encoding="utf-8")
    assert "1.000 ±0.000 [" in text
    assert "standard deviation over 2 training seeds" in text
    with (tmp_path / "out" / "metrics" / "plots" / "learning_curves.csv").open(encoding="utf-8") as file:
        assert [row["seed"] for row in csv.DictReader(file)] == ["1", "2"]


def test_how_sure_alignment_is_goes_to_the_metrics_and_its_curve_to_the_plots(run, tmp_path, params):
    write_report(run, tmp_path, params)
    assert read_json(tmp_path / "metrics" / "align.json") == {
        "model": "use_tr",
        "gold_pairs": 24,
        "hidden_keys": {},
    }
    with (tmp_path / "metrics" / "plots" / "calibration.csv").open(encoding="utf-8") as file:
        assert [row["probability"] for row in csv.DictReader(file)] == ["0.9123"]


def test_missing_statistics_are_named(run, tmp_path, params):
    changed = copied(run, tmp_path)
    (changed / "stats" / "split.json").unlink()
    with pytest.raises(DataError, match=r"split\.json: not found"):
        write_report(changed, tmp_path / "out", params)


def test_the_command_ends_with_one_line_and_exit_code_1(tmp_path):
    names = ("results", "stats", "alignments", "documents", "corpus", "splits", "interpolation")
    folders = [f"--{name}={tmp_path / name}" for name in (*names, "out", "report")]
    folders.append(f"--params={ROOT / 'params.yaml'}")
    done = subprocess.run(
        [sys.executable, "-m", "stages.report", *folders], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert "use-pretrained/metrics.json: not found" in done.stderr
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
