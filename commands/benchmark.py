"""Evaluate the default adapters, and what they started from, on public benchmarks."""

from __future__ import annotations

import argparse
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages.evaluate.benchmarks import Benchmark, has_grades, load_benchmark, load_sts, not_fingerprinted
from stages.evaluate.evidence import NORMALISATION, collect_evidence, model_signature, versions
from stages.evaluate.graded_sets import StsSet
from stages.evaluate.retrieval_sets import benchmark_set, hard_name
from stages.lib.core import cli
from stages.lib.core.errors import DownloadError, ModelError
from stages.lib.core.files import write_json
from stages.lib.core.params import Params, load_params
from stages.lib.scores.comparison import compare, correct, measure, rounded
from stages.lib.scores.sts import compare_sts, measure_sts

log = logging.getLogger("benchmark")  # run with -m, __name__ says nothing

DEFAULT = ["ntrex", "flores", "sts17", "stsb", "rusts"]


@dataclass(frozen=True)
class AtHand:
    """The benchmarks that could be had: parallel sentences, and the sets of graded pairs, by name."""

    parallel: dict[str, Benchmark]
    graded: dict[str, list[StsSet]]


def benchmarks_at_hand(names: list[str], params: Params) -> AtHand:
    """Load the named benchmarks; one that cannot be had, or not in the pair's languages, is left out.

    A line says so. Raises DownloadError when none is at hand.
    """
    found = AtHand({}, {})
    for name in names:
        lacking = lacks_languages(name, params)
        if lacking:
            log.warning("%s skipped: it has no %s", name, " and no ".join(lacking))
            continue
        try:
            if has_grades(name, params):
                found.graded[name] = load_sts(name, params)
            else:
                found.parallel[name] = load_benchmark(name, params, params.pair)
        except DownloadError as error:
            log.warning("%s skipped: %s", name, error)
    if not found.parallel and not found.graded:
        raise DownloadError(
            f"benchmarks: none of {', '.join(names)} is at hand; allow web access or set KOPRI_MIRROR"
        )
    return found


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
    flat = {}
    for one in (one for one in sets if f"sts_{one.name}_pearson" in metrics):
        for kind in ("pearson", "spearman"):
            figure = metrics[f"sts_{one.name}_{kind}"]
            short = f"{one.name}_{kind}"
            flat |= {short: figure["value"], f"{short}_low": figure["low"], f"{short}_high": figure["high"]}
        flat |= {f"{one.name}_n": len(one.grades)}
    return flat


def evaluate_all(found: AtHand, models: Path, params: Params, fingerprints: Path) -> dict[str, Any]:
    """Return figures nested benchmark, model, variant, metric; fine-tuned ones with ``delta_*`` and ``p_*``.

    Every p is a paired permutation test by the unit named, Holm-corrected over all comparisons of its family
    that are returned; ``delta_*`` has an interval too.
    """
    import polars as pl

    sets = {name: benchmark_set(benchmark, params.pair) for name, benchmark in found.parallel.items()}
    graded = [one for sets_of_one in found.graded.values() for one in sets_of_one]
    names = [*found.parallel, *found.graded]
    if unknown := not_fingerprinted(names, params, fingerprints):
        log.warning("%s: not in %s, so training may hold sentences of it", ", ".join(unknown), fingerprints)
    out: dict[str, Any] = {name: {} for name in names}
    comparisons: dict[str, dict[str, dict[str, Any]]] = {}
    for model in [*params.models, *params.baselines]:
        measured = {}
        variants = ("pretrained", "finetuned") if model in params.models else ("pretrained",)
        for variant in variants:
            adapters = models / model if variant == "finetuned" else None
            if adapters and not adapters.is_dir():
                raise ModelError(f"{adapters}: no adapter; run dvc repro finetune@{model} or dvc pull first")
            evidence = collect_evidence(model, list(sets.values()), graded, params, adapters)
            measured[variant] = evidence
            signature = {
                "model": model_signature(model, params.models_config[model]),
                "adapter_sha256": evidence.adapters,
                "normalisation": NORMALISATION,
                "settings": params.evaluate.model_dump(),
                "seeds": {"resampling": params.seed, "training": [int(seed) for seed in evidence.adapters]},
                "versions": versions(),
            }
            for name, retrieval in sets.items():
                part = evidence.ranks.filter(pl.col("benchmark").is_in([name, hard_name(name)]))
                figures = flat_figures(
                    name, measure(part, params.pair, params.evaluate, params.seed)["metrics"]
                )
                figures["signature"] = signature | {
                    "benchmark_sha256": found.parallel[name].sha256,
                    "candidates": {
                        params.pair.src: retrieval.src.n_candidates,
                        params.pair.tgt: retrieval.tgt.n_candidates,
                    },
                    "fingerprinted": name not in unknown,
                }
                out[name].setdefault(model, {})[variant] = figures
                log.info(
                    *("%s, %s %s: P@1, mean of both directions, %.3f", name, model, variant),
                    figures["p1_mean"],
                )
            grades = measure_sts(evidence.similarities, params.evaluate, params.seed)
            for name, sets_of_one in found.graded.items():
                figures = flat_grades(sets_of_one, grades)
                figures["signature"] = signature | {
                    "benchmark_sha256": {
                        key: value for one in sets_of_one for key, value in one.sha256.items()
                    },
                    "fingerprinted": name not in unknown,
                }
                out[name].setdefault(model, {})[variant] = figures
                told = (
                    f"{one.name} {figures[f'{one.name}_pearson']:.3f}"
                    for one in sets_of_one
                    if f"{one.name}_pearson" in figures
                )
                log.info("%s, %s %s: Pearson's r: %s", name, model, variant, ", ".join(told))
        if len(measured) == 2:
            before, after = measured["pretrained"], measured["finetuned"]
            comparisons[model] = {
                **compare(before.ranks, after.ranks, params.pair, params.evaluate, params.seed),
                **compare_sts(before.similarities, after.similarities, params.evaluate, params.seed),
            }
    correct(comparisons)
    owner = {f"sts_{one.name}_": name for name, of_one in found.graded.items() for one in of_one}
    owner |= {f"{name}_": name for name in found.parallel}
    for model, tests in comparisons.items():
        for metric, test in tests.items():
            # Names may share a beginning (ntrex, ntrex_dev): the longest one is the metric's own.
            prefix = max((prefix for prefix in owner if metric.startswith(prefix)), key=len)
            figures = out[owner[prefix]][model]["finetuned"]
            short = metric.removeprefix("sts_" if metric.startswith("sts_") else prefix)
            figures |= {f"delta_{short}": test["difference"], f"p_{short}": test["p_holm"]}
            figures |= {f"delta_{short}_low": test["low"], f"delta_{short}_high": test["high"]}
            if short == "p1_mean" or metric.startswith("sts_"):
                figures["comparisons"] = test["family"]
    return rounded(out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--benchmarks", nargs="+", default=DEFAULT, metavar="NAME", help=f"default: {' '.join(DEFAULT)}"
    )
    parser.add_argument(
        "--models", type=Path, default=Path("models"), help="folder with the adapters (default: models)"
    )
    parser.add_argument(
        "--fingerprints",
        type=Path,
        default=Path("assets/fingerprints.json.gz"),
        help="hashes of the benchmarks that training lacks (default: %(default)s)",
    )
    parser.add_argument(
        "--out", type=Path, default=Path("metrics/benchmarks.json"), help="default: metrics/benchmarks.json"
    )
    args = parser.parse_args()
    params = load_params()
    at_hand = benchmarks_at_hand(args.benchmarks, params)
    write_json(args.out, evaluate_all(at_hand, args.models, params, args.fingerprints))


if __name__ == "__main__":
    cli.run(main)
