from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from stages.lib.text.markup import has_leftover_markup, normalise, placeholders, strip_invisible

# Pieces that the rules look at, so that random texts meet them often.
PIECES = st.sampled_from(
    [
        "&", "&&", "_", "__", "&amp;", "&lt;", "&gt;", "&#38;", "&nbsp;", "&#769;", "<b>", "</b>", "<br/>",
        "<", ">", "<a href='%s'>", "{{PLURAL:$1|", "{{GENDER:", "|", "}}", "{{", "{0}", "{", "}", "[[",
        "]]", "[", "]", "[https://a.tm ", "'''", "''", "==", "%s", "%", "%%", "%(ad)s", "$1", "$", "${x}",
        "(&F)", "(_", "\u00a0", "\u200b", "\u00ad", "\ufeff", "\ue000", "\n", "* ", "#", "Faýl",
        "сохранить", "e", "R", "d", "1", " ", "ý", "ň", "\u0418\u0306", "\u0301",
    ]
)  # fmt: skip
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


def test_typeset_hyphens_become_plain_ones() -> None:
    assert normalise("ýa\u2010da hem\u2011de") == "ýa-da hem-de"
