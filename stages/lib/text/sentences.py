"""Cut text into sentences: razdel for Russian, rules for the languages that no splitter supports.

The rules are one engine with a profile for each language: abbreviations by what may follow them, words that
begin a sentence, verbs that follow quoted speech. Nothing is lost: the sentences are pieces of the text, in
order, and only white space lies between them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from stages.lib.core.assets import read_asset


@dataclass(frozen=True)
class Profile:
    """What splitting needs to know of one language: sets of words, see assets/text/sentence_rules.yaml."""

    titles: frozenset[str] = frozenset()
    endings: frozenset[str] = frozenset()
    numbered: frozenset[str] = frozenset()
    starters: frozenset[str] = frozenset()
    speech: frozenset[str] = frozenset()
    lettered: frozenset[str] = frozenset()


@lru_cache
def _profile(lang: str) -> Profile:
    kinds = read_asset("text/sentence_rules").get(lang, {})
    return Profile(**{kind: _marked_words(words) for kind, words in kinds.items()})


def _marked_words(text: str) -> frozenset[str]:
    """Return words with each sign that is put for the marks of Uzbek (ʻ and ʼ)."""
    return frozenset(word for sign in "ʻʼ‘’'`" for word in re.sub("[ʻʼ]", sign, text).split())


# A blank line always ends a sentence; a line end does if the next line begins like an item or a reply.
_ITEM = r"(?:[-–—•▪●◦*·]\s|\d{1,3}[.)]\s|[a-zа-яäçňöşüýž]\)\s)"
_BREAK = re.compile(rf"[^\S\n]*\n(?:[^\S\n]*\n\s*|[^\S\n]*(?={_ITEM}))")
# Marks of the end, what closes after them, and white space or a dash; or a period glued to a capital.
_CANDIDATE = re.compile(r"(?P<mark>[.!?…]+)(?P<closers>[\"”»’'\)\]}“]*(?:\[\d{1,3}\])*)(?=\s|[—–])")
_GLUED = re.compile(
    r"(?<=[a-zäçňöşüýžа-яё]{3})(?P<mark>[.!?…])(?P<closers>)(?=[A-ZÄÇŇÖŞÜÝŽА-ЯЁ][a-zäçňöşüýžа-яё]{2})"
)
_OPENERS = "\"«“„'‘([{"
_INITIAL = re.compile(r"Ý[auoeä]|Şç|Dž|J[au]|[SC]h|Y[uao]|[OG]‘")
_LIST_LABEL = re.compile(r"(?:\(?\d{1,3}|[IVXLC]{1,6}|[^\W\d_]|\d{1,2}(?:\.\d{1,2}){1,3})$")
_ORDINAL = re.compile(r"\d+-\w")
_DATE = re.compile(r"\d{1,2}\.\d{1,2}\.\d{2,4}$")
_WEB = re.compile(r"(?:https?://|www\.|[\w.-]+@[\w.-]+|[\w-]+(?:\.[\w-]+)*\.(?:com|tm|ru|org|net|gov)\b)")
_MAX_ENCLOSED = 300
_SPEECH_REACH = 60
# Characters that a decision looks back and ahead.
_REACH = 200


def split_sentences(text: str, lang: str) -> list[str]:
    """Return the sentences of a text, in order, without white space around them.

    What lies between two of them in the text is white space only, so nothing is lost. A language without a
    profile is cut by capitals and punctuation alone.
    """
    cut = _cut_russian if lang == "ru" else _cut
    sentences = []
    for block in _blocks(text):
        at = 0
        for stop in (*cut(block, lang), len(block)):
            if sentence := block[at:stop].strip():
                sentences.append(sentence)
            at = stop
    return sentences


def _blocks(text: str) -> Iterator[str]:
    at = 0
    for match in _BREAK.finditer(text):
        yield text[at : match.start()]
        at = match.end()
    yield text[at:]


def _cut_russian(block: str, lang: str) -> Iterator[int]:
    from razdel import sentenize

    for piece in sentenize(block):
        if piece.start:
            yield piece.start


def _cut(block: str, lang: str) -> Iterator[int]:
    """Yield the places in a block where a sentence ends."""
    profile = _profile(lang)
    is_enclosed = _mark_enclosed(block)
    candidates = [*_CANDIDATE.finditer(block), *_GLUED.finditer(block)]
    at = 0
    for match in sorted(candidates, key=lambda match: match.start()):
        start, stop = match.span()
        before = block[max(at, start - _REACH) : start]
        if not any(map(str.isalnum, before)):
            continue  # "... and so": no sentence has begun yet
        rest = block[stop : stop + _REACH].lstrip()
        if not rest or (is_enclosed[start] and is_enclosed[min(stop, len(block) - 1)]):
            continue
        if _ends(before, match["mark"], match["closers"], rest, profile):
            yield stop
            at = stop


def _mark_enclosed(block: str) -> bytearray:
    """Mark what lies in brackets, and in quotes after which the sentence goes on, if it is not too long."""
    marks = bytearray(len(block))
    stack: list[tuple[str, int]] = []
    pairs = {")": "(", "]": "[", "»": "«", "”": "“"}
    for at, char in enumerate(block):
        if char in "([«“„":
            stack.append(("“" if char == "„" else char, at))
        elif char in pairs:
            while stack and stack[-1][0] != pairs[char]:
                stack.pop()
            if not stack:
                continue
            opened = stack.pop()[1]
            after = block[at + 1 : at + 10].lstrip(" \u00a0,;:—–-")
            if at - opened <= _MAX_ENCLOSED and (char in ")]" or after[:1].islower()):
                marks[opened:at] = b"\1" * (at - opened)
    return marks


def _ends(before: str, mark: str, closers: str, rest: str, profile: Profile) -> bool:
    """Tell whether a sentence ends at a mark; ``before`` is the sentence so far, ``rest`` what follows it."""
    if before.endswith("(") and closers.startswith(")"):
        return False  # (!), (?), (...)
    if rest[0] in "—–" or (rest[0] == "-" and rest[1:2].isspace()):
        return _ends_before_dash(closers, rest, profile)
    begins = rest.lstrip(_OPENERS + " \u00a0")
    first = begins[:1]
    word = re.match(r"[\w’‘'ʻ]*", begins)[0]
    if first.isalpha() and word == word.lower() and not _WEB.match(begins):
        return False
    if not first.isalnum() and first not in "•▪●◦*№$€#@…+":
        return False  # "geldi. , ...": the mark is noise
    if len(mark) > 1 or mark in "!?…" or closers.strip("'’"):
        return True
    return _ends_at_period(before, first, word, begins, profile)


def _ends_before_dash(closers: str, rest: str, profile: Profile) -> bool:
    after = rest.lstrip("—–- \u00a0")
    if closers.strip("'’)]"):
        return False  # «...!» — Aman diýdi: the author's words
    if not after[:1].isupper() and after[:1] not in tuple(_OPENERS):
        return False
    reach = re.split(r"[.!?…—–]", after, maxsplit=1)[0][:_SPEECH_REACH]
    words = re.findall(r"[\w-]+(?:[‘’'`][\w-]+)*", reach.lower())
    # — Salam! — Myrat gülümsedi: author's words too.
    return not any(word in profile.speech for word in words[1:])


def _ends_at_period(before: str, first: str, word: str, begins: str, profile: Profile) -> bool:
    words = before.split()
    token = words[-1].lstrip(_OPENERS)
    if before.strip(_OPENERS + "-–—•*\t\r\n \u00a0") == token and _LIST_LABEL.match(token):
        return False  # "1. Suw içiň."
    if token.isdigit() or _DATE.match(token):
        if first.isdigit():
            return len(token) > 3 or bool(_ORDINAL.match(begins)) or bool(_DATE.match(token))
        return True
    bare = token.lower()
    if bare in profile.titles:
        return False
    # "A. Ý. Garryýew" are initials, "2024 ý." is a year.
    is_initial = _is_initial(token)
    if not is_initial and bare in profile.numbered:
        # "25-nji sah. Ol ...": a capital ends it; "sah. 25" goes on.
        return first.isupper() and len(words) > 1 and words[-2][:1].isdigit()
    # "we ş.m" is looked up as we.ş.m, "ş. m" as ş.m, "5km" as km.
    joined = f"{words[-2].strip('.(').lower()}.{bare}" if len(words) > 1 else bare
    if not is_initial and not profile.endings.isdisjoint((joined, bare, bare.lstrip("0123456789.,"))):
        return first.isupper()
    if not is_initial or (word.lower() in profile.starters and first.isupper()):
        return True
    if len(words) > 1 and words[-2].lower().strip(_OPENERS + "»") in profile.lettered:
        return True
    return not first.isupper()


@lru_cache(maxsize=4096)
def _is_initial(token: str) -> bool:
    """Tell whether a token is an initial, or several: A, Ýa, G.M (its last period is not part of it)."""
    return all((len(part) == 1 and part.isupper()) or _INITIAL.fullmatch(part) for part in token.split("."))
