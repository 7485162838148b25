"""Letters as languages have them: scripts, look-alikes, the marks of Uzbek, capitals, folding to words."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from functools import lru_cache

from stages.lib.core.assets import read_asset
from stages.lib.text.markup import SENTINEL, outside_placeholders, without_placeholders

# A language is written in one script here; a language that is not listed is read as Latin.
SCRIPTS = {
    **dict.fromkeys(("ru", "kk", "ky", "tg", "uk", "be", "bg", "sr", "tt", "mn"), "Cyrl"),
    **dict.fromkeys(("tk", "tr", "az", "uz", "en", "de", "fr"), "Latn"),
}
_WORD = re.compile(r"[^\W\d_]+")


# A text without one of these has no word of two scripts; most texts are done with here.
_CYRILLIC = re.compile("[\u0400-\u052f\u1c80-\u1c8f\u1d2b\u1d78\u2de0-\u2dff\ua640-\ua69f]")
_NOT_CYRILLIC = re.compile("[^\\W\\d_\u0400-\u052f]")


@lru_cache(maxsize=8192)
def script_of(char: str) -> str:
    """Return "Cyrl", "Latn", "Other" for a letter of another script, or "" for what is no letter."""
    if not char.isalpha():
        return ""
    name = unicodedata.name(char, "")
    if name.startswith("CYRILLIC"):
        return "Cyrl"
    return "Latn" if name.startswith(("LATIN", "FEMININE ORDINAL", "MASCULINE ORDINAL")) else "Other"


def count_letters(text: str) -> int:
    """Count the letters of a text, placeholders aside."""
    return sum(map(str.isalpha, without_placeholders(text)))


def script_share(text: str, script: str) -> float:
    """Return the share (0-1) of a text's letters, placeholders aside, in a script; 0 without letters."""
    counts = Counter(map(script_of, without_placeholders(text)))
    letters = sum(n for name, n in counts.items() if name)
    return counts[script] / letters if letters else 0.0


@lru_cache
def _look_alikes(lang: str) -> tuple[str, str, dict[str, str], frozenset[str]]:
    """Return a language's script, the other one, its look-alikes' counterparts and the letters it lacks."""
    tables = read_asset("text/look_alikes")
    script = SCRIPTS.get(lang, "Latn")
    counterparts = dict(tables["counterparts"][script].split())  # two letters a word: key, value
    absent = tables["absent"].get(lang, "")
    return script, "Latn" if script == "Cyrl" else "Cyrl", counterparts, frozenset(absent + absent.upper())


def repair_homoglyphs(text: str, lang: str) -> tuple[str, bool]:
    """Put the language's own letters in the place of look-alikes from the other script.

    A word is repaired if most of its letters are of the language's script and each of the others has one
    counterpart in the language's alphabet. Words wholly in another script are left alone: they are names.
    Returns the text and whether a mixed word stays that could not be repaired.
    """
    if not _CYRILLIC.search(text) or not _NOT_CYRILLIC.search(text):
        return text, False
    script, other, counterparts, absent = _look_alikes(lang)
    is_mixed = False

    def repair(match: re.Match[str]) -> str:
        nonlocal is_mixed
        word = match.group()
        counts = Counter(map(script_of, word))
        if not counts["Cyrl"] or not counts["Latn"]:
            return word
        mapped = [counterparts.get(char, "") if script_of(char) == other else char for char in word]
        if counts[script] <= counts[other] or not all(mapped) or absent.intersection(mapped):
            is_mixed = True
            return word
        return "".join(mapped)

    return outside_placeholders(text, lambda words: _WORD.sub(repair, words)), is_mixed


# What keyboards, fonts and encodings put for the two marks of Uzbek spelling.
_UZBEK_MARKS = "['`´ʹʻʼʽʾʿˈ‘’‛′]"
# oʻ and gʻ inside a word; at its end, where the same sign may close a quotation; the glottal stop (maʼno).
_UZBEK_OG = re.compile(rf"(?<=[oOgG]){_UZBEK_MARKS}(?=[^\W\d_])")
_UZBEK_OG_LAST = re.compile(rf"(?<=[oOgG]){_UZBEK_MARKS}(?!\w)")
_UZBEK_STOP = re.compile(rf"(?<=[^\W\d_ʻ])(?<![oOgG]){_UZBEK_MARKS}(?=[^\W\d_])")
_OPENING_QUOTE = re.compile(r"(?<!\w)['`‘‛](?=\w)")


def repair_marks(text: str, lang: str) -> str:
    """Write the marks that belong to words as the language's spelling has them; only Uzbek has any here.

    Uzbek is typed with a dozen signs for two: oʻ and gʻ (U+02BB), and ʼ between letters (U+02BC). A sign
    after the last letter of a word stays where an opening quotation mark stands before it in the text.
    """
    if lang != "uz":
        return text
    return outside_placeholders(text, _repair_uzbek_marks)


def _repair_uzbek_marks(text: str) -> str:
    text = _UZBEK_OG.sub("ʻ", text)
    quote = _OPENING_QUOTE.search(text)
    start = quote.start() if quote else len(text)
    text = _UZBEK_OG_LAST.sub("ʻ", text[:start]) + text[start:]
    return _UZBEK_STOP.sub("ʼ", text)


_WORD_OR_PLACEHOLDER = re.compile(rf"{_WORD.pattern}|{SENTINEL.pattern}")
_VOWELS = frozenset("aeiouyäöüıýâêîôûаеёиоуыэюяәіөүұӯӣ")


def to_lower(text: str, lang: str) -> str:
    """Lower-case as the language does: Turkish and Azerbaijani have a dotless i."""
    if lang in ("tr", "az"):
        text = text.replace("I", "ı").replace("İ", "i")
    return text.replace("İ", "i").lower()


def to_upper(text: str, lang: str) -> str:
    """Upper-case as the language does: Turkish and Azerbaijani have a dotted I."""
    if lang in ("tr", "az"):
        text = text.replace("i", "İ")
    return text.upper()


def _is_acronym(word: str, lang: str) -> bool:
    is_foreign = SCRIPTS.get(lang, "Latn") == "Cyrl" and script_of(word[0]) == "Latn"
    return is_foreign or not _VOWELS.intersection(to_lower(word, lang))


def is_all_caps(text: str, lang: str) -> bool:
    """Tell whether a text shouts: several words, or one of at least six letters, all in capitals.

    Words that could be acronyms (no vowel, or Latin letters in a Cyrillic text) do not count, so neither
    "HTTP" nor "ДНК" nor "HTML CSS" is a heading in capitals.
    """
    text = without_placeholders(text)
    words = [word for word in _WORD.findall(text) if len(word) > 1]
    if any(not word.isupper() and not _is_acronym(word, lang) for word in words):
        return False
    words = [word for word in words if not _is_acronym(word, lang)]
    if not words:
        return False
    if any(char.islower() for char in text if script_of(char) == script_of(words[0][0])):
        return False
    return sum(map(len, words)) >= 6 and (len(words) > 1 or len(words[0]) >= 6)


def to_sentence_case(text: str, lang: str) -> str:
    """Lower-case a text in capitals but for its first letter, placeholders and acronyms (see is_all_caps)."""
    is_first = True

    def lower(match: re.Match[str]) -> str:
        nonlocal is_first
        word = match.group()
        if SENTINEL.match(word) or (len(word) > 1 and _is_acronym(word, lang)):
            is_first = False
            return word
        lowered = to_lower(word, lang)
        if is_first:
            lowered = (
                word[0] + lowered[1:] if len(lowered) == len(word) else word[0] + to_lower(word[1:], lang)
            )
        is_first = False
        return lowered

    return outside_placeholders(text, lambda words: _WORD_OR_PLACEHOLDER.sub(lower, words))


_FIRST_WORD = re.compile(r"[\"'«“„(\[]*([^\W\d_]+)")


def _capitalise_first(text: str, lang: str) -> str:
    match = _FIRST_WORD.match(text)
    if match is None:
        return text
    word, at = match.group(1), match.start(1)
    if not word.islower():  # "iPhone" keeps its capitals where they are
        return text
    return text[:at] + to_upper(word[0], lang) + text[at + 1 :]


def _starts_upper(text: str) -> bool:
    match = _FIRST_WORD.match(text)
    return match is not None and match.group(1)[0].isupper()


def align_case(src: str, src_lang: str, tgt: str, tgt_lang: str) -> tuple[str, str]:
    """Give both sides of a pair the same habit of capitals.

    A side that is all in capitals gets sentence case; then, if one side starts with a capital, so does the
    other (a capital never goes: it may be a name's).
    """
    if is_all_caps(src, src_lang):
        src = to_sentence_case(src, src_lang)
    if is_all_caps(tgt, tgt_lang):
        tgt = to_sentence_case(tgt, tgt_lang)
    if _starts_upper(src) and not _starts_upper(tgt):
        tgt = _capitalise_first(tgt, tgt_lang)
    elif _starts_upper(tgt) and not _starts_upper(src):
        src = _capitalise_first(src, src_lang)
    return src, tgt


_NOT_WORD = re.compile(r"[\W_]+")


def fold(text: str, lang: str) -> str:
    """Reduce a text to its words: lower case, no punctuation; the text itself if nothing is left."""
    return _NOT_WORD.sub(" ", to_lower(text, lang)).strip() or text


def group_id(text: str, lang: str) -> str:
    """Return 16 hex digits that texts share which differ in capitals and punctuation only."""
    return hashlib.sha256(f"{lang}\0{fold(text, lang)}".encode()).hexdigest()[:16]
