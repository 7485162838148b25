from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.lib.core.errors import DataError
from stages.lib.core.params import Params, load_params
from stages.lib.core.tables import CORPUS_SCHEMA, table_from_rows
from stages.lib.text.annotations import judged_table
from stages.lib.text.fingerprints import Fingerprint, make_fingerprint
from stages.lib.text.held_out import choose_split
from stages.lib.text.near_duplicates import fold_for_matching
from stages.split.splits import split_corpus
from tests.stages.small_corpus import corpus_row, judgement, pair_row

ROOT = Path(__file__).parents[3]


def _params(**changes: Any) -> Params:
    params = load_params(ROOT / "params.yaml")
    values = {"test_share": 0.3, "dev_share": 0.3, "min_test": 0, "min_dev": 0, **changes}
    return params.model_copy(update={"split": params.split.model_copy(update=values)})


Row = tuple[str, str | None, str, str, str]


def _corpus(rows: Sequence[Row], found: Sequence[Row] = (), method: str = "aligned") -> pl.DataFrame:
    """Make a corpus of rows (doc, key, src_lang, src, tgt), of which a model found some by ``method``."""
    table = [
        corpus_row(
            *texts, doc, key=key, src_lang=lang, n_src=n, n_tgt=n,
            method=method if (doc, key, lang, *texts) in found else "given",
        )
        for n, (doc, key, lang, *texts) in enumerate(rows)
    ]  # fmt: skip
    return table_from_rows(table, CORPUS_SCHEMA)


def _judged(*rows: Row, method: str = "given") -> pl.DataFrame:
    """A table of what people found good, of corpus rows."""
    return judged_table(
        judgement(pair_row(src, tgt, doc, src_lang=lang, method=method)) for doc, _, lang, src, tgt in rows
    )


def _document(prefix: str, split: str, params: Params) -> str:
    """Find a document name with the prefix that falls into the split."""
    names = (f"{prefix}/{n}" for n in range(1_000))
    return next(name for name in names if choose_split("django", name, params.split) == split)


PARAMS = _params()
TEST, DEV, TRAIN = (_document("django", split, PARAMS) for split in ("test", "dev", "train"))

TEST_ROW = (TEST, "a", "ru", "Введите имя пользователя и пароль", "Ulanyjy adyny we açar sözüni giriziň")
DEV_ROW = (DEV, "b", "ru", "Эта страница больше не существует", "Bu sahypa indi ýok")
TRAIN_ROW = (TRAIN, "c", "ru", "Файл слишком велик для загрузки", "Faýl ýüklemek üçin gaty uly")
ROWS = [TEST_ROW, DEV_ROW, TRAIN_ROW]
BOOK = ("Книга лежит на столе", "Kitap stoluň üstünde ýatyr")
TEA = ("Вечером мы пили чай", "Agşam çaý içdik")


def _folded(texts: pl.Series) -> set[str]:
    return {fold_for_matching(text) for text in texts}


def test_rows_go_where_their_document_goes() -> None:
    splits = split_corpus(_corpus(ROWS), [], PARAMS)
    assert splits.test["src"].to_list() == [TEST_ROW[3]]
    assert splits.dev["src"].to_list() == [DEV_ROW[3]]
    assert splits.train["src"].to_list() == [TRAIN_ROW[3]]
    assert splits.stats["rows"] == {
        "corpus": 3, "train": 1, "dev": 1, "test": 1, "removed": 0, "short_in_dev_and_test": 0,
        "found_in_dev_and_test": 0, "pivots_in_dev_and_test": 0,
    }  # fmt: skip
    assert splits.stats["by_source"]["test"] == {"django": 1}


def test_listed_sources_are_wholly_test_or_train() -> None:
    params = _params(test_sources=["udhr"], train_sources=["zod"])
    for n in range(30):
        assert choose_split("udhr", f"udhr/article-{n:02}", params.split) == "test"
        assert choose_split("zod", f"zod/{n}", params.split) == "train"


@pytest.mark.parametrize("method", ["aligned", "mined"])
def test_pairs_that_a_model_found_train_and_never_judge(method: str) -> None:
    corpus = _corpus(ROWS, [TEST_ROW, DEV_ROW], method)
    splits = split_corpus(corpus, [], PARAMS)
    assert (len(splits.test), len(splits.dev), len(splits.train)) == (0, 0, 3)


def test_a_found_pair_of_a_document_that_judges_is_a_distractor_only() -> None:
    other = (TEST, None, "ru", "Эту фразу нашла модель", "Bu sözlemi model tapdy")
    corpus = _corpus([*ROWS, other], [other])
    splits = split_corpus(corpus, [], PARAMS)
    assert splits.test["src"].to_list() == [TEST_ROW[3]]
    assert splits.train["src"].to_list() == [TRAIN_ROW[3]]
    assert ("tk", other[4]) in splits.pool.rows()


@pytest.mark.parametrize(("method", "gold"), [("aligned", 1), ("mined", 0)])
def test_a_found_pair_that_people_mended_is_still_no_test_pair(method: str, gold: int) -> None:
    corpus = _corpus(ROWS, [TEST_ROW], "annotated")
    splits = split_corpus(corpus, [], PARAMS, _judged(TEST_ROW, method=method))
    assert (len(splits.test), len(splits.gold)) == (0, gold)
    given = split_corpus(corpus, [], PARAMS, _judged(TEST_ROW))
    assert (len(given.test), len(given.gold)) == (1, 1)


def test_found_pairs_of_a_source_that_is_wholly_test_never_train() -> None:
    rows = [("udhr/a", None, "ru", "Все люди рождаются свободными", "Adamlaryň hemmesi azat dogulýar")]
    corpus = _corpus([*ROWS, *rows], rows)
    splits = split_corpus(corpus, [], _params(test_sources=["udhr"]))
    assert splits.train["source"].to_list() == ["django"]
    assert splits.test["source"].to_list() == ["django"]


def test_shares_hold_over_many_documents() -> None:
    params = _params(test_share=0.25, dev_share=0.1).split
    chosen = [choose_split("a", f"a/{n}", params) for n in range(4_000)]
    assert chosen.count("test") / 4_000 == pytest.approx(0.25, abs=0.03)  # four standard deviations
    assert chosen.count("dev") / 4_000 == pytest.approx(0.1, abs=0.02)


def test_short_rows_of_test_and_dev_documents_are_distractors_only() -> None:
    short = (TEST, "d", "ru", "Сохранить", "Ýatda sakla")
    splits = split_corpus(_corpus([*ROWS, short]), [], PARAMS)
    assert len(splits.test) == 1
    assert len(splits.train) == 1
    assert splits.stats["rows"]["short_in_dev_and_test"] == 1
    assert splits.stats["own_by_source"]["short_in_dev_and_test"] == {"django": 1}
    assert ("tk", "Ýatda sakla") in splits.pool.rows()
    assert ("ru", "Сохранить") in splits.pool.rows()


def test_pool_has_the_rest_of_the_corpus_and_no_test_text() -> None:
    echo = (TRAIN, "e", "ru", "Другое", TEST_ROW[4].upper())  # its tk side is a test text
    splits = split_corpus(_corpus([*ROWS, echo]), [], PARAMS)
    assert splits.pool.rows() == sorted(
        [("ru", DEV_ROW[3]), ("ru", TRAIN_ROW[3]), ("tk", DEV_ROW[4]), ("tk", TRAIN_ROW[4])]
    )


def test_pool_has_no_other_right_answer() -> None:
    rows = [
        # A short message with the translation of a test pair: its Russian would be right for that Turkmen.
        (TEST, "s", "ru", "Войти", TEST_ROW[4]),
        (TRAIN, "t", "ru", "Войти", "Gir"),
        # Another translation of a test message's English.
        (TEST, "a", "en", "Enter the user name and the password", TEST_ROW[4]),
        (TEST, "u", "en", "Enter the user name and the password", "Adyňyzy hem açar sözi ýazyň"),
        (TEST, "v", "ru", "Выйти", "Çyk"),
    ]
    splits = split_corpus(_corpus([*ROWS, *rows]), [], PARAMS)
    pool = set(splits.pool["text"])
    assert {"Gir", "Выйти", "Çyk"} <= pool
    assert not {"Войти", "Adyňyzy hem açar sözi ýazyň", TEST_ROW[4]} & pool


def test_pivots_stay_with_their_document_and_out_of_dev_and_test() -> None:
    rows = ROWS
    pivots = [
        (TEST, "a", "en", "Enter the user name and the password", TEST_ROW[4]),
        (DEV, "b", "tr", "Bu sayfa artık yok", DEV_ROW[4]),
        (TRAIN, "c", "en", "The file is too large to upload", TRAIN_ROW[4]),
    ]
    splits = split_corpus(_corpus([*rows, *pivots]), [], PARAMS)
    assert splits.train["src_lang"].to_list() == ["en", "ru"]
    assert set(splits.test["src_lang"]) | set(splits.dev["src_lang"]) == {"ru"}
    assert splits.stats["rows"]["pivots_in_dev_and_test"] == 2
    assert set(splits.pool["lang"]) == {"ru", "tk"}


@pytest.mark.parametrize(
    ("row", "reference", "kind", "langs"),
    [
        # The same but for capitals, marks, ё and numbers.
        (("ru", "введите имя пользователя, и пароль!", "Başga bir zat"), "test", "exact", "ru"),
        (("ru", "Совсем другое", "«Ulanyjy adyny we açar sözüni giriziň»"), "test", "exact", "tk"),
        (("ru", TEST_ROW[3], TEST_ROW[4]), "test", "exact", "ru+tk"),
        (("ru", "Эта страница больше не существует.", "Başga"), "dev", "exact", "ru"),
        # A word more, an ending changed.
        (("ru", "Введите имя пользователя и новый пароль", "Başga"), "test", "near", "ru"),
        (("ru", "Совсем другое", "Ulanyjy adyňyzy we açar sözüňizi giriziň"), "test", "near", "tk"),
        # The test sentence inside a longer one.
        (
            ("ru", "Чтобы продолжить работу в системе, введите имя пользователя и пароль, а затем нажмите "
             "кнопку внизу этой страницы и подождите", "Başga"),
            "test", "near", "ru",
        ),
        # The English and Turkish of a test message, and of a dev message.
        (("en", "Enter the user name and the password!", "Başga"), "test", "exact", "en"),
        (("tr", "Bu sayfa artık yoktur", "Başga"), "dev", "near", "tr"),
        # The benchmark, in any of its languages.
        (("ru", "Совсем другое", "Prezident duşuşyga 14-nji maýda geldi"), "benchmark news", "exact", "tk"),
        (("en", "The president came to the meeting in May, I hear", "Başga"), "benchmark news", "near", "en"),
    ],
)  # fmt: skip
def test_train_loses_what_matches_on_either_side(
    row: tuple[str, str, str], reference: str, kind: str, langs: str
) -> None:
    pivots = [
        (TEST, "a", "en", "Enter the user name and the password", TEST_ROW[4]),
        (DEV, "b", "tr", "Bu sayfa artık yok", DEV_ROW[4]),
    ]
    news = ["Prezident duşuşyga 15-nji maýda geldi", "The president came to the meeting in May"]
    corpus = _corpus([*ROWS, *pivots, (TRAIN, "z", *row)])
    splits = split_corpus(corpus, [make_fingerprint("news", {}, news)], PARAMS)
    assert splits.train["src"].to_list() == [TRAIN_ROW[3]]
    own = {"django": 1} if row[0] == "ru" else {}  # pivots are counted apart
    assert splits.stats["own_by_source"]["removed"] == own
    assert splits.stats["leakage"]["train"] == {
        "removed": 1,
        "by_reference": {reference: {kind: {langs: 1}}},
        "by_source": {"django": 1},
    }
    assert splits.stats["leakage"]["dev"]["removed"] == 0


def test_pivot_texts_are_protected_by_their_target_where_there_is_no_key() -> None:
    test_row = (TEST, None, "ru", *TEST_ROW[3:])
    pivot = (TEST, None, "en", "Enter the user name and the password", TEST_ROW[4])
    leak = (TRAIN, None, "en", "Enter the user name and the password", "Başga")
    splits = split_corpus(_corpus([test_row, DEV_ROW, TRAIN_ROW, pivot, leak]), [], PARAMS)
    assert splits.train["src"].to_list() == [TRAIN_ROW[3]]


def test_dev_loses_what_matches_test_or_a_benchmark() -> None:
    near = (DEV, "x", "ru", "Введите своё имя пользователя и пароль", "Başga")
    news = (DEV, "y", "ru", "Президент прибыл на встречу", "Prezident duşuşyga geldi")
    corpus = _corpus([*ROWS, near, news])
    splits = split_corpus(corpus, [make_fingerprint("news", {}, [news[3]])], PARAMS)
    assert splits.dev["src"].to_list() == [DEV_ROW[3]]
    assert splits.stats["leakage"]["dev"]["by_reference"] == {
        "test": {"near": {"ru": 1}},
        "benchmark news": {"exact": {"ru": 1}},
    }
    assert not set(splits.pool["text"]) & {near[3], near[4], news[3], news[4]}


def test_train_keeps_words_that_only_occur_in_test() -> None:
    word = (TRAIN, "w", "ru", "Пароль", "Açar söz")
    splits = split_corpus(_corpus([*ROWS, word]), [], PARAMS)
    assert "Пароль" in splits.train["src"].to_list()


@pytest.mark.parametrize(
    ("rows", "changes", "message"),
    [
        ([], {}, "expected pairs, found none"),
        (ROWS, {"min_test": 2}, "test has 1 pairs beside those of udhr, expected"),
        (ROWS, {"min_dev": 2}, "dev has 1 pairs, expected at least 2; raise split"),
        ([TEST_ROW, DEV_ROW], {}, "train has 0 pairs, expected at least 1"),
    ],
)  # fmt: skip
def test_a_split_that_is_too_small_is_an_error(
    rows: list[Row], changes: dict[str, int], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        split_corpus(_corpus(rows), [], _params(**changes))


# Few words, so that texts often meet again in other documents.
_WORDS = st.sampled_from(["faýl", "Faýl,", "ýok", "açar", "söz", "giriziň", "2", "10", "sahypa", "uly"])
_TEXT = st.lists(_WORDS, min_size=1, max_size=7).map(" ".join)
_ROW = st.tuples(
    st.integers(0, 11).map(lambda n: f"django/{n}"),
    st.one_of(st.none(), st.sampled_from("abc")),
    st.sampled_from(["ru", "en", "tr"]),
    _TEXT,
    _TEXT,
)
_OTHER_ROW = st.tuples(st.integers(0, 5).map(lambda n: f"antd/{n}"), st.none(), st.just("ru"), _TEXT, _TEXT)


# A row of train that none of them matches, so that train is never empty.
ANCHOR = (TRAIN, None, "ru", "Никто не знает этого", "Muny hiç kim bilmeýär")


def _split(rows: list[Any], fingerprints: Sequence[Fingerprint] = ()) -> Any:
    return split_corpus(_corpus([*rows, ANCHOR]), fingerprints, PARAMS)


def _documents(splits: Any) -> dict[str, set[str]]:
    return {name: set(getattr(splits, name)["doc"]) for name in ("train", "dev", "test")}


@given(st.lists(_ROW, max_size=40), _TEXT)
@settings(max_examples=60, deadline=None)
def test_no_document_or_text_is_in_two_splits_and_every_row_is_accounted_for(
    rows: list[Any], news: str
) -> None:
    splits = _split(rows, [make_fingerprint("news", {}, [news])])
    for one, other in itertools.combinations(_documents(splits).values(), 2):
        assert not one & other
    counts = dict(splits.stats["rows"])
    assert counts.pop("corpus") == sum(counts.values())
    train, dev, test = (
        _folded(table["src"]) | _folded(table["tgt"]) for table in (splits.train, splits.dev, splits.test)
    )
    assert not train & (dev | test | {fold_for_matching(news)})
    assert not dev & (test | {fold_for_matching(news)})
    assert not _folded(splits.pool["text"]) & test


@given(st.lists(_ROW, max_size=25), st.lists(_OTHER_ROW, max_size=25))
@settings(max_examples=60, deadline=None)
def test_adding_a_source_moves_no_document_and_leaves_the_old_test_rows(
    rows: list[Any], others: list[Any]
) -> None:
    before, after = _split(rows), _split([*rows, *others])
    old, new = _documents(before), _documents(after)
    for name in ("train", "dev", "test"):
        for elsewhere in {"train", "dev", "test"} - {name}:
            assert not old[name] & new[elsewhere]
    assert after.test.filter(source="django")["pair_id"].equals(before.test["pair_id"])


@given(st.lists(_ROW, max_size=30), st.randoms(use_true_random=False))
@settings(max_examples=30, deadline=None)
def test_the_order_of_the_corpus_does_not_matter(rows: list[Any], draw: random.Random) -> None:
    corpus = _corpus([*rows, ANCHOR])
    shuffled = corpus[draw.sample(range(len(corpus)), len(corpus))]
    one, other = split_corpus(corpus, [], PARAMS), split_corpus(shuffled, [], PARAMS)
    assert one.stats == other.stats
    assert one.train.equals(other.train)
    assert one.pool.equals(other.pool)


def test_gold_is_what_people_found_good_in_test_documents() -> None:
    corpus = _corpus(ROWS)
    splits = split_corpus(corpus, [], PARAMS, _judged(TEST_ROW, DEV_ROW, TRAIN_ROW))
    assert splits.gold["src"].to_list() == [TEST_ROW[3]]
    assert not set(splits.gold["doc"]) & set(splits.train["doc"])
    assert splits.stats["rows"]["gold"] == 1
    assert splits.stats["by_source"]["gold"] == {"django": 1}
    assert split_corpus(corpus, [], PARAMS, _judged(TEST_ROW, method="mined")).gold.is_empty()


@pytest.mark.parametrize(("split", "trained"), [("test", 0), ("dev", 2), ("train", 2)])
def test_a_good_judgement_takes_found_pairs_out_of_training_in_test_documents_alone(
    split: str, trained: int
) -> None:
    doc = _document("django/found", split, PARAMS)
    found = [(doc, None, "ru", *BOOK), (doc, None, "ru", *TEA)]
    corpus = _corpus([*ROWS, *found], found)
    splits = split_corpus(corpus, [], PARAMS, _judged(found[0], method="aligned"))
    assert splits.train.filter(doc=doc).height == trained
    assert splits.gold.height == (split == "test")


def test_every_kept_pair_is_in_one_part_whoever_found_or_judged_it() -> None:
    found = {
        "judged": (TEST, None, "ru", *BOOK),
        "left": (TEST, None, "ru", *TEA),
        "short": (DEV, None, "ru", "Сохранить", "Ýatda sakla"),
    }
    echo = (TRAIN, "e", "ru", "Вход в систему", TEST_ROW[4])
    corpus = _corpus([*ROWS, echo, *found.values()], list(found.values()))
    judged = pl.concat([_judged(TEST_ROW), _judged(found["judged"], method="aligned")])
    stats = split_corpus(corpus, [], PARAMS, judged).stats
    parts = ("train", "dev", "test", "gold_not_in_test", "short_in_dev_and_test", "found_in_dev_and_test")
    # The judged pair of test is in test alone; each of the others is the only one of its part.
    assert stats["own_by_source"] == {part: {"django": 1} for part in (*parts, "removed")}
    assert (stats["rows"]["gold"], stats["rows"]["found_in_dev_and_test"]) == (2, 1)
    assert len(corpus) == sum(part["django"] for part in stats["own_by_source"].values())


def test_train_and_dev_are_kept_clean_of_gold() -> None:
    # An aligned pair of a test document: gold once it is judged, but never test.
    gold_row = (_document("django/gold", "test", PARAMS), "g", "ru", *BOOK)
    echoes = [(doc, "e", "ru", BOOK[0], "Kitap stolda") for doc in (DEV, TRAIN)]
    corpus = _corpus([*ROWS, gold_row, *echoes], [gold_row])
    splits = split_corpus(corpus, [], PARAMS, _judged(gold_row, method="aligned"))
    assert splits.gold["src"].to_list() == [gold_row[3]]
    assert splits.test["src"].to_list() == [TEST_ROW[3]]
    for name in ("train", "dev"):
        assert gold_row[3] not in getattr(splits, name)["src"].to_list()
        assert splits.stats["leakage"][name]["by_reference"] == {"gold": {"exact": {"ru": 1}}}


def test_what_may_be_right_for_gold_is_no_distractor() -> None:
    gold_row = (_document("django/gold", "test", PARAMS), "g", "ru", *BOOK)
    # Another translation of its Russian side.
    other = (TEST, "o", "ru", BOOK[0], "Kitap stolda")
    corpus = _corpus([*ROWS, gold_row, other], [gold_row, other])
    assert {"Kitap stolda", gold_row[4]} <= set(split_corpus(corpus, [], PARAMS).pool["text"])
    splits = split_corpus(corpus, [], PARAMS, _judged(gold_row, method="aligned"))
    assert splits.gold["tgt"].to_list() == [gold_row[4]]
    assert not {"Kitap stolda", *gold_row[3:]} & set(splits.pool["text"])
