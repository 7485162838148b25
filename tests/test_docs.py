"""The README says what the committed params.yaml and metrics say.

It is compared with the last commit, not with the working tree: a run of your own changes the metrics, and the
README need not follow before you commit.
"""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from stages.lib.params import Params, load_params
from stages.lib.result_table import VARIANTS, as_markdown, table_rows

ROOT = Path(__file__).resolve().parent.parent


def committed(path: str) -> str:
    done = subprocess.run(["git", "show", f"HEAD:{path}"], cwd=ROOT, capture_output=True)
    if done.returncode:
        pytest.skip(f"not a git checkout with {path}")
    return done.stdout.decode("utf-8")


def metrics(name: str) -> Any:
    return json.loads(committed(f"metrics/{name}.json"))


@pytest.fixture(scope="module")
def readme() -> str:
    return committed("README.md")


@pytest.fixture(scope="module")
def params(tmp_path_factory: pytest.TempPathFactory) -> Params:
    path = tmp_path_factory.mktemp("params") / "params.yaml"
    path.write_text(committed("params.yaml"), encoding="utf-8")
    return load_params(path)


def test_the_result_table_is_that_of_the_metrics(readme: str, params: Params) -> None:
    summary = metrics("summary")
    ordered = {name: summary[name] for name in [*params.models, *params.baselines]}
    details = {
        (model, variant): metrics(f"detail/{model}-{variant}")
        for model in ordered
        for variant in VARIANTS
        if variant in ordered[model]
    }
    assert as_markdown(table_rows(ordered, details, params.pair)) in readme


def test_every_source_has_a_row_with_its_licence(readme: str, params: Params) -> None:
    for name, config in params.sources_config.items():
        row = next(line for line in readme.splitlines() if line.startswith(f"| {name} |"))
        if not config.license.startswith("LicenseRef-"):
            assert config.license in row
        if config.version:
            assert config.version in row


def numbers(value: Any) -> list[float]:
    """Every number in nested JSON."""
    if isinstance(value, dict):
        return [number for item in value.values() for number in numbers(item)]
    return [value] if isinstance(value, float | int) else []


@pytest.mark.parametrize("bench", ["align", "encode", "html", "mining", "pdf", "tmx"])
def test_speed_figures_are_those_of_the_last_bench(readme: str, bench: str) -> None:
    found = numbers(metrics(f"bench/{bench}"))
    told = re.findall(rf"^\| {bench} \| .* \| ([0-9.]+) \|$", readme, re.M)
    assert told
    for text in told:
        digits = len(text.partition(".")[2])
        assert any(f"{number:.{digits}f}" == text for number in found), text


def test_the_benchmark_table_is_that_of_the_metrics(readme: str) -> None:
    for benchmark, models in metrics("benchmarks").items():
        for model, variants in models.items():
            for variant, figures in variants.items():
                if "p1_ru_tk" in figures:
                    n, p1 = figures["n"], figures["p1_ru_tk"]
                    assert f"| {benchmark} | {model} | {variant} | {n} | {p1:.3f} | " in readme


def test_graded_pairs_told_are_those_of_the_metrics(readme: str) -> None:
    found = {}
    for models in metrics("benchmarks").values():
        for model, variants in models.items():
            for variant, figures in variants.items():
                for key in (key for key in figures if re.fullmatch(r"(?!delta_|p_).+_pearson", key)):
                    name = key.removesuffix("_pearson")
                    found[name, model, variant] = (str(figures[f"{name}_n"]), f"{figures[key]:.3f}")
    told = re.findall(
        r"^\| ((?:sts17|stsb|rusts)\w*) \| (\w+) \| (\w+) \| (\d+) \| ([\d.]+) \|", readme, re.M
    )
    assert bool(told) == bool(found)
    for *place, n, r in told:
        assert found[tuple(place)] == (n, r)


def test_recipes_told_are_recipes_tried(readme: str, params: Params) -> None:
    encoders = [name for name in params.models if params.recipe("default", name).select == "mrr"]
    for name, trial in metrics("recipes")["trials"].items():
        if name != "mediawiki":
            scores = [f"{trial['dev'][model]['finetuned'][0]['score']:.3f}" for model in encoders]
            assert f"| {name} | {trial['why']} | {' | '.join(scores)} |" in readme
