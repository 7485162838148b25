"""Joins words broken at line ends, with the help of the book's own vocabulary."""

from __future__ import annotations

import bisect
import re
from collections import Counter
from collections.abc import Iterable

_TOKEN = re.compile(r"[^\W\d_]+(?:[-‐‑][^\W\d_]+)*")
# What may stand at a line end for a hyphen; a soft hyphen always joins.
HYPHENS = "-‐‑\xad¬"
_LAST = re.compile(rf"([^\W_]+(?:[-‐‑][^\W_]+)*)[{HYPHENS}]$")
_FIRST = re.compile(r"[^\W_]+(?:[-‐‑][^\W_]+)*")
# Russian particles that are written with a hyphen after any word, and prefixes that bind with one.
_KEEP_AFTER = {"то", "либо", "нибудь", "таки", "ка", "де", "да", "de", "da"}
_KEEP_BEFORE = {"кое", "кой", "во", "в"}
_PO_ENDS = ("ски", "цки", "ому", "ему", "ьи", "му")


class Vocabulary:
    """Words and hyphenated compounds of a book, as they stand inside lines."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._sorted: list[str] | None = None

    def add(self, lines: Iterable[str]) -> None:
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
            self._sorted = None

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
        return (
            as_one < 0
            and len(last) >= 3
            and len(first) >= 3
            and self.count(last) > 0
            and self._is_word(first)
        )

    def _is_word(self, text: str) -> bool:
        return self.count(text) > 0

    def _agreement(self, a: str, b: str) -> int:
        """Return how many letters of b the book's words that start with a share with it; -1 below three."""
        least = min(3, len(b))
        if not self.has_prefix(a + b[:least]):
            return -1
        n = least
        while n < len(b) and self.has_prefix(a + b[: n + 1]):
            n += 1
        return n
