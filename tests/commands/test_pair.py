"""The command behind ``make pair``: what it keeps of a run is what the tables need."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from commands import pair as command
from stages.lib.core.errors import DataError
from stages.lib.core.files import read_json, write_json
from stages.lib.core.params import load_params
from stages.report.result_table import VARIANTS, legend, table_rows, translation_rows

ROOT = Path(__file__).resolve().parents[2]


def read_here(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def test_a_record_gives_the_tables_of_the_run_that_it_was_made_of(tmp_path: Path) -> None:
    params = load_params(ROOT / "params.yaml")
    write_json(tmp_path / "record.json", command.pair_record(params, read_here))
    record = read_json(tmp_path / "record.json")
    summary = json.loads(read_here("metrics/summary.json"))
    details = {
        (model, variant): json.loads(read_here(f"metrics/detail/{model}-{variant}.json"))
        for model in [*params.models, *params.baselines]
        for variant in VARIANTS
        if variant in summary[model]
    }
    ordered = {model: summary[model] for model, _ in details}
    assert command.pair_tables(record) == (
        table_rows(ordered, details, params.pair),
        legend(details),
        translation_rows(details, params.pair),
    )
    assert record["corpus"]["rows"]["test"] == sum(record["corpus"]["test_by_source"].values())
    figures = json.dumps(record["figures"])
    assert "margin" not in figures.replace("margin_k", "")
    assert "_p5_" not in figures


@pytest.mark.parametrize("experiment", ["no-such-experiment", "0000000"])
def test_an_unknown_experiment_is_named(experiment: str, monkeypatch) -> None:
    monkeypatch.chdir(ROOT)
    with pytest.raises(DataError, match=f"^{experiment}: no experiment, branch, tag or commit here"):
        command.read_revision(experiment)("params.yaml")


def test_a_revision_without_the_file_says_which(monkeypatch) -> None:
    monkeypatch.chdir(ROOT)
    with pytest.raises(DataError, match=r"^HEAD: metrics/none\.json cannot be read"):
        command.read_revision("HEAD")("metrics/none.json")
