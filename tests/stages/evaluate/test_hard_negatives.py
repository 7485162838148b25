from __future__ import annotations

import pytest

from stages.evaluate.hard_negatives import MAX_PER_KIND, corrupt


def made(text: str, lang: str, kind: str) -> list[str]:
    return [copy.text for copy in corrupt(text, lang) if copy.kind == kind]


@pytest.mark.parametrize(
    ("lang", "kind", "text", "expected"),
    [
        # Numbers: the last digit, never to 0 or 1, and the words of small numbers.
        ("ru", "number", "Осталось 14 дней.", ["Осталось 17 дней."]),
        ("ru", "number", "Введите не менее 8 символов", ["Введите не менее 3 символов"]),
        ("ru", "number", "Было два моста", ["Было три моста"]),
        ("ru", "number", "Первый мост закрыт", ["Второй мост закрыт"]),
        ("tk", "number", "14 gün galdy", ["17 gün galdy"]),
        ("tk", "number", "Üç köpri bar", ["Dört köpri bar"]),
        ("uz", "number", "2 ta ko'prik", ["5 ta ko'prik"]),
        # Placeholders are no numbers.
        ("ru", "number", "Показано $1 из {0} строк, %2$s", []),
        # Names: the ending stays, the stem changes.
        ("ru", "entity", "Она живёт в Германии", ["Она живёт во Франции"]),
        ("ru", "entity", "Поезд из Ашхабада", ["Поезд из Ташкента"]),
        ("ru", "entity", "Русский язык", ["Английский язык"]),
        ("ru", "entity", "в понедельник", ["во вторник"]),
        ("ru", "entity", "Во вторник во дворе", ["В четверг во дворе"]),
        ("tk", "entity", "Ol Germaniýada ýaşaýar", ["Ol Fransiýada ýaşaýar"]),
        ("tk", "entity", "Türkmenistanyň Konstitusiýasy", ["Gazagystanyň Konstitusiýasy"]),
        ("tk", "entity", "Rus dili", ["Fransuz dili"]),
        ("ru", "entity", "Сохранить как PDF", ["Сохранить как HTML"]),
        ("tk", "entity", "PDF görnüşinde sakla", ["HTML görnüşinde sakla"]),
        # Negation: taken away where there is one, put in where there is none.
        ("ru", "negation", "Файл не найден", ["Файл найден"]),
        ("ru", "negation", "Не удалось открыть файл", ["Удалось открыть файл"]),
        ("ru", "negation", "Файл найден", ["Файл не найден"]),
        ("ru", "negation", "Каждый человек имеет право на жизнь", ["Каждый человек не имеет право на жизнь"]),
        ("ru", "negation", "Здесь можно курить", ["Здесь нельзя курить"]),
        # A double negation, or a set phrase, would break.
        ("ru", "negation", "Никто не должен содержаться в рабстве", []),
        ("ru", "negation", "Не только файлы", []),
        ("tk", "negation", "Faýl tapylmady", ["Faýl tapyldy"]),
        ("tk", "negation", "Faýl tapyldy", ["Faýl tapylmady"]),
        ("tk", "negation", "Ol gelýär", ["Ol gelmeýär"]),
        ("tk", "negation", "Ol saklamaýar", ["Ol saklaýar"]),
        (
            "tk",
            "negation",
            "Her bir adamyň ýaşamaga hukugy bardyr.",
            ["Her bir adamyň ýaşamaga hukugy ýokdur."],
        ),
        ("tk", "negation", "Bu dogry däl.", ["Bu dogry."]),
        ("tk", "negation", "Bu mümkin", ["Bu mümkin däl"]),
        ("tk", "negation", "Adamlar goralmalydyr", ["Adamlar goralmaly däldir"]),
        ("tk", "negation", "Faýly saýlaň", ["Faýly saýlamaň"]),
        ("tk", "negation", "Açar sözi giriziň", ["Açar sözi girizmäň"]),
        ("tk", "negation", "Hiç kim gelmeýär", []),
        ("tk", "negation", "Kitap", []),
        ("tk", "negation", "şindi", []),
        # Direction and degree.
        ("ru", "direction", "Ждите до вечера", ["Ждите после вечера"]),
        ("ru", "direction", "Больше слов", ["Меньше слов"]),
        ("ru", "direction", "Тем не менее мост открыт", ["Тем не менее мост закрыт"]),
        ("ru", "direction", "до сих пор", []),
        ("tk", "direction", "Dersden soň", ["Dersden öň"]),
        ("tk", "direction", "Uly köpri", ["Kiçi köpri"]),
        ("uz", "number", "Uch kun qoldi", ["Toʻrt kun qoldi"]),
        ("uz", "entity", "Oʻzbekistonning poytaxti", ["Tojikistonning poytaxti"]),
        ("uz", "entity", "dushanba kuni", ["seshanba kuni"]),
        ("uz", "negation", "Fayl topilmadi", ["Fayl topildi"]),
        ("uz", "negation", "Fayl topildi", ["Fayl topilmadi"]),
        ("uz", "negation", "U ishlamaydi", ["U ishlaydi"]),
        ("uz", "negation", "U keladi", ["U kelmaydi"]),
        ("uz", "negation", "Bu toʻgʻri emas.", ["Bu toʻgʻri."]),
        ("uz", "negation", "Bu mumkin", ["Bu mumkin emas"]),
        ("uz", "negation", "Faylni tanlang", ["Faylni tanlamang"]),
        ("uz", "negation", "Parolni kiritmang.", ["Parolni kiriting."]),
        ("uz", "negation", "Saqlamang", ["Saqlang"]),
        ("uz", "negation", "Hech kim kelmadi", []),
        ("uz", "negation", "Kitob", []),
        ("uz", "direction", "Chap tomon", ["Oʻng tomon"]),
    ],
)
def test_corruption_by_hand(lang, kind, text, expected):
    assert made(text, lang, kind) == expected


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
