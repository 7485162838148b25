from __future__ import annotations

import pytest

from stages.lib.core.errors import DataError
from stages.lib.text.language import LanguageCheck, known_languages

# What the check does to NTREX-128 news (1,997 sentences a language) is measured by hand and stands in the
# docstring of LanguageCheck: the benchmark is not in the repository, and chose neither words nor threshold.

TURKMEN = [
    "Bu sahypa tapylmady we öçürildi.",  # the detector alone is 96 % sure that this is Turkish
    "Siz bu faýly açyp bilmersiňiz.",
    "Mugallym okuwçylara täze kitap paýlady.",
    "Şu gün howa gowy bolar.",
    "Ulanyjy ady ýa-da parol ýalňyş.",
    "Google Chrome brauzeriniň täze görnüşi",  # names with foreign letters
    "Recep Tayyip Erdoğan Aşgabada geldi.",
    "Serwer jogap bermedi",
    "avformat_open_input() ýerine ýetmedi",  # names of functions are in no language
]
OTHERS = [
    ("tr", "Bu sayfa bulunamadı ve silindi."),
    ("tr", "Kullanıcı adı veya parola yanlış."),
    ("en", "The page was not found and has been deleted."),
    ("ru", "Страница не найдена и удалена."),
    ("uz", "Bu sahifa topilmadi va o'chirildi."),
    ("az", "Bu səhifə tapılmadı və silindi."),
    ("kk", "Бұл бет табылмады және жойылды."),
]


@pytest.mark.parametrize("text", TURKMEN)
def test_good_turkmen_stays(text: str) -> None:
    check = LanguageCheck("tk")
    assert check.accept(check.score(text))


@pytest.mark.parametrize(("lang", "text"), OTHERS)
def test_another_language_is_named_and_refused(lang: str, text: str) -> None:
    check = LanguageCheck("tk")
    verdict = check.score(text)
    assert not check.accept(verdict)
    assert verdict.lang == lang


@pytest.mark.parametrize(("lang", "text"), OTHERS)
def test_each_language_is_accepted_as_itself(lang: str, text: str) -> None:
    check = LanguageCheck(lang)
    assert check.accept(check.score(text))


def test_texts_under_three_words_are_not_judged() -> None:
    check = LanguageCheck("tk")
    assert check.accept(check.score("Save file"))
    assert check.score("%(name)s {0} file").evidence == 0.0


def test_the_threshold_moves_without_rescoring() -> None:
    verdict = LanguageCheck("tk").score("Bu sayfa bulunamadı ve silindi.")
    assert LanguageCheck("tk", max_evidence=verdict.evidence + 0.1).accept(verdict)
    assert not LanguageCheck("tk", max_evidence=verdict.evidence).accept(verdict)


def test_an_unknown_language_is_an_error_that_lists_the_known_ones() -> None:
    with pytest.raises(DataError, match=r"xx.*known are az, en"):
        LanguageCheck("xx")
    assert "tk" in known_languages()
