from __future__ import annotations

import pytest

from stages.lib.text.topics import is_religious
from tests.phrases import PHRASES


@pytest.mark.parametrize(
    "texts",
    [
        {"ru": "Иисус сказал ученикам: идите."},
        {"ru": "В Библии написано об этом."},
        {"ru": "ХРИСТОС воскрес."},
        {"ru": "Свидетели Иеговы читают вслух."},
        {"tk": "Isa Mesih şeýle diýdi."},
        {"tk": "Ýehowa Hudaýyň guly."},
        {"tk": "Ol Gurhan okaýar."},
        # One side is enough.
        {"ru": "Он сказал так.", "tk": "Pygamber şeýle diýdi."},
    ],
)
def test_words_of_religious_text_tell_it(texts: dict[str, str]) -> None:
    assert is_religious(texts)


@pytest.mark.parametrize(
    "texts",
    [
        {"ru": "Ради бога, не шумите."},
        {"ru": "Христина купила иисусики."},  # a name; a toy
        {"ru": "Господин директор занят."},
        {"ru": "Он пошёл в библиотеку и взял библиографию."},
        {"ru": "Корандаш — это опечатка."},
        {"tk": "Alada etme."},
        {"tk": "Allan bilen duşuşdy."},
        {"en": "Jesus said."},  # no word list, no opinion
    ],
)
def test_idioms_names_and_words_that_look_like_them_do_not(texts: dict[str, str]) -> None:
    assert not is_religious(texts)


def test_everyday_phrases_are_not_religious() -> None:
    assert not [pair for pair in PHRASES if is_religious({"ru": pair[0], "tk": pair[1]})]
