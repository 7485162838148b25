"""Evaluate one model, pretrained or fine-tuned, by retrieval on the test set and the listed benchmarks."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path
from typing import Any

from stages.lib import cli
from stages.lib.errors import ParamsError
from stages.lib.evaluation import (
    NORMALISATION,
    RANKS_SCHEMA,
    RetrievalSet,
    benchmark_set,
    lay_out_test,
    measure,
    model_signature,
    rank_variant,
    rounded,
    versions,
)
from stages.lib.files import atomic_path, write_json
from stages.lib.params import Params, load_params
from stages.lib.tables import (
    CORPUS_SCHEMA,
    POOL_SCHEMA,
    SPLIT_IDENTITY,
    content_sha256,
    read_table,
    write_table,
)

log = logging.getLogger(__name__)


def load_sets(splits: Path, params: Params) -> tuple[list[RetrievalSet], dict[str, Any]]:
    """Read the test set, its pool and the listed benchmarks; return them with their part of the signature."""
    test = read_table(splits / "test.parquet", CORPUS_SCHEMA)
    dev = read_table(splits / "dev.parquet", CORPUS_SCHEMA)
    pool = read_table(splits / "pool.parquet", POOL_SCHEMA)
    sets = [lay_out_test(test, pool, params.pair)]
    benchmarks = {}
    if params.benchmarks:
        from stages.lib.benchmarks import load_benchmark

        for name in params.benchmarks:
            benchmark = load_benchmark(name, params, params.pair)
            benchmarks[name] = benchmark.sha256
            sets.append(benchmark_set(benchmark, params.pair))
    signature = {
        "pair": f"{params.pair.src}-{params.pair.tgt}",
        "test_sha256": content_sha256(test, SPLIT_IDENTITY),
        "dev_sha256": content_sha256(dev, SPLIT_IDENTITY),
        "pool_sha256": content_sha256(pool, list(POOL_SCHEMA)),
        "benchmarks": benchmarks,
        "candidates": {
            retrieval.name: {
                params.pair.src: retrieval.n_src,
                params.pair.tgt: retrieval.n_tgt,
                f"hard_{params.pair.src}": len(retrieval.src_texts) - retrieval.n_src,
                f"hard_{params.pair.tgt}": len(retrieval.tgt_texts) - retrieval.n_tgt,
            }
            for retrieval in sets
        },
    }
    return sets, signature


def evaluate(name: str, variant: str, splits: Path, adapter: Path | None, out: Path, params: Params) -> None:
    """Write ``out``/metrics.json and ``out``/ranks.parquet."""
    sets, signature = load_sets(splits, params)
    frame, adapters = rank_variant(name, sets, params, adapter)
    found = measure(frame, params.pair, params.evaluate, params.seed)
    signature |= {
        "model": model_signature(name, params.models_config[name]),
        "adapter_sha256": adapters,
        "seeds": {"resampling": params.seed, "training": [int(seed) for seed in adapters]},
        "normalisation": NORMALISATION,
        "settings": params.evaluate.model_dump(),
        "versions": versions(),
    }
    with atomic_path(out) as folder:
        folder.mkdir(parents=True)
        write_table(frame, folder / "ranks.parquet", RANKS_SCHEMA)
        write_json(
            folder / "metrics.json",
            {"model": name, "variant": variant, **rounded(found, 6), "signature": signature},
        )
    src, tgt = params.pair.src, params.pair.tgt
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
        "--splits", type=Path, required=True, help="folder with test, dev and pool (.parquet)"
    )
    parser.add_argument(
        "--adapter", type=Path, help="folder with seed-<n>/ adapters; for --variant finetuned only"
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for metrics.json and ranks.parquet")
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
    evaluate(args.model, args.variant, args.splits, args.adapter, args.out, params)


if __name__ == "__main__":
    cli.run(main)
