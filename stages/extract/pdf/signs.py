"""Reads letters that a font without a map of its codes shows as signs: ``t"ze`` for täze.

What a sign stands for is told by the words it stands in: by those of the book's sound fonts and by a list of
Turkmen stems. A word with a sign that no word tells is lost.
"""

from __future__ import annotations

import functools
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence

# Glyphs without any character: their numbers, private places, and control characters.
HOLE = re.compile(r"\(cid:\d+\)|[\ue000-\uf8ff\ufffd\x00-\x08\x0e-\x1f\x80-\x9f]")
_SIGN = re.compile(rf'{HOLE.pattern}|["#$%*<>@\\^_`{{|}}~\[\];=+]|&(?![A-ZА-ЯЁ])|(?<=[^\W\d_])\d(?=[^\W\d_])')
_ADDRESS = re.compile(r"https?:|www\.|\S@\S+\.\S|[\w.-]+\.(?:com|org|net|ru|tm|html?)\b", re.IGNORECASE)
# A code in the middle of a word of a font whose letters are all wrong.
_IN_GARBAGE = re.compile(r'\S["#$%&*+;<=>?@\[\\\]^_{|}~!]+\S')
_CYRILLIC = re.compile("[а-яё]", re.IGNORECASE)
_ENDS = frozenset(".!?…")
# Punctuation at the edges of words.
EDGES = ".,:!?()«»“”„–—-…"
_INSIDE = re.compile(rf"(?<=[^\W\d_])(?:{_SIGN.pattern})(?=[^\W\d_])")
# Numbers of the codes that stand for a sign of a font.
_FIRST = 0xF0000
_CODE = re.compile("[\U000f0000-\U000ffffd]")
_CODES_AT_ENDS = re.compile(f"^{_CODE.pattern}+|{_CODE.pattern}+$")
_CODE_INSIDE = re.compile(f"(?<=[^\\W\\d_])({_CODE.pattern})(?=[^\\W\\d_])")
_LETTER = re.compile(r"[^\W\d_]")
_ALPHABETS = {
    "Latn": frozenset("äçöüýňžşğıâîabcdefghijklmnopqrstuvwxyzáéíóúůčďěřšťñàèùêôëïåæøãõőű"),
    "Cyrl": frozenset("абвгдеёжзийклмнопрстуфхцчшщъыьэюяәөүңҗ"),
}
# A font is broken if this share of its words has a sign inside.
BROKEN = 0.1
# So many different words tell a sign's letter for all words; with fewer only those words are read.
SURE = 3
_MOST_WORDS = 300


@functools.cache
def _stems() -> frozenset[str]:
    from stages.lib.core.assets import read_asset

    return frozenset(read_asset("text/turkmen_stems")["tk"].split())


def is_known(word: str, place: int, has_word: Callable[[str], bool]) -> bool:
    """Tell whether the book has a word, or a Turkmen stem that it starts with has the letter at ``place``."""
    word = word.lower()
    if has_word(word):
        return True
    stems = _stems()
    return word in stems or any(word[:end] in stems for end in range(max(3, place + 1), len(word)))


def share_of_signs(text: str) -> float:
    """Return the share of a text's words that have a sign between two letters."""
    words = [word for word in text.split() if _LETTER.search(word)]
    return sum(bool(_INSIDE.search(word)) and not _ADDRESS.search(word) for word in words) / max(
        1, len(words)
    )


def share_of_garbage(text: str) -> float:
    """Return the share of a text's words that have signs in them, whatever else they are made of."""
    # A row of one character is a rule.
    words = [word for word in text.split() if len(set(word)) > 2]
    return sum(bool(_IN_GARBAGE.search(word)) for word in words) / max(1, len(words))


class Signs:
    """The signs of a book's words and what they stand for; a word is its parts (font, text)."""

    def __init__(self, words: Iterable[Sequence[tuple[str, str]]], has_word: Callable[[str], bool]) -> None:
        self._has_word = has_word
        self._codes: dict[tuple[str, str], str] = {}
        self._letters: dict[str, str] = {}
        self._votes: dict[str, int] = {}
        # Letters that a font has as themselves.
        self._sound: dict[str, set[str]] = defaultdict(set)
        # Words after the end of a sentence, by the code that they start with.
        self._starts: Counter[str] = Counter()
        coded: Counter[str] = Counter()
        per_font: Counter[str] = Counter()
        is_start = True
        for word in words:
            text = self._encode(word)
            self._starts[text[:1]] += is_start
            is_start = text[-1:] in _ENDS
            coded[text] += 1
            for font, part in word:
                per_font[font] += 1
                self._sound[font].update(HOLE.sub("", part).lower())
        self._signs = {code: sign for (_, sign), code in self._codes.items()}
        self._fonts = {code: font for (font, _), code in self._codes.items()}
        self._suspects = self._find_suspects(coded, per_font)
        self._solve(coded)

    def _find_suspects(self, coded: Counter[str], per_font: Counter[str]) -> set[str]:
        """Return the codes that may be letters: holes, and the signs of a font with many inside its words."""
        broken: Counter[str] = Counter()
        inside, first, last, between = set[str](), set[str](), set[str](), set[str]()
        for text, n in coded.items():
            broken.update({self._fonts[code]: n for code in _CODE_INSIDE.findall(text)})
            bare = text.strip(EDGES)
            if _LETTER.search(bare):
                first.update(bare[0])
                inside.update(bare[1:-1])
                last.update(bare[-1])
                between.update(_CODE.findall(_CODES_AT_ENDS.sub("", bare)))
        # A font with letters, or with glyphs between letters, lacks letters; another has ornaments.
        spelling = {self._fonts[code] for code in between}
        spelling |= {font for font, letters in self._sound.items() if any(map(str.isalpha, letters))}
        # What stands at both ends of words and never inside is a quotation mark.
        return {
            code
            for (font, sign), code in self._codes.items()
            if (HOLE.fullmatch(sign) and font in spelling)
            or (
                broken[font] > BROKEN * per_font[font]
                and (code in inside or (code in first) != (code in last))
            )
        }

    def _encode(self, word: Sequence[tuple[str, str]]) -> str:
        if _ADDRESS.search("".join(text for _, text in word)):
            return ""

        def code(font: str, sign: str) -> str:
            return self._codes.setdefault((font, sign), chr(_FIRST + len(self._codes)))

        return "".join(
            _SIGN.sub(lambda match, font=font: code(font, match.group()), text) for font, text in word
        )

    def _decode(self, text: str) -> str:
        """Put letters for the codes that were told, and signs for those that are no letters."""
        return _CODE.sub(
            lambda m: self._letters.get(
                m.group(), m.group() if m.group() in self._suspects else self._signs[m.group()]
            ),
            text,
        )

    def _solve(self, coded: Counter[str]) -> None:
        words: dict[str, list[str]] = defaultdict(list)
        for word in sorted(coded):
            for code in self._suspects.intersection(word):
                words[code].append(word)
        order = sorted(words, key=lambda code: (-len(words[code]), code))
        progress = True
        while progress:
            progress = False
            for code in order:
                if code not in self._letters and self._tell(code, words[code]):
                    n = sum(coded[word] for word in words[code])
                    if self._starts[code] > n / 2 and all(word.startswith(code) for word in words[code]):
                        self._letters[code] = self._letters[code].upper()
                    progress = True

    def _tell(self, code: str, words: Sequence[str]) -> bool:
        """Find the letter that makes most words with a code known, where no other comes near."""
        font = self._fonts[code]
        taken = {letter for other, letter in self._letters.items() if self._fonts[other] == font}
        votes: Counter[str] = Counter()
        for word in sorted({self._decode(word) for word in words})[:_MOST_WORDS]:
            bare = word.strip(EDGES)
            if set(_CODE.findall(bare)) != {code}:
                continue
            alphabet = _ALPHABETS["Cyrl" if _CYRILLIC.search(bare) else "Latn"] - taken - self._sound[font]
            place = bare.find(code)
            votes.update(
                letter
                for letter in sorted(alphabet)
                if is_known(bare.replace(code, letter), place, self._has_word)
            )
        (letter, best), (_, second) = [*votes.most_common(2), ("", 0), ("", 0)][:2]
        if best <= 2 * second:
            return False
        self._letters[code], self._votes[code] = letter, best
        return True

    def read(self, word: Sequence[tuple[str, str]]) -> str | None:
        """Return a word's text with letters for its signs; None if one of them is not told."""
        plain = "".join(text for _, text in word)
        coded = self._encode(word)
        suspects = self._suspects.intersection(coded)
        if not suspects or len(coded) == 1:
            return plain
        text = self._decode(coded)
        if _CODE.search(text):
            return None
        if min(self._votes[code] for code in suspects) >= SURE:
            return text
        place = min(coded.find(code) for code in suspects)
        bare = text.strip(EDGES)
        return text if is_known(bare, place, self._has_word) else None
