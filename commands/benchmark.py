"""Evaluate the default adapters, and what they started from, on public benchmarks."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path
from typing import Any

from stages.lib import cli
from stages.lib.benchmarks import Benchmark, load_benchmark
from stages.lib.errors import DownloadError, ModelError
from stages.lib.evaluation import (
    NORMALISATION,
    benchmark_set,
    compare,
    correct,
    hard_name,
    measure,
    model_signature,
    rank_variant,
    rounded,
    versions,
)
from stages.lib.files import write_json
from stages.lib.params import Params, load_params

log = logging.getLogger(__name__)


def benchmarks_at_hand(names: list[str], params: Params) -> list[Benchmark]:
    """Load the named benchmarks; one that cannot be had is left out with a line that says so.

    Raises DownloadError when none is at hand.
    """
    found = []
    for name in names:
        try:
            found.append(load_benchmark(name, params, params.pair))
        except DownloadError as error:
            log.warning("%s skipped: %s", name, error)
    if not found:
        raise DownloadError(
            f"benchmarks: none of {', '.join(names)} is at hand; allow web access or set KOPRI_MIRROR"
        )
    return found


def flat_figures(name: str, found: dict[str, Any]) -> dict[str, Any]:
    """Return a benchmark's figures under names without the benchmark: value, and _low and _high of P@1."""
    flat = {}
    for metric, figure in found["metrics"].items():
        short = metric.removeprefix(f"{name}_")  # "ntrex_hard_p1_ru_tk" becomes "hard_p1_ru_tk"
        flat[short] = figure["value"]
        if short.startswith(("p1_", "hard_p1_")):
            flat |= {f"{short}_low": figure["low"], f"{short}_high": figure["high"]}
        if short.startswith("hard_p1_"):
            flat[short.replace("_p1_", "_n_")] = figure["n"]
        if short == "p1_mean":
            flat |= {"n": figure["n"], "unit": figure["unit"], "units": figure["units"]}
    return flat


def evaluate_all(benchmarks: list[Benchmark], models: Path, params: Params) -> dict[str, Any]:
    """Return figures nested benchmark, model, variant, metric; fine-tuned ones with ``delta_*`` and ``p_*``.

    Every p is a paired permutation test by the unit named, Holm-corrected over all comparisons returned.
    """
    import polars as pl

    sets = [benchmark_set(benchmark, params.pair) for benchmark in benchmarks]
    out: dict[str, Any] = {benchmark.name: {} for benchmark in benchmarks}
    comparisons: dict[str, dict[str, dict[str, Any]]] = {}
    for model in [*params.models, *params.baselines]:
        ranked = {}
        variants = ("pretrained", "finetuned") if model in params.models else ("pretrained",)
        for variant in variants:
            adapters = models / model if variant == "finetuned" else None
            if adapters and not adapters.is_dir():
                raise ModelError(f"{adapters}: no adapter; run dvc repro finetune@{model} or dvc pull first")
            ranked[variant], hashes = rank_variant(model, sets, params, adapters)
            for benchmark, retrieval in zip(benchmarks, sets, strict=True):
                own = [benchmark.name, hard_name(benchmark.name)]
                part = ranked[variant].filter(pl.col("benchmark").is_in(own))
                found = measure(part, params.pair, params.evaluate, params.seed)
                figures = flat_figures(benchmark.name, found)
                figures["signature"] = {
                    "model": model_signature(model, params.models_config[model]),
                    "adapter_sha256": hashes,
                    "benchmark_sha256": benchmark.sha256,
                    "candidates": {params.pair.src: retrieval.n_src, params.pair.tgt: retrieval.n_tgt},
                    "normalisation": NORMALISATION,
                    "settings": params.evaluate.model_dump(),
                    "seeds": {"resampling": params.seed, "training": [int(seed) for seed in hashes]},
                    "versions": versions(),
                }
                out[benchmark.name].setdefault(model, {})[variant] = figures
                log.info(
                    "%s, %s %s: P@1, mean of both directions, %.3f",
                    *(benchmark.name, model, variant, figures["p1_mean"]),
                )
        if len(ranked) == 2:
            comparisons[model] = compare(
                ranked["pretrained"], ranked["finetuned"], params.pair, params.evaluate, params.seed
            )
    correct(comparisons)
    for model, tests in comparisons.items():
        for benchmark in benchmarks:
            figures = out[benchmark.name][model]["finetuned"]
            for metric, test in tests.items():
                if metric.startswith(f"{benchmark.name}_"):
                    short = metric.removeprefix(f"{benchmark.name}_")
                    figures |= {f"delta_{short}": test["difference"], f"p_{short}": test["p_holm"]}
            figures["comparisons"] = tests[f"{benchmark.name}_p1_mean"]["family"]
    return rounded(out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--benchmarks", nargs="+", default=["ntrex", "flores"], metavar="NAME", help="default: ntrex flores"
    )
    parser.add_argument(
        "--models", type=Path, default=Path("models"), help="folder with the adapters (default: models)"
    )
    parser.add_argument(
        "--out", type=Path, default=Path("metrics/benchmarks.json"), help="default: metrics/benchmarks.json"
    )
    args = parser.parse_args()
    params = load_params()
    found = evaluate_all(benchmarks_at_hand(args.benchmarks, params), args.models, params)
    write_json(args.out, found)


if __name__ == "__main__":
    cli.run(main)
