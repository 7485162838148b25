"""Language versions find each other, and nothing else."""

from __future__ import annotations

import datetime as dt
import random

import pytest

from crawler.pages import LOCAL
from crawler.pairing import Candidate, Paired, pair_pages, title_score


def page(key: str, number: str | None, day: int = 1, title: str = "", **more: object) -> Candidate:
    date = dt.datetime(2024, 1, 1, 12, tzinfo=LOCAL) + dt.timedelta(days=day)
    return Candidate(key, key.partition(":")[0], number, date, title, **more)  # type: ignore[arg-type]


def test_one_number_is_one_document_in_every_language() -> None:
    pages = [page("ru:1", "91"), page("tk:1", "91"), page("en:1", "91"), page("ru:2", "92")]
    paired = pair_pages("site", pages)
    assert paired["ru:1"] == paired["tk:1"] == paired["en:1"] == Paired("site/91", "id")
    assert paired["ru:2"] == Paired("site/92", None)


def test_equal_numbers_that_are_years_apart_are_a_coincidence() -> None:
    paired = pair_pages("site", [page("ru:1", "5", day=1), page("tk:1", "5", day=900)])
    assert paired["ru:1"].doc != paired["tk:1"].doc
    assert paired["ru:1"].how is None


def test_numbers_are_not_trusted_where_each_language_counts_for_itself() -> None:
    pages = [page(f"ru:{n}", str(n), day=n) for n in range(20)]
    pages += [page(f"tk:{n}", str(n), day=n + 12) for n in range(20)]
    assert {paired.how for paired in pair_pages("site", pages).values()} == {None}
    together = [page(f"{lang}:{n}", str(n), day=n) for n in range(20) for lang in ("ru", "tk")]
    assert {paired.how for paired in pair_pages("site", together).values()} == {"id"}


def test_a_page_s_own_word_counts_more_than_an_equal_number() -> None:
    pages = [page("ru:1", "5", links=(("tk:7", "hreflang"),)), page("tk:1", "5"), page("tk:7", "7")]
    paired = pair_pages("site", pages)
    assert paired["ru:1"] == paired["tk:7"] == Paired("site/5", "hreflang")
    assert paired["tk:1"].doc not in ("site/5", "site/7")


def test_one_side_s_link_is_enough_and_alternate_is_weaker_than_hreflang() -> None:
    links = (("tk:2", "alternate"), ("tk:3", "hreflang"))
    pages = [page("ru:1", "1", links=links), page("tk:2", "2"), page("tk:3", "3")]
    paired = pair_pages("site", pages)
    assert paired["ru:1"].doc == paired["tk:3"].doc
    assert paired["tk:2"].how is None


def test_the_same_day_and_a_like_title_make_candidates_only_of_lone_pages() -> None:
    pages = [
        page("ru:1", "1", 3, "12 марта в Ашхабаде состоится книжная ярмарка"),
        page("ru:2", "2", 3, "14 марта в Мары состоится концерт"),
        page("tk:8", "8", 3, "12-nji martda Aşgabatda kitap ýarmarkasy geçiriler"),
        page("tk:9", "9", 4, "14-nji martda Maryda konsert geçiriler"),
    ]
    paired = pair_pages("site", pages)
    assert paired["ru:1"] == paired["tk:8"] == Paired("site/1", "date+title")
    assert paired["ru:2"].how is None
    assert paired["tk:9"].how is None


def test_books_are_paired_by_isbn_then_by_subject_and_grade_if_that_is_unique() -> None:
    books = [
        Candidate("ru:a", "ru", "1", isbn="9789943000001"),
        Candidate("tk:a", "tk", "2", isbn="9789943000001"),
        Candidate("ru:b", "ru", "3", work="history 7"),
        Candidate("tk:b", "tk", "4", work="history 7"),
        Candidate("ru:c", "ru", "5", work="algebra 8"),
        Candidate("tk:c", "tk", "6", work="algebra 8"),
        Candidate("tk:d", "tk", "7", work="algebra 8"),  # which of the two?
    ]
    paired = pair_pages("uzedu", books)
    assert paired["ru:a"] == paired["tk:a"] == Paired("uzedu/1", "isbn")
    assert paired["ru:b"] == paired["tk:b"] == Paired("uzedu/3", "title")
    assert paired["ru:c"].how is None


def test_the_order_of_the_pages_does_not_matter() -> None:
    pages = [page(f"{lang}:{n}", str(n // 2), n % 9) for n in range(60) for lang in ("ru", "tk", "en")]
    expected = pair_pages("site", pages)
    for seed in range(3):
        random.Random(seed).shuffle(pages)
        assert pair_pages("site", pages) == expected


@pytest.mark.parametrize(
    ("ru", "tk", "alike"),
    [
        ("Президент Туркменистана провёл заседание", "Türkmenistanyň Prezidenti mejlis geçirdi", True),
        ("В Мары открыли школу на 500 мест", "Maryda 500 orunlyk mekdep açyldy", True),
        ("В Мары открыли школу на 500 мест", "Maryda 600 orunlyk mekdep açyldy", False),
        ("", "Ertir", False),
    ],
)
def test_titles_are_alike_across_scripts_by_names_and_numbers(ru: str, tk: str, alike: bool) -> None:
    assert (title_score(ru, tk) > 0.1) == alike
