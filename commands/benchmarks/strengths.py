"""Adapters at several strengths: what retrieval gains against what graded pairs lose.

Strength 0 is the pretrained model, 1 the adapter as it was trained, whatever part of it was saved.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages.evaluate.benchmarks import load_sts
from stages.evaluate.evidence import Evidence, measure_model, run_signature
from stages.evaluate.graded_sets import SMOKE, StsSet, read_smoke_set
from stages.evaluate.retrieval_sets import RetrievalSet, lay_out_split
from stages.lib.core.errors import DownloadError, ModelError
from stages.lib.core.files import read_json
from stages.lib.core.params import Params
from stages.lib.core.tables import CORPUS_SCHEMA, POOL_SCHEMA, read_table
from stages.lib.models.adapters import adapter_folders, adapter_sha256
from stages.lib.scores.comparison import TEST, compare, measure, rounded
from stages.lib.scores.sts import compare_sts, measure_sts

log = logging.getLogger("benchmarks")

DEV = "dev"
STRENGTHS = (0.0, 0.25, 0.5, 0.75, 1.0)
# The most that Pearson's r may fall on any guarded set: the study's LaBSE lost six times as much.
LIMIT = 0.01
# The sets that must not fall: the study's language, and English within itself and with Turkmen's relative.
GUARDED = ("sts17_en_en", "sts17_tr_en", "stsb_ru")
FIGURES = ("dev_p1_mean", "dev_mrr_mean", "test_p1_mean", "test_mrr_mean")


@dataclass(frozen=True)
class Point:
    """One strength: figures and, from the pretrained model, differences with their paired intervals."""

    strength: float
    figures: Mapping[str, Mapping[str, Any]]
    differences: Mapping[str, Mapping[str, Any]]

    def worst(self, guarded: Sequence[str]) -> float:
        """Return the change of Pearson's r on the guarded set that fell most, or rose least."""
        if self.strength == 0:
            return 0.0
        return min(self.differences[f"sts_{name}_pearson"]["difference"] for name in guarded)

    def row(self, guarded: Sequence[str]) -> dict[str, float]:
        """Return the line of the CSV file: ``sts_change`` against ``test_p1_mean`` is the plot."""
        figures = {name: figure["value"] for name, figure in self.figures.items()}
        return {"strength": self.strength, "sts_change": self.worst(guarded), **figures}

    def to_json(self) -> dict[str, Any]:
        return {
            "strength": self.strength,
            "figures": {n: {k: f[k] for k in ("value", "low", "high")} for n, f in self.figures.items()},
            "differences": {
                n: {k: f[k] for k in ("difference", "low", "high")} for n, f in self.differences.items()
            },
        }


def graded_sets(smoke: Path, params: Params) -> list[StsSet]:
    """Return the repository's own graded pairs and the guarded sets that are at hand."""
    sets = [read_smoke_set(smoke)]
    for name in dict.fromkeys(guarded.split("_")[0] for guarded in GUARDED):
        try:
            sets += [one for one in load_sts(name, params) if one.name in GUARDED]
        except DownloadError as error:
            log.warning("%s skipped: %s", name, error)
    return sets


def trained_strengths(adapters: Path) -> dict[int, float]:
    """Return how much of each trained adapter was saved, by seed. Raises ModelError where it was nothing."""
    strengths = {run["seed"]: float(run["scale"]) for run in read_json(adapters / "training.json")["seeds"]}
    for seed, strength in strengths.items():
        if strength == 0:
            raise ModelError(
                f"{adapters}: the adapter of seed {seed} was saved at strength 0; "
                "train it with a recipe whose interpolate has no 0.0"
            )
    return strengths


def evidence_at(
    name: str,
    strengths: Sequence[float],
    adapters: Path,
    sets: Sequence[RetrievalSet],
    graded: Sequence[StsSet],
    params: Params,
) -> dict[float, Evidence]:
    """Measure a model with its adapters, one for each seed, at each strength."""
    import polars as pl

    from stages.lib.models import load_encoder, scale_adapter

    folders, saved = adapter_folders(adapters), trained_strengths(adapters)
    if odd := sorted(set(folders) ^ set(saved)):
        raise ModelError(
            f"{adapters}: seed {odd[0]} is in training.json or has a folder, but not both; run dvc repro "
            f"finetune@{name}"
        )
    found: dict[float, list[tuple[pl.DataFrame, pl.DataFrame]]] = {strength: [] for strength in strengths}
    for seed, folder in folders.items():
        model = load_encoder(name, params.models_config[name], adapter=folder)
        for strength in strengths:
            if strength == 0 and found[0]:
                continue  # the pretrained model is the same under every seed
            scale_adapter(model, strength / saved[seed])
            found[strength].append(measure_model(model, sets, graded, params, seed))
            log.info("%s, seed %d, strength %g measured", name, seed, strength)
    hashes = {str(seed): adapter_sha256(folder) for seed, folder in folders.items()}
    return {
        strength: Evidence(pl.concat([r for r, _ in parts]), pl.concat([s for _, s in parts]), hashes)
        for strength, parts in found.items()
    }


def points(evidence: Mapping[float, Evidence], params: Params) -> list[Point]:
    """Turn evidence by strength into figures; strength 0 must be there, differences are from it."""
    import polars as pl

    def plain(ranks: pl.DataFrame) -> pl.DataFrame:
        """Leave out margin scores and hard negatives, which no point shows."""
        return ranks.filter((pl.col("scoring") == "cosine") & pl.col("benchmark").is_in([TEST, DEV]))

    before = evidence[0.0]
    settings = (params.evaluate, params.seed)
    result = []
    for strength, after in evidence.items():
        figures = measure(plain(after.ranks), params.pair, *settings)["metrics"]
        figures |= measure_sts(after.similarities, *settings)
        tests: dict[str, dict[str, Any]] = {}
        if strength != 0:
            tests = compare(plain(before.ranks), plain(after.ranks), params.pair, *settings)
            tests |= compare_sts(before.similarities, after.similarities, *settings)
        kept = [name for name in figures if name in FIGURES or name.endswith("_pearson")]
        differences = {name: tests[name] for name in kept if name in tests}
        result.append(Point(strength, {name: figures[name] for name in kept}, differences))
    return result


def largest_harmless(found: Sequence[Point], guarded: Sequence[str]) -> Point:
    """Return the strongest point at which no guarded set falls by more than LIMIT; at worst strength 0.

    It is the point estimate that is judged; its interval, which may reach below, stands beside it.
    """
    kept = [point for point in found if point.worst(guarded) >= -LIMIT]
    return max(kept, key=lambda point: point.strength)


def measure_strengths(
    models: Path, splits: Path, smoke: Path, params: Params
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the figures of every model with adapters (for JSON), and a row for each point (for CSV)."""
    pool = read_table(splits / "pool.parquet", POOL_SCHEMA)
    sets = [
        lay_out_split(name, read_table(splits / f"{name}.parquet", CORPUS_SCHEMA), pool, params.pair)
        for name in (TEST, DEV)
    ]
    graded = graded_sets(smoke, params)
    guarded = [sts.name for sts in graded if sts.name in GUARDED] or [SMOKE]
    sizes = {split.name: len(split.rows) for split in sets}
    sizes |= {sts.name: len(sts.grades) for sts in graded}
    figures: dict[str, Any] = {"limit": LIMIT, "guarded": guarded, "n": sizes, "models": {}}
    rows = []
    for name in params.models:
        evidence = evidence_at(name, STRENGTHS, models / name, sets, graded, params)
        curve = points(evidence, params)
        best = largest_harmless(curve, guarded)
        rows += [{"model": name, **point.row(guarded)} for point in curve]
        saved = trained_strengths(models / name)
        figures["models"][name] = {
            "saved": {str(seed): strength for seed, strength in saved.items()},
            "points": [point.to_json() for point in curve],
            "largest_harmless": best.strength,
            "signature": run_signature(name, evidence[1.0].adapters, params),
        }
        log.info(
            "%s: strength %g is the most that keeps %s within %g; P@1 on test %.3f, %.3f pretrained",
            *(name, best.strength, ", ".join(guarded), LIMIT),
            *(point.figures["test_p1_mean"]["value"] for point in (best, curve[0])),
        )
    return rounded(figures), rounded(rows)
