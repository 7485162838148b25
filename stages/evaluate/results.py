"""Run all measurements of one model and write results/<model>-<variant>."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages.evaluate.evidence import collect_evidence, run_signature
from stages.evaluate.graded_sets import StsSet, read_smoke_set
from stages.evaluate.retrieval_sets import RetrievalSet, benchmark_set, lay_out_split
from stages.evaluate.translations import translate_pairs, translate_trivially
from stages.lib.core.errors import ModelError
from stages.lib.core.files import atomic_path, write_json
from stages.lib.core.params import Pair, Params
from stages.lib.core.tables import (
    CORPUS_SCHEMA,
    POOL_SCHEMA,
    SPLIT_IDENTITY,
    content_sha256,
    read_table,
    write_table,
)
from stages.lib.models.adapters import adapter_folders
from stages.lib.scores.comparison import GOLD, RANKS_SCHEMA, TEST, TRANSLATED, measure, rounded
from stages.lib.scores.sts import STS_SCHEMA, measure_sts
from stages.lib.scores.translation import TRANSLATIONS_SCHEMA, measure_translation

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import polars as pl

log = logging.getLogger("evaluate")

# Judged pairs make a set of their own where there are at least this many.
MIN_GOLD = 2


def load_sets(splits: Path, params: Params) -> tuple[list[RetrievalSet], dict[str, Any]]:
    """Read the test set, what people judged of it, and their pool; return the sets with their signature.

    Without judgements there is no gold set, and the signature does not name one.
    """
    test, gold, dev = (read_table(splits / f"{name}.parquet", CORPUS_SCHEMA) for name in (TEST, GOLD, "dev"))
    pool = read_table(splits / "pool.parquet", POOL_SCHEMA)
    judging = {TEST: test, GOLD: gold} if len(gold) >= MIN_GOLD else {TEST: test}
    signature = {
        "pair": f"{params.pair.src}-{params.pair.tgt}",
        "dev_sha256": content_sha256(dev, SPLIT_IDENTITY),
        "pool_sha256": content_sha256(pool, list(POOL_SCHEMA)),
        **{f"{name}_sha256": content_sha256(split, SPLIT_IDENTITY) for name, split in judging.items()},
    }
    return [lay_out_split(name, split, pool, params.pair) for name, split in judging.items()], signature


def load_benchmarks(
    params: Params, fingerprints: Path
) -> tuple[list[RetrievalSet], list[StsSet], dict[str, Any]]:
    """Read the listed benchmarks, retrieval and graded pairs apart, with their part of the signature.

    A line warns of those that the fingerprints do not cover: training may hold their sentences.
    """
    if not params.benchmarks:
        return [], [], {"benchmarks": {}, "not_fingerprinted": []}
    from stages.evaluate.benchmarks import has_grades, load_benchmark, load_sts, not_fingerprinted

    retrieval: list[RetrievalSet] = []
    graded: list[StsSet] = []
    contents: dict[str, Any] = {}
    for name in params.benchmarks:
        if has_grades(name, params):
            sets = load_sts(name, params)
            contents[name] = {key: value for sts in sets for key, value in sts.sha256.items()}
            graded += sets
        else:
            benchmark = load_benchmark(name, params, params.pair)
            contents[name] = benchmark.sha256
            retrieval.append(benchmark_set(benchmark, params.pair))
    if unknown := not_fingerprinted(params.benchmarks, params, fingerprints):
        log.warning(
            "%s: not in %s, so training may hold sentences of it; run make fingerprints where it is at hand",
            *(", ".join(unknown), fingerprints),
        )
    return retrieval, graded, {"benchmarks": contents, "not_fingerprinted": unknown}


def translate_sets(
    name: str, splits: Path, names: Iterable[str], params: Params, adapters: Path | None
) -> Mapping[str, pl.DataFrame]:
    """Translate sets in both directions: by the model, with each of its adapters, and without one."""
    import polars as pl

    from stages.lib.models import load_encoder

    pair = params.pair
    train = read_table(splits / "train.parquet", CORPUS_SCHEMA)
    is_own = (pl.col("src_lang") == pair.src) & (pl.col("tgt_lang") == pair.tgt)
    sets = {split: read_table(splits / f"{split}.parquet", CORPUS_SCHEMA).filter(is_own) for split in names}
    tables = {split: [translate_trivially(rows, train, pair)] for split, rows in sets.items()}
    config = params.models_config[name].model_copy(update={"int8": False})  # which cannot translate
    for seed, folder in (adapter_folders(adapters) if adapters else {0: None}).items():
        model = load_encoder(name, config, adapter=folder)
        for split, rows in sets.items():
            given = (model[0].translator, model.tokenizer, rows, pair, params.evaluate, seed)
            tables[split].append(translate_pairs(*given))
    return {split: pl.concat(parts) for split, parts in tables.items()}


def evaluate(
    name: str,
    variant: str,
    splits: Path,
    sts: Path,
    fingerprints: Path,
    adapter: Path | None,
    out: Path,
    params: Params,
) -> None:
    """Write ``out``/metrics.json and the evidence behind it: ranks, sts and, if it translates, translations.

    The evidence is in Parquet files of these names.
    """
    training = adapter / "training.json" if adapter else None  # the report draws its curves
    if training and not training.is_file():
        raise ModelError(f"{training}: not found; run dvc repro finetune@{adapter.name}")
    sets, identity = load_sets(splits, params)
    benchmarks, graded, about = load_benchmarks(params, fingerprints)
    sets, graded = sets + benchmarks, [read_smoke_set(sts), *graded]
    evidence = collect_evidence(name, sets, graded, params, adapter)
    figures = measure(evidence.ranks, params.pair, params.evaluate, params.seed)
    metrics = figures["metrics"]
    metrics |= measure_sts(evidence.similarities, params.evaluate, params.seed)
    translations = {}
    if params.models_config[name].kind == "nllb":
        translated = [retrieval.name for retrieval in sets if retrieval.name in TRANSLATED]
        translations = translate_sets(name, splits, translated, params, adapter)
        for split, table in translations.items():
            metrics |= measure_translation(table, params.evaluate, params.seed, TRANSLATED[split][1])
    signature = identity | about | run_signature(name, evidence.adapters, params)
    signature["candidates"] = {retrieval.name: count_candidates(retrieval, params.pair) for retrieval in sets}
    signature["sts"] = {sts_set.name: dict(sts_set.sha256) for sts_set in graded}
    with atomic_path(out) as folder:
        folder.mkdir(parents=True)
        write_table(evidence.ranks, folder / "ranks.parquet", RANKS_SCHEMA)
        write_table(evidence.similarities, folder / "sts.parquet", STS_SCHEMA)
        for split, table in translations.items():
            write_table(table, folder / TRANSLATED[split][0], TRANSLATIONS_SCHEMA)
        about = {"model": name, "variant": variant, "signature": signature}
        write_json(folder / "metrics.json", about | rounded(figures, 6))
        if training:
            shutil.copyfile(training, folder / "training.json")
    src, tgt = params.pair.src, params.pair.tgt
    there, back = (metrics[f"test_p1_{a}_{b}"] for a, b in ((src, tgt), (tgt, src)))
    log.info(
        "%s %s: %s test pairs, P@1 %s→%s %.3f, %s→%s %.3f",
        *(name, variant, f"{there['n']:,}", src, tgt, there["value"], tgt, src, back["value"]),
    )


def count_candidates(retrieval: RetrievalSet, pair: Pair) -> dict[str, int]:
    """Count the candidates of each language, and its hard negatives."""
    sides = {pair.src: retrieval.src, pair.tgt: retrieval.tgt}
    hard = {f"hard_{lang}": len(side.texts) - side.n_candidates for lang, side in sides.items()}
    return {lang: side.n_candidates for lang, side in sides.items()} | hard
