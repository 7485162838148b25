"""Convert a pair's margin into the probability that it is a translation; find the threshold for a precision.

Gold pairs stand against planted wrong ones, and both kinds weigh the same in all, however many there are of
either. So a probability of one half means: as usual among right pairs as among wrong ones. Precisions are of
that mix too; text with fewer wrong candidates than right ones comes out better.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stages.lib.core.errors import DataError

log = logging.getLogger(__name__)

# Without gold: the curve that margins (ratio, k = 4) of the default sources' keyed pairs of at least five
# words give with `use_tr`.
DEFAULT_SLOPE = 5.0
DEFAULT_CENTRE = 0.98

RESAMPLES = 500
CONFIDENCE = 0.95
CURVE_POINTS = 101
# Rows of resamples weighed at once; keeps memory flat.
_CHUNK = 25


@dataclass(frozen=True)
class Threshold:
    """The lowest score whose pairs reach a precision, with its interval (bootstrap, ``CONFIDENCE``).

    ``recall``: the share of gold pairs at or above ``value``. ``units`` counts what was resampled, named by
    ``unit``. Interval and recall are None where there is no gold.
    """

    value: float
    low: float | None
    high: float | None
    precision: float
    recall: float | None
    unit: str
    units: int


@dataclass(frozen=True, eq=False)
class Calibration:
    """A monotone map from scores to probabilities: ``1 / (1 + exp(-slope * (score - centre)))``.

    ``scores`` float64 (n,), ``is_gold`` bool (n,) and ``units`` int64 (n,) are what it was made from, by
    falling score; empty for the default.
    """

    slope: float
    centre: float
    scores: np.ndarray
    is_gold: np.ndarray
    units: np.ndarray
    unit: str
    seed: int

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
        """Fit to the scores of gold pairs (n_pos,) and wrong pairs (n_neg,).

        Units name the document of each; the bootstrap resamples documents (pairs, where no units are given
        or there are few documents). Fitted is Platt's sigmoid (1999) with his smoothed targets, so that gold
        that scores separate wholly gives no step, and with a slope that is never negative.
        Raises DataError if a side is empty or a score is not finite.
        """
        from stages.lib.scores.significance import resampling_units

        sides = [np.asarray(side, dtype=np.float64) for side in (positive, negative)]
        for side, name in zip(sides, ("gold", "planted wrong"), strict=True):
            if len(side) == 0 or not np.isfinite(side).all():
                raise DataError(
                    f"calibration: expected finite scores of {name} pairs, found {len(side)} scores, "
                    f"{np.count_nonzero(~np.isfinite(side))} of them not finite; "
                    "use Calibration.default() where there is no gold"
                )
        scores = np.concatenate(sides)
        is_gold = np.arange(len(scores)) < len(sides[0])
        if positive_units is None or negative_units is None:
            units, unit = np.arange(len(scores)), "pair"
        else:
            units, unit = resampling_units([*positive_units, *negative_units])
            unit = "pair" if unit == "sentence" else unit
        order = np.lexsort((units, is_gold, -scores))
        slope, centre = _fit_sigmoid(scores, is_gold)
        return cls(slope, centre, scores[order], is_gold[order], units[order], unit, seed)

    @classmethod
    def default(cls) -> Calibration:
        """Return the map used where there is no gold, and log a warning."""
        log.warning(
            "no gold pairs to calibrate by: probabilities are those of the default curve; "
            "list a source with keys to have them measured"
        )
        none = np.empty(0)
        return cls(DEFAULT_SLOPE, DEFAULT_CENTRE, none, none.astype(bool), none.astype(np.int64), "none", 0)

    def probability(self, scores: np.ndarray) -> np.ndarray:
        """Return float32 (n,) in [0, 1], never falling as the score rises."""
        from scipy.special import expit

        raw = np.asarray(scores, dtype=np.float64)
        return expit(self.slope * (raw - self.centre)).astype(np.float32)

    def threshold(self, precision: float) -> Threshold:
        """Return the lowest score at or above which the share of right pairs is at least ``precision``.

        It is counted among the gold and planted pairs; without gold it is where the probability is that
        high. Raises DataError if no score reaches the precision.
        """
        if len(self.scores) == 0:
            value = self.centre + float(np.log(precision / (1 - precision))) / self.slope
            return Threshold(value, None, None, precision, None, self.unit, 0)
        place = int(self._places(np.ones((1, len(self.scores))), precision)[0])
        if place < 0:
            precisions, _ = self._shares(np.ones((1, len(self.scores))))
            best = int(np.argmax(np.where(self._is_last(), precisions[0], -1)))
            raise DataError(
                f"calibration: no score reaches precision {precision}; the highest is "
                f"{precisions[0, best]:.3f}, at {self.scores[best]:.3f}; ask for less, or bring more gold"
            )
        low, high = np.quantile(
            self._resampled(precision), [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2], method="nearest"
        )
        recall = float(self.is_gold[: place + 1].sum() / self.is_gold.sum())
        value, units = float(self.scores[place]), len(np.unique(self.units))
        return Threshold(value, float(low), float(high), precision, recall, self.unit, units)

    def curve(self) -> list[dict[str, float]]:
        """Return up to ``CURVE_POINTS`` rows by falling score: score, probability, precision, recall.

        Precision and recall are of all pairs at or above the score. No rows without gold.
        """
        if len(self.scores) == 0:
            return []
        precisions, recalls = self._shares(np.ones((1, len(self.scores))))
        last = np.flatnonzero(self._is_last())
        chosen = last[np.unique(np.linspace(0, len(last) - 1, CURVE_POINTS).round().astype(int))]
        columns = {
            "score": self.scores[chosen],
            "probability": self.probability(self.scores[chosen]),
            "precision": precisions[0, chosen],
            "recall": recalls[0, chosen],
        }
        rows = zip(*columns.values(), strict=True)
        return [dict(zip(columns, (round(float(value), 4) for value in row), strict=True)) for row in rows]

    def _is_last(self) -> np.ndarray:
        """Say of each row whether the next one scores less: a threshold cannot part equal scores."""
        return np.append(self.scores[1:] < self.scores[:-1], True)

    def _shares(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return precision and recall (b, n) of what scores at least as each row, for each row of weights."""
        right = np.cumsum(weights * self.is_gold, axis=1)
        wrong = np.cumsum(weights * ~self.is_gold, axis=1)
        right /= np.maximum(right[:, -1:], 1e-12)
        wrong /= np.maximum(wrong[:, -1:], 1e-12)
        return right / np.maximum(right + wrong, 1e-12), right

    def _places(self, weights: np.ndarray, precision: float) -> np.ndarray:
        """Return the last row (b,) that reaches the precision, -1 where none does."""
        reaches = (self._shares(weights)[0] >= precision - 1e-12) & self._is_last()
        backwards = np.argmax(reaches[:, ::-1], axis=1)
        return np.where(reaches.any(axis=1), len(self.scores) - 1 - backwards, -1)

    def _resampled(self, precision: float) -> np.ndarray:
        """Return the threshold (RESAMPLES,) of resampled units; the highest score where none reaches it."""
        rng = np.random.default_rng(self.seed)
        _, numbers = np.unique(self.units, return_inverse=True)
        count = int(numbers.max()) + 1
        values = []
        for start in range(0, RESAMPLES, _CHUNK):
            drawn = rng.multinomial(count, np.full(count, 1 / count), size=min(_CHUNK, RESAMPLES - start))
            places = self._places(drawn[:, numbers].astype(np.float64), precision)
            values.append(self.scores[np.maximum(places, 0)])
        return np.concatenate(values)


def _fit_sigmoid(scores: np.ndarray, is_gold: np.ndarray) -> tuple[float, float]:
    """Return slope and centre of Platt's sigmoid, both kinds weighing one half."""
    from scipy.optimize import minimize
    from scipy.special import expit

    n_gold = int(is_gold.sum())
    n_wrong = len(scores) - n_gold
    target = np.where(is_gold, (n_gold + 1) / (n_gold + 2), 1 / (n_wrong + 2))
    weight = np.where(is_gold, 0.5 / n_gold, 0.5 / n_wrong)
    mean = float(weight @ scores)
    spread = float(np.sqrt(weight @ (scores - mean) ** 2)) or 1.0
    x = (scores - mean) / spread

    def loss(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        z = parameters[0] * x + parameters[1]
        # log(1 + e^z) - t z, and its gradient
        value = weight @ (np.logaddexp(0, z) - target * z)
        residual = weight * (expit(z) - target)
        return float(value), np.array([residual @ x, residual.sum()])

    # A slope of nearly zero stands for scores that say nothing; the centre needs one to divide by.
    fit = minimize(loss, [1.0, 0.0], jac=True, method="L-BFGS-B", bounds=[(1e-6, None), (None, None)])
    slope, offset = (float(value) for value in fit.x)
    return slope / spread, mean - spread * offset / slope
