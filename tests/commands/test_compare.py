"""Comparing experiments, on ranks as evaluate writes them, in a repository of git and DVC."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from commands.compare import compare_runs, comparison_table, fetch_results, read_runs
from stages.lib.core.errors import DataError
from stages.lib.core.files import write_json
from stages.lib.core.params import Params, load_params
from stages.lib.core.tables import table_from_rows, write_table
from stages.lib.scores.comparison import RANKS_SCHEMA, measure

DOCS, QUERIES = 30, 4


@pytest.fixture(scope="module")
def params() -> Params:
    raw = load_params().model_dump()
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


def test_a_better_experiment_is_told_from_the_same_one(tmp_path, params):
    write_result(tmp_path / "a/use-finetuned", params, misses=60)
    write_result(tmp_path / "b/use-finetuned", params, misses=20)
    write_result(tmp_path / "a/use-pretrained", params, misses=60)
    write_result(tmp_path / "b/use-pretrained", params, misses=60)
    write_result(tmp_path / "b/minilm_en-pretrained", params, misses=60)
    found = compare_runs(read_runs(tmp_path / "a"), read_runs(tmp_path / "b"), ("a", "b"), params)
    assert set(found) == {"use-finetuned", "use-pretrained"}
    assert found["use-pretrained"] == {}
    test = found["use-finetuned"]["test_p1_mean"]
    assert (test["a"], test["b"], test["n"]) == (0.5, pytest.approx(100 / 120), 120)
    assert test["difference"] == pytest.approx(40 / 120)
    assert test["low"] < 40 / 120 < test["high"]
    assert test["p"] < 0.01
    assert test["family"] == 1  # the run without a difference is no comparison
    text = comparison_table(found, ("a", "b"))
    assert "test_p1_mean" in text
    assert text.endswith("The same ranks in both: use-pretrained.")


def test_the_difference_turns_round_with_the_sides(tmp_path, params):
    write_result(tmp_path / "a/use-finetuned", params, misses=70)
    write_result(tmp_path / "b/use-finetuned", params, misses=20)
    sides = read_runs(tmp_path / "a"), read_runs(tmp_path / "b")
    there = compare_runs(*sides, ("a", "b"), params)["use-finetuned"]["test_p1_mean"]
    back = compare_runs(*sides[::-1], ("b", "a"), params)["use-finetuned"]["test_p1_mean"]
    assert np.allclose(there["difference"], -back["difference"])
    assert there["p"] == back["p"]


def test_another_test_set_is_refused(tmp_path, params):
    write_result(tmp_path / "a/use-finetuned", params, misses=3)
    write_result(tmp_path / "b/use-finetuned", params, misses=2, test="other")
    with pytest.raises(DataError, match="test_sha256 is t in a and other in b"):
        compare_runs(read_runs(tmp_path / "a"), read_runs(tmp_path / "b"), ("a", "b"), params)


def test_experiments_without_a_model_in_common_are_refused(tmp_path, params):
    write_result(tmp_path / "a/use-finetuned", params, misses=3)
    write_result(tmp_path / "b/use_tr-finetuned", params, misses=2)
    with pytest.raises(DataError, match="nothing to compare"):
        compare_runs(read_runs(tmp_path / "a"), read_runs(tmp_path / "b"), ("a", "b"), params)


def test_an_empty_folder_is_one_line(tmp_path):
    with pytest.raises(DataError, match="run dvc repro"):
        read_runs(tmp_path)


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
    (tmp_path / "results/use-finetuned/metrics.json").unlink()
    (tmp_path / "results/use-finetuned/ranks.parquet").unlink()
    (tmp_path / "results/use-finetuned").rmdir()
    write_result(tmp_path / "results/use-finetuned", params, misses=10)
    monkeypatch.chdir(tmp_path)
    before = read_runs(fetch_results("first", tmp_path / "scratch"))
    after = read_runs(fetch_results("workspace", tmp_path / "scratch"))
    test = compare_runs(before, after, ("first", "workspace"), params)["use-finetuned"]["test_p1_mean"]
    assert test["difference"] == pytest.approx(20 / 120)
    with pytest.raises(DataError, match="no-such: neither an experiment"):
        fetch_results("no-such", tmp_path / "other")
    # A clone that has pulled nothing: git knows the commit, the cache has no file of it.
    shutil.rmtree(tmp_path / ".dvc/cache")
    with pytest.raises(DataError, match=r"first: its results are not in DVC's cache"):
        fetch_results("first", tmp_path / "empty")
