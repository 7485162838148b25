"""README.md and docs/ say what the committed params.yaml and metrics say, and their links lead somewhere.

They are compared with the last commit, not with the working tree: a run of your own changes the metrics, and
the documents need not follow before you commit.
"""

from __future__ import annotations

import difflib
import io
import json
import re
import subprocess
import tarfile
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from commands.readme import BLOCKS, read_figures, rewrite
from crawler.options import load_options
from stages.lib.core.markdown import markdown_table
from stages.lib.core.params import Params, load_params
from stages.report.tables import VARIANTS, table_rows

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The last commit's documents, parameters and metrics."""
    names = ["README.md", "CONTRIBUTING.md", "crawler", "docs", "metrics", "params.yaml"]
    done = subprocess.run(["git", "archive", "HEAD", *names], cwd=ROOT, capture_output=True)
    if done.returncode:
        pytest.skip("not a git checkout")
    folder = tmp_path_factory.mktemp("tree")
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return folder


@pytest.fixture(scope="module")
def results(tree: Path) -> str:
    return (tree / "docs/results.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def params(tree: Path) -> Params:
    return load_params(tree / "params.yaml")


@pytest.fixture(scope="module")
def metrics(tree: Path) -> Any:
    return lambda name: json.loads((tree / f"metrics/{name}.json").read_text(encoding="utf-8"))


def documents(tree: Path) -> list[Path]:
    return [
        *(tree / "README.md", tree / "CONTRIBUTING.md", tree / "crawler/README.md"),
        *sorted((tree / "docs").glob("*.md")),
    ]


def test_every_figure_between_markers_is_that_of_the_metrics(tree: Path, params: Params) -> None:
    found = read_figures(tree / "metrics", params)
    used = set()
    for path in documents(tree):
        text = path.read_text(encoding="utf-8")
        used |= set(re.findall(r"<!-- figures: ([a-z_]+) -->", text))
        written = rewrite(text, found, path.name)
        changes = difflib.unified_diff(text.splitlines(), written.splitlines(), "now", "metrics", n=0)
        assert written == text, "stale figures; run make readme:\n" + "\n".join(changes)
    assert used == set(BLOCKS)


def anchors(path: Path) -> set[str]:
    """The anchors of a document's headings, as git hosts make them."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_links_lead_to_files_and_headings_that_are_there() -> None:
    for path in documents(ROOT):
        for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", path.read_text(encoding="utf-8")):
            name, _, heading = target.partition("#")
            there = (path.parent / name).resolve() if name else path
            assert there.exists(), f"{path.name}: {target}"
            if heading:
                assert heading in anchors(there), f"{path.name}: {target}"


def merge(into: dict[str, Any], block: Mapping[str, Any]) -> None:
    for key, value in block.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            merge(into[key], value)
        else:
            into[key] = value


@pytest.mark.parametrize("document", ["docs/adding.md", "crawler/README.md"])
def test_blocks_of_parameters_that_documents_show_are_valid(document: str, tmp_path: Path) -> None:
    blocks = re.findall(r"^( *)```yaml\n(.*?)^ *```$", (ROOT / document).read_text("utf-8"), re.M | re.S)
    assert blocks
    raw = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    for indent, block in blocks:
        merge(raw, yaml.safe_load(re.sub(rf"^{indent}", "", block, flags=re.MULTILINE)))
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(raw), encoding="utf-8")
    load_params(path)
    load_options(path)


def test_the_citation_names_the_version_and_the_licence_that_are_there() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert citation["version"] == project["version"]
    assert citation["license"] == "Apache-2.0"
    assert "Apache License" in (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert {"cff-version", "message", "title", "authors"} <= set(citation)


# --- the same figures, read by other means than those that write them ---


def test_the_result_table_is_that_of_the_metrics(results: str, metrics: Any, params: Params) -> None:
    summary = metrics("summary")
    details = {
        (model, variant): metrics(f"detail/{model}-{variant}")
        for model in [*params.models, *params.baselines]
        for variant in VARIANTS
        if variant in summary[model]
    }
    assert markdown_table(table_rows(details, params.pair)) in results


def test_the_first_table_has_the_summary_s_means(tree: Path, metrics: Any) -> None:
    readme = (tree / "README.md").read_text(encoding="utf-8")
    for model, variants in metrics("summary").items():
        row = next(line for line in readme.splitlines() if line.startswith(f"| `{model}` |"))
        told = [f"{variants[name]['p1']:.3f}" for name in VARIANTS if name in variants]
        assert row.split(" | ")[1 : 1 + len(told)] == told


def test_every_source_has_a_row_with_its_licence(tree: Path, params: Params) -> None:
    data = (tree / "docs/data.md").read_text(encoding="utf-8")
    for name in params.sources:
        config = params.sources_config[name]
        row = next(line for line in data.splitlines() if line.startswith(f"| {name} |"))
        if not config.license.startswith("LicenseRef-"):
            assert config.license in row
        if config.version:
            assert config.version in row


def numbers(value: Any) -> list[float]:
    """Every number in nested JSON."""
    if isinstance(value, dict):
        return [number for item in value.values() for number in numbers(item)]
    return [value] if isinstance(value, float | int) else []


@pytest.mark.parametrize("bench", ["align", "encode", "engine", "html", "mining", "pdf", "tmx"])
def test_speed_figures_are_those_of_the_last_bench(results: str, metrics: Any, bench: str) -> None:
    found = numbers(metrics(f"bench/{bench}"))
    told = re.findall(rf"^\| {bench} \| .* \| ([0-9.]+) \|$", results, re.M)
    assert told
    for text in told:
        digits = len(text.partition(".")[2])
        assert any(f"{number:.{digits}f}" == text for number in found), text


def test_the_benchmark_table_is_that_of_the_metrics(results: str, metrics: Any) -> None:
    for benchmark, models in metrics("benchmarks").items():
        for model, variants in models.items():
            for variant, figures in variants.items():
                if "p1_ru_tk" in figures:
                    n, p1 = f"{figures['n']:,}", figures["p1_ru_tk"]
                    assert f"| {benchmark} | {model} | {variant} | {n} | {p1:.3f} | " in results


def test_every_graded_set_is_told_of_every_model(results: str, metrics: Any, params: Params) -> None:
    names = {
        key.removesuffix("_pearson")
        for models in metrics("benchmarks").values()
        for key in models[params.models[0]]["pretrained"]
        if re.fullmatch(r"(?!delta_|p_).+_pearson", key)
    }
    assert len(names) >= 9
    table = results.partition("<!-- figures: forgetting -->")[2].partition("<!-- end -->")[0]
    assert set(re.findall(r"^\| (\w+) \| [\d,]+ \|", table, re.M)) == names
    for benchmark in metrics("benchmarks").values():
        for model in params.models:
            for key, change in benchmark[model]["finetuned"].items():
                if match := re.fullmatch(r"delta_(.+)_pearson", key):
                    row = next(line for line in table.splitlines() if line.startswith(f"| {match[1]} |"))
                    before = benchmark[model]["pretrained"][f"{match[1]}_pearson"]
                    assert f" {before:.3f}, {change:+.3f} [" in row


def test_recipes_told_are_recipes_tried(results: str, metrics: Any, params: Params) -> None:
    encoders = [name for name in params.models if params.recipe("default", name).select == "mrr"]
    for name, trial in metrics("recipes")["trials"].items():
        if name != "mediawiki":
            found = [trial["dev"][model]["finetuned"][0] for model in encoders]
            scores = [f"{(one['mrr_src_tgt'] + one['mrr_tgt_src']) / 2:.3f}" for one in found]
            assert f"| {name} | {trial['why']} | {' | '.join(scores)} |" in results
