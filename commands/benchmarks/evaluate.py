"""Figures of the default adapters, and of what they started from, on public benchmarks."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages.evaluate.benchmarks import Benchmark, has_grades, load_benchmark, load_sts, not_fingerprinted
from stages.evaluate.evidence import Evidence, collect_evidence, run_signature
from stages.evaluate.graded_sets import StsSet
from stages.evaluate.retrieval_sets import RetrievalSet, benchmark_set, hard_name
from stages.lib.core.errors import DownloadError, ModelError
from stages.lib.core.params import Params
from stages.lib.scores.comparison import compare, correct, measure, rounded
from stages.lib.scores.sts import compare_sts, measure_sts

log = logging.getLogger("benchmarks")

DEFAULT = ["ntrex", "flores", "sts17", "stsb", "rusts"]


@dataclass(frozen=True)
class Available:
    """The benchmarks that could be loaded: parallel sentences, and the sets of graded pairs, by name."""

    parallel: dict[str, Benchmark]
    graded: dict[str, list[StsSet]]


def load_available(names: list[str], params: Params) -> Available:
    """Load the named benchmarks; one that cannot be fetched, or lacks the pair's languages, is skipped.

    A warning says so. Raises DownloadError when none is at hand.
    """
    available = Available({}, {})
    for name in names:
        lacking = lacks_languages(name, params)
        if lacking:
            log.warning("%s skipped: it has no %s", name, " and no ".join(lacking))
            continue
        try:
            if has_grades(name, params):
                available.graded[name] = load_sts(name, params)
            else:
                available.parallel[name] = load_benchmark(name, params, params.pair)
        except DownloadError as error:
            log.warning("%s skipped: %s", name, error)
    if not available.parallel and not available.graded:
        raise DownloadError(
            f"benchmarks: none of {', '.join(names)} is at hand; allow web access or set KOPRI_MIRROR"
        )
    return available


def lacks_languages(name: str, params: Params) -> list[str]:
    """Return the languages of the pair that a benchmark of parallel lines has no file of."""
    config = params.benchmarks_config.get(name)
    if config is None or config.kind != "parallel_lines":
        return []
    return [lang for lang in (params.pair.src, params.pair.tgt) if lang not in config.files]


def flat_figures(name: str, metrics: dict[str, Any]) -> dict[str, Any]:
    """Return a retrieval benchmark's figures by names without it: value, and _low and _high of P@1."""
    flat = {}
    for metric, figure in metrics.items():
        short = metric.removeprefix(f"{name}_")  # "ntrex_hard_p1_ru_tk" becomes "hard_p1_ru_tk"
        flat[short] = figure["value"]
        if short.startswith(("p1_", "hard_p1_")):
            flat |= {f"{short}_low": figure["low"], f"{short}_high": figure["high"]}
        if short.startswith("hard_p1_"):
            flat[short.replace("_p1_", "_n_")] = figure["n"]
        if short == "p1_mean":
            flat |= {"n": figure["n"], "unit": figure["unit"], "units": figure["units"]}
    return flat


def flat_grades(sets: list[StsSet], metrics: dict[str, Any]) -> dict[str, Any]:
    """Return the figures of a benchmark of graded pairs: r, its interval and n of each set that was read."""
    flat: dict[str, Any] = {}
    for sts in sets:
        if f"sts_{sts.name}_pearson" not in metrics:
            continue
        for short in (f"{sts.name}_pearson", f"{sts.name}_spearman"):
            figure = metrics[f"sts_{short}"]
            flat |= {short: figure["value"], f"{short}_low": figure["low"], f"{short}_high": figure["high"]}
        flat[f"{sts.name}_n"] = len(sts.grades)
    return flat


def evaluate_all(
    available: Available, models: Path, params: Params, fingerprints: Path
) -> dict[str, dict[str, dict[str, dict[str, Any]]]]:
    """Return figures nested benchmark, model, variant, metric; fine-tuned ones with ``delta_*`` and ``p_*``.

    Every p is a paired permutation test by the unit named, Holm-corrected over all comparisons of its family
    that are returned; ``delta_*`` has an interval too.
    """
    names = [*available.parallel, *available.graded]
    unlisted = not_fingerprinted(names, params, fingerprints)
    if unlisted:
        log.warning("%s: not in %s, so training may hold sentences of it", ", ".join(unlisted), fingerprints)
    sets = {name: benchmark_set(benchmark, params.pair) for name, benchmark in available.parallel.items()}
    graded = [sts for parts in available.graded.values() for sts in parts]
    out: dict[str, dict[str, Any]] = {name: {} for name in names}
    comparisons: dict[str, dict[str, dict[str, Any]]] = {}
    for model in [*params.models, *params.baselines]:
        evidence: dict[str, Evidence] = {}
        for variant in ("pretrained", "finetuned") if model in params.models else ("pretrained",):
            adapters = models / model if variant == "finetuned" else None
            if adapters and not adapters.is_dir():
                raise ModelError(f"{adapters}: no adapter; run dvc repro finetune@{model} or dvc pull first")
            evidence[variant] = collect_evidence(model, list(sets.values()), graded, params, adapters)
            signature = run_signature(model, evidence[variant].adapters, params)
            for name, figures in benchmark_figures(evidence[variant], available, sets, params).items():
                figures["signature"] |= signature | {"fingerprinted": name not in unlisted}
                out[name].setdefault(model, {})[variant] = figures
                log.info("%s, %s %s: %s", name, model, variant, _headline(figures))
        if "finetuned" in evidence:
            before, after = evidence["pretrained"], evidence["finetuned"]
            comparisons[model] = {
                **compare(before.ranks, after.ranks, params.pair, params.evaluate, params.seed),
                **compare_sts(before.similarities, after.similarities, params.evaluate, params.seed),
            }
    correct(comparisons)
    add_comparisons(out, comparisons, available)
    return rounded(out)


def benchmark_figures(
    evidence: Evidence, available: Available, sets: dict[str, RetrievalSet], params: Params
) -> dict[str, dict[str, Any]]:
    """Return one variant's figures by benchmark, each with the benchmark's part of the signature."""
    import polars as pl

    found = {}
    for name, retrieval in sets.items():
        part = evidence.ranks.filter(pl.col("benchmark").is_in([name, hard_name(name)]))
        found[name] = flat_figures(name, measure(part, params.pair, params.evaluate, params.seed)["metrics"])
        found[name]["signature"] = {
            "benchmark_sha256": available.parallel[name].sha256,
            "candidates": {
                params.pair.src: retrieval.src.n_candidates,
                params.pair.tgt: retrieval.tgt.n_candidates,
            },
        }
    grades = measure_sts(evidence.similarities, params.evaluate, params.seed)
    for name, parts in available.graded.items():
        found[name] = flat_grades(parts, grades)
        hashes = {key: value for sts in parts for key, value in sts.sha256.items()}
        found[name]["signature"] = {"benchmark_sha256": hashes}
    return found


def _headline(figures: dict[str, Any]) -> str:
    if "p1_mean" in figures:
        return f"P@1, mean of both directions, {figures['p1_mean']:.3f}"
    values = {name: value for name, value in figures.items() if name.endswith("_pearson")}
    return "Pearson's r: " + ", ".join(f"{name[:-8]} {value:.3f}" for name, value in values.items())


def add_comparisons(
    out: dict[str, Any], comparisons: dict[str, dict[str, dict[str, Any]]], available: Available
) -> None:
    """Add each test's difference, interval and corrected p to the fine-tuned figures of its benchmark."""
    owners = {f"sts_{sts.name}_": name for name, parts in available.graded.items() for sts in parts}
    owners |= {f"{name}_": name for name in available.parallel}
    for model, tests in comparisons.items():
        for metric, test in tests.items():
            # Names may share a beginning (ntrex, ntrex_dev): the longest one is the metric's own.
            prefix = max((prefix for prefix in owners if metric.startswith(prefix)), key=len)
            figures = out[owners[prefix]][model]["finetuned"]
            is_graded = metric.startswith("sts_")
            short = metric.removeprefix("sts_" if is_graded else prefix)
            figures |= {f"delta_{short}": test["difference"], f"p_{short}": test["p_holm"]}
            figures |= {f"delta_{short}_low": test["low"], f"delta_{short}_high": test["high"]}
            if short == "p1_mean" or is_graded:
                figures["comparisons"] = test["family"]
