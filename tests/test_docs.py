"""The README says what params.yaml and metrics/ say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from stages.lib.files import read_json
from stages.lib.params import load_params
from stages.lib.result_table import VARIANTS, as_markdown, table_rows

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PARAMS = load_params(ROOT / "params.yaml")


def test_the_result_table_is_that_of_the_metrics() -> None:
    summary = read_json(ROOT / "metrics/summary.json")
    ordered = {name: summary[name] for name in [*PARAMS.models, *PARAMS.baselines]}
    details = {
        (model, variant): read_json(ROOT / "metrics/detail" / f"{model}-{variant}.json")
        for model in ordered
        for variant in VARIANTS
        if variant in ordered[model]
    }
    assert as_markdown(table_rows(ordered, details, PARAMS.pair)) in README


@pytest.mark.parametrize("name", sorted(PARAMS.sources_config))
def test_every_source_has_a_row_with_its_licence(name: str) -> None:
    config = PARAMS.sources_config[name]
    row = next(line for line in README.splitlines() if line.startswith(f"| {name} |"))
    if not config.license.startswith("LicenseRef-"):
        assert config.license in row
    if config.version:
        assert config.version in row


@pytest.mark.parametrize("bench", ["encode", "pdf"])
def test_speed_figures_are_those_of_the_last_bench(bench: str) -> None:
    found = read_json(ROOT / "metrics/bench" / f"{bench}.json")
    told = re.findall(rf"^\| {bench} \| .* \| ([0-9.]+) \|$", README, re.M)
    assert told
    assert {float(value) for value in told} <= {
        value for value in found.values() if isinstance(value, float | int)
    }


def test_the_benchmark_table_is_that_of_the_metrics() -> None:
    for benchmark, models in read_json(ROOT / "metrics/benchmarks.json").items():
        for model, variants in models.items():
            for variant, figures in variants.items():
                start = f"| {benchmark} | {model} | {variant} | {figures['n']} | {figures['p1_ru_tk']:.3f} | "
                assert start in README


def test_recipes_told_are_recipes_tried() -> None:
    tried = read_json(ROOT / "metrics/recipes.json")
    for name, trial in tried.items():
        if name != "mediawiki":
            scores = [f"{trial['dev'][model]['finetuned'][0]['score']:.3f}" for model in PARAMS.models]
            assert f"| {name} | {trial['why']} | {' | '.join(scores)} |" in README
