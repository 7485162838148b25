from __future__ import annotations

import random
import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from stages.lib.text.normalise import (
    align_case,
    find_near_duplicates,
    find_templates,
    fold,
    group_id,
    has_leftover_markup,
    is_all_caps,
    normalise,
    placeholders,
    repair_homoglyphs,
    repair_marks,
    script_share,
    strip_invisible,
    to_sentence_case,
)

# Pieces that the rules look at, so that random texts meet them often.
PIECES = st.sampled_from(
    [
        "&",
        "&&",
        "_",
        "__",
        "&amp;",
        "&lt;",
        "&gt;",
        "&#38;",
        "&nbsp;",
        "&#769;",
        "<b>",
        "</b>",
        "<br/>",
        "<",
        ">",
        "<a href='%s'>",
        "{{PLURAL:$1|",
        "{{GENDER:",
        "|",
        "}}",
        "{{",
        "{0}",
        "{",
        "}",
        "[[",
        "]]",
        "[",
        "]",
        "[https://a.tm ",
        "'''",
        "''",
        "==",
        "%s",
        "%",
        "%%",
        "%(ad)s",
        "$1",
        "$",
        "${x}",
        "(&F)",
        "(_",
        "\u00a0",
        "\u200b",
        "\u00ad",
        "\ufeff",
        "\ue000",
        "\n",
        "* ",
        "#",
        "Faýl",
        "сохранить",
        "e",
        "R",
        "d",
        "1",
        " ",
        "ý",
        "ň",
        "\u0418\u0306",
        "\u0301",
    ]
)
MESSY = st.one_of(st.text(), st.lists(PIECES, max_size=14).map("".join))


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        # mnemonics
        ("_Faýl", "Faýl"),
        ("&Сохранить как…", "Сохранить как…"),
        ("Ýa&p", "Ýap"),
        ("Са_хранить", "Сахранить"),
        ("Faýl (&F)", "Faýl"),
        ("Gözle(_F)...", "Gözle..."),
        ("Kes && Goý", "Kes & Goý"),
        ("R&D bölümi", "R&D bölümi"),
        ("AT&T", "AT&T"),
        ("faýl__ady", "faýl ady"),
        ("preg_match ýalňyşlygy", "preg_match ýalňyşlygy"),
        ("MAX_SIZE uly", "MAX_SIZE uly"),
        ("max_file_size uly", "max_file_size uly"),
        # placeholders stay
        ("%s tapylmady", "%s tapylmady"),
        ("%(count)d faýl, {0}, {name}, ${x}, $1", "%(count)d faýl, {0}, {name}, ${x}, $1"),
        ("100%% taýýar", "100% taýýar"),
        # wiki forms
        ("$1 {{PLURAL:$1|файл|файла|файлов}}", "$1 файлов"),
        ("{{PLURAL:$1|1=топар|$1 topar|0=hiç}} bar", "$1 topar bar"),
        ("{{PLURAL:$1|1=топар}}", "топар"),  # only forms for one number: the last of them
        ("{{GENDER:$2|участник|участница}} $1", "участник $1"),
        ("{{grammar:genitive|{{SITENAME}}}}: письмо", "{{SITENAME}}: письмо"),
        ("{{PLURAL:$1|{{GENDER:$2|он|она}}|они}} здесь", "они здесь"),
        ("«{{int:save}}» düwmesi", "«{{int:save}}» düwmesi"),
        # markup
        ("'''Duýduryş:''' <b>öç</b>ürildi<br />soň", "Duýduryş: öçürildi soň"),
        ("[[Special:Log|Gündelik]] we [[Baş sahypa]]", "Gündelik we Baş sahypa"),
        ("[https://example.org salgy] bu", "salgy bu"),
        ("[{{fullurl:{{#Special:Log}}|page=x}} Gündelikde]", "Gündelikde"),
        ('<a href="%s">giriň</a>', "giriň"),
        ("&laquo;Faýl&raquo;&nbsp;&amp;&nbsp;surat", "«Faýl» & surat"),
        ("<code>&lt;ref&gt;</code> tegi", "ref tegi"),
        ("текст&lt;ref&gt;ссылка&lt;/ref&gt;.", "текст ref ссылка ref."),
        ("== Sözbaşy ==\n* bir\n* iki", "Sözbaşy bir iki"),
        ("<имя файла> ýok", "<имя файла> ýok"),  # no tag: a reader sees it
        ("5 < 6, 7 > 2", "5 < 6, 7 > 2"),
        # characters
        ("\u200bsalam\u00ad \u202adünýä\ufeff\u00a0!", "salam dünýä !"),
        ("и\u0306од", "йод"),
    ],
)
def test_normalise_shows_what_a_reader_sees(raw: str, clean: str) -> None:
    assert normalise(raw) == clean
    assert normalise(clean) == clean


@settings(max_examples=400, deadline=None)
@given(MESSY)
@example("R&&d")
@example("a__b_c")
@example("&amp;amp;lt;b&amp;gt;")
@example("e&#769;")
@example("%%%s")
def test_normalise_twice_is_normalise_once(text: str) -> None:
    once = normalise(text)
    assert normalise(once) == once


@settings(max_examples=200, deadline=None)
@given(MESSY)
def test_normalised_text_is_nfc_without_invisible_characters_or_odd_spaces(text: str) -> None:
    once = normalise(text)
    assert unicodedata.is_normalized("NFC", once)
    assert once == once.strip()
    assert "  " not in once
    assert not [char for char in once if unicodedata.category(char) in ("Cc", "Cf", "Co", "Cn", "Zl", "Zp")]


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            ["%s", "%(ad)s", "{0}", "{name}", "${x}", "$1", "$2", "faýl", "söz", "%1$s", "{{SITENAME}}"]
        ),
        min_size=1,
        max_size=10,
    )
)
def test_normalise_loses_no_placeholder_between_words(words: list[str]) -> None:
    expected = sorted(word for word in words if word not in ("faýl", "söz"))
    assert sorted(placeholders(normalise(" ".join(words))).elements()) == expected


def test_normalise_ends_on_deep_nesting() -> None:
    text = "&" + "amp;" * 300 + "lt;"
    assert normalise(normalise(text)) == normalise(text)
    assert "faýl" in normalise("{{PLURAL:$1|" * 60 + "faýl" + "}}" * 60)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("%d faýldan %d", ["%d", "%d"]),
        ("50%den köp", []),  # a per cent sign with a Turkmen ending
        ("100 % dogry", []),
        ("$5.20 töle", []),
        ("{{ count }} ýazgy", ["{{count}}"]),
        ("%1$s we %2$s", ["%1$s", "%2$s"]),
        ("{total:.2f} {}", ["{total:.2f}", "{}"]),
    ],
)
def test_placeholders_are_told_from_text(text: str, found: list[str]) -> None:
    assert sorted(placeholders(text).elements()) == found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{#if:$1|hawa|ýok}}", True),
        ("[[Special:Log|ýok", True),
        ("<meta name='x'> ýazyň", True),
        ("|- | hatar 1", True),
        ("{count, plural, one {# faýl} other {# faýl}}", True),
        ("{{SITENAME}} saýty", False),
        ("formaty SS:MM[:ss[.uuuuuu]]", False),
    ],
)
def test_leftover_markup_is_seen(text: str, expected: bool) -> None:
    assert has_leftover_markup(text) is expected


def test_strip_invisible_keeps_the_letters() -> None:
    assert strip_invisible("\u2066Aş\u2069gabat\u2009\u200d şäheri\x07") == "Aşgabat şäheri"
    assert strip_invisible("☎\ufe0e") == strip_invisible("☎\ufe0f") == "☎"


@pytest.mark.parametrize(
    ("text", "lang", "expected"),
    [
        ("S\u0430hyp\u0430", "tk", ("Sahypa", False)),  # Cyrillic а
        ("Стр\u0061ница", "ru", ("Страница", False)),  # Latin a
        ("Файл HTML-страницы", "ru", ("Файл HTML-страницы", False)),  # a Latin word is a name
        ("sal\u0441am", "tk", ("sal\u0441am", True)),  # с would be c, which Turkmen lacks
        ("salжm", "tk", ("salжm", True)),
        ("%(\u0430)s Sahypa", "tk", ("%(\u0430)s Sahypa", False)),  # a placeholder is not a word
        ("Привет", "ru", ("Привет", False)),
    ],
)
def test_homoglyphs_are_repaired_where_there_is_one_way(
    text: str, lang: str, expected: tuple[str, bool]
) -> None:
    assert repair_homoglyphs(text, lang) == expected


def test_script_share_leaves_placeholders_aside() -> None:
    assert script_share("%(name)s не найден", "Cyrl") == 1.0
    assert script_share("Faýl файл", "Cyrl") == 0.5
    assert script_share("123", "Latn") == 0.0


@pytest.mark.parametrize(
    ("text", "lang", "expected"),
    [
        ("ВНИМАНИЕ", "ru", True),
        ("ÜNS BERIŇ!", "tk", True),
        ("ДНК", "ru", False),
        ("HTTP", "tk", False),
        ("HTML CSS", "ru", False),
        ("Внимание", "ru", False),
        ("IP adres", "tk", False),
    ],
)
def test_headings_in_capitals_are_told_from_acronyms(text: str, lang: str, expected: bool) -> None:
    assert is_all_caps(text, lang) is expected


def test_sentence_case_keeps_acronyms_and_placeholders() -> None:
    assert (
        to_sentence_case("ОШИБКА HTTP: %(NAME)s ДНК НЕ НАЙДЕНА", "ru")
        == "Ошибка HTTP: %(NAME)s ДНК не найдена"
    )
    assert to_sentence_case("YENİ IŞIK", "tr") == "Yeni ışık"


@pytest.mark.parametrize(
    ("src", "tgt", "expected"),
    [
        ("ВНИМАНИЕ", "ÜNS BERIŇ", ("Внимание", "Üns beriň")),
        ("ВНИМАНИЕ", "Üns beriň", ("Внимание", "Üns beriň")),
        ("новая страница", "Täze sahypa", ("Новая страница", "Täze sahypa")),
        ("Ашхабад", "aşgabat", ("Ашхабад", "Aşgabat")),
        ("новая", "täze", ("новая", "täze")),
        ("Телефон", "iPhone", ("Телефон", "iPhone")),
        ("«новая»", "Täze", ("«Новая»", "Täze")),
    ],
)
def test_both_sides_get_the_same_capitals(src: str, tgt: str, expected: tuple[str, str]) -> None:
    assert align_case(src, "ru", tgt, "tk") == expected
    assert align_case(*(expected[0], "ru", expected[1], "tk")) == expected


def test_groups_ignore_capitals_and_punctuation_but_not_words_or_language() -> None:
    assert group_id("Täze sahypa.", "tk") == group_id("täze sahypa", "tk")
    assert group_id("Täze sahypa", "tk") != group_id("Köne sahypa", "tk")
    assert group_id("Menu", "tk") != group_id("Menu", "en")
    assert fold("…", "tk") == "…"


def test_templates_are_texts_that_differ_in_a_number_or_a_name() -> None:
    names = ["Aman", "Bahar", "Maral", "Jeren", "Serdar", "Oguz"]
    texts = [f"{name} sahypany üýtgetdi" for name in names] + [f"{n} gün galdy" for n in range(6)]
    texts += ["Täze sahypa döret", "Şu ýere basyň", "Ýapmak"]
    templates = find_templates(texts, min_count=5)
    assert len(set(templates[:6])) == 1
    assert templates[0] is not None
    assert len(set(templates[6:12])) == 1
    assert templates[6] is not None
    assert templates[6] != templates[0]
    assert templates[12:] == [None, None, None]


def test_few_texts_are_no_template() -> None:
    assert find_templates([f"{n} gün galdy" for n in range(5)], min_count=5) == [None] * 5


def _jaccard(one: str, other: str) -> float:
    grams = [{text[i : i + 4] for i in range(max(1, len(text) - 3))} for text in (one, other)]
    return len(grams[0] & grams[1]) / len(grams[0] | grams[1])


def test_near_duplicates_are_exactly_those_that_comparing_all_finds() -> None:
    rng = random.Random(5)
    words = [
        "sahypa",
        "faýl",
        "ulanyjy",
        "täze",
        "köne",
        "aç",
        "ýap",
        "gözle",
        "üýtget",
        "ýazgy",
        "kitap",
        "söz",
        "dil",
        "sanaw",
    ]
    texts = []
    for _ in range(120):
        text = " ".join(rng.choices(words, k=rng.randint(1, 12)))
        texts.append(text)
        if rng.random() < 0.5:
            at = rng.randrange(len(text))
            texts.append(text[:at] + rng.choice("abç") + text[at + 1 :])
    rng.shuffle(texts)
    for threshold in (0.5, 0.8, 0.9):
        kept: list[int] = []
        expected: list[int | None] = []
        for position, text in enumerate(texts):
            found = next((k for k in kept if _jaccard(text, texts[k]) > threshold), None)
            expected.append(found)
            if found is None:
                kept.append(position)
        assert find_near_duplicates(texts, threshold) == expected
        assert 0 < len(kept) < len(texts)


def test_typeset_hyphens_become_plain_ones() -> None:
    assert normalise("ýa\u2010da hem\u2011de") == "ýa-da hem-de"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("O'zbekiston bo`lib g’isht", "Oʻzbekiston boʻlib gʻisht"),
        ("ma'no, e’lon, sanʻat", "maʼno, eʼlon, sanʼat"),
        ("tog‘ va yo'", "togʻ va yoʻ"),
        # After an opening quotation mark the sign at the end of a word may close it.
        ("'foo' degan so'z", "'foo' degan soʻz"),
        ("Oʻzbekcha maʼno", "Oʻzbekcha maʼno"),
        # Placeholders and code stay.
        ("%(o)s'ni $1'ga", "%(o)s'ni $1'ga"),
        ("5' va 'iqtibos'", "5' va 'iqtibos'"),
        ("", ""),
    ],
)
def test_uzbek_marks_are_made_one(text: str, expected: str) -> None:
    assert repair_marks(text, "uz") == expected
    assert repair_marks(expected, "uz") == expected


@pytest.mark.parametrize("lang", ["tk", "ru", "tr", "en"])
def test_marks_of_other_languages_stay(lang: str) -> None:
    assert repair_marks("Côte d'Ivoire, go‘şmak", lang) == "Côte d'Ivoire, go‘şmak"
