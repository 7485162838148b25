"""README.md and docs/ agree with the committed settings and metrics, and their links lead somewhere.

Figures are compared with the last commit, not with the working tree: a run of your own changes the metrics,
and the documents need not follow before you commit.
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
from stages.lib.core.params import PINS, load_params
from tests.settings import write_settings

ROOT = Path(__file__).resolve().parents[1]
VARIANTS = ("pretrained", "finetuned")
# Words, as wc counts them: the bars of tables too.
LIMITS = {"README.md": 650, "docs/results.md": 1260}
LIMIT = 650
FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)


def documents(tree: Path) -> list[Path]:
    names = ("README.md", "CONTRIBUTING.md", "crawler/README.md")
    return [*(tree / name for name in names), *sorted((tree / "docs").glob("*.md"))]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The last commit's documents, settings and metrics."""
    names = ["README.md", "CONTRIBUTING.md", "crawler", "docs", "metrics", "params.yaml", *PINS.values()]
    done = subprocess.run(["git", "archive", "HEAD", *names], cwd=ROOT, capture_output=True)
    if done.returncode:
        pytest.skip("not a git checkout")
    folder = tmp_path_factory.mktemp("tree")
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return folder


def test_every_figure_between_markers_is_that_of_the_metrics(tree: Path) -> None:
    figures = read_figures(tree / "metrics", load_params(tree / "params.yaml"))
    used = set()
    for path in documents(tree):
        text = path.read_text(encoding="utf-8")
        used |= set(re.findall(r"<!-- figures: ([a-z_]+) -->", text))
        written = rewrite(text, figures, path.name)
        changes = difflib.unified_diff(text.splitlines(), written.splitlines(), "now", "metrics", n=0)
        assert written == text, "stale figures; run make readme:\n" + "\n".join(changes)
    assert used == set(BLOCKS)


def test_the_first_table_has_the_summary_s_means(tree: Path) -> None:
    """The same figures, read by other means than those that write them."""
    readme = (tree / "README.md").read_text(encoding="utf-8")
    for model, variants in json.loads((tree / "metrics/summary.json").read_text(encoding="utf-8")).items():
        row = next(line for line in readme.splitlines() if line.startswith(f"| `{model}` |"))
        means = [f"{variants[name]['p1']:.3f}" for name in VARIANTS if name in variants]
        assert row.split(" | ")[1 : 1 + len(means)] == means


def test_every_document_is_short_enough_to_be_read() -> None:
    for path in documents(ROOT):
        name = str(path.relative_to(ROOT))
        assert len(path.read_text(encoding="utf-8").split()) <= LIMITS.get(name, LIMIT), name


def anchors(path: Path) -> set[str]:
    """The anchors of a document's headings, as git hosts make them."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_links_lead_to_files_and_headings_that_are_there() -> None:
    for path in documents(ROOT):
        for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", path.read_text(encoding="utf-8")):
            name, _, heading = target.partition("#")
            linked = (path.parent / name).resolve() if name else path
            assert linked.exists(), f"{path.name}: {target}"
            if heading:
                assert heading in anchors(linked), f"{path.name}: {target}"


def shown(document: str, language: str) -> list[str]:
    """Return the blocks of a language that a document shows, without their indent."""
    blocks = FENCE.findall((ROOT / document).read_text(encoding="utf-8"))
    return [re.sub(rf"^{indent}", "", text, flags=re.M) for indent, name, text in blocks if name == language]


def merge(into: dict[str, Any], block: Mapping[str, Any]) -> None:
    for key, value in block.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            merge(into[key], value)
        else:
            into[key] = value


def add_shown_settings(raw: dict[str, Any]) -> None:
    """Put the YAML that the documents show into settings; a first line names the file that it belongs to."""
    folders = {"sources": "sources_config", "assets/models": "models_config"}
    for document in ("docs/adding.md", "crawler/README.md"):
        for block in shown(document, "yaml"):
            file = re.match(r"# ([\w/]+)/(\w+)\.yaml\n", block)
            if file:
                raw[folders[file[1]]][file[2]] = yaml.safe_load(block)
            else:
                merge(raw, yaml.safe_load(block))


def test_the_settings_that_documents_show_are_valid(tmp_path: Path) -> None:
    path = write_settings(tmp_path, add_shown_settings)
    params = load_params(path)
    assert {"habar", "element_plus"} <= set(params.sources_config)
    assert "labse_large" in params.models_config
    load_options(path, "habar")


def test_the_source_that_the_guide_shows_is_the_one_that_is_there() -> None:
    block = next(text for text in shown("docs/adding.md", "yaml") if "sources/element_plus" in text)
    committed = (ROOT / "sources/element_plus.yaml").read_text(encoding="utf-8")
    assert yaml.safe_load(block) == yaml.safe_load(committed)


def test_the_citation_names_the_version_and_the_licence_that_are_there() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert citation["version"] == project["version"]
    assert citation["license"] == "Apache-2.0"
    assert "Apache License" in (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
