"""How good translations are: corpus metrics with document bootstrap, and paired tests.

The table of translations is the evidence: every figure, interval and test can be made again from it.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from stages.lib.core.errors import DataError
from stages.lib.scores.significance import Interval, Paired, limits, resampling_units, seed_spread

if TYPE_CHECKING:
    import polars as pl
    from sacrebleu.metrics.base import Metric

    from stages.lib.core.params import EvaluateParams

# One row is one sentence in one direction by one system: the model (seed is 0 for a pretrained one), the
# source itself, or the translation of the nearest training sentence.
TRANSLATIONS_SCHEMA = {
    "system": "String",
    "direction": "String",
    "seed": "Int32",
    "pair_id": "String",
    "source": "String",
    "doc": "String",
    "src": "String",
    "reference": "String",
    "translation": "String",
}
MODEL, COPY, NEAREST = "model", "copy", "nearest"
METRICS = ("bleu", "chrf", "chrfpp", "ter")


# --- figures of texts ---------------------------------------------------------------------------------------


def make_metric(name: str) -> Metric:
    """Return sacrebleu's metric with its defaults: ``bleu``, ``chrf``, ``chrfpp`` (chrF++) or ``ter``."""
    from sacrebleu.metrics import BLEU, CHRF, TER

    return {"bleu": BLEU, "chrf": CHRF, "chrfpp": lambda: CHRF(word_order=2), "ter": TER}[name]()


def score(name: str, translations: Sequence[str], references: Sequence[str]) -> float:
    """Return a metric of a corpus, one reference each, on sacrebleu's scale (0-100; TER may exceed it)."""
    return make_metric(name).corpus_score(list(translations), [list(references)]).score


class CorpusScores:
    """One metric of one system's translations, and in bootstrap resamples of their documents.

    The metrics are functions of sums over sentences (matches, lengths, edits): a resample of documents needs
    their sums only. sacrebleu resamples sentences alone, so its statistics are taken from it by their
    private names; the version is pinned, and a test holds the outcome against its public score.
    """

    def __init__(
        self, metric: str, translations: Sequence[str], references: Sequence[str], docs: Sequence[str]
    ) -> None:
        self._metric = make_metric(metric)
        numbers, self.unit = resampling_units(docs)
        rows = self._metric._extract_corpus_statistics(list(translations), [list(references)])
        stats = np.array(rows, dtype=np.int64)  # (n, statistics)
        self._sums = np.zeros((numbers.max() + 1, stats.shape[1]), dtype=np.int64)
        np.add.at(self._sums, numbers, stats)
        self.units = len(self._sums)
        self.signature = str(self._metric.get_signature())

    @cached_property
    def value(self) -> float:
        return self._score(self._sums.sum(axis=0))

    def resampled(self, resamples: int, seed: int) -> np.ndarray:
        """Return the score of each resample, (resamples,); the same seed draws the same documents."""
        rng = np.random.default_rng(seed)
        drawn = rng.integers(0, self.units, size=(resamples, self.units), dtype=np.int32)
        return np.array([self._score(self._sums[rows].sum(axis=0)) for rows in drawn])

    def exchanged(self, other: CorpusScores, permutations: int, seed: int) -> np.ndarray:
        """Return the difference from another system, (permutations,), after exchanging documents at random.

        In each permutation the two systems swap their translations of every document with probability 0.5
        (approximate randomisation, Riezler & Maxwell 2005). Both hold the same documents in the same order.
        """
        rng = np.random.default_rng(seed)
        total = (self._sums + other._sums).sum(axis=0)
        moved = np.empty(permutations)
        for n in range(permutations):
            is_swapped = rng.integers(0, 2, size=self.units, dtype=np.int8)[:, None]
            sums = np.where(is_swapped, other._sums, self._sums).sum(axis=0)
            moved[n] = self._score(sums) - self._score(total - sums)
        return moved

    def _score(self, sums: np.ndarray) -> float:
        return float(self._metric._compute_score_from_stats(sums.tolist()).score)


# --- figures from the table ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Scored:
    """One system in one direction under one metric: its seeds, their mean, and that in each resample."""

    seeds: dict[str, CorpusScores]
    value: float
    resampled: np.ndarray
    n: int

    @property
    def first(self) -> CorpusScores:
        return next(iter(self.seeds.values()))

    def minus(self, other: _Scored, settings: EvaluateParams, seed: int) -> dict[str, Any]:
        """Return the difference, its paired bootstrap interval and two-sided p (the fields of Paired).

        ``p`` is the project's primary test: how many exchanges of documents between the two systems give as
        large a difference, seeds of training averaged. ``p_bootstrap`` is that of a paired bootstrap (Koehn
        2004): the share of resamples whose difference lies as far from their mean as the difference from
        zero, as sacrebleu has it, but over documents. Neither is ever 0.
        """
        difference = self.value - other.value
        both = list(itertools.product(self.seeds.values(), other.seeds.values()))
        exchanged = np.mean([one.exchanged(two, settings.permutations, seed) for one, two in both], axis=0)
        moved = self.resampled - other.resampled
        interval = limits(moved, settings.confidence)
        p, p_bootstrap = (
            float((1 + np.count_nonzero(np.abs(values) >= abs(difference) - 1e-9)) / (1 + len(values)))
            for values in (exchanged, moved - moved.mean())
        )
        paired = Paired(difference, *interval, p, self.n, self.first.unit, self.first.units)
        return {**asdict(paired), "p_bootstrap": p_bootstrap}


def _scored(
    frame: pl.DataFrame, system: str, settings: EvaluateParams, seed: int, prefix: str
) -> dict[str, _Scored]:
    """Return a system's scores by name, ``<prefix>_<direction>_<metric>``."""
    import polars as pl

    found = {}
    rows = frame.filter(pl.col("system") == system)
    for direction in rows["direction"].unique(maintain_order=True):
        parts = {
            str(number): rows.filter((pl.col("direction") == direction) & (pl.col("seed") == number))
            for number in sorted(rows["seed"].unique())
        }
        first = next(iter(parts.values()))
        for metric in METRICS:
            scores = {}
            for number, part in parts.items():
                if not part["pair_id"].equals(first["pair_id"]):
                    raise DataError(f"translations: seed {number} has other sentences; run evaluate again")
                texts = (part[name].to_list() for name in ("translation", "reference", "doc"))
                scores[number] = CorpusScores(metric, *texts)
            moved = [item.resampled(settings.bootstrap, seed) for item in scores.values()]
            found[f"{prefix}_{direction}_{metric}"] = _Scored(
                seeds=scores,
                value=float(np.mean([item.value for item in scores.values()])),
                resampled=np.mean(moved, axis=0),
                n=len(first),
            )
    return found


def measure_translation(
    frame: pl.DataFrame, settings: EvaluateParams, seed: int, prefix: str = "mt"
) -> dict[str, dict[str, Any]]:
    """Return the model's figures by metric, ``<prefix>_<direction>_{bleu,chrf,chrfpp,ter}``.

    A figure has value, interval, n and sacrebleu's signature; ``beside`` has the same metric of copying and
    of the nearest training sentence, each with the model's difference from it and its paired test. With
    several training seeds the value is their mean, and by_seed and spread (standard deviation) are added.
    """
    systems = {name: _scored(frame, name, settings, seed, prefix) for name in (MODEL, COPY, NEAREST)}
    figures = {}
    for name, found in systems[MODEL].items():
        interval = limits(found.resampled, settings.confidence)
        first = found.first
        figure = Interval(found.value, *interval, found.n, first.unit, first.units, "bootstrap")
        beside = {
            other: {"value": systems[other][name].value, **found.minus(systems[other][name], settings, seed)}
            for other in (COPY, NEAREST)
        }
        figures[name] = {**asdict(figure), "signature": first.signature, "beside": beside}
        figures[name] |= seed_spread({number: item.value for number, item in found.seeds.items()})
    return figures


def compare_translation(
    before: pl.DataFrame, after: pl.DataFrame, settings: EvaluateParams, seed: int, prefix: str = "mt"
) -> dict[str, dict[str, Any]]:
    """Test after against before on the same sentences; returns figures by metric."""
    was, now = (_scored(frame, MODEL, settings, seed, prefix) for frame in (before, after))
    if was.keys() != now.keys() or any(was[name].n != now[name].n for name in now):
        raise DataError("translations: the two results have other sentences; run evaluate again for both")
    return {name: now[name].minus(was[name], settings, seed) for name in now}
