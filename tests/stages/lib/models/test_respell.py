from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.lib.core.errors import ParamsError
from stages.lib.models.respell import LEVELS, respell, tables_by_language
from stages.lib.models.respell_tables import rows


def test_respelling_by_hand() -> None:
    rows = Path(__file__).with_name("respellings.tsv").read_text(encoding="utf-8").splitlines()[1:]
    assert len(rows) == 43
    for table, text, expected in (row.split("\t") for row in rows):
        assert respell(text, table) == expected
    assert [respell(text) for text in ("", " \t\n")] == ["", " \t\n"]
    assert respell("", "uz-tr") == ""
    # By letters alone.
    assert respell("ýyl we žurnal jaň täze", level="letters") == "yıl ve jurnal can teze"


def test_respell_names_an_unknown_table_or_level() -> None:
    with pytest.raises(ParamsError, match="tk-tr"):
        respell("we", "tk-az")
    with pytest.raises(ParamsError, match="lexicon"):
        respell("we", level="all")


@pytest.mark.parametrize("level", LEVELS)
@settings(deadline=None)
# A suffix after a hyphen is written anew, sign and all: 0-y is 0'sı.
@given(st.text().filter(lambda text: not re.search(r"\w[-‑]\w", text)))
def test_respell_never_fails_and_keeps_everything_but_letters(level: str, text: str) -> None:
    def rest(value: str) -> str:
        return "".join(char for char in value if not char.isalpha() and char != " ")

    assert rest(respell(text, level=level)) == rest(text)


# Pieces of Turkmen words, stems and suffixes, in any order.
_PIECES = ["", " ", "-", "ýa", "žur", "täze", "wagt", "gel", "iş", "le", "ýän", "dig", "i", "ni", "ň", "lar"]
_PIECES += ["y", "jak"]


@settings(deadline=None)
@given(st.lists(st.sampled_from(_PIECES), max_size=15), st.sampled_from([str, str.upper, str.title]))
def test_respell_leaves_no_turkmen_letter(pieces: list[str], case: Callable[[str], str]) -> None:
    text = case("".join(pieces))
    assert not set(respell(text)) & set("ýňžäwÝŇŽÄ")


@pytest.mark.parametrize(
    "text", ["1" * 100_000, "a" * 100_000, "lary" * 25_000, "%(" * 50_000, "a@" * 50_000, "a-" * 50_000]
)
def test_respell_of_long_nonsense_takes_linear_time(text: str) -> None:
    start = time.process_time()
    respell(text + " we")
    assert time.process_time() - start < 1.0


def test_lexicon_entries_are_turkmen_then_turkish_and_given_once() -> None:
    turkmen, turkish = "abçdeäfgijžklmnňoöprsştuüwyýzh", "abcçdefgğhıijklmnoöprsştuüvwyz"
    entry = re.compile(f"(word|noun|verb)\t[{turkmen}/-]+\t[{turkish}İ{turkish.upper()} ~^-]+")
    entries = rows("tk_tr_lexicon")
    assert [row for row in entries if not entry.fullmatch("\t".join(row))] == []
    keys = Counter((kind, text) for kind, text, _ in entries)
    assert [key for key, count in keys.items() if count > 1] == []


def test_rules_name_one_table_for_each_language() -> None:
    assert tables_by_language(None) == {}
    assert tables_by_language("tk-tr+uz-tr") == {"tk": "tk-tr", "uz": "uz-tr"}
    with pytest.raises(ParamsError, match="expected one of tk-tr, uz-tr, found 'kk-tr'"):
        tables_by_language("tk-tr+kk-tr")
