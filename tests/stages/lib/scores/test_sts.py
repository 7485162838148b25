from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy.stats import pearsonr, spearmanr

from stages.evaluate.graded_sets import StsSet, read_smoke_set, similarity_table
from stages.lib.core.errors import DataError
from stages.lib.core.params import EvaluateParams, load_params
from stages.lib.core.tables import check_columns
from stages.lib.scores.sts import STS_SCHEMA, compare_sts, correlation, exchange_p, measure_sts, resampled

ROOT = Path(__file__).parents[4]


@pytest.fixture(scope="module")
def settings() -> EvaluateParams:
    settings = load_params(ROOT / "params.yaml").evaluate
    return settings.model_copy(update={"bootstrap": 500, "permutations": 999, "confidence": 0.95})


def small_set(name: str = "ru_small", count: int = 40) -> StsSet:
    left = tuple(f"Поезд номер {n} пришёл вовремя." for n in range(count))
    right = tuple(f"Поезд номер {n} не опоздал." for n in range(count))
    return StsSet(name, "ru", "ru", left, right, tuple(float(n % 6) for n in range(count)), {"ru": "0" * 64})


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def noisy(sts: StsSet, noise: float, seed: int) -> pl.DataFrame:
    """A set's table for an encoder whose cosines follow the grades but for noise."""
    rng = np.random.default_rng(seed)
    angles = np.clip((5 - np.array(sts.grades)) / 5 + noise * rng.normal(size=len(sts.grades)), 0, 3)
    left = np.tile(np.array([[1.0, 0.0]], dtype=np.float32), (len(angles), 1))
    return similarity_table(sts, left, unit(np.stack([np.cos(angles), np.sin(angles)], 1)), seed)


def test_correlations_agree_with_scipy_ties_included() -> None:
    rng = np.random.default_rng(3)
    similarity = np.round(rng.normal(size=200), 1)  # ties on both sides
    grades = np.round(similarity + rng.normal(size=200))
    for kind, by_scipy in (("pearson", pearsonr), ("spearman", spearmanr)):
        expected = by_scipy(similarity, grades)[0]
        assert correlation(similarity, grades, kind) == pytest.approx(expected, abs=1e-12)
        # An encoder that says the same of every pair follows nothing.
        assert correlation(np.full(30, 0.7), np.arange(30.0), kind) == 0.0


@pytest.mark.parametrize("kind", ["pearson", "spearman"])
def test_resamples_are_those_that_a_loop_with_scipy_makes(kind: str) -> None:
    rng = np.random.default_rng(5)
    grades = rng.integers(0, 6, size=25).astype(float)
    systems = [grades + rng.normal(size=25), grades + 2 * rng.normal(size=25)]
    found = resampled(systems, grades, kind, 40, seed=9)
    draws = np.random.default_rng(9).integers(0, 25, size=(40, 25))
    by_scipy = {"pearson": pearsonr, "spearman": spearmanr}[kind]
    expected = [np.mean([by_scipy(system[rows], grades[rows])[0] for system in systems]) for rows in draws]
    assert found == pytest.approx(expected, abs=1e-10)


def test_the_paired_test_is_the_share_of_exchanges_as_extreme() -> None:
    rng = np.random.default_rng(7)
    grades = rng.integers(0, 6, size=10).astype(float)
    before, after = grades + 3 * rng.normal(size=10), grades + rng.normal(size=10)
    p = exchange_p(before, [after], grades, "pearson", 2000, seed=1)

    # All 2^10 exchanges, one by one.
    old, new = ((side - side.mean()) / side.std() for side in (before, after))

    def moved(own: np.ndarray, other: np.ndarray) -> float:
        return np.corrcoef(own, grades)[0, 1] - np.corrcoef(other, grades)[0, 1]

    swaps = (np.arange(1024)[:, None] >> np.arange(10)) & 1
    differences = [moved(np.where(row, old, new), np.where(row, new, old)) for row in swaps]
    observed = abs(moved(new, old))
    exact = np.mean(np.abs(differences) >= observed - 1e-9)
    assert p == pytest.approx(exact, abs=0.03)
    assert exchange_p(before, [before], grades, "spearman", 999, seed=1) == 1.0


def test_the_table_holds_the_cosine_of_each_pair() -> None:
    sts = small_set(count=3)
    left, right = unit(np.array([[1.0, 0], [1, 1], [0, 2]])), unit(np.array([[1.0, 0], [1, 0], [3, 0]]))
    frame = similarity_table(sts, left, right, seed=4)
    check_columns(frame, STS_SCHEMA, "frame")
    assert frame["similarity"].to_list() == pytest.approx([1.0, 2**-0.5, 0.0], abs=1e-6)
    assert frame["grade"].to_list() == [0.0, 1.0, 2.0]
    assert set(frame["seed"]) == {4}
    broken = left.copy()
    broken[1] = np.nan
    with pytest.raises(DataError, match="ru_small: the vectors of pair 2 are not finite"):
        similarity_table(sts, broken, right, seed=4)


def test_figures_have_value_interval_and_n(settings: EvaluateParams) -> None:
    frame = pl.concat([noisy(small_set(), 0.3, 0), noisy(small_set("en_small"), 0.3, 0)])
    found = measure_sts(frame, settings, seed=1)
    assert set(found) == {f"sts_{x}_small_{kind}" for x in ("ru", "en") for kind in ("pearson", "spearman")}
    rows = frame.filter(pl.col("set") == "ru_small")
    figure = found["sts_ru_small_pearson"]
    assert figure["value"] == pytest.approx(pearsonr(rows["similarity"], rows["grade"])[0], abs=1e-6)
    assert figure["low"] < figure["value"] < figure["high"]
    assert (figure["n"], figure["unit"], figure["units"], figure["method"]) == (40, "pair", 40, "bootstrap")
    assert "by_seed" not in figure


def test_seeds_are_averaged_and_compared_as_a_mean(settings: EvaluateParams) -> None:
    sts = small_set()
    before = noisy(sts, 1.0, 0).with_columns(pl.lit(0, pl.Int32).alias("seed"))
    after = pl.concat([noisy(sts, 0.1, 1), noisy(sts, 0.1, 2)])
    figure = measure_sts(after, settings, seed=1)["sts_ru_small_pearson"]
    assert figure["value"] == pytest.approx(np.mean(list(figure["by_seed"].values())))
    assert figure["spread"] == pytest.approx(np.std(list(figure["by_seed"].values()), ddof=1))
    test = compare_sts(before, after, settings, seed=1)["sts_ru_small_pearson"]
    was = measure_sts(before, settings, seed=1)["sts_ru_small_pearson"]["value"]
    assert test["difference"] == pytest.approx(figure["value"] - was)
    assert test["low"] < test["difference"] < test["high"]
    assert test["low"] > 0
    assert test["p"] == pytest.approx(0.001)


def test_the_interval_of_the_difference_is_paired(settings: EvaluateParams) -> None:
    # Both systems err on the same pairs: what they differ by is far surer than either figure.
    sts = small_set()
    before = noisy(sts, 0.8, 1)
    nudged = before.with_columns((pl.col("similarity") + 0.001 * pl.col("n") / 40).cast(pl.Float32))
    test = compare_sts(before, nudged, settings, seed=1)["sts_ru_small_pearson"]
    figure = measure_sts(before, settings, seed=1)["sts_ru_small_pearson"]
    assert test["high"] - test["low"] < 0.02 * (figure["high"] - figure["low"])


def test_only_sets_that_both_have_are_compared(settings: EvaluateParams) -> None:
    before, after = noisy(small_set(), 0.3, 0), noisy(small_set("en_small"), 0.3, 0)
    assert compare_sts(before, after, settings, seed=1) == {}
    other = after.with_columns(pl.lit("ru_small").alias("set"), (5 - pl.col("grade")).alias("grade"))
    with pytest.raises(DataError, match="ru_small: the two results have other pairs"):
        compare_sts(before, other, settings, seed=1)


def test_the_smoke_set_is_large_enough_balanced_and_clean() -> None:
    sts = read_smoke_set(ROOT / "assets" / "sts_ru.tsv")
    assert len(sts.left) >= 120
    counts = Counter(sts.grades)
    assert set(counts) == {0.0, 1.0, 2.0, 3.0, 4.0, 5.0}
    assert max(counts.values()) == min(counts.values())
    sentences = [*sts.left, *sts.right]
    assert len(set(sentences)) == len(sentences)
    assert all(text == text.strip() and text.endswith((".", "!", "?")) for text in sentences)
    # Letter overlap alone must not do: it follows the grades far worse than people do.
    words = [[set(text.lower().split()) for text in pair] for pair in zip(sts.left, sts.right, strict=True)]
    overlap = [len(a & b) / len(a | b) for a, b in words]
    assert pearsonr(overlap, sts.grades)[0] < 0.75
    rows = (ROOT / "assets" / "sts_ru.tsv").read_text(encoding="utf-8").splitlines()[1:]
    guidelines = (ROOT / "assets" / "sts_ru.md").read_text(encoding="utf-8")
    assert f"**smoke set**: {len(rows)} pairs" in guidelines


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("grade\ttext\n", "line 1: expected the columns grade, domain, left, right"),
        ("grade\tdomain\tleft\tright\n5\thome\tДом.\n", "line 2: expected a grade and 3 texts"),
        ("grade\tdomain\tleft\tright\n5\thome\tДом.\tДом.\n", "expected at least 3 pairs"),
        ("grade\tdomain\tleft\tright\n" + "5\thome\tДом.\tДом.\n" * 4, "not all the same"),
        ("grade\tdomain\tleft\tright\n5\th\tДом.\t\n2\th\tДа.\tНет.\n1\th\tА.\tБ.\n", "pair 1 has an empty"),
        ("grade\tdomain\tleft\tright\n7\th\tДом.\tА.\n2\th\tДа.\tНет.\n1\th\tА.\tБ.\n", "grade of 0 to 5"),
    ],
)
def test_a_smoke_set_of_another_form_is_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "sts.tsv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=message) as caught:
        read_smoke_set(path)
    assert "\n" not in str(caught.value)
