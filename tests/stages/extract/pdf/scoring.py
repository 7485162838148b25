"""Compares what was read from a PDF with the gold record of its typesetting."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Score:
    """Counts over the words of a book."""

    gold: int
    found: int
    in_order: int
    hyphens: int
    hyphens_right: int

    @property
    def words_recovered(self) -> float:
        """Share of the gold words that were found in order."""
        return self.in_order / self.gold

    @property
    def words_added(self) -> float:
        """Share of the found words that are not in the gold."""
        return (self.found - self.in_order) / max(self.found, 1)

    @property
    def hyphens_right_share(self) -> float:
        """Share of the words broken at a line end that were put together as written."""
        return self.hyphens_right / max(self.hyphens, 1)


def flow_words(blocks: Iterable[Any], notes: bool = False) -> list[tuple[int, str]]:
    """Return (page of the block, word) of the text in order; of the notes alone if ``notes``."""
    return [
        (block.page, word)
        for block in blocks
        if (block.kind == "footnote") is notes
        for word in block.text.split()
    ]


def score(
    gold_blocks: Sequence[Any], hyphens: Sequence[tuple[str, int]], found_blocks: Sequence[Any]
) -> Score:
    """Align the words of text and of notes, each with its own, and count."""
    total = found_total = in_order = right = 0
    broken: dict[str, int] = {}
    for word, _ in hyphens:
        broken[word] = broken.get(word, 0) + 1
    gold_counts: dict[str, int] = {}
    hit_counts: dict[str, int] = {}
    for notes in (False, True):
        gold = [word for _, word in flow_words(gold_blocks, notes)]
        found = [word for _, word in flow_words(found_blocks, notes)]
        matched = set(align(gold, found))
        total += len(gold)
        found_total += len(found)
        in_order += len(matched)
        for i, word in enumerate(gold):
            if word in broken:
                gold_counts[word] = gold_counts.get(word, 0) + 1
                hit_counts[word] = hit_counts.get(word, 0) + (i in matched)
    # A word form missed anywhere counts against its broken places: the strictest reading.
    for word, n in broken.items():
        missed = gold_counts.get(word, n) - hit_counts.get(word, 0)
        right += max(0, n - missed)
    return Score(total, found_total, in_order, len(hyphens), right)


def align(gold: Sequence[str], found: Sequence[str], most_edits: int = 4000) -> list[int]:
    """Return the indices of the gold words that a longest common subsequence matches.

    Myers, "An O(ND) Difference Algorithm" (1986), greedy forward; beyond ``most_edits`` nothing counts.
    """
    n, m = len(gold), len(found)
    reach = {1: 0}
    trace: list[dict[int, int]] = []
    for d in range(most_edits + 1):
        trace.append(dict(reach) if d < 2 else {k: reach[k] for k in range(-d - 1, d + 2) if k in reach})
        for k in range(-d, d + 1, 2):
            down = k == -d or (k != d and reach.get(k - 1, -1) < reach.get(k + 1, -1))
            x = reach[k + 1] if down else reach[k - 1] + 1
            y = x - k
            while x < n and y < m and gold[x] == found[y]:
                x, y = x + 1, y + 1
            reach[k] = x
            if x >= n and y >= m:
                return _matches(trace, n, m)
    return []


def _matches(trace: list[dict[int, int]], x: int, y: int) -> list[int]:
    matched: list[int] = []
    for d in range(len(trace) - 1, -1, -1):
        reach = trace[d]
        k = x - y
        down = k == -d or (k != d and reach.get(k - 1, -1) < reach.get(k + 1, -1))
        before_k = k + 1 if down else k - 1
        before_x = reach.get(before_k, 0) if d else 0
        before_y = before_x - before_k if d else 0
        start_x = before_x if down else before_x + 1
        if d == 0:
            start_x = 0
        matched += range(start_x, x)
        x, y = before_x, before_y
    return sorted(matched)
