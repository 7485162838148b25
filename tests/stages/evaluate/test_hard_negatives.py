from __future__ import annotations

from pathlib import Path

import pytest

from stages.evaluate.hard_negatives import MAX_PER_KIND, corrupt


def test_corruption_by_hand():
    rows = Path(__file__).with_name("corruptions.tsv").read_text(encoding="utf-8").splitlines()[1:]
    assert len(rows) == 59
    for lang, kind, text, expected in (row.split("\t") for row in rows):
        copies = [copy.text for copy in corrupt(text, lang) if copy.kind == kind]
        assert copies == [expected] * bool(expected), text


RU = [
    "Все люди рождаются свободными и равными в своём достоинстве и правах.",
    "Нажмите кнопку «Сохранить», чтобы не потерять изменения за 3 дня.",
    "В январе 1991 года в Москве открыли 12 новых мостов; все они больше старых.",
    "{count} файлов удалено из %(folder)s",
    "",
    "!!!",
]
TK = [
    "Ähli adamlar azat doglan we deň hukuklydyr.",
    "3 günüň üýtgetmelerini ýitirmezlik üçin «Sakla» düwmesine basyň.",
    "1991-nji ýylyň ýanwar aýynda Moskwada 12 täze köpri açyldy, olar könelerden uly.",
    "{count} faýl %(folder)s bukjasyndan aýryldy",
    "",
    "!!!",
]


@pytest.mark.parametrize(("lang", "text"), [("ru", t) for t in RU] + [("tk", t) for t in TK])
def test_copies_differ_from_the_text_and_from_each_other(lang, text):
    copies = corrupt(text, lang)
    texts = [copy.text for copy in copies]
    assert text not in texts
    assert len(set(texts)) == len(texts)
    assert all(sum(c.kind == kind for c in copies) <= MAX_PER_KIND for kind in {c.kind for c in copies})
    assert copies == corrupt(text, lang)
    for copy in copies:
        # One place changed: nearly all of the text stays, placeholders and brackets included.
        assert abs(len(copy.text) - len(text)) <= 12
        assert copy.text.count("{count}") == text.count("{count}")
        assert copy.text.count("%(folder)s") == text.count("%(folder)s")
        assert "  " not in copy.text
        assert copy.text[:1].isupper() == text[:1].isupper()


def test_a_rich_sentence_gets_all_kinds():
    assert {copy.kind for copy in corrupt(RU[2], "ru")} >= {"number", "entity", "direction"}
    assert {copy.kind for copy in corrupt(TK[2], "tk")} == {"number", "entity", "negation", "direction"}


def test_a_language_without_lists_gets_numbers_only():
    assert {copy.kind for copy in corrupt("1991 жылы Мәскеуде 12 жаңа көпір ашылды", "kk")} == {"number"}


@pytest.mark.parametrize(
    ("text", "lang"),
    [
        ("İki köpri gurlar.", "tk"),  # re.IGNORECASE takes İ and ı for i, str.lower does not
        ("ıki köpri gurlar.", "tk"),
        ("İýul aýynda.", "tk"),
        ("Файл для Wındows.", "ru"),
    ],
)
def test_words_with_a_turkish_i_stay(text, lang):
    assert corrupt(text, lang) == ()
