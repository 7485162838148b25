"""Evaluate one model, pretrained or fine-tuned: test set, graded pairs, the listed benchmarks."""

from __future__ import annotations

import argparse
import logging
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages.lib import cli
from stages.lib.errors import ModelError, ParamsError
from stages.lib.evaluation import (
    NORMALISATION,
    RANKS_SCHEMA,
    TEST,
    RetrievalSet,
    adapter_folders,
    benchmark_set,
    collect_evidence,
    lay_out_split,
    measure,
    model_signature,
    rounded,
    versions,
)
from stages.lib.files import atomic_path, write_json
from stages.lib.params import Params, load_params
from stages.lib.sts import STS_SCHEMA, StsSet, measure_sts, read_smoke_set
from stages.lib.tables import (
    CORPUS_SCHEMA,
    POOL_SCHEMA,
    SPLIT_IDENTITY,
    content_sha256,
    read_table,
    write_table,
)
from stages.lib.translation import (
    TRANSLATIONS_SCHEMA,
    measure_translation,
    translate_pairs,
    translate_trivially,
)

if TYPE_CHECKING:
    import polars as pl

log = logging.getLogger(__name__)


def load_sets(splits: Path, params: Params) -> tuple[list[RetrievalSet], dict[str, Any]]:
    """Read the test set and its pool; return the set with its part of the signature."""
    test = read_table(splits / "test.parquet", CORPUS_SCHEMA)
    dev = read_table(splits / "dev.parquet", CORPUS_SCHEMA)
    pool = read_table(splits / "pool.parquet", POOL_SCHEMA)
    signature = {
        "pair": f"{params.pair.src}-{params.pair.tgt}",
        "test_sha256": content_sha256(test, SPLIT_IDENTITY),
        "dev_sha256": content_sha256(dev, SPLIT_IDENTITY),
        "pool_sha256": content_sha256(pool, list(POOL_SCHEMA)),
    }
    return [lay_out_split(TEST, test, pool, params.pair)], signature


def load_benchmarks(
    params: Params, fingerprints: Path
) -> tuple[list[RetrievalSet], list[StsSet], dict[str, Any]]:
    """Read the listed benchmarks, retrieval and graded pairs apart, with their part of the signature.

    A line warns of those that the fingerprints do not cover: training may hold their sentences.
    """
    if not params.benchmarks:
        return [], [], {"benchmarks": {}, "not_fingerprinted": []}
    from stages.lib.benchmarks import has_grades, load_benchmark, load_sts, not_fingerprinted

    retrieval: list[RetrievalSet] = []
    graded: list[StsSet] = []
    contents: dict[str, Any] = {}
    for name in params.benchmarks:
        if has_grades(name, params):
            sets = load_sts(name, params)
            contents[name] = {key: value for one in sets for key, value in one.sha256.items()}
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


def translate_test(name: str, splits: Path, params: Params, adapters: Path | None) -> pl.DataFrame:
    """Translate the test set in both directions: by the model, with each of its adapters, and without one."""
    import polars as pl

    from stages.lib.encoders import load_encoder

    pair = params.pair
    test, train = (read_table(splits / f"{split}.parquet", CORPUS_SCHEMA) for split in ("test", "train"))
    own = test.filter((pl.col("src_lang") == pair.src) & (pl.col("tgt_lang") == pair.tgt))
    tables = [translate_trivially(own, train, pair)]
    config = params.models_config[name].model_copy(update={"int8": False})  # which cannot translate
    for seed, folder in (adapter_folders(adapters) if adapters else {0: None}).items():
        model = load_encoder(name, config, adapter=folder)
        tables.append(translate_pairs(model[0].translator, model.tokenizer, own, pair, params.evaluate, seed))
    return pl.concat(tables)


def training_log(adapters: Path) -> Path:
    """Find what training wrote of itself beside its adapters; the report draws its curves."""
    path = adapters / "training.json"
    if not path.is_file():
        raise ModelError(f"{path}: not found; run dvc repro finetune@{adapters.name}")
    return path


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
    training = training_log(adapter) if adapter else None
    sets, signature = load_sets(splits, params)
    graded = [read_smoke_set(sts)]
    benchmarks, more, about = load_benchmarks(params, fingerprints)
    sets, graded = sets + benchmarks, graded + more
    evidence = collect_evidence(name, sets, graded, params, adapter)
    found = measure(evidence.ranks, params.pair, params.evaluate, params.seed)
    found["metrics"] |= measure_sts(evidence.similarities, params.evaluate, params.seed)
    translations = None
    if params.models_config[name].kind == "nllb":
        translations = translate_test(name, splits, params, adapter)
        found["metrics"] |= measure_translation(translations, params.evaluate, params.seed)
    src, tgt = params.pair.src, params.pair.tgt
    signature |= about | {
        "candidates": {
            retrieval.name: {
                src: retrieval.n_src,
                tgt: retrieval.n_tgt,
                f"hard_{src}": len(retrieval.src_texts) - retrieval.n_src,
                f"hard_{tgt}": len(retrieval.tgt_texts) - retrieval.n_tgt,
            }
            for retrieval in sets
        },
        "sts": {one.name: dict(one.sha256) for one in graded},
        "model": model_signature(name, params.models_config[name]),
        "adapter_sha256": evidence.adapters,
        "seeds": {"resampling": params.seed, "training": [int(seed) for seed in evidence.adapters]},
        "normalisation": NORMALISATION,
        "settings": params.evaluate.model_dump(),
        "versions": versions(),
    }
    with atomic_path(out) as folder:
        folder.mkdir(parents=True)
        write_table(evidence.ranks, folder / "ranks.parquet", RANKS_SCHEMA)
        write_table(evidence.similarities, folder / "sts.parquet", STS_SCHEMA)
        if translations is not None:
            write_table(translations, folder / "translations.parquet", TRANSLATIONS_SCHEMA)
        write_json(
            folder / "metrics.json",
            {"model": name, "variant": variant, **rounded(found, 6), "signature": signature},
        )
        if training:
            shutil.copyfile(training, folder / "training.json")
    there, back = (found["metrics"][f"test_p1_{a}_{b}"] for a, b in ((src, tgt), (tgt, src)))
    log.info(
        "%s %s: %s test pairs, P@1 %s→%s %.3f, %s→%s %.3f",
        *(name, variant, f"{there['n']:,}", src, tgt, there["value"], tgt, src, back["value"]),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True, help="a name in models_config")
    parser.add_argument("--variant", required=True, choices=("pretrained", "finetuned"))
    parser.add_argument(
        "--splits", type=Path, required=True, help="folder with train, dev, test and pool (.parquet)"
    )
    parser.add_argument("--sts", type=Path, required=True, help="the repository's own graded pairs (.tsv)")
    parser.add_argument(
        "--fingerprints", type=Path, required=True, help="hashes of the benchmarks that training lacks"
    )
    parser.add_argument(
        "--adapter", type=Path, help="folder with seed-<n>/ adapters; for --variant finetuned only"
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for the figures and their evidence")
    args = parser.parse_args()

    params = load_params()
    if args.model not in params.models_config:
        raise ParamsError(
            f"--model {args.model}: not in params.yaml's models_config; "
            f"known: {', '.join(sorted(params.models_config))}"
        )
    if (args.variant == "finetuned") != (args.adapter is not None):
        raise ParamsError(
            f"--variant {args.variant}: --adapter goes with finetuned and with nothing else; "
            f"{'add' if args.variant == 'finetuned' else 'drop'} --adapter"
        )
    evaluate(
        *(args.model, args.variant, args.splits, args.sts, args.fingerprints, args.adapter, args.out, params)
    )


if __name__ == "__main__":
    cli.run(main)
