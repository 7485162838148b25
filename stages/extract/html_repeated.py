"""Finds blocks that many pages of a site have in common: menus, notices, calls to subscribe."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from stages.extract.blocks import fold_numbers


class RepeatedBlocks:
    """Counts the pages of a site that each block is on.

    Counts pages, not occurrences; numbers in a block do not matter. Memory is bounded by lossy counting
    (Manku and Motwani, 2002): a count may be too low by at most ``error`` of the pages, never too high,
    so no block is taken for repeated that is not.
    """

    def __init__(self, min_pages: int = 5, min_share: float = 0.01, error: float = 0.001) -> None:
        self.min_pages = min_pages
        self.min_share = min_share
        self._width = max(1, round(1 / error))
        self._counts: dict[bytes, tuple[int, int]] = {}
        self.pages = 0

    def add(self, texts: Iterable[str]) -> None:
        """Count the blocks of one page."""
        bucket = self.pages // self._width
        for name in {_block_id(text) for text in texts}:
            count, missed = self._counts.get(name, (0, bucket))
            self._counts[name] = (count + 1, missed)
        self.pages += 1
        if self.pages % self._width == 0:
            self._counts = {
                name: (count, missed)
                for name, (count, missed) in self._counts.items()
                if count + missed > bucket + 1
            }

    def is_repeated(self, text: str) -> bool:
        """Tell whether a block is on at least ``min_pages`` pages and ``min_share`` of them."""
        count, _ = self._counts.get(_block_id(text), (0, 0))
        return count >= max(self.min_pages, self.min_share * self.pages)


def _block_id(text: str) -> bytes:
    return hashlib.blake2b(fold_numbers(text).encode(), digest_size=8).digest()
