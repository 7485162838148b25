"""Turkmen and Uzbek in the Cyrillic alphabets of 1940 to the Latin ones of 1999 and 1995."""

from __future__ import annotations

import re

_LETTERS = {
    "а": "a", "б": "b", "в": "w", "г": "g", "д": "d", "ж": "ž", "җ": "j", "з": "z", "и": "i", "й": "ý",
    "к": "k", "л": "l", "м": "m", "н": "n", "ң": "ň", "о": "o", "ө": "ö", "п": "p", "р": "r", "с": "s",
    "т": "t", "у": "u", "ү": "ü", "ф": "f", "х": "h", "ц": "s", "ч": "ç", "ш": "ş", "ы": "y", "э": "e",
    "ә": "ä",
}  # fmt: skip
_UZBEK_LETTERS = {
    "а": "a", "б": "b", "в": "v", "г": "g", "д": "d", "ж": "j", "з": "z", "и": "i", "й": "y", "к": "k",
    "л": "l", "м": "m", "н": "n", "о": "o", "п": "p", "р": "r", "с": "s", "т": "t", "у": "u", "ф": "f",
    "х": "x", "ч": "ch", "ш": "sh", "щ": "sh", "ы": "i", "э": "e", "ў": "oʻ", "қ": "q", "ғ": "gʻ", "ҳ": "h",
}  # fmt: skip
# Letters that stand for [j] and a vowel wherever they stand, and the signs that only part е from a consonant.
_IOTATED = {"ё": "ýo", "ю": "ýu", "я": "ýa"}
_UZBEK_IOTATED = {"ё": "yo", "ю": "yu", "я": "ya"}
_VOWELS = set("аеёиоөуүыэәюя")
_UZBEK_VOWELS = set("аеёиоуўыэюя")
_SIGNS = set("ъь")
_CYRILLIC_WORD = re.compile(r"[\u0400-\u04ff]+")
# Letters that Russian does not have; ў, қ, і and so on belong to neighbours.
_TURKMEN_ONLY = re.compile(r"[җңөүәҗҖҢӨҮӘ]")
_FOREIGN_ONLY = re.compile(r"[қғұіҳўӣӯҷһҡҙҫҳҚҒҰІҲЎӢӮҶҺҠҘҪ]")
# Look-alikes that old fonts and typists put for Turkmen letters.
_ALIKE = str.maketrans("ӊҥӈӓӱӧҹӝѳӉҤӇӒӰӦҸӜ", "ңңңәүөҗҗөҢҢҢӘҮӨҖҖ")


def to_latin(text: str, lang: str = "tk") -> str:
    """Convert Turkmen (``tk``) or Uzbek (``uz``) text from Cyrillic to Latin letters; the rest stays.

    Turkmen: е is ýe at the start of a word and after a vowel or a sign, elsewhere e. щ is şç.
    Uzbek: likewise е is ye; ц is ts after a vowel, elsewhere s; ъ is ʼ, but nothing before е, ё, ю and я.
    A word in capitals keeps its capitals (Я is ÝA), a word with a first capital keeps that alone (Я is Ýa).
    """
    if lang == "uz":
        return _CYRILLIC_WORD.sub(lambda match: _uzbek_word(match.group()), text)
    return _CYRILLIC_WORD.sub(lambda match: _word(match.group().translate(_ALIKE)), text)


def _uzbek_word(word: str) -> str:
    is_upper = len(word) > 1 and word.isupper()
    out = []
    before = ""
    for letter, after in zip(word, f"{word[1:]} ".lower(), strict=True):
        low = letter.lower()
        if low == "е":
            latin = "ye" if not before or before in _UZBEK_VOWELS or before in _SIGNS else "e"
        elif low == "ц":
            latin = "ts" if before and before in _UZBEK_VOWELS else "s"
        elif low in _SIGNS:
            # After oʻ and gʻ no second mark: мўъжиза is moʻjiza.
            latin = "ʼ" if low == "ъ" and before not in "ўғ" and after not in "еёюя" else ""
        else:
            latin = _UZBEK_IOTATED.get(low) or _UZBEK_LETTERS.get(low, low)
        if letter != low:
            latin = latin.upper() if is_upper else latin.capitalize()
        out.append(latin)
        before = low
    return "".join(out)


def _word(word: str) -> str:
    # One capital alone is an initial ("Я." is "Ýa."), so two are needed for a word in capitals.
    is_upper = len(word) > 1 and word.isupper()
    out = []
    before = ""
    for letter in word:
        low = letter.lower()
        if low in _SIGNS:
            before = low
            continue
        if low == "е":
            latin = "ýe" if not before or before in _VOWELS or before in _SIGNS else "e"
        elif low == "щ":
            latin = "şç"
        else:
            latin = _IOTATED.get(low) or _LETTERS.get(low, low)
        if letter != low:
            latin = latin.upper() if is_upper else latin.capitalize()
        out.append(latin)
        before = low
    return "".join(out)


# Frequent words: they decide a text that happens to have none of the five letters.
_TURKMEN_WORDS = frozenset(
    re.findall(
        r"\w+",
        """ве билен үчин бу ол шол хем бир бар ёк болан болуп ялы барада хер көп дийип эди этди болды мен биз
        сен сиз олар оны мунуң онуң хакда йыл адам иш яш эмма хич нәме ким шу инди соң өз""",
    )
)
_RUSSIAN_WORDS = frozenset(
    re.findall(
        r"\w+",
        """и в не на что он с как это по но из у за то все она так его к был от я мы вы они же для бы о или
        при до если ещё уже этот эта была было были есть нет чтобы который лет год во со об""",
    )
)


def is_cyrillic_turkmen(text: str) -> bool:
    """Tell whether a text is Turkmen in Cyrillic, by the letters җ ң ө ү ә, or by frequent words.

    Kazakh, Tajik, Uzbek and Bashkir have letters that Turkmen lacks. Kyrgyz and most Tatar text has none
    of those and is taken for Turkmen: ask only where the neighbours are ruled out by the source.
    """
    words = [word.lower() for word in _CYRILLIC_WORD.findall(text)]
    letters = sum(map(len, words))
    if not letters:
        return False
    foreign = len(_FOREIGN_ONLY.findall(text))
    own = len(_TURKMEN_ONLY.findall(text.translate(_ALIKE)))
    if foreign > 0.2 * own and foreign > 0.005 * letters:
        return False
    if own >= 0.01 * letters and own:
        return True
    turkmen = sum(word in _TURKMEN_WORDS for word in words)
    russian = sum(word in _RUSSIAN_WORDS for word in words)
    return turkmen > russian and turkmen >= 0.1 * len(words)


# Letters that Russian does not have; Tajik and Kazakh share some, but have others beside them.
_UZBEK_ONLY = re.compile(r"[ўқғҳЎҚҒҲ]")
_NOT_UZBEK = re.compile(r"[әңөүұһіӣӯҷҗҡҙҫӘҢӨҮҰҺІӢӮҶҖҠҘҪ]")
_UZBEK_WORDS = frozenset(
    re.findall(
        r"\w+",
        """ва билан учун бу бир эмас лекин аммо ёки деб эди экан керак эса улар биз сиз мен мумкин барча шу
        каби унинг ушбу янги жуда агар нима ким менга сизга бор йил одам иш катта кейин сунг""",
    )
)


def is_cyrillic_uzbek(text: str) -> bool:
    """Tell whether a text is Uzbek in Cyrillic, by the letters ў қ ғ ҳ, or by frequent words.

    Tajik and Kazakh have three or two of these letters, and others that Uzbek lacks.
    """
    words = [word.lower() for word in _CYRILLIC_WORD.findall(text)]
    letters = sum(map(len, words))
    own, foreign = len(_UZBEK_ONLY.findall(text)), len(_NOT_UZBEK.findall(text))
    if not letters or (foreign > 0.1 * own and foreign > 0.005 * letters):
        return False
    if own and own >= 0.01 * letters:
        return True
    uzbek = sum(word in _UZBEK_WORDS for word in words)
    return uzbek > sum(word in _RUSSIAN_WORDS for word in words) and uzbek >= 0.1 * len(words)


# The languages that are written in Latin letters here and have an older Cyrillic alphabet.
IS_CYRILLIC = {"tk": is_cyrillic_turkmen, "uz": is_cyrillic_uzbek}
