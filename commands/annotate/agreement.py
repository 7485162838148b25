"""How far annotators agree, and whose speed or verdicts stand out."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

import numpy as np

from stages.lib.scores.significance import bootstrap_interval, exact_binomial_interval, resampling_units
from stages.lib.text.annotations import GOOD_VERDICTS, VERDICTS, Judgement, Merged

# A judgement is too fast or too slow when the logarithm of its time lies this many robust deviations from the
# median of all (Iglewicz & Hoaglin 1993).
OUTLIER_Z = 3.5


@dataclass(frozen=True)
class Agreement:
    """Krippendorff's alpha with its interval over ``n`` pairs that two or more annotators judged.

    ``value`` is None where alpha is undefined: nothing judged twice, or one verdict throughout.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    unit: str
    units: int


def alpha(
    judgements: Sequence[Judgement], *, keep_only: bool, resamples: int, confidence: float, seed: int
) -> Agreement:
    """Return Krippendorff's nominal alpha (Krippendorff 2011) with a percentile bootstrap interval.

    The values are the five verdicts, or with ``keep_only`` whether the pair may stay. Documents are resampled
    where there are enough of them, else pairs; resamples in which alpha is undefined are left out.
    """
    counts, docs = _value_counts(judgements, keep_only)
    value = _alpha(counts)
    if value is None:
        return Agreement(None, None, None, len(docs), "sentence", len(docs))
    numbers, unit = resampling_units(docs)
    resampled = resampled_alphas(counts, numbers, resamples, seed)
    low, high = np.quantile(resampled, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Agreement(value, float(low), float(high), len(docs), unit, int(numbers.max()) + 1)


def resampled_alphas(counts: np.ndarray, numbers: np.ndarray, resamples: int, seed: int) -> np.ndarray:
    """Return the alphas of bootstrap samples of units; ``numbers`` (pairs,) says which unit a pair is of.

    Nominal alpha is 1 - (n - 1) D / E: D sums (m^2 - sum of n_c^2) / (m - 1) over pairs with m judgements, of
    which n_c chose c; E is the same difference of all n judgements together. Both are sums over pairs, so a
    sample of units is a weighted sum and the library need not be called for each.
    """
    units = int(numbers.max()) + 1
    judged = counts.sum(axis=1)
    differing = (judged**2 - (counts**2).sum(axis=1)) / (judged - 1)  # (pairs,)
    differing = np.bincount(numbers, weights=differing, minlength=units)  # (units,)
    chosen = np.zeros((units, counts.shape[1]))
    np.add.at(chosen, numbers, counts)
    weights = np.random.default_rng(seed).multinomial(units, np.full(units, 1 / units), size=resamples)
    totals = weights @ chosen  # (resamples, values)
    n = totals.sum(axis=1)
    expected = n**2 - (totals**2).sum(axis=1)
    is_defined = expected > 0
    return 1 - (n[is_defined] - 1) * (weights[is_defined] @ differing) / expected[is_defined]


def _value_counts(judgements: Sequence[Judgement], keep_only: bool) -> tuple[np.ndarray, list[str]]:
    """Return how often each value was given to each pair, (pairs, values), and the pairs' documents.

    Pairs with one judgement say nothing about agreement and are left out.
    """
    by_pair: dict[str, list[Judgement]] = defaultdict(list)
    for judgement in judgements:
        by_pair[judgement.pair_id].append(judgement)
    several = [by_pair[pair_id] for pair_id in sorted(by_pair) if len(by_pair[pair_id]) > 1]
    counts = np.zeros((len(several), 2 if keep_only else len(VERDICTS)), dtype=np.int64)
    for row, votes in enumerate(several):
        for vote in votes:
            counts[row, int(vote.keeps) if keep_only else VERDICTS.index(vote.verdict)] += 1
    return counts, [_document(votes[0]) for votes in several]


def _document(judged: Judgement | Merged) -> str:
    return f"{judged.task['source']}\0{judged.task['doc']}"


def _alpha(counts: np.ndarray) -> float | None:
    import krippendorff

    if np.count_nonzero(counts.sum(axis=0)) < 2:
        return None
    return float(krippendorff.alpha(value_counts=counts, level_of_measurement="nominal"))


def annotator_figures(
    judgements: Sequence[Judgement], merged: Sequence[Merged], confidence: float
) -> dict[str, dict[str, Any]]:
    """Return the figures of each annotator: number, speed, outliers, verdicts, agreement with the others.

    ``agreement`` is the share of the pairs judged with others on which keep or reject is that of the others'
    majority (ties left out), with its exact interval; ``is_outlier`` says that the interval lies wholly
    below the share of the other annotators together.
    """
    times = np.log([judgement.seconds for judgement in judgements if judgement.seconds])
    middle = float(np.median(times)) if len(times) else 0.0
    # 0.6745 makes the median absolute deviation that of a normal distribution's standard deviation.
    spread = float(np.median(np.abs(times - middle))) / 0.6745 if len(times) else 0.0
    by_pair: dict[str, list[Judgement]] = defaultdict(list)
    for judgement in judgements:
        by_pair[judgement.pair_id].append(judgement)
    hits: dict[str, list[bool]] = defaultdict(list)
    for votes in by_pair.values():
        for vote in votes:
            others = sum(1 if other.keeps else -1 for other in votes if other is not vote)
            if others:
                hits[vote.annotator].append(vote.keeps == (others > 0))
    undecided = {pair.pair_id for pair in merged if pair.decision == "second_look"}
    figures = {}
    for name, own_judgements in sorted(_by_annotator(judgements).items()):
        seconds = [judgement.seconds for judgement in own_judgements if judgement.seconds]
        z = (np.log(seconds) - middle) / spread if spread else np.zeros(len(seconds))
        figures[name] = {
            "judgements": len(own_judgements),
            "median_seconds": round(median(seconds), 1) if seconds else None,
            "too_fast": int(np.sum(z < -OUTLIER_Z)),
            "too_slow": int(np.sum(z > OUTLIER_Z)),
            "edited": sum(judgement.is_edited for judgement in own_judgements),
            "second_look": sum(judgement.pair_id in undecided for judgement in own_judgements),
            "verdicts": dict(sorted(Counter(judgement.verdict for judgement in own_judgements).items())),
            "agreement": None,
            "is_outlier": False,
        }
        if n := len(hits[name]):
            low, high = exact_binomial_interval(sum(hits[name]), n, confidence)
            agreement = {"value": sum(hits[name]) / n, "low": low, "high": high, "n": n}
            others_hits = [hit for other, list_ in hits.items() if other != name for hit in list_]
            is_outlier = bool(others_hits) and high < sum(others_hits) / len(others_hits)
            figures[name] |= {"agreement": agreement, "is_outlier": is_outlier}
    return figures


def _by_annotator(judgements: Sequence[Judgement]) -> dict[str, list[Judgement]]:
    groups: dict[str, list[Judgement]] = defaultdict(list)
    for judgement in judgements:
        groups[judgement.annotator].append(judgement)
    return groups


def agreement_figures(
    judgements: Sequence[Judgement], merged: Sequence[Merged], *, resamples: int, confidence: float, seed: int
) -> dict[str, Any]:
    """Return what ``metrics/annotation.json`` holds; see the functions above for each part."""
    settings = {"resamples": resamples, "confidence": confidence, "seed": seed}
    pairs_of_annotators = {}
    for (first, firsts), (second, seconds) in itertools.combinations(
        sorted(_by_annotator(judgements).items()), 2
    ):
        agreement = alpha([*firsts, *seconds], keep_only=True, **settings)
        if agreement.n:
            pairs_of_annotators[f"{first} {second}"] = asdict(agreement)
    control = [
        pair for pair in merged if pair.task.get("pick") == "control" and pair.decision != "second_look"
    ]
    errors = Counter(kind for judgement in judgements for kind in judgement.errors)
    figures: dict[str, Any] = {
        "pairs": len(merged),
        "judgements": len(judgements),
        "decisions": dict(sorted(Counter(pair.decision for pair in merged).items())),
        "verdicts": dict(sorted(Counter(pair.verdict for pair in merged).items())),
        "errors": dict(sorted(errors.items())),
        "alpha_verdict": asdict(alpha(judgements, keep_only=False, **settings)),
        "alpha_keep": asdict(alpha(judgements, keep_only=True, **settings)),
        "alpha_keep_by_annotators": pairs_of_annotators,
        "annotators": annotator_figures(judgements, merged, confidence),
        "settings": settings,
    }
    if control:
        good = np.array([pair.verdict in GOOD_VERDICTS for pair in control], dtype=np.float64)
        figures["control_good"] = asdict(bootstrap_interval(good, list(map(_document, control)), **settings))
    return figures


def tied_pairs(merged: Sequence[Merged]) -> list[tuple[str, str, str]]:
    """Return pair_id, src and tgt of the pairs on which the annotators are tied."""
    return [
        (pair.pair_id, pair.task["src"], pair.task["tgt"])
        for pair in merged
        if pair.decision == "second_look"
    ]


def figures_as_text(figures: Mapping[str, Any]) -> str:
    """Return the figures in a few lines and a table, one row for each annotator."""

    def interval(figure: Mapping[str, Any]) -> str:
        if figure["value"] is None:
            return f"undefined (n = {figure['n']})"
        # What was resampled: documents, or pairs where there are too few of them.
        units = {"document": f", {figure.get('units')} documents", "sentence": ", by pairs"}
        unit = units.get(figure.get("unit"), "")
        return f"{figure['value']:.3f} [{figure['low']:.3f}, {figure['high']:.3f}] (n = {figure['n']}{unit})"

    lines = [
        f"{figures['pairs']} pairs, {figures['judgements']} judgements: "
        + ", ".join(f"{name} {n}" for name, n in figures["decisions"].items()),
        f"Krippendorff's alpha, verdict: {interval(figures['alpha_verdict'])}",
        f"Krippendorff's alpha, keep or reject: {interval(figures['alpha_keep'])}",
    ]
    if "control_good" in figures:
        lines.append(f"good among those drawn blindly: {interval(figures['control_good'])}")
    lines += [
        f"  {names.replace(' ', ' and ')}: {interval(agreement)}"
        for names, agreement in figures["alpha_keep_by_annotators"].items()
    ]
    lines += ["", "annotator        n  median s  too fast  too slow  edited  agrees with the others"]
    for name, row in figures["annotators"].items():
        speed = "-" if row["median_seconds"] is None else f"{row['median_seconds']:.1f}"
        agrees = "-" if row["agreement"] is None else interval(row["agreement"])
        lines.append(
            f"{name:12} {row['judgements']:5} {speed:>9} {row['too_fast']:9} {row['too_slow']:9} "
            f"{row['edited']:7}  {agrees}{'  OUTLIER' if row['is_outlier'] else ''}"
        )
    return "\n".join(lines)
