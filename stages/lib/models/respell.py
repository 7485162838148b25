"""Write Turkmen the way Turkish would write it, so that an encoder that knows Turkish can read it.

Three levels, each on top of the one before:

`letters`  one letter for one letter (ý→y, y→ı, ž→j, j→c, ň→n, w→v, ä→e).
`sounds`   regular correspondences inside a word (gara→kara, dag→dağ, dogry→doğru), and suffixes: a word is
           read as a stem and a chain of Turkmen suffixes, and the chain is written again in Turkish, with
           Turkish harmony (işlemegiň→işlemenin).
`lexicon`  stems whose Turkish counterpart no sound rule gives (ýurt→ülke, aýt-→söyle-). With it this is no
           mere spelling but a translation word by word, in the order of the original.

The lexicon, the suffixes and the sound rules are tables in assets/respell.

No learning and no state beyond a cache: the same text always gives the same text. Words with letters that
Turkmen lacks (c, q, v, x), words in mixed case, links, placeholders, digits and other scripts stay.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import product

from stages.lib.core.errors import ParamsError
from stages.lib.models.respell_tables import rows

LEVELS = ("letters", "sounds", "lexicon")
TABLES = ("tk-tr", "uz-tr")

_LETTERS = str.maketrans("ýÝyYžŽjJňŇwWäÄ", "yYıIjJcCnNvVeE")
_VOWELS = frozenset("aeäiouyöü")  # Turkmen, lower case: here y is a vowel
_TR_VOWELS = frozenset("aeıioöuü")
_BACK = frozenset("aıou")
_FRONT = frozenset("eäiöü")
_VOICELESS = frozenset("fstkçşhp")
_HIGH = {"a": "ı", "ı": "ı", "e": "i", "i": "i", "o": "u", "u": "u", "ö": "ü", "ü": "ü"}
# Before a vowel, in words of more than one syllable.
_SOFT = {"k": "ğ", "p": "b", "ç": "c"}
# One-syllable verbs whose aorist has a high vowel: gelir, not geler.
_AORIST_HIGH = frozenset(
    ["al", "bil", "bul", "dur", "gel", "gör", "kal", "ol", "öl", "san", "var", "ver", "vur"]
)


# --- Turkish side: append a suffix in harmony ---


def _last_vowel(word: str) -> str:
    for char in reversed(word):
        if char in _TR_VOWELS:
            return char
    return "e"


def _syllables(word: str) -> int:
    return sum(char in _TR_VOWELS for char in word)


class _Turkish:
    """A Turkish word that grows by suffixes.

    Suffix letters: A = a/e, I = ı/i/u/ü, D = d/t, C = c/ç; a letter in brackets is a buffer: a consonant
    appears after a vowel only, a vowel after a consonant only.
    """

    def __init__(self, stem: str, *, is_verb: bool) -> None:
        self.front = stem.endswith("^")  # saat^ → saati: back vowels, front suffixes
        stem = stem.rstrip("^")
        self.text, _, oblique = stem.partition("~")
        self.oblique = oblique  # şehir~şehr: the stem before a vowel
        self.is_verb = is_verb
        self.is_bare = True

    def _high(self) -> str:
        vowel = _last_vowel(self.text)
        if self.front:
            return "ü" if vowel in "ou" else "i"
        return _HIGH[vowel]

    def _low(self) -> str:
        return "e" if self.front or _last_vowel(self.text) not in _BACK else "a"

    def _soften(self) -> None:
        """Change the end of the word for a suffix that begins with a vowel."""
        if self.is_bare:
            if self.oblique:
                self.text = self.oblique
            elif self.is_verb:
                if self.text in ("et", "git", "güt", "tat", "affet", "seyret", "kaybet", "hisset", "reddet"):
                    self.text = self.text[:-1] + "d"
            elif self.text[-1] in _SOFT and _syllables(self.text.rsplit(" ", 1)[-1]) > 1:
                if self.text.endswith("nk"):
                    self.text = self.text[:-1] + "g"
                else:
                    self.text = self.text[:-1] + _SOFT[self.text[-1]]
        elif self.text.endswith(("lık", "lik", "luk", "lük", "acak", "ecek", "cık", "cik", "mak", "mek")) or (
            self.text.endswith(("dık", "dik", "duk", "dük", "tık", "tik", "tuk", "tük"))
        ):
            self.text = self.text[:-1] + "ğ"

    def add(self, suffix: str) -> None:
        if suffix == "AOR":
            self._add_aorist()
            return
        if suffix == "PASS":
            ending = self.text[-1]
            suffix = "n" if ending in _TR_VOWELS else "In" if ending == "l" else "Il"
        elif suffix == "Iyor" and self.text[-1] in "aeıiuü":
            before = self.text[:-1]  # başla → başlıyor, de → diyor
            last = _last_vowel(before if _syllables(before) else self.text)
            self.text, self.is_bare, self.front = before + _HIGH[last] + "yor", False, False
            return
        ends_in_vowel = self.text[-1] in _TR_VOWELS
        if suffix.startswith("("):
            buffer, rest = suffix[1], suffix[3:]
            if buffer == "I":
                suffix = rest if ends_in_vowel else "I" + rest
            else:
                suffix = buffer + rest if ends_in_vowel else rest
        if not ends_in_vowel and suffix[:1] in ("A", "I"):
            self._soften()
        if self.text in ("de", "ye") and suffix.startswith("y"):
            self.text = self.text[0] + "i"
        for char in suffix:
            if char == "A":
                char = self._low()
            elif char == "I":
                char = self._high()
            elif char == "D":
                char = "t" if self.text[-1] in _VOICELESS else "d"
            elif char == "C":
                char = "ç" if self.text[-1] in _VOICELESS else "c"
            if char in _TR_VOWELS:
                self.front = False
            self.text += char
        self.is_bare = False

    def _add_aorist(self) -> None:
        if self.text[-1] in _TR_VOWELS:
            self.add("r")
        elif _syllables(self.text) > 1 or self.text in _AORIST_HIGH:
            self.add("Ir")
        else:
            self.add("Ar")


# --- Turkmen side: read a chain of suffixes ---
# What may follow in a state: groups of assets/respell/tk_tr_suffixes.tsv.
_FOLLOWING = {
    "N": "noun possessive case copula",
    "L": "possessive case copula",
    "P": "case copula",
    "P3": "case_p3 copula",
    "K": "copula",
    "PRT": "plural possessive case copula",
    "PRS": "present_person",
    "PST": "past_person",
    "V": "verb_only verb_ending",
    "V1": "verb_ending",
    "VV": "verb_ending verb_only",
    "SH": "possessive",
    "E": "",
}


def _expand(pattern: str) -> Iterator[str]:
    parts = [list(p[1:-1]) if p.startswith("[") else [p] for p in re.findall(r"\[[^\]]*\]|[^\[]+", pattern)]
    return ("".join(chars) for chars in product(*parts))


def _compile_suffixes() -> dict[str, tuple[dict[tuple[bool, str], list[tuple[str, str]]], int]]:
    """Return for each state its suffixes by (after a vowel?, surface), and the longest surface."""
    groups: dict[str, list[list[str]]] = {}
    for group, *rule in rows("tk_tr_suffixes"):
        groups.setdefault(group, []).append(rule)
    compiled = {}
    for state, names in _FOLLOWING.items():
        table: dict[tuple[bool, str], list[tuple[str, str]]] = {}
        for after, pattern, suffix, following in (rule for name in names.split() for rule in groups[name]):
            if (state == "SH" and after != "C") or (state == "VV" and not pattern.startswith(("[yi", "[ae"))):
                continue
            for surface in _expand(pattern):
                for after_vowel in {"V": [True], "C": [False], "-": [True, False]}[after]:
                    entry = suffix.replace("_", " "), following
                    table.setdefault((after_vowel, surface), []).append(entry)
        compiled[state] = table, max((len(surface) for _, surface in table), default=0)
    return compiled


_COMPILED = _compile_suffixes()


@lru_cache(maxsize=200_000)
def _read_suffixes(rest: str, state: str, after_vowel: bool) -> tuple[str, ...] | None:
    """Read a chain of Turkmen suffixes, longest first; return the Turkish ones, None if it is none."""
    if not rest:
        return ()
    table, longest = _COMPILED[state]
    for length in range(min(longest, len(rest)), 0, -1):
        for suffix, following in table.get((after_vowel, rest[:length]), ()):
            tail = _read_suffixes(rest[length:], following, rest[length - 1] in _VOWELS)
            if tail is not None:
                return (suffix, *tail)
    return None


def _inflect(stem: str, suffixes: tuple[str, ...], *, is_verb: bool) -> str:
    word = _Turkish(stem, is_verb=is_verb)
    for suffix in suffixes:
        word.add(suffix)
    return word.text


# --- The lexicon ---

_VOICED = {"p": "b", "t": "d", "k": "g", "ç": "j"}


def _entries(kind: str) -> list[tuple[str, str]]:
    """Return the lexicon's entries of a class, each spelling by itself: (Turkmen, Turkish)."""
    return [
        (stem, turkish)
        for entry_kind, turkmen, turkish in rows("tk_tr_lexicon")
        if entry_kind == kind
        for stem in turkmen.split("/")
    ]


def _stems() -> dict[str, list[tuple[str, str, str]]]:
    """Map a surface stem to its readings (class, Turkish stem, suffix already inside)."""
    table: dict[str, list[tuple[str, str, str]]] = {}

    def put(surface: str, kind: str, turkish: str, inside: str = "") -> None:
        readings = table.setdefault(surface, [])
        if not any(r[0] == kind and r[2] == inside for r in readings):
            readings.append((kind, turkish, inside))

    for kind, entries in (("N", _entries("noun")), ("V", _entries("verb"))):
        for stem, turkish in entries:
            put(stem, kind, turkish)
        for stem, turkish in entries:
            if stem[-1] in _VOICED and len(stem) > 1 and not stem.endswith(("gt", "ht")):
                put(stem[:-1] + _VOICED[stem[-1]], kind + "c", turkish)
            if re.search(r"[aeäiouyöü][bdgjklmnňprsşwýz][yiuü][zşnlrm]$", stem):
                put(stem[:-2] + stem[-1], kind + "c", turkish)  # orun → orny, deňiz → deňze
            if stem[-1] in "ei" and len(stem) > 2:
                # mesele → meselä (dative); işle- → işläp, işlän, işlär
                put(stem[:-1] + "ä", kind + "ä", turkish, "(y)A" if kind == "N" else "")
            if stem[-1] == "y" and kind == "N" and len(stem) > 2:
                put(stem[:-1] + "a", "Nä", turkish, "(y)A")
    return table


_STEMS = _stems()
_WORDS = dict(_entries("word"))
_LONGEST_STEM = max(map(len, _STEMS))


# Suffixes that make a sentence of a noun, and look like those of verbs.
_PREDICATE = frozenset(("(y)DI", " olduk", " olduklAr"))


def _from_lexicon(word: str) -> str | None:
    whole = _WORDS.get(word)
    if whole is not None:
        return whole
    doubtful = None
    for end in range(min(len(word), _LONGEST_STEM), 1, -1):
        for kind, turkish, inside in _STEMS.get(word[:end], ()):
            rest = word[end:]
            if not rest and kind in ("Nc", "Vc", "Vä"):
                continue
            if inside and not rest:
                return _inflect(turkish, (inside,), is_verb=False)
            if kind == "Nä" and rest[0] != "n":
                continue  # meseläni, meseläniň, but mesele-de
            if kind in ("Nc", "Vc") and rest[0] not in _VOWELS and rest[0] != "ý":
                continue
            suffixes = _read_suffixes(rest, kind[0], word[end - 1] in _VOWELS)
            if suffixes is None:
                continue
            reading = _inflect(turkish, suffixes, is_verb=kind[0] == "V")
            if kind[0] == "N" and not _PREDICATE.isdisjoint(suffixes):
                doubtful = doubtful or reading  # almadylar: "they did not take" before "they were apples"
                continue
            return reading
    return doubtful


# --- Words outside the lexicon ---

_ENDINGS, _SOUNDS = (
    [(re.compile(pattern), turkish) for kind, pattern, turkish in rows("tk_tr_sounds") if kind == wanted]
    for wanted in ("ending", "sound")
)


def _sound(stem: str, *, is_name: bool) -> str:
    """Respell a stem by regular sound correspondences; the input is Turkmen, the output Turkish."""
    for pattern, replacement in _ENDINGS:
        stem, n = pattern.subn(replacement, stem)
        if n:
            is_name = True  # a loanword: no native sound changes
            break
    stem = stem.translate(_LETTERS)
    if not is_name:
        for pattern, replacement in _SOUNDS:
            stem = pattern.sub(replacement, stem)
    return stem


# First suffixes that no noun has: they alone show that an unknown word is a verb.
_VERBAL = frozenset(
    [
        "Iyor",
        "(y)AcAk",
        "mAk",
        "mAktA",
        "mAyA",
        "mIş",
        "mIştI",
        "mAlI",
        "mAdAn",
        "mAmAk",
        "mAz",
        "DIk",
        "DIklAr",
    ]
)
_DOUBTFUL = frozenset((" mI", " da", "(y)ken", "(I)m", "(I)n"))


def _by_sound(word: str, *, is_name: bool) -> str:
    """Respell a word that the lexicon lacks: split off the longest chain of suffixes, respell the rest."""
    for start in range(3, len(word) - 1):
        stem = word[:start]
        if _VOWELS.isdisjoint(stem):
            continue
        after_vowel = stem[-1] in _VOWELS
        suffixes = _read_suffixes(word[start:], "N", after_vowel)
        if suffixes is not None and _DOUBTFUL.isdisjoint(suffixes):
            return _inflect(_sound(stem, is_name=is_name), suffixes, is_verb=False)
        if is_name:
            continue
        suffixes = _read_suffixes(word[start:], "V", after_vowel)
        if suffixes is not None and not _VERBAL.isdisjoint(suffixes):
            return _inflect(_sound(stem, is_name=False), suffixes, is_verb=True)
    return _sound(word, is_name=is_name)


# --- Text ---

# A word with a suffix after a hyphen, or a word. Texts with any of _MARKS have parts to be left alone too:
# links, mail addresses, markup and placeholders. Every repetition is bounded or cannot start inside itself,
# so that no text takes more than linear time.
_PLAIN = (
    r"(?P<head>(?<!\w)\w++)[-‑](?P<tail>[dlnsyiuü][a-zäçňöşüýž]{0,5})(?![\w-])"
    r"|(?P<word>[^\W\d_]++)"
)
_KEEP = (
    r"(?:https?://|www\.)\S++|(?<![\w.+-])[\w.+-]{1,64}@[\w.-]++|%\([^)\s]{0,64}\)[a-zA-Z]|%[a-zA-Z]\b"
    r"|\{[^{}]*\}|\$\w++|&\w++;|<[^<>]*>"
)
_TOKEN = re.compile(_PLAIN)
_TOKEN_OR_MARK = re.compile(f"{_KEEP}|{_PLAIN}")
_MARKS = re.compile(r"[@%{$&<]|://|www\.")
_LONGEST_WORD = 40  # letters; longer ones are no words, and are changed letter by letter
_LATIN = re.compile(r"[A-Za-zÄÇŇÖŞÜÝŽäçňöşüýž]+")
_FOREIGN = re.compile(r"[cqvx]|th|sh|ph|gh|oo|ee|wh|dj", re.IGNORECASE)
_TURKISH_ONLY = re.compile(r"[ığİ]")
_TURKMEN_ONLY = re.compile(r"[ýňžäÝŇŽÄ]")


def _upper(text: str) -> str:
    return text.replace("i", "İ").upper()


def _lower(text: str) -> str:
    return text.replace("İ", "i").lower()


def _respell_word(word: str, level: str) -> str:
    if not _LATIN.fullmatch(word) or _FOREIGN.search(word):
        return word
    if level == "letters" or len(word) > _LONGEST_WORD:
        return word.translate(_LETTERS)
    lower = _lower(word)
    if len(word) == 1 or word == lower:
        shape: Callable[[str], str] = str
    elif word == word.upper():
        shape = _upper
    elif word[1:] == lower[1:]:
        shape = _capitalise
    else:
        return word
    found = _from_lexicon(lower) if level == "lexicon" else None
    if found is None:
        if shape is _upper and not _TURKMEN_ONLY.search(word):
            return word  # an abbreviation: JSON, FBI
        if len(word) == 1:
            return word.translate(_LETTERS)
        found = _by_sound(lower, is_name=shape is _capitalise)
    return shape(found)


def _respell_tail(head: str, tail: str) -> str | None:
    """Write a suffix after a hyphen (ABŞ-nyň, 15-nji, bolsa-da) as Turkish does; return None if it is none.

    `head` is what stands before it, in Turkish already.
    """
    if tail in ("nji", "njy", "nju", "njü", "ynjy", "inji", "unjy", "ünji"):
        return "." if head[-1].isdigit() else None
    if tail in ("da", "de") and head[-1].islower():
        return " da" if _last_vowel(head) in _BACK else " de"
    suffixes = _read_suffixes(tail, "N", False) or _read_suffixes(tail, "N", True)
    if suffixes is None or not _DOUBTFUL.isdisjoint(suffixes):
        return None
    if head.isupper():  # an abbreviation is read letter by letter, and most Turkish letter names end in e
        stem = "a" if head[-1] in "AIOUKH" else "e"
    else:
        stem = "e" if not _FRONT.isdisjoint(tail) else "a"
    return "'" + _inflect(stem, suffixes, is_verb=False)[1:]


def _capitalise(text: str) -> str:
    return _upper(text[:1]) + text[1:]


_cached_word = lru_cache(maxsize=500_000)(_respell_word)


@lru_cache(maxsize=100_000)
def _cached_pair(head: str, tail: str, level: str) -> str:
    first = re.sub(r"[^\W\d_]+", lambda part: _cached_word(part[0], level), head)
    if level == "lexicon":
        whole = _WORDS.get(f"{head}-{tail}".lower())
        if whole is not None:
            return whole
    ending = None if level == "letters" else _respell_tail(first, tail)
    return first + (f"-{_cached_word(tail, level)}" if ending is None else ending)


# --- Uzbek: letters and case endings, without a lexicon ---
# On NTREX-128 (Russian-Uzbek, 1,997 sentences, `use`, no training) P@1, mean of both directions, is 0.253 as
# the text is written, 0.289 with letters alone, 0.310 with the endings too. Letters and endings were chosen
# with a look at these scores. Which signs stand for the marks of Uzbek makes no difference to `use`.

# Whatever stands for the mark of oʻ and gʻ, and for the glottal stop, which Turkish leaves out.
_UZ_MARK = "['`´ʹʻʼʽʾʿˈ‘’‛′]"
_UZ_DIGRAPHS = (
    (re.compile(rf"[oO]{_UZ_MARK}"), "ö"),
    (re.compile(rf"[gG]{_UZ_MARK}"), "ğ"),
    (re.compile("[sS][hH]"), "ş"),
    (re.compile("[cC][hH]"), "ç"),
)
_UZ_LETTERS = str.maketrans("xXjJqQ", "hHcCkK")
_UZ_STOP = re.compile(rf"(?<=[^\W\d_]){_UZ_MARK}(?=[^\W\d_])")
_UZ_ENDINGS = {uzbek: (back, front) for uzbek, back, front in rows("uz_tr_endings")}
_UZ_BY_LENGTH = sorted(_UZ_ENDINGS, key=lambda ending: (-len(ending), ending))
# Letters that a stem has at least before an ending.
_UZ_MIN_STEM = 3
_UZ_TOKEN = re.compile(rf"[^\W\d_]+(?:{_UZ_MARK}[^\W\d_]*)*")


@lru_cache(maxsize=200_000)
def _respell_uzbek_word(word: str) -> str:
    stem, ending = word, ""
    for candidate in _UZ_BY_LENGTH:
        if word.endswith(candidate) and len(word) - len(candidate) >= _UZ_MIN_STEM:
            stem = word.removesuffix(candidate)
            vowels = [letter for letter in stem if letter in "aeiouöü"]
            ending = _UZ_ENDINGS[candidate][0 if vowels and vowels[-1] in "ao" else 1]
            break
    for digraph, letter in _UZ_DIGRAPHS:
        stem = digraph.sub(lambda match, to=letter: to if match[0][0].islower() else to.upper(), stem)
    return _UZ_STOP.sub("", stem).translate(_UZ_LETTERS) + ending


def _respell_uzbek(text: str) -> str:
    """Write an Uzbek text in Turkish letters, its commonest endings in Turkish harmony."""
    return _UZ_TOKEN.sub(lambda match: _respell_uzbek_word(match[0]), text)


# --- Tables by language ---


def tables_by_language(rules: str | None) -> dict[str, str]:
    """Return the table of each language that ``rules`` names, as in ``tk-tr+uz-tr``; none for None.

    Raises ParamsError for an unknown table.
    """
    tables = rules.split("+") if rules else []
    for table in tables:
        _check_table(table)
    return {table.partition("-")[0]: table for table in tables}


def _check_table(table: str) -> None:
    if table not in TABLES:
        raise ParamsError(f"respell table: expected one of {', '.join(TABLES)}, found {table!r}")


def respell(text: str, table: str = "tk-tr", level: str = "lexicon") -> str:
    """Write a Turkmen text (``tk-tr``) or an Uzbek one (``uz-tr``, which has no levels) in Turkish spelling.

    Text with Turkish-only letters (ı, ğ, İ) and no Turkmen-only ones is returned as it is. Raises ParamsError
    for an unknown table or level, never for a text.
    """
    _check_table(table)
    if level not in LEVELS:
        raise ParamsError(f"respell level: expected one of {', '.join(LEVELS)}, found {level!r}")
    if table == "uz-tr":
        return _respell_uzbek(text)
    if _TURKISH_ONLY.search(text) and not _TURKMEN_ONLY.search(text):
        return text

    def replace(match: re.Match[str]) -> str:
        head, tail, word = match.groups()
        if word is not None:
            return _cached_word(word, level)
        return match[0] if head is None else _cached_pair(head, tail, level)

    return (_TOKEN_OR_MARK if _MARKS.search(text) else _TOKEN).sub(replace, text)
