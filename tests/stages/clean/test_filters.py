from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from stages.clean.filters import PairTexts, ShardFilter
from stages.lib.core.params import load_params
from tests.cases import read_cases

CASES = read_cases(__file__)

FILTER = ShardFilter(load_params(Path(__file__).parents[3] / "params.yaml").clean, "tk")


@pytest.mark.parametrize(("src", "tgt", "expected"), [*CASES["filters"], ("Слово " * 500, "Söz", "too_long")])
def test_a_bad_pair_is_dropped_for_its_reason(src: str, tgt: str, expected: str | None) -> None:
    pair = PairTexts("ru", "tk", src, tgt, english=frozenset({"status", "angola"}))
    assert FILTER.apply(pair, Counter())[2] == expected


def test_both_sides_are_normalised_repaired_and_capitalised_alike() -> None:
    pair = PairTexts("ru", "tk", "<b>ВНИМАНИЕ</b>:\u00a0&_%s", "Üns b\u0435riň: %s")
    results, changed = FILTER([pair, PairTexts("ru", "tk", "Файл", "Faýl")])
    assert results == [("Внимание: &_%s", "Üns beriň: %s", None), ("Файл", "Faýl", None)]
    assert changed == {"capitals": 1, "homoglyphs": 1, "normalised": 1}
