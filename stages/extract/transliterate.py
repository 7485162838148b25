"""Turkmen and Uzbek in the Cyrillic alphabets of 1940 to the Latin ones of 1999 and 1995."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

from stages.lib.core.assets import read_asset

_CYRILLIC_WORD = re.compile(r"[\u0400-\u04ff]+")
_SIGNS = frozenset("ъь")
# What е is where it stands for [je].
_IOTATED_E = {"tk": "ýe", "uz": "ye"}


@dataclass(frozen=True)
class _Alphabet:
    """One language of assets/text/cyrillic_alphabets.yaml."""

    letters: dict[str, str]
    vowels: frozenset[str]
    own: frozenset[str]
    foreign: frozenset[str]
    max_foreign: float
    alike: dict[int, str]
    words: frozenset[str]


@lru_cache
def _alphabet(lang: str) -> _Alphabet:
    entry: dict[str, Any] = read_asset("text/cyrillic_alphabets")[lang]
    alike = dict(entry.get("alike", "").split())
    return _Alphabet(
        letters={pair[0]: pair[1:] for pair in entry["letters"].split()},
        **{name: frozenset(entry[name]) for name in ("vowels", "own", "foreign")},
        max_foreign=entry["max_foreign"],
        alike=str.maketrans(alike | {key.upper(): value.upper() for key, value in alike.items()}),
        words=frozenset(entry["words"].split()),
    )


def to_latin(text: str, lang: str = "tk") -> str:
    """Convert Turkmen (``tk``) or Uzbek (``uz``) text from Cyrillic to Latin letters; the rest stays.

    Turkmen: е is ýe at the start of a word and after a vowel or a sign, elsewhere e. щ is şç.
    Uzbek: likewise е is ye; ц is ts after a vowel, elsewhere s; ъ is ʼ, but nothing before е, ё, ю and я.
    A word in capitals keeps its capitals (Я is ÝA), a word with a first capital keeps that alone (Я is Ýa).
    """
    alike = _alphabet(lang).alike
    return _CYRILLIC_WORD.sub(lambda match: _convert(match.group().translate(alike), lang), text)


def _convert(word: str, lang: str) -> str:
    alphabet = _alphabet(lang)
    # One capital alone is an initial ("Я." is "Ýa."), so two are needed for a word in capitals.
    is_upper = len(word) > 1 and word.isupper()
    converted = []
    before = ""
    for letter, after in zip(word, f"{word[1:]} ".lower(), strict=True):
        low = letter.lower()
        if low == "е":
            is_iotated = not before or before in alphabet.vowels or before in _SIGNS
            latin = _IOTATED_E[lang] if is_iotated else "e"
        elif low == "ц" and lang == "uz":
            latin = "ts" if before in alphabet.vowels else "s"
        elif low in _SIGNS:
            # After oʻ and gʻ no second mark: мўъжиза is moʻjiza.
            is_stop = lang == "uz" and low == "ъ" and before not in "ўғ" and after not in "еёюя"
            latin = "ʼ" if is_stop else ""
        else:
            latin = alphabet.letters.get(low, low)
        if letter != low:
            latin = latin.upper() if is_upper else latin.capitalize()
        converted.append(latin)
        before = low
    return "".join(converted)


def is_cyrillic(text: str, lang: str) -> bool:
    """Tell whether a text is Turkmen or Uzbek in Cyrillic, by its own letters, or by frequent words.

    Kazakh, Tajik, Uzbek and Bashkir have letters that Turkmen lacks, as Tajik and Kazakh have beside those
    they share with Uzbek. Kyrgyz and most Tatar text has none of those and is taken for Turkmen: ask only
    where the neighbours are ruled out by the source.
    """
    alphabet = _alphabet(lang)
    words = [word.lower() for word in _CYRILLIC_WORD.findall(text)]
    n_letters = sum(map(len, words))
    if not n_letters:
        return False
    n_foreign = sum(letter in alphabet.foreign for word in words for letter in word)
    n_own = sum(letter in alphabet.own for word in words for letter in word.translate(alphabet.alike))
    if n_foreign > alphabet.max_foreign * n_own and n_foreign > 0.005 * n_letters:
        return False
    if n_own and n_own >= 0.01 * n_letters:
        return True
    n_words = sum(word in alphabet.words for word in words)
    russian = frozenset(read_asset("text/cyrillic_alphabets")["ru"]["words"].split())
    return n_words > sum(word in russian for word in words) and n_words >= 0.1 * len(words)


# The languages that are written in Latin letters here and have an older Cyrillic alphabet.
IS_CYRILLIC = {lang: partial(is_cyrillic, lang=lang) for lang in _IOTATED_E}
