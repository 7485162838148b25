"""The report, from files to files, on results that the evaluation made with a keyword encoder."""

from __future__ import annotations

import csv
import hashlib
import json
import re
import shutil
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
    raw = load_params().model_dump(exclude_unset=True)
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


@pytest.fixture(scope="module")
def written(run, tmp_path_factory, params) -> Path:
    """The folder in which the report of the run lies: metrics/ and report/. To be read only."""
    out = tmp_path_factory.mktemp("written")
    write_report(run, out, params)
    return out


@pytest.fixture
def page(written):
    from lxml import html

    return html.fromstring((written / "report" / "index.html").read_text(encoding="utf-8"))


@pytest.fixture
def changed(run, tmp_path) -> Path:
    """A copy of the run, to be changed."""
    return Path(shutil.copytree(run, tmp_path / "run"))


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_summary_is_nested_by_model_variant_and_metric(written):
    summary = read_json(written / "metrics" / "summary.json")
    assert {model: sorted(variants) for model, variants in summary.items()} == {
        "use": ["finetuned", "pretrained"],
        "minilm_en": ["pretrained"],
    }
    # As `dvc exp show` lays its columns out: by params.yaml, what an experiment changes first.
    assert [list(summary), list(summary["use"])] == [["use", "minilm_en"], ["finetuned", "pretrained"]]
    before, after = summary["use"]["pretrained"], summary["use"]["finetuned"]
    assert list(before) == ["p1", "mrr", "hard_p1", "sts"]
    assert list(after) == ["p1", "delta", "p", "mrr", "hard_p1", "sts"]
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


def test_details_carry_interval_n_unit_signature_and_comparison(written):
    detail = read_json(written / "metrics" / "detail" / "use-finetuned.json")
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
    pretrained = read_json(written / "metrics" / "detail" / "use-pretrained.json")
    assert "compared_with_pretrained" not in pretrained


def test_plots_corpus_and_table_are_written(written):
    metrics = written / "metrics"
    rows = read_csv(metrics / "plots" / "p_at_k.csv")
    assert {(row["model"], row["variant"]) for row in rows} == {
        *(("use", "pretrained"), ("use", "finetuned"), ("minilm_en", "pretrained"))
    }
    tuned = [float(row["p_at_k"]) for row in rows if row["variant"] == "finetuned"]
    assert tuned == [1.0] * len(tuned)
    curves = [tuple(row.values()) for row in read_csv(metrics / "plots" / "learning_curves.csv")]
    assert curves == [
        *(("use", "1", "0", "score", "0.5"), ("use", "1", "1", "loss", "0.2")),
        ("use", "1", "1", "score", "0.75"),
    ]
    assert read_json(metrics / "corpus.json")["clean"]["share"] == 0.3333
    calibration = read_json(metrics / "align.json")
    assert calibration == {"model": "use_tr", "gold_pairs": 24, "hidden_keys": {}}
    assert [row["probability"] for row in read_csv(metrics / "plots" / "calibration.csv")] == ["0.9123"]
    text = (written / "report" / "results.md").read_text(encoding="utf-8")
    assert text.count("| use | ") == 2
    assert "P@1 ru→tk" in text
    study = (written / "report" / "study.md").read_text(encoding="utf-8")
    assert "| ours | use | finetuned | ru→tk | 24 |" in study


def test_judged_pairs_have_a_column_a_paired_test_and_a_place_in_the_correction(tmp_path, params):
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


def test_the_page_has_every_section_and_the_figures_of_the_table(page, written):
    assert page.xpath("//h2/@id") == [
        *("results", "forgetting", "p-at-k", "learning", "flow", "lengths", "calibration", "alignment"),
        *("examples", "signature"),
    ]
    markdown = (written / "report" / "results.md").read_text(encoding="utf-8")
    before, after = page.xpath("//section[@aria-labelledby='results']//tbody/tr")[:2]
    cells = [cell.text_content().strip().replace("\u00a0", " ") for cell in before.xpath("./td")]
    assert f"| {' | '.join(cells)} |" in markdown
    assert re.fullmatch(r"\+4\.2 \[[-+]\d+\.\d, \+\d+\.\d\]", after[-2].text_content().replace("\u00a0", " "))
    assert len(page.xpath("//figure/*[name()='svg'][@aria-label]")) == len(page.xpath("//figure")) == 11


def test_the_page_tells_parameters_hashes_and_versions_of_the_run(page, run):
    settings = page.xpath("string(//pre)")
    assert (ROOT / "params.yaml").read_text(encoding="utf-8") in settings
    assert all(
        (ROOT / f"sources/{name}.yaml").read_text(encoding="utf-8") in settings for name in ("django", "udhr")
    )
    rows = [[cell.text_content() for cell in row] for row in page.xpath("//table[caption='Files read']//tr")]
    found = {name: (md5, size) for name, md5, size in rows}
    for name in (
        *("results/use-finetuned/ranks.parquet", "interpolation.json"),
        *("alignments.parquet", "documents.parquet"),
    ):
        content = (run / name).read_bytes()
        assert found[name] == (hashlib.md5(content).hexdigest(), f"{len(content):,}")
    assert str(run.parent) not in page.text_content()


def test_the_page_shows_the_beads_of_the_test_source_with_its_keys_hidden(page):
    section = page.xpath("//section[@aria-labelledby='alignment']")[0]
    assert "udhr is aligned in 12 beads, 0 of them wrong" in section.text_content()
    assert "Новое слово дом" in section.text_content()
    assert "files/derýa" in section.text_content()


def test_two_reports_have_the_same_bytes_and_a_stray_result_changes_nothing(
    changed, written, tmp_path, params
):
    shutil.copytree(changed / "results" / "use-pretrained", changed / "results" / "labse-pretrained")
    write_report(changed, tmp_path / "out", params)
    contents = [
        {path.relative_to(out): path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()}
        for out in (written, tmp_path / "out")
    ]
    assert contents[0] == contents[1]
    assert len(contents[0]) == 12


def spoil(path: Path, change) -> None:
    raw = json.loads(path.read_text(encoding="utf-8"))
    change(raw)
    write_json(path, raw)


def sign(key: str):
    """A change that gives the fine-tuned result another value of a key in its signature."""
    return lambda run: spoil(
        run / "results/use-finetuned/metrics.json", lambda raw: raw["signature"].update({key: "f" * 8})
    )


def rename(run: Path) -> None:
    shutil.rmtree(run / "results/minilm_en-pretrained")
    shutil.copytree(run / "results/use-pretrained", run / "results/minilm_en-pretrained")


def drop_documents(run: Path) -> None:
    path = run / "results/use-pretrained/ranks.parquet"
    pl.read_parquet(path).drop("doc").write_parquet(path)


def drop_signature(run: Path) -> None:
    spoil(run / "results/use-pretrained/metrics.json", lambda raw: raw.pop("signature"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda run: shutil.rmtree(run / "results/minilm_en-pretrained"),
            r"minilm_en-pretrained/metrics\.json: not found",
        ),
        *(
            (sign(key), rf"use-finetuned/metrics\.json: {key} is ffffffff")
            for key in ("test_sha256", "pool_sha256", "pair")
        ),
        (rename, "expected minilm_en pretrained, found use pretrained"),
        (drop_signature, "lacks 'signature'"),
        (drop_documents, "lacks column doc"),
        (lambda run: (run / "stats/split.json").unlink(), r"split\.json: not found"),
    ],
)
def test_a_missing_or_unlike_result_is_named_and_nothing_is_written(
    changed, tmp_path, params, change, message
):
    change(changed)
    with pytest.raises(DataError, match=message):
        write_report(changed, tmp_path / "out", params)
    assert not (tmp_path / "out").exists()


def test_seeds_are_told_apart_in_table_and_curves(changed, tmp_path, params):
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
    rows = read_csv(tmp_path / "out" / "metrics" / "plots" / "learning_curves.csv")
    assert [row["seed"] for row in rows] == ["1", "2"]
