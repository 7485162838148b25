"""Compute P@1, P@5 and MRR from the rank table; paired tests between two rank tables.

The table is the evidence: every figure, interval and test can be made again from it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from stages.lib.core.errors import DataError
from stages.lib.scores.retrieval import hits, reciprocals
from stages.lib.scores.significance import bootstrap_interval, holm, mcnemar_p, paired_test, seed_spread

if TYPE_CHECKING:
    import polars as pl

    from stages.lib.core.params import EvaluateParams, Pair

TEST = "test"
# Pairs of test documents that people found good.
GOLD = "gold"
HARD = "hard"
# Sets that are translated too: the file of their translations, and what their metrics begin with.
TRANSLATED = {TEST: ("translations.parquet", "mt"), GOLD: ("translations_gold.parquet", "mt_gold")}

# One row is one query in one direction under one scoring; seed is 0 for a pretrained model.
RANKS_SCHEMA = {
    "benchmark": "String",
    "direction": "String",
    "scoring": "String",
    "seed": "Int32",
    "pair_id": "String",
    "source": "String",
    "doc": "String",
    "rank": "Int32",
}

_FIGURES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "p1": lambda found: hits(found, 1),
    "p5": lambda found: hits(found, 5),
    "mrr": reciprocals,
}


@dataclass(frozen=True)
class _Values:
    """One figure's value for each query (mean over the seeds), and its mean for each seed."""

    values: np.ndarray
    by_seed: dict[int, np.ndarray]
    pair_ids: list[str]
    sources: np.ndarray
    docs: list[str]


def _values(frame: pl.DataFrame, benchmark: str, direction: str, scoring: str, figure: str) -> _Values | None:
    rows = frame.filter(benchmark=benchmark, direction=direction, scoring=scoring)
    if rows.is_empty():
        return None
    by_seed, first = {}, None
    for seed in sorted(rows["seed"].unique()):
        part = rows.filter(seed=seed)
        first = part if first is None else first
        if part["pair_id"].to_list() != first["pair_id"].to_list():
            raise DataError(f"ranks of {benchmark}: seed {seed} has other queries; run evaluate again")
        by_seed[seed] = _FIGURES[figure](part["rank"].to_numpy())
    return _Values(
        values=np.mean(list(by_seed.values()), axis=0),
        by_seed=by_seed,
        pair_ids=first["pair_id"].to_list(),
        sources=first["source"].to_numpy(),
        docs=first["doc"].to_list(),
    )


def _figures(frame: pl.DataFrame, pair: Pair) -> dict[str, _Values]:
    """Return the values of every metric by its name, ``<benchmark>_[margin_]<figure>_<direction>``."""
    found: dict[str, _Values] = {}
    directions = (f"{pair.src}_{pair.tgt}", f"{pair.tgt}_{pair.src}")
    for benchmark in frame["benchmark"].unique(maintain_order=True):
        for scoring, prefix in (("cosine", ""), ("margin", "margin_")):
            for figure in _FIGURES:
                both = []
                for direction in directions:
                    values = _values(frame, benchmark, direction, scoring, figure)
                    if values is not None:
                        found[f"{benchmark}_{prefix}{figure}_{direction}"] = values
                        both.append(values)
                # Hard negatives have their own queries in each direction; elsewhere a row is one in both.
                if len(both) == 2 and both[0].pair_ids == both[1].pair_ids:
                    found[f"{benchmark}_{prefix}{figure}_mean"] = replace(
                        both[0],
                        values=(both[0].values + both[1].values) / 2,
                        by_seed={s: (both[0].by_seed[s] + both[1].by_seed[s]) / 2 for s in both[0].by_seed},
                    )
    return found


def measure(frame: pl.DataFrame, pair: Pair, settings: EvaluateParams, seed: int) -> dict[str, Any]:
    """Turn ranks into metrics: ``{"metrics": {name: figure}, "by_source": {source: {name: figure}}}``.

    A figure has value, low, high, n, unit, units and method; with several training seeds the value is their
    mean, the interval is of that mean, and by_seed, spread (standard deviation) are added. The metric
    ``..._mean`` is the mean of both directions.
    """

    drawn = {"resamples": settings.bootstrap, "confidence": settings.confidence, "seed": seed}

    def interval(values: np.ndarray, docs: Sequence[str]) -> dict[str, Any]:
        return asdict(bootstrap_interval(values, docs, **drawn))

    metrics: dict[str, Any] = {}
    by_source: dict[str, dict[str, Any]] = {}
    for name, figure in _figures(frame, pair).items():
        metrics[name] = interval(figure.values, figure.docs)
        means = {str(number): float(values.mean()) for number, values in figure.by_seed.items()}
        metrics[name] |= seed_spread(means)
        sources = sorted(set(figure.sources))
        if len(sources) > 1:
            docs = np.array(figure.docs)
            for source in sources:
                rows = figure.sources == source
                by_source.setdefault(source, {})[name] = interval(figure.values[rows], docs[rows].tolist())
    return {"metrics": metrics, "by_source": by_source}


COMPARED = ("p1", "mrr")


def compare(
    before: pl.DataFrame, after: pl.DataFrame, pair: Pair, settings: EvaluateParams, seed: int
) -> dict[str, dict[str, Any]]:
    """Test after against before, query by query, for P@1 and MRR by cosine; returns figures by metric.

    ``p`` is the paired permutation test over documents, the primary one; ``p_mcnemar`` (P@1 of one
    direction) takes queries as independent; with several seeds it is that of the first seed. Correct p
    for the number of comparisons with :func:`correct`.
    """
    found: dict[str, dict[str, Any]] = {}
    drawn = {"resamples": settings.bootstrap, "confidence": settings.confidence, "seed": seed}
    was, now = _figures(before, pair), _figures(after, pair)
    for name in now:
        figure = next((figure for figure in COMPARED if f"_{figure}_" in name), None)
        if figure is None or "_margin_" in name or name not in was:
            continue
        if was[name].pair_ids != now[name].pair_ids:
            raise DataError(f"{name}: the two results have other queries; run evaluate again for both")
        values = was[name].values, now[name].values, now[name].docs
        found[name] = asdict(paired_test(*values, permutations=settings.permutations, **drawn))
        if figure == "p1" and not name.endswith("_mean"):
            first = next(iter(now[name].by_seed.values()))
            found[name]["p_mcnemar"] = mcnemar_p(next(iter(was[name].by_seed.values())), first)
    return found


def correct(comparisons: Mapping[str, Mapping[str, dict[str, Any]]]) -> None:
    """Add ``p_holm`` and ``family`` (its size) to every comparison, in place.

    A run is judged by P@1 by cosine, the mean of both directions: one comparison for each model (and each
    benchmark), corrected among themselves. The other figures of retrieval are a second family, those of
    graded pairs (``sts_``) a third. Translation is judged by chrF++, the primary figure where words carry
    many suffixes: one comparison for each direction; its other figures (``mt_``) are a family of their own.
    What people judged (gold) has families like these for itself, so that judging pairs changes no p of test.
    """
    families: dict[str, list[dict[str, Any]]] = {}
    for model in sorted(comparisons):
        for metric in sorted(comparisons[model]):
            families.setdefault(_family(metric), []).append(comparisons[model][metric])
    for tests in families.values():
        for test, p in zip(tests, holm([test["p"] for test in tests]), strict=True):
            test["p_holm"] = p
            test["family"] = len(tests)


def _family(metric: str) -> str:
    parts = metric.split("_")
    if parts[0] in ("sts", "mt"):
        family = "chrfpp" if parts[-1] == "chrfpp" else parts[0]
    else:
        is_primary = metric.endswith("_p1_mean") and not {"hard", "margin"} & set(parts)
        family = "primary" if is_primary else "retrieval"
    return f"gold {family}" if GOLD in parts[:2] else family


def rounded(value: Any, digits: int = 4) -> Any:
    """Round every float in nested JSON; a value that is not finite is refused."""
    if isinstance(value, dict):
        return {key: rounded(item, digits) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(item, digits) for item in value]
    if isinstance(value, float):
        if not math.isfinite(value):
            raise DataError(f"metrics: expected a finite number, found {value}")
        return round(value, digits) + 0.0
    return value
