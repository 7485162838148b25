"""Compares what was read from a PDF with the gold record of its typesetting."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Score:
    """Shares of the words of a book: of the gold ones, of those read, of those broken at a line end."""

    words_recovered: float
    words_added: float
    hyphens_right: float


def score(gold_blocks: Sequence[Any], hyphens: Sequence[tuple[str, int]], blocks: Sequence[Any]) -> Score:
    """Match the words of text and of notes in order, each with its own, and count."""
    in_order = sum(
        longest_common(_words(gold_blocks, notes), _words(blocks, notes)) for notes in (False, True)
    )
    gold, read = (
        Counter(word for block in part for word in block.text.split()) for part in (gold_blocks, blocks)
    )
    broken = Counter(word for word, _ in hyphens)
    # A word form missed anywhere counts against its broken places: the strictest reading.
    wrong = sum(min(count, max(0, gold[word] - read[word])) for word, count in broken.items())
    return Score(
        in_order / gold.total(), 1 - in_order / max(1, read.total()), 1 - wrong / max(1, broken.total())
    )


def _words(blocks: Iterable[Any], notes: bool) -> list[str]:
    return [word for block in blocks if (block.kind == "footnote") is notes for word in block.text.split()]


def longest_common(gold: Sequence[str], read: Sequence[str], most_edits: int = 4000) -> int:
    """Return the length of the longest common subsequence, 0 beyond ``most_edits``.

    Myers, "An O(ND) Difference Algorithm" (1986), greedy forward.
    """
    reach: dict[int, int] = defaultdict(int)
    for edits in range(most_edits + 1):
        for k in range(-edits, edits + 1, 2):
            is_down = k == -edits or (k != edits and reach[k - 1] < reach[k + 1])
            x = reach[k + 1] if is_down else reach[k - 1] + 1
            while x < len(gold) and x - k < len(read) and gold[x] == read[x - k]:
                x += 1
            reach[k] = x
            if x >= len(gold) and x - k >= len(read):
                return (len(gold) + len(read) - edits) // 2
    return 0
