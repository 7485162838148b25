"""Pairs by key."""

from __future__ import annotations

import polars as pl
import pytest

from stages.align.keys import pair_by_key
from stages.lib.core.errors import DataError
from tests.stages.align.test_pairs import MESSAGES, row, table


def segments(*rows: tuple) -> pl.DataFrame:
    """Segments as read_extract gives them."""
    return table(*rows).with_row_index("row")


def test_segments_meet_by_document_and_key_in_the_target_s_order():
    # The same key in another document is another message.
    pairs = pair_by_key(segments(*MESSAGES, row("ru", "Чужое", "lonely", 3, doc="other")), "ru", "tk")
    assert pairs.select("doc", "src", "tgt", "n_src", "n_tgt").rows() == [
        ("django/conf", "Сегодня", "Şu gün", 1, 0),
        ("django/conf", "Да", "Hawa", 0, 1),
        ("django/contrib.admin", "Нет", "Ýok", 0, 0),
    ]


TURKMEN_FORMS = {"one": "{0} gün", "other": "{0} günler"}
RUSSIAN_FORMS = {"one": "{0} день", "few": "{0} дня", "many": "{0} дней", "other": "{0} дня (дробь)"}


@pytest.mark.parametrize(
    ("src", "tgt", "expected"),
    [
        # Turkmen `other` covers what Russian divides into few and many; Russian `other` is for fractions.
        (RUSSIAN_FORMS, TURKMEN_FORMS, {"{0} gün": "{0} день", "{0} günler": "{0} дней"}),
        # One form for all numbers, as after a number in any Turkic language.
        (RUSSIAN_FORMS, {"other": "{0} gün"}, {"{0} gün": "{0} дней"}),
        # No plural forms on one side: the singular, then the general form, is what a dictionary would list.
        (RUSSIAN_FORMS, {"": "gün"}, {"gün": "{0} день"}),
        ({"": "день"}, TURKMEN_FORMS, {"{0} gün": "день", "{0} günler": "день"}),
        ({"one": "day", "other": "days"}, TURKMEN_FORMS, {"{0} gün": "day", "{0} günler": "days"}),
        # The other way about: Turkmen has no `few`.
        (
            TURKMEN_FORMS,
            RUSSIAN_FORMS,
            {form: "{0} gün" if form == "{0} день" else "{0} günler" for form in RUSSIAN_FORMS.values()},
        ),
    ],
)
def test_plural_forms_meet_the_form_that_says_the_same(src, tgt, expected):
    def rows(lang: str, forms: dict[str, str]) -> list[tuple]:
        return [
            row(lang, text, f"day#{form}" if form else "day", n)
            for n, (form, text) in enumerate(forms.items())
        ]

    pairs = pair_by_key(segments(*rows("ru", src), *rows("tk", tgt)), "ru", "tk")
    assert dict(pairs.select("tgt", "src").rows()) == expected
    assert len(pairs) == len(tgt)


def test_segments_without_a_key_are_left_for_other_methods():
    assert pair_by_key(segments(row("ru", "Да", None), row("tk", "Hawa", None)), "ru", "tk").is_empty()


def test_a_key_that_comes_twice_is_named():
    rows = [row("ru", "Да", "yes"), row("ru", "Ага", "yes", 1), row("tk", "Hawa", "yes")]
    with pytest.raises(DataError, match=r"django: key 'yes' comes twice in django/conf \(ru\)"):
        pair_by_key(segments(*rows), "ru", "tk")
