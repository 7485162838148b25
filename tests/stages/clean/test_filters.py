from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from stages.clean.filters import PairTexts, ShardFilter
from stages.lib.core.params import load_params

FILTER = ShardFilter(load_params(Path(__file__).parents[3] / "params.yaml").clean, "tk")


@pytest.mark.parametrize(
    ("src", "tgt", "expected"),
    [
        ("Слово " * 500, "Söz", "too_long"),
        ("{{#if:$1|да}} страница", "{{#if:$1|hawa}} sahypa", "markup"),
        ("Не найдено: %s", "Tapylmady", "placeholder"),
        ("Файл %(name)s", "%(nama)s faýly", "placeholder"),
        ("$1 и $1", "$1 we $2", "placeholder"),
        ("и", "we", "too_short"),
        ("%s: %s", "%s: %s", "too_short"),
        ("Страница", "Sahypжa", "mixed_script"),
        ("Страница", "Страница сайта", "script"),
        ("Save the page", "Sahypany ýazdyr", "script"),
        ("Параметр", "پارامتر", "script"),
        ("Адрес электронной почты пользователя сайта", "Salgysy", "length_ratio"),
        ("Бұл бет табылмады және жойылды", "Bu sahypa tapylmady we öçürildi", "src_language"),
        ("Страница не найдена и удалена", "Bu sayfa bulunamadı ve silindi", "tgt_language"),
        ("Страница не найдена и удалена", "The page was not found", "tgt_language"),
        ("Состояние", "Status", "untranslated"),  # it repeats the English
        ("Состояние", "Ýagdaýy", None),
        ("Ангола", "Angola", None),  # a name that sounds the same in both
    ],
)
def test_a_bad_pair_is_dropped_for_its_reason(src: str, tgt: str, expected: str | None) -> None:
    pair = PairTexts("ru", "tk", src, tgt, english=frozenset({"status", "angola"}))
    assert FILTER.apply(pair, Counter())[2] == expected


def test_both_sides_are_normalised_repaired_and_capitalised_alike() -> None:
    pair = PairTexts("ru", "tk", "<b>ВНИМАНИЕ</b>:\u00a0&_%s", "Üns b\u0435riň: %s")
    results, changed = FILTER([pair, PairTexts("ru", "tk", "Файл", "Faýl")])
    assert results == [("Внимание: &_%s", "Üns beriň: %s", None), ("Файл", "Faýl", None)]
    assert changed == {"capitals": 1, "homoglyphs": 1, "normalised": 1}
