from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from stages.lib.text.markup import has_leftover_markup, normalise, placeholders, strip_invisible
from tests.cases import read_cases

CASES = read_cases(__file__)

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


@pytest.mark.parametrize(("raw", "clean"), CASES["normalise"])
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
def test_normalised_text_stays_and_is_nfc_without_invisible_characters_or_odd_spaces(text: str) -> None:
    once = normalise(text)
    assert normalise(once) == once
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


@pytest.mark.parametrize(("text", "found"), CASES["placeholders"])
def test_placeholders_are_told_from_text(text: str, found: list[str]) -> None:
    assert sorted(placeholders(text).elements()) == found


@pytest.mark.parametrize(("text", "expected"), CASES["leftover_markup"])
def test_leftover_markup_is_seen(text: str, expected: bool) -> None:
    assert has_leftover_markup(text) is expected


def test_strip_invisible_keeps_the_letters() -> None:
    assert strip_invisible("\u2066Aş\u2069gabat\u2009\u200d şäheri\x07") == "Aşgabat şäheri"
    assert strip_invisible("☎\ufe0e") == strip_invisible("☎\ufe0f") == "☎"
