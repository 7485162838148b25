from __future__ import annotations

import pytest

from stages.lib.text.topics import is_religious
from tests.cases import read_cases
from tests.phrases import PHRASES

CASES = read_cases(__file__)


@pytest.mark.parametrize("texts", CASES["religious"])
def test_words_of_religious_text_tell_it(texts: dict[str, str]) -> None:
    assert is_religious(texts)


@pytest.mark.parametrize("texts", CASES["not_religious"])
def test_idioms_names_and_words_that_look_like_them_do_not(texts: dict[str, str]) -> None:
    assert not is_religious(texts)


def test_everyday_phrases_are_not_religious() -> None:
    assert not [pair for pair in PHRASES if is_religious({"ru": pair[0], "tk": pair[1]})]
