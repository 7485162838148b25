"""Joins words broken at line ends, with the words of the book or the web site as witnesses."""

from __future__ import annotations

import bisect
import re
from collections import Counter
from collections.abc import Iterable, Sequence

_TOKEN = re.compile(r"[^\W\d_]+(?:[-‐‑][^\W\d_]+)*")
# What may stand at a line end for a hyphen; a soft hyphen always joins.
HYPHENS = "-‐‑\xad¬"
_LAST = re.compile(rf"([^\W_]+(?:[-‐‑][^\W_]+)*)[{HYPHENS}]$")
_FIRST = re.compile(r"[^\W_]+(?:[-‐‑][^\W_]+)*")
_BROKEN_WORD = re.compile(r"([^\W\d_]{2,})[-‐]\s([^\W\d_]{2,})")
# Russian particles that are written with a hyphen after any word, and prefixes that bind with one.
_KEEP_AFTER = {"то", "либо", "нибудь", "таки", "ка", "де", "да", "de", "da"}
_KEEP_BEFORE = {"кое", "кой", "во", "в"}
_PO_ENDS = ("ски", "цки", "ому", "ему", "ьи", "му")
# Turkmen endings that a hyphen joins.
_ENCLITICS = _KEEP_AFTER | {"ä", "nji", "njy", "njisi", "njysy"}
# "двух- и трёхэтажные", "söwda- we senagat": the hyphen waits for the word that is shared.
_SUSPENDED = frozenset(
    "и или да а либо we ýa ýa-da hem и/или and or und ve veya va yoki және немесе".split()  # noqa: SIM905
)
# Breaks in a document from which on a hyphen before a space is a line end's, not a sloppy dash.
_MANY_BREAKS = 3


class Vocabulary:
    """Words and hyphenated compounds of a book or a site; over ``max_words``, those seen once are dropped."""

    def __init__(self, max_words: int = 300_000) -> None:
        self._max_words = max_words
        self._counts: Counter[str] = Counter()
        self._sorted: list[str] | None = None

    def __len__(self) -> int:
        return len(self._counts)

    def add_lines(self, lines: Iterable[str]) -> None:
        """Count the words of whole lines; a last word with a hyphen, and the first after it, do not count."""
        broken = False
        for text in lines:
            words = _TOKEN.findall(text.lower())
            if broken and words:
                del words[0]
            broken = text[-1:] in HYPHENS and bool(text)
            if broken and words:
                words.pop()
            self._counts.update(words)
        self._shrink()

    def add_texts(self, texts: Iterable[str]) -> None:
        """Count the words of texts; the halves of words with a hyphen and a space inside do not count."""
        for text in texts:
            self._counts.update(_TOKEN.findall(_BROKEN_WORD.sub(" ", text.lower())))
        self._shrink()

    def _shrink(self) -> None:
        self._sorted = None
        if len(self._counts) > self._max_words:
            self._counts = Counter({word: count for word, count in self._counts.items() if count > 1})

    def count(self, word: str) -> int:
        """Return how often a word (lower case) stands inside lines."""
        return self._counts[word]

    def has_prefix(self, prefix: str) -> bool:
        """Tell whether any word starts like this."""
        if self._sorted is None:
            self._sorted = sorted(self._counts)
        place = bisect.bisect_left(self._sorted, prefix)
        return place < len(self._sorted) and self._sorted[place].startswith(prefix)

    def join(self, first: str, second: str) -> str:
        """Join the end of a line to the start of the next, which may or may not be one word.

        first: text up to and with the hyphen. second: the text of the next line.
        """
        head = _LAST.search(first)
        tail = _FIRST.match(second)
        if not head:
            return f"{first} {second}"
        if not tail:
            return first + second if second[:1] in ",.;:!?)" else f"{first} {second}"
        if first[-1] in "\xad¬":
            return first[:-1] + second
        return first + second if self.keeps_hyphen(head.group(1), tail.group()) else first[:-1] + second

    def keeps_hyphen(self, head: str, tail: str) -> bool:
        """Tell whether a word broken into these two parts is written with a hyphen between them."""
        if head[-1].isdigit() or tail[0].isdigit():
            return True
        # "Санкт-" and "Петербург", but not a heading in capitals.
        if tail[0].isupper() and not (head.isupper() and len(head) > 1):
            return True
        a, b = head.lower().replace("‐", "-"), tail.lower().replace("‐", "-")
        joined, kept = self.count(a + b), self.count(f"{a}-{b}")
        if joined != kept:
            return kept > joined
        last = a.rsplit("-", 1)[-1]
        if b in _KEEP_AFTER and len(a) > 1 and self._agreement(last, b) < 0:
            return True
        if a in _KEEP_BEFORE or (a == "по" and b.endswith(_PO_ENDS) and self._agreement(a, b) < 0):
            return True
        if last == b:
            return True
        # Other forms of the same word, with other endings: the form that agrees further into b decides.
        as_one, as_two = self._agreement(a, b), self._agreement(f"{a}-", b)
        if as_one != as_two:
            return as_two > as_one
        first = b.split("-", 1)[0]
        are_words = min(len(last), len(first)) >= 3 and self.count(last) > 0 and self.count(first) > 0
        return as_one < 0 and are_words

    def _agreement(self, a: str, b: str) -> int:
        """Return how many letters of b the book's words that start with a share with it; -1 below three."""
        least = min(3, len(b))
        if not self.has_prefix(a + b[:least]):
            return -1
        n = least
        while n < len(b) and self.has_prefix(a + b[: n + 1]):
            n += 1
        return n


def join_broken_words(texts: Sequence[str], site: Vocabulary | None = None) -> tuple[list[str], bool]:
    """Join words that a hyphen and a space break up; tell also whether some remain that may be broken.

    "bro- ken" becomes "broken" or "bro-ken", whichever the document or the site has. Without such a witness
    it is joined only where the document has several breaks and neither half as a word: one may be a dash.
    """
    document = Vocabulary()
    document.add_texts(texts)
    witnesses = (document,) if site is None else (document, site)
    breaks = sum(
        right.lower() not in _SUSPENDED | _ENCLITICS
        for text in texts
        for _, right in _BROKEN_WORD.findall(text)
    )
    is_doubtful = False

    def is_known(word: str) -> bool:
        return any(words.count(word.lower()) for words in witnesses)

    def join(match: re.Match[str]) -> str:
        nonlocal is_doubtful
        left, right = match.groups()
        if right.lower() in _SUSPENDED or not right[0].islower():
            return match.group()
        if is_known(left + right):
            return left + right
        if right.lower() in _ENCLITICS or is_known(f"{left}-{right}"):
            return f"{left}-{right}"
        if breaks >= _MANY_BREAKS and not is_known(left) and not is_known(right):
            return left + right
        is_doubtful = True
        return match.group()

    return [_BROKEN_WORD.sub(join, text) for text in texts], is_doubtful
