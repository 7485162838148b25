"""The published study's tables beside ours, with the number of sentences and how sure each figure is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from stages.lib.core.markdown import markdown_table
from stages.lib.core.params import Pair
from stages.lib.scores.significance import exact_binomial_interval, mcnemar_p
from stages.report.tables import Details, ordered

_STUDY = yaml.safe_load(Path(__file__).with_name("study.yaml").read_text(encoding="utf-8"))
_CONFIDENCE = 0.95
_NOT_STATED = "not stated"


def study_table(
    details: Details, pair: Pair, benchmarks: Mapping[str, Mapping[str, Any]] | None = None
) -> str:
    """Return the study's three tables as Markdown, ours below the study's in each.

    Where the pair is another than the study's, a line says so. ``benchmarks`` is metrics/benchmarks.json,
    None if `make benchmarks` has not run. A table for which we have nothing keeps the study's rows alone.
    """
    src, tgt = pair.src, pair.tgt
    others = f"The study is of Russian and Turkmen; our figures here are of {src}–{tgt}."
    parts = [
        *([] if {src, tgt} == {"ru", "tk"} else [others]),
        "## Retrieval",
        markdown_table(_retrieval(details, pair)),
        nine_sentences(),
        "## Semantic textual similarity: Pearson's r",
        markdown_table(_sts(details, benchmarks or {})),
        "There is no Turkmen STS, and no Russian track in SemEval's STS17: this is a check of what was "
        "forgotten. ru_smoke is the repository's own small set; stsb_ru is machine-translated, with the "
        "grades of the English sentences.",
        f"## Translation, {src}–{tgt}",
        markdown_table(_translation(details, pair)),
        "TER is an error rate: less is better. The study's test set and settings are not stated, so its "
        "figures and ours are of other sentences, and of models of other sizes.",
    ]
    return "\n\n".join(parts)


def nine_sentences() -> str:
    """Say what nine test sentences can show and what they cannot, in figures computed from the binomial."""
    import numpy as np

    n = _STUDY["test_sentences"]
    low, high = exact_binomial_interval(8, n, _CONFIDENCE)
    all_low, _ = exact_binomial_interval(n, n, _CONFIDENCE)
    least = next(k for k in range(1, n + 1) if _sign_p(k) < 0.05)
    before, after = np.array([0] + [1] * (n - 1)), np.ones(n)
    weak_low, _ = exact_binomial_interval(5, n, _CONFIDENCE)
    return (
        f"Nine sentences can show that a model is no guesser: 5 of 9 has an interval from {weak_low:.2f}, "
        f"and chance among nine is {1 / n:.2f}. They cannot tell good models apart: 8 of 9 is anything in "
        f"[{low:.2f}, {high:.3f}] and 9 of 9 in [{all_low:.2f}, 1]; LaBSE's step from 8 to 9 is one sentence "
        f"(exact McNemar p = {mcnemar_p(before, after):.1f}), and the least that nine pairs could show at "
        f"p < 0.05 is {least} sentences won and none lost (p = {_sign_p(least):.3f})."
    )


def _sign_p(wins: int) -> float:
    """Two-sided exact p of so many sentences won and none lost."""
    return min(1.0, 2 * 0.5**wins)


def _interval(figure: Mapping[str, Any], digits: int = 3) -> str:
    return f"[{figure['low']:.{digits}f}, {figure['high']:.{digits}f}]"


def _retrieval(details: Details, pair: Pair) -> list[list[str]]:
    rows = [["whose", "model", "variant", "direction", "n", "candidates", "P@1", "95 % interval", "MRR"]]
    n = _STUDY["test_sentences"]
    for model, variant, right, mrr in _STUDY["retrieval"]:
        low, high = exact_binomial_interval(right, n, _CONFIDENCE)
        p1 = [f"{right / n:.4f}", _interval({"low": low, "high": high})]
        rows.append(["study", model, variant, _NOT_STATED, str(n), str(n), *p1, f"{mrr:.4f}"])
    for model, variant in ordered(details):
        detail = details[model, variant]
        for a, b in ((pair.src, pair.tgt), (pair.tgt, pair.src)):
            p1, mrr = (detail["metrics"][f"test_{figure}_{a}_{b}"] for figure in ("p1", "mrr"))
            candidates = detail["signature"]["candidates"]["test"][b]
            cells = [f"{a}→{b}", str(p1["n"]), f"{candidates:,}", f"{p1['value']:.4f}", _interval(p1)]
            rows.append(["ours", model, variant, *cells, f"{mrr['value']:.4f}"])
    return rows


def _sts(details: Details, benchmarks: Mapping[str, Mapping[str, Any]]) -> list[list[str]]:
    rows = [["whose", "model", "variant", "set", "n", "r", "95 % interval"]]
    for model, variant, r in _STUDY["sts"]:
        rows.append(["study", model, variant, "Russian STS", _NOT_STATED, f"{r:.4f}", ""])
    for model, variant in ordered(details):
        by_set = {
            metric.removeprefix("sts_").removesuffix("_pearson"): figure
            for metric, figure in details[model, variant]["metrics"].items()
            if metric.startswith("sts_") and metric.endswith("_pearson")
        }
        for models in benchmarks.values():
            flat = models.get(model, {}).get(variant, {})
            for metric in (name for name in flat if name.endswith("_pearson")):
                name = metric.removesuffix("_pearson")
                # Differences, delta_<set>_pearson, have an interval too, but no n.
                if f"{metric}_low" in flat and f"{name}_n" in flat:
                    ends = {"low": flat[f"{metric}_low"], "high": flat[f"{metric}_high"]}
                    by_set.setdefault(name, {"value": flat[metric], "n": flat[f"{name}_n"], **ends})
        for name in (name for name in by_set if "ru" in name.split("_") or name == "rusts"):
            figure = by_set[name]
            cells = [name, str(figure["n"]), f"{figure['value']:.4f}", _interval(figure)]
            rows.append(["ours", model, variant, *cells])
    return rows


def _translation(details: Details, pair: Pair) -> list[list[str]]:
    rows = [["whose", "model", "variant", "direction", "n", "BLEU", "chrF", "TER"]]
    for direction, variant, figures in _STUDY["translation"]:
        rows.append(
            ["study", "NLLB", variant, direction, _NOT_STATED, *(f"{value:.2f}" for value in figures)]
        )
    for model, variant in ordered(details):
        metrics = details[model, variant]["metrics"]
        for a, b in ((pair.src, pair.tgt), (pair.tgt, pair.src)):
            figures = [metrics.get(f"mt_{a}_{b}_{name}") for name in ("bleu", "chrf", "ter")]
            if all(figures):
                rows.append(
                    ["ours", model, variant, f"{a}→{b}", str(figures[0]["n"]), *map(_with_interval, figures)]
                )
    return rows


def _with_interval(figure: Mapping[str, Any]) -> str:
    ends = f" {_interval(figure, 2)}" if {"low", "high"} <= set(figure) else ""
    return f"{figure['value']:.2f}{ends}"
