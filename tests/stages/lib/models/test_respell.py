from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.lib.core.errors import ParamsError
from stages.lib.models.respell import LEVELS, respell, tables_by_language
from stages.lib.models.respell_tables import rows


@pytest.mark.parametrize(
    ("turkmen", "turkish"),
    [
        ("Men kitap okaýaryn.", "Ben kitap okuyorum."),
        ("Biz täze öýde ýaşaýarys.", "Biz yeni evde yaşıyoruz."),
        ("Çagalar mekdebe gitdiler.", "Çocuklar okula gittiler."),
        ("Çagalar bagda oýnaýarlar.", "Çocuklar bahçede oynuyorlar."),
        ("Her adamyň bilim almaga hukugy bardyr.", "Her insanın eğitim almaya hakkı vardır."),
        ("Ýagyş sebäpli köçeler suwdan doldy.", "Yağmur nedeniyle sokaklar sudan doldu."),
        ("Parolyňyzy giriziň we düwmä basyň.", "Parolanızı girin ve düğmeye basın."),
        ("Olar ertir Moskwa gitjekdiklerini aýtdylar.", "Onlar yarın Moskova gideceklerini söylediler."),
        ("Işgärler aýlyklaryny almadylar.", "Çalışanlar maaşlarını almadılar."),
        ("Dostum maňa hat ýazypdyr.", "Dostum bana mektup yazmış."),
        ("Suw gyzgynmy?", "Su sıcak mı?"),
        ("Sahypany açyň: https://example.org/tk?we=1", "Sayfayı açın: https://example.org/tk?we=1"),
    ],
)
def test_respell_writes_simple_sentences_as_turkish_does(turkmen: str, turkish: str) -> None:
    assert respell(turkmen) == turkish


@pytest.mark.parametrize(
    ("turkmen", "turkish"),
    [
        # stems that sound alike, suffixes that do not
        ("gelýändigini", "geldiğini"),
        ("bermeginiň", "vermesinin"),
        ("bolandygyny", "olduğunu"),
        ("etjekdigini", "edeceğini"),
        ("başlaýar", "başlıyor"),
        ("aýdýarlar", "söylüyorlar"),
        ("ýurdumyzyň", "ülkemizin"),
        ("şäherindäki", "şehrindeki"),
        ("meselä", "meseleye"),
        ("işläp", "çalışıp"),
        ("diýýär", "diyor"),
        ("saglygy", "sağlığı"),
        ("kitaby", "kitabı"),
        ("wagtynda", "zamanında"),
    ],
)
def test_respell_rewrites_stem_and_suffixes(turkmen: str, turkish: str) -> None:
    assert respell(turkmen) == turkish


@pytest.mark.parametrize(
    "text",
    [
        "https://example.org/we/bilen?x=1",
        "%(count)s %s {name} {0} $1 <b> &nbsp; 3,14 2026",
        "Привет, мир",
        "iPhone YouTube Microsoft",
        "Yarın çalışıyoruz",  # Turkish already
        "",
        " \t\n",
    ],
)
def test_respell_leaves_what_is_not_turkmen(text: str) -> None:
    assert respell(text) == text


def test_respell_keeps_capitals() -> None:
    assert respell("we We WE") == "ve Ve VE"
    assert respell("ýyl Ýyl ÝYL") == "yıl Yıl YIL"
    assert respell("işçi Işçi IŞÇI") == "işçi İşçi İŞÇİ"


def test_respell_by_letters_changes_letters_only() -> None:
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
_PIECES = [
    "",
    " ",
    "-",
    "ýa",
    "žur",
    "täze",
    "wagt",
    "gel",
    "iş",
    "le",
    "ýän",
    "dig",
    "i",
    "ni",
    "ň",
    "lar",
    "y",
    "jak",
]


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


@pytest.mark.parametrize(
    ("turkmen", "turkish"),
    [
        ("2014-nji ýylda", "2014. yılda"),
        ("ABŞ-nyň", "ABD'nin"),
        ("bolsa-da", "ise de"),
        ("şeýle-de", "ayrıca"),
    ],
)
def test_respell_reads_suffixes_after_a_hyphen(turkmen: str, turkish: str) -> None:
    assert respell(turkmen) == turkish


def test_lexicon_entries_are_turkmen_then_turkish_and_given_once() -> None:
    turkmen, turkish = "abçdeäfgijžklmnňoöprsştuüwyýzh", "abcçdefgğhıijklmnoöprsştuüvwyz"
    entry = re.compile(f"(word|noun|verb)\t[{turkmen}/-]+\t[{turkish}İ{turkish.upper()} ~^-]+")
    entries = rows("tk_tr_lexicon")
    assert [row for row in entries if not entry.fullmatch("\t".join(row))] == []
    keys = Counter((kind, text) for kind, text, _ in entries)
    assert [key for key, count in keys.items() if count > 1] == []


@pytest.mark.parametrize(
    ("uzbek", "turkish"),
    [
        ("Koʻp boʻlsa ham shu yerga qoʻying", "Köp bölsa ham şu yere köying"),
        # Any sign for the two marks; the glottal stop is left out.
        ("o'g`il, g‘isht, ma’no, e'lon", "öğil, ğişt, mano, elon"),
        ("Oʻzbekistonning shaharlarida", "Özbekistonnın şaharlarında"),
        ("maktablar, kitobdan, yozmoq, kelyapti", "maktablar, kitobdan, yozmak, keliyor"),
        ("XABAR Chegara", "HABAR Çegara"),
        ("", ""),
    ],
)
def test_respell_writes_uzbek_in_turkish_letters_and_endings(uzbek: str, turkish: str) -> None:
    assert respell(uzbek, "uz-tr") == turkish


def test_rules_name_one_table_for_each_language() -> None:
    assert tables_by_language(None) == {}
    assert tables_by_language("tk-tr+uz-tr") == {"tk": "tk-tr", "uz": "uz-tr"}
    with pytest.raises(ParamsError, match="expected one of tk-tr, uz-tr, found 'kk-tr'"):
        tables_by_language("tk-tr+kk-tr")
