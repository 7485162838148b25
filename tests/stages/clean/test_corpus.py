from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from stages.clean.corpus import Cleaned, clean_pairs
from stages.lib.core.errors import DataError
from stages.lib.core.params import Params, load_params
from stages.lib.core.tables import PAIR_SCHEMA, pair_id, table_from_rows
from stages.lib.text.annotations import Merged
from tests.stages.small_corpus import judgement, pair_row

PARAMS_FILE = Path(__file__).parents[3] / "params.yaml"


def params(**clean_values: Any) -> Params:
    read = load_params(PARAMS_FILE)
    return read.model_copy(
        update={"sources": ["django", "zod"], "clean": read.clean.model_copy(update=clean_values)}
    )


def pair(src: str, tgt: str, n: int = 0, doc: str = "django/admin", **values: Any) -> dict[str, Any]:
    return pair_row(src, tgt, doc, **{"key": f"k{n}", "n_src": n, "n_tgt": n, **values})


def run(rows: list[dict[str, Any]], judged: Sequence[Merged] = (), **clean_values: Any) -> Cleaned:
    return clean_pairs(table_from_rows(rows, PAIR_SCHEMA), params(**clean_values), "pairs", judged)


# A pair that every run may keep, so that the corpus is not empty.
GOOD = pair("Страница не найдена.", "Sahypa tapylmady.", 99)


def reasons(rows: list[dict[str, Any]], **clean_values: Any) -> list[str]:
    dropped = run([*rows, GOOD], **clean_values).dropped
    return dropped["reason"].to_list()


def test_alternative_translations_stay_and_share_a_group() -> None:
    corpus = run([pair("Сохранить", "Ýazdyr", 1), pair("Сохранить.", "Ýatda sakla", 2)]).corpus
    assert corpus.height == 2
    assert corpus["src_group"].n_unique() == 1
    assert corpus["tgt_group"].n_unique() == 2


def test_a_target_that_repeats_the_english_is_untranslated() -> None:
    rows = [
        pair("Состояние", "Status", 1),
        pair("Status", "Status", 1, src_lang="en"),
        pair("Ашхабад", "Aşgabat", 2),
        pair("Ashgabat", "Aşgabat", 2, src_lang="en"),
    ]
    cleaned = run(rows)
    assert cleaned.dropped.select("src_lang", "tgt", "reason").rows() == [
        ("ru", "Status", "untranslated"),
        ("en", "Status", "untranslated"),
    ]


def test_pivot_rows_are_judged_by_their_own_language() -> None:
    rows = [
        pair("The page was not found", "Sahypa tapylmady", 1, src_lang="en"),
        pair("Sayfa bulunamadı ve silindi", "Sahypa tapylmady", 2, src_lang="tr"),
        pair("Sayfa bulunamadı ve silindi", "Sahypa tapylmady", 3, src_lang="en"),
    ]
    cleaned = run(rows)
    assert cleaned.corpus["src_lang"].to_list() == ["en", "tr"]
    assert cleaned.dropped["reason"].to_list() == ["src_language"]


def test_an_equal_pair_stays_with_the_source_that_is_listed_first() -> None:
    rows = [
        pair("Сохранить", "Ýazdyr", 1, doc="zod/errors"),
        pair("сохранить", "ýazdyr", 2),
        pair("Save", "Ýazdyr", 2, src_lang="en"),  # another language: another pair
    ]
    cleaned = run(rows)
    assert cleaned.corpus["source"].to_list() == ["django", "django"]
    assert cleaned.dropped.select("source", "reason").row(0) == ("zod", "duplicate")


def test_nearly_equal_pairs_of_one_source_are_one() -> None:
    src = "Вы не можете изменить эту страницу, пока не войдёте"
    tgt = "Girýänçäňiz bu sahypany üýtgedip bilmersiňiz"
    rows = [pair(src, tgt, 1), pair(src + "!", tgt + "!", 2), pair(src + "а", tgt, 3)]
    assert reasons(rows) == ["duplicate", "near_duplicate"]
    assert reasons([rows[0], pair(src + "а", tgt, 3, doc="zod/x")]) == []


def test_a_pair_without_a_position_comes_last_in_its_document() -> None:
    bare = pair("Файл удалён.", "Faýl öçürildi.", key=None, n_src=None, n_tgt=None, method="annotated")
    kept = run([bare, pair("Список пуст.", "Sanaw boş.", 3), GOOD]).corpus
    assert kept["n_src"].to_list() == [3, 99, None]


def test_a_template_flood_is_capped_within_its_source() -> None:
    rows = [pair(f"Осталось {n} дней", f"{n} gün galdy", n) for n in range(10)]
    cleaned = run([*rows, GOOD], max_per_template=3)
    assert cleaned.stats["total"] == {"in": 11, "kept": 4, "dropped": {"template": 7}}


def test_a_source_is_capped_by_hash_whatever_the_order() -> None:
    words = ["Файл", "Страница", "Слово", "Книга", "Город"]
    tgts = ["Faýl", "Sahypa", "Söz", "Kitap", "Şäher"]
    rows = [pair(src, tgt, n) for n, (src, tgt) in enumerate(zip(words, tgts, strict=True))]
    first = run(rows, max_per_source=2)
    again = run([{**row, "n_src": 9 - row["n_src"]} for row in reversed(rows)], max_per_source=2)
    assert first.dropped["reason"].to_list() == ["source_cap"] * 3
    assert sorted(first.corpus["pair_id"]) == sorted(again.corpus["pair_id"])


def test_row_order_and_other_sources_do_not_change_what_is_kept() -> None:
    rows = [GOOD, pair("Сохранить", "Ýazdyr", 1), pair("Файл %s", "Faýl", 2)]
    more = pair("Открыть файл", "Faýly aç", 1, doc="zod/x")
    alone, together = run(rows), run([more, *reversed(rows)])
    assert together.corpus.filter(together.corpus["source"] == "django").equals(alone.corpus)


def test_counts_balance_by_source_language_and_reason() -> None:
    rows = [
        GOOD,
        pair("и", "we", 1),
        pair("Файл %s", "Faýl", 2),
        pair("Save", "Ýazdyr", 3, src_lang="en"),
        pair("Слово", "Söz", 4, doc="zod/x"),
    ]
    stats = run(rows).stats
    assert stats == {
        "checks": [
            *("too_long", "markup", "placeholder", "too_short", "mixed_script", "script", "untranslated"),
            *("length_ratio", "src_language", "tgt_language", "rejected"),
            *("duplicate", "template", "near_duplicate", "source_cap"),
        ],
        "changed": {"capitals": 0, "homoglyphs": 0, "normalised": 0},
        "by_source": {
            "django": {
                "ru": {"in": 3, "kept": 1, "dropped": {"too_short": 1, "placeholder": 1}},
                "en": {"in": 1, "kept": 1, "dropped": {}},
            },
            "zod": {"ru": {"in": 1, "kept": 1, "dropped": {}}},
        },
        "religious": {},
        "total": {"in": 5, "kept": 3, "dropped": {"too_short": 1, "placeholder": 1}},
    }


def test_kept_pairs_with_words_of_religious_text_are_counted_by_source_and_language() -> None:
    rows = [
        GOOD,
        pair("Иисус сказал своим апостолам", "Isa Mesih öz resullaryna aýtdy", 1),
        pair("Пророк", "Pygamber %s", 2),  # dropped: its placeholder
        pair("The prophet said so", "Pygamber şeýle diýdi", 3, src_lang="en"),
    ]
    assert run(rows).stats["religious"] == {"django": {"en": 1, "ru": 1}}


def test_dropped_rows_keep_their_texts_as_they_came() -> None:
    given = pair("_Файл\u00a0%s", "_Faýl", 1)
    row = run([GOOD, given]).dropped.row(0, named=True)
    assert row == {**given, "reason": "placeholder"}


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            pair("и\u0306од", "ýod"),
            r"pairs: row 1 \(django/admin, key 'k0'\): src is not in Unicode form NFC",
        ),
        (pair("Слово", "so\u0308z"), "tgt is not in Unicode form NFC"),
        (pair("Слово", "Söz", source="antd"), "source 'antd' is not in params.sources"),
        (pair("Слово", "So'z", tgt_lang="uz"), "tgt_lang is 'uz', expected 'tk'"),
        (pair("Слово", "Söz", src_lang="xx"), "language 'xx'"),
    ],
)
def test_a_row_that_should_not_be_there_is_an_error(row: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        run([GOOD, row])


def test_an_empty_corpus_is_an_error_that_names_the_commonest_reason() -> None:
    rows = [pair("и", "we", 1), pair("%s файл", "faýl", 2), pair("Файл", "%s faýl", 3)]
    with pytest.raises(
        DataError, match="empty corpus after cleaning: all 3 pairs dropped, 2 of them as 'placeholder'"
    ):
        run(rows)
    with pytest.raises(DataError, match="no pairs at all"):
        run([])


# A pair as the corpus has it, and as it comes in; one that people edit, and what they make of it.
SAVE, RAW_SAVE = pair("Сохранить", "Ýazdyr", 1), pair("_Сохранить", "_Ýazdyr", 1)
FILE, MENDED = pair("Выберите файл", "Sahypa saýlaň", 2), ("Выберите файл", "Faýly saýlaň")


def test_a_rejected_pair_leaves_the_corpus_wherever_it_comes_from() -> None:
    again = pair("Сохранить", "Ýazdyr", 3, doc="zod/errors")
    cleaned = run([RAW_SAVE, again, GOOD], [judgement(SAVE, "reject")])
    assert cleaned.dropped["reason"].to_list() == ["rejected", "rejected"]
    assert cleaned.corpus["src"].to_list() == [GOOD["src"]]
    assert cleaned.judged.is_empty()
    assert cleaned.stats["annotations"] == {"pairs": 1, "reject": 1}


def test_a_copy_in_other_capitals_or_punctuation_goes_the_way_of_the_judged_pair() -> None:
    rows = [FILE, *(pair("Выберите файл!", "sahypa saýlaň", n, f"django/{n}") for n in (3, 4)), GOOD]
    rejected = run(rows, [judgement(FILE, "reject")])
    assert rejected.corpus["src"].to_list() == [GOOD["src"]]
    edited = run(rows, [judgement(FILE, "edit", texts=MENDED)])
    assert sorted(edited.corpus["tgt"]) == sorted([GOOD["tgt"], MENDED[1]])
    assert edited.stats["annotations"] == {"pairs": 1, "edit": 1}


def test_an_edited_pair_replaces_the_one_it_mends() -> None:
    cleaned = run([FILE, GOOD], [judgement(FILE, "edit", texts=MENDED, method="aligned")])
    row = cleaned.corpus.row(by_predicate=pl.col("tgt") == MENDED[1], named=True)
    assert (row["method"], row["score"]) == ("annotated", 1.0)
    assert row["pair_id"] == pair_id("ru", MENDED[0], "tk", MENDED[1])
    assert (row["doc"], row["key"], row["n_src"]) == (FILE["doc"], FILE["key"], FILE["n_src"])
    judged = cleaned.judged.select("pair_id", "method", "tgt").rows()
    assert judged == [(row["pair_id"], "aligned", "Sahypa saýlaň")]


def test_an_edit_passes_the_checks_that_every_pair_passes() -> None:
    cleaned = run([FILE, GOOD], [judgement(FILE, "edit", texts=(MENDED[0], f"%s {MENDED[1]}"))])
    assert cleaned.dropped["reason"].to_list() == ["placeholder"]


def test_ties_stay_and_judgements_of_pairs_that_are_gone_are_counted() -> None:
    gone = judgement(pair("Нет такой пары", "Beýle jübüt ýok"), "reject")
    cleaned = run([RAW_SAVE, GOOD], [judgement(SAVE, "second_look"), gone])
    assert cleaned.corpus.height == 2
    assert cleaned.judged.is_empty()
    assert cleaned.stats["annotations"] == {"pairs": 2, "second_look": 1, "stale": 1}
