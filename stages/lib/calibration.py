"""Turn a pair's score into the probability that it is a translation, and find a threshold for a precision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Threshold:
    """The lowest score whose pairs reach a precision, with its interval (``low`` to ``high``, bootstrap).

    ``recall``: the share of gold pairs at or above ``value``; ``unit``: what was resampled, ``units`` of them.
    """

    value: float
    low: float
    high: float
    precision: float
    recall: float
    unit: str
    units: int


@dataclass(frozen=True)
class Calibration:
    """A monotone map from scores to probabilities, made from gold pairs and planted wrong ones."""

    @classmethod
    def from_scores(
        cls,
        positive: np.ndarray,
        negative: np.ndarray,
        *,
        positive_units: Sequence[str] | None = None,
        negative_units: Sequence[str] | None = None,
        seed: int = 0,
    ) -> Calibration:
        """Fit to the scores of gold pairs (n_pos,) and wrong pairs (n_neg,); units are their documents.

        Raises DataError if a side is empty or a score is not finite.
        """
        raise NotImplementedError

    @classmethod
    def default(cls) -> Calibration:
        """Return the map used where there is no gold, and log a warning."""
        raise NotImplementedError

    def probability(self, scores: np.ndarray) -> np.ndarray:
        """Return float32 (n,) in [0, 1], never falling as the score rises."""
        raise NotImplementedError

    def threshold(self, precision: float) -> Threshold:
        """Return the lowest score at or above which the share of right pairs is at least ``precision``."""
        raise NotImplementedError

    def curve(self) -> list[dict[str, float]]:
        """Return rows of the curve: score, probability, precision, recall."""
        raise NotImplementedError

    def to_json(self) -> dict[str, Any]:
        """Return a JSON value from which :meth:`from_json` makes an equal calibration."""
        raise NotImplementedError

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Calibration:
        """Read what :meth:`to_json` gave."""
        raise NotImplementedError


def plant_negatives(
    src: np.ndarray, tgt: np.ndarray, docs: Sequence[str], *, memory_mb: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows (int32 src, int32 tgt) of wrong pairs that are hard to tell from right ones.

    Row i of ``src`` and ``tgt`` is a gold pair of document ``docs[i]``, in the document's order. Planted are,
    for each row, its nearest wrong neighbours in both directions and the next sentence of its document.
    """
    raise NotImplementedError


def plant_merges(src: Sequence[str], tgt: Sequence[str], docs: Sequence[str]) -> list[tuple[str, str, int]]:
    """Return wrong beads (src text, tgt text, row): one side of gold pair ``row`` took the next sentence too."""
    raise NotImplementedError
