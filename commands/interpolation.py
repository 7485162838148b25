"""Evaluate the default adapters at several strengths: what retrieval gains against what graded pairs lose.

Strength 0 is the pretrained model, 1 the adapter as it was trained, whatever part of it was saved.
"""

from __future__ import annotations

import argparse
import csv
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages.evaluate.benchmarks import load_sts
from stages.evaluate.evidence import NORMALISATION, Evidence, measure_model, model_signature, versions
from stages.evaluate.graded_sets import SMOKE, StsSet, read_smoke_set
from stages.evaluate.retrieval_sets import RetrievalSet, lay_out_split
from stages.lib.core import cli
from stages.lib.core.errors import DownloadError, ModelError
from stages.lib.core.files import atomic_path, read_json, write_json
from stages.lib.core.params import Params, load_params
from stages.lib.core.tables import CORPUS_SCHEMA, POOL_SCHEMA, read_table
from stages.lib.models.adapters import adapter_folders, adapter_sha256
from stages.lib.scores.comparison import TEST, compare, measure, rounded
from stages.lib.scores.sts import compare_sts, measure_sts

log = logging.getLogger("interpolation")  # run with -m, __name__ says nothing

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
    found = {run["seed"]: float(run["scale"]) for run in read_json(adapters / "training.json")["seeds"]}
    for seed, saved in found.items():
        if saved == 0:
            raise ModelError(
                f"{adapters}: the adapter of seed {seed} was saved at strength 0; "
                "train it with a recipe whose interpolate has no 0.0"
            )
    return found


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

    def plain(own: Evidence) -> pl.DataFrame:
        """Leave out margin scores and hard negatives, which no point tells."""
        return own.ranks.filter((pl.col("scoring") == "cosine") & pl.col("benchmark").is_in([TEST, DEV]))

    before = evidence[0.0]
    found = []
    for strength, own in evidence.items():
        figures = measure(plain(own), params.pair, params.evaluate, params.seed)["metrics"]
        figures |= measure_sts(own.similarities, params.evaluate, params.seed)
        tests: dict[str, dict[str, Any]] = {}
        if strength != 0:
            tests = compare(plain(before), plain(own), params.pair, params.evaluate, params.seed)
            tests |= compare_sts(before.similarities, own.similarities, params.evaluate, params.seed)
        kept = [name for name in figures if name in FIGURES or name.endswith("_pearson")]
        found.append(
            Point(
                strength=strength,
                figures={name: figures[name] for name in kept},
                differences={name: tests[name] for name in kept if name in tests},
            )
        )
    return found


def largest_harmless(found: Sequence[Point], guarded: Sequence[str]) -> Point:
    """Return the strongest point at which no guarded set falls by more than LIMIT; at worst strength 0.

    It is the point estimate that is judged; its interval, which may reach below, stands beside it.
    """
    kept = [point for point in found if point.worst(guarded) >= -LIMIT]
    return max(kept, key=lambda point: point.strength)


def interpolate(
    models: Path, splits: Path, smoke: Path, params: Params
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the figures of every model with adapters (for JSON), and the points of each (for CSV)."""
    pool = read_table(splits / "pool.parquet", POOL_SCHEMA)
    sets = [
        lay_out_split(name, read_table(splits / f"{name}.parquet", CORPUS_SCHEMA), pool, params.pair)
        for name in (TEST, DEV)
    ]
    graded = graded_sets(smoke, params)
    guarded = [one.name for one in graded if one.name in GUARDED] or [SMOKE]
    out: dict[str, Any] = {
        "limit": LIMIT,
        "guarded": guarded,
        "n": {
            **{one.name: len(one.pair_ids) for one in sets},
            **{one.name: len(one.grades) for one in graded},
        },
        "models": {},
    }
    rows = {}
    for name in params.models:
        evidence = evidence_at(name, STRENGTHS, models / name, sets, graded, params)
        found = points(evidence, params)
        best = largest_harmless(found, guarded)
        rows[name] = [point.row(guarded) for point in found]
        saved = trained_strengths(models / name)
        out["models"][name] = {
            "saved": {str(seed): strength for seed, strength in saved.items()},
            "points": [point.to_json() for point in found],
            "largest_harmless": best.strength,
            "signature": {
                "model": model_signature(name, params.models_config[name]),
                "adapter_sha256": evidence[1.0].adapters,
                "normalisation": NORMALISATION,
                "settings": params.evaluate.model_dump(),
                "seeds": {"resampling": params.seed, "training": sorted(saved)},
                "versions": versions(),
            },
        }
        log.info(
            "%s: strength %g is the most that keeps %s within %g; P@1 on test %.3f, %.3f pretrained",
            *(name, best.strength, ", ".join(guarded), LIMIT),
            *(point.figures["test_p1_mean"]["value"] for point in (best, found[0])),
        )
    return rounded(out), rounded(rows)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m commands.interpolation", description=__doc__)
    for flag, default, what in (
        ("--models", "models", "folder with the adapters"),
        ("--splits", "data/splits", "folder with test, dev and pool (.parquet)"),
        ("--sts", "assets/sts_ru.tsv", "the repository's own graded pairs"),
        ("--out", "metrics/interpolation", "name of the .csv and .json files"),
    ):
        parser.add_argument(flag, type=Path, default=Path(default), help=f"{what} (default: {default})")
    args = parser.parse_args()
    found, rows = interpolate(args.models, args.splits, args.sts, load_params())
    lines = [{"model": name, **point} for name, points_of in rows.items() for point in points_of]
    with (
        atomic_path(args.out.with_suffix(".csv")) as temporary,
        temporary.open("w", encoding="utf-8", newline="") as file,
    ):
        writer = csv.DictWriter(file, fieldnames=list(lines[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(lines)
    write_json(args.out.with_suffix(".json"), found)


if __name__ == "__main__":
    cli.run(main)
