from __future__ import annotations

import pytest

from stages.lib.core.errors import DataError
from stages.lib.text.language import LanguageCheck
from tests.cases import read_cases

CASES = read_cases(__file__)

# What the check does to NTREX-128 news (1,997 sentences a language) is measured by hand and stands in the
# docstring of LanguageCheck: the benchmark is not in the repository, and chose neither words nor threshold.

TURKMEN = CASES["turkmen"]
OTHERS = CASES["other_languages"]


# The evidence from which on the clean stage refuses a text (params.yaml: max_foreign_evidence).
REFUSED = 2.0


@pytest.mark.parametrize("text", TURKMEN)
def test_good_turkmen_stays(text: str) -> None:
    assert LanguageCheck("tk").score(text).evidence < REFUSED


@pytest.mark.parametrize(("lang", "text"), OTHERS)
def test_another_language_is_named_and_refused_but_accepted_as_itself(lang: str, text: str) -> None:
    verdict = LanguageCheck("tk").score(text)
    assert verdict.evidence >= REFUSED
    assert verdict.lang == lang
    assert LanguageCheck(lang).score(text).evidence < REFUSED


@pytest.mark.parametrize("text", ["Save file", "%(name)s {0} file"])
def test_texts_under_three_words_are_not_judged(text: str) -> None:
    assert LanguageCheck("tk").score(text).evidence == 0.0


def test_an_unknown_language_is_an_error_that_lists_the_known_ones() -> None:
    with pytest.raises(DataError, match=r"xx.*known are az, en"):
        LanguageCheck("xx")
