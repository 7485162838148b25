"""Measure what one page, sentence or pair costs in each stage, for docs/planning.md (make plan).

Real code on the text of the last run (registry packages); pages are the tests' own. Times are CPU seconds of
one core, the median of several rounds, so that a busy machine tells nearly the same. The memory that a stage
takes for a pair is the growth of its peak from a third of the pairs to all of them, each in a new process.
"""

from __future__ import annotations

import argparse
import gzip
import importlib.metadata
import logging
import multiprocessing
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

from bench.align import _memory_mb, make_long
from stages.lib.core.cli import run
from stages.lib.core.errors import DataError
from stages.lib.core.files import write_json
from stages.lib.core.params import Params, load_params
from stages.lib.core.tables import CORPUS_SCHEMA, PAIR_SCHEMA, SEGMENT_SCHEMA, read_table, write_table

if TYPE_CHECKING:
    import polars as pl
    from sentence_transformers import SentenceTransformer

log = logging.getLogger("bench.costs")

PACKAGES = ("faiss-cpu", "numpy", "polars", "sentence-transformers", "torch", "transformers")
# Words from which on a text counts as a sentence here; most of what registries hold are names.
WORDS = 4
# LaBSE's shape, whose weights need not be there to count its operations.
LABSE = {
    "hidden_size": 768,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "intermediate_size": 3072,
    "vocab_size": 501_153,
}
# A stage's growth is measured from this part of the pairs to all of them.
_SHARE_OF_PAIRS = 3


def cpu_seconds(work: Callable[[], object], rounds: int) -> float:
    """Return the median CPU seconds of a call, after one to warm up."""
    work()
    found = []
    for _ in range(rounds):
        start = time.process_time()
        work()
        found.append(time.process_time() - start)
    return statistics.median(found)


def measure_pages(rounds: int) -> dict[str, float]:
    """Read pages and cut them into sentences, as extract does."""
    from stages.extract.html import read_page
    from stages.lib.text.sentences import split_sentences
    from tests.stages.extract.html_pages import gold_pages

    pages = gold_pages(2)

    def read() -> int:
        sentences = 0
        for page in pages:
            for block in read_page(page.html, page.name.split("-")[0]).blocks:
                sentences += len(split_sentences(block.text, page.lang))
        return sentences

    html = [page.html.encode() for page in pages]
    return {
        "core_s_per_page": cpu_seconds(read, rounds) / len(pages),
        "sentences_per_page": read() / len(pages),
        "bytes_per_page": sum(map(len, html)) / len(pages),
        "packed_bytes_per_page": sum(len(gzip.compress(page, mtime=0)) for page in html) / len(pages),
        "n": len(pages),
    }


def choose_sentences(table: pl.DataFrame, column: str) -> pl.DataFrame:
    """Return the rows that are sentences rather than names."""
    import polars as pl

    return table.filter(pl.col(column).str.count_matches(r"\w+") >= WORDS)


def read_sentences(segments: Path, params: Params, count: int) -> list[tuple[str, str]]:
    """Return at most so many distinct texts of the pair's languages, with their language, well mixed."""
    import polars as pl

    table = pl.concat(
        [read_table(segments / f"{name}.parquet", SEGMENT_SCHEMA) for name in params.sources]
    ).filter(pl.col("lang").is_in([params.pair.src, params.pair.tgt]))
    table = choose_sentences(table, "text")
    table = table.select("text", "lang").unique(maintain_order=True)
    return table.sample(min(count, len(table)), seed=0, shuffle=True).rows()


def count_flops(work: Callable[[], object]) -> int:
    """Return the floating-point operations of a call's matrix products, two for each product and sum."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        work()
    return counter.get_total_flops()


def measure_encoding(
    model: SentenceTransformer, texts: Sequence[tuple[str, str]], rounds: int
) -> dict[str, float]:
    """Encode sentences; beside it the tokeniser alone, and the operations of the encoder and of LaBSE."""
    import torch
    from transformers import BertConfig, BertModel

    from stages.finetune.contrastive import forward
    from stages.lib.models import encode

    by_lang = {lang: [text for text, other in texts if other == lang] for lang in {lang for _, lang in texts}}
    encoder = model[0]
    if not hasattr(encoder, "token_ids"):
        raise DataError("bench.costs counts tokens of models of kind use or nllb; set align.model to one")
    tokens = sum(len(ids) for lang, own in by_lang.items() for ids in encoder.token_ids(own, lang))
    length = round(tokens / len(texts))

    def tokenise() -> None:
        for lang, own in by_lang.items():
            encoder.token_ids(own, lang)

    def encode_all() -> None:
        for lang, own in by_lang.items():
            encode(model, own, lang, is_exact=True)  # as embed does

    def run_forward() -> None:
        with torch.no_grad():
            for lang, own in by_lang.items():
                forward(model, own, lang)

    with torch.device("meta"):
        labse = BertModel(BertConfig(**LABSE)).eval()
        ids = torch.zeros(1, length, dtype=torch.long)
    return {
        "core_s_per_text": cpu_seconds(encode_all, rounds) / len(texts),
        "tokeniser_core_s_per_text": cpu_seconds(tokenise, rounds) / len(texts),
        "flops_per_text": count_flops(run_forward) / len(texts),
        "labse_flops_per_text": count_flops(lambda: labse(ids)),
        "tokens_per_text": tokens / len(texts),
        "dim": model.get_embedding_dimension(),
        "n": len(texts),
    }


def measure_search(rows: int, shard: int, rounds: int, k: int) -> dict[str, float]:
    """Search random unit vectors exactly and by inverted lists, with the rate of a bare matrix product."""
    import numpy as np

    from stages.align import mining

    chance = np.random.default_rng(0)

    def draw(n: int) -> np.ndarray:
        vectors = chance.standard_normal((n, 512), dtype=np.float32)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    square = draw(1536)
    gemm = 2 * 1536 * 1536 * 512 / cpu_seconds(lambda: square @ square.T, max(5, rounds))
    queries, targets = draw(rows), draw(shard)
    exact = cpu_seconds(lambda: mining.nearest(queries, queries, k, 512), rounds)

    def search_lists(n: int) -> float:
        return cpu_seconds(lambda: mining.nearest(targets[:n], targets, k, 512), min(2, rounds))

    # So that a shard small enough to measure is searched as one of a large corpus is.
    with mock.patch.object(mining, "EXACT_ROWS", 0):
        few, all_ = search_lists(shard // 32), search_lists(shard)
    searched = (all_ - few) / (shard - shard // 32) / shard
    return {
        "gemm_flops_per_core_s": gemm,
        "exact_flops_per_core_s": 2 * rows * rows * 512 / exact,
        "list_core_s_per_row": max(0.0, few / shard - searched * (shard // 32)),
        "list_core_s_per_query_and_row": searched,
        "k": k,
        "n": rows,
        "shard": shard,
    }


def measure_alignment(sentences: int, rounds: int) -> dict[str, float]:
    """Align two long documents whose vectors are there."""
    from stages.align.beads import align_document

    documents, *vectors = make_long(sentences, 0)
    given = (documents.src, documents.tgt, *vectors, documents.embed_src, documents.embed_tgt)
    return {"core_s_per_sentence": cpu_seconds(lambda: align_document(*given), rounds) / sentences}


def measure_scores(background: int, k: int, rounds: int) -> dict[str, float]:
    """Score pairs against the background, as align does with every pair."""
    import numpy as np

    from stages.align.mining import background_scores

    chance = np.random.default_rng(0)
    src, tgt, others, more = (
        (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
        for rows in (chance.standard_normal((n, 512)) for n in (2000, 2000, background, background))
    )

    def score() -> None:
        background_scores(src, tgt, src_background=others, tgt_background=more, k=k, memory_mb=512)

    return {"core_s_per_pair": cpu_seconds(score, rounds) / len(src)}


def make_stage(name: str, every: int, are_sentences: bool) -> tuple[int, Callable[[], object]]:
    """Return a run of clean or split on every so-manieth pair of the last run, and the number of pairs."""
    import polars as pl

    params = load_params()
    path, schema = {
        "clean": (Path("data/pairs.parquet"), PAIR_SCHEMA),
        "split": (Path("data/corpus.parquet"), CORPUS_SCHEMA),
    }[name]
    pairs = read_table(path, schema)
    if are_sentences:
        pairs = choose_sentences(pairs, "src")
    pairs = pairs.with_row_index("row").filter(pl.col("row") % every == 0).drop("row")
    if name == "clean":
        from stages.clean.corpus import clean_pairs

        return len(pairs), lambda: clean_pairs(pairs, params, str(path))
    from stages.lib.text.fingerprints import read_fingerprints
    from stages.split.splits import split_corpus

    fingerprints = read_fingerprints(Path("assets/fingerprints.json.gz"))
    small = params.split.model_copy(update={"min_test": 0, "min_dev": 0})
    few = params.model_copy(update={"split": small})
    return len(pairs), lambda: split_corpus(pairs, fingerprints, few)


def run_for_memory(name: str, every: int) -> tuple[int, float]:
    """Run a stage once; return its pairs and the bytes of this process at its peak."""
    pairs, work = make_stage(name, every, False)
    work()
    return pairs, _memory_mb("VmHWM") * 2**20


def measure_stage(name: str, rounds: int) -> dict[str, float]:
    """Return what a pair costs a stage: time by sentences alone, memory by all pairs of the last run."""
    sentences, work = make_stage(name, 1, True)
    growth = []
    for _ in range(rounds):
        sizes = []
        for every in (_SHARE_OF_PAIRS, 1):
            with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
                sizes.append(pool.submit(run_for_memory, name, every).result())
        (few, few_bytes), (pairs, peak) = sizes
        growth.append((peak - few_bytes) / (pairs - few))
    return {
        "core_s_per_pair": cpu_seconds(work, rounds) / sentences,
        "ram_bytes_per_pair": statistics.median(growth),
        "n": sentences,
        "ram_n": pairs,
    }


def measure_finetuning(name: str, params: Params, pairs: int, rounds: int) -> dict[str, float]:
    """Return the CPU seconds and the operations of one pair in a training batch, made of train's pairs."""
    import torch

    from stages.finetune.contrastive import ContrastiveBatches, choose_rows
    from stages.lib.models import add_lora, load_encoder

    config = params.models_config[name]
    recipe = params.recipe(params.finetune.recipe, name)
    model = load_encoder(name, config)
    torch.manual_seed(1)
    add_lora(model, recipe, config)
    train = read_table(Path("data/splits/train.parquet"), CORPUS_SCHEMA)
    train = choose_rows(choose_sentences(train, "src"), recipe, params.pair.src)
    batches = ContrastiveBatches.of(model, train, recipe)
    rows = max(batches.plan(1, 0), key=len)[:pairs]
    weights = [value for value in model.parameters() if value.requires_grad]
    model.train()

    def step() -> None:
        batches.backward(model, rows, 1)

    return {
        "core_s_per_pair": cpu_seconds(step, rounds) / len(rows),
        "flops_per_pair": count_flops(step) / len(rows),
        "adapter_bytes": 4 * sum(weight.numel() for weight in weights),
        "epochs": recipe.epochs,
        "batch_size": recipe.batch_size,
        "n": len(rows),
    }


def measure_disk(params: Params, folder: Path) -> dict[str, float]:
    """Return the bytes of one row in each table, sentences alone, and of one vector with its key."""
    import numpy as np
    import polars as pl

    found: dict[str, float] = {}
    data = Path("data")
    segments = [read_table(data / f"segments/{name}.parquet", SEGMENT_SCHEMA) for name in params.sources]
    for name, table, schema, column in (
        ("segment", pl.concat(segments), SEGMENT_SCHEMA, "text"),
        ("pair", read_table(data / "pairs.parquet", PAIR_SCHEMA), PAIR_SCHEMA, "src"),
        ("corpus_pair", read_table(data / "corpus.parquet", CORPUS_SCHEMA), CORPUS_SCHEMA, "src"),
    ):
        chosen = choose_sentences(table, column)
        write_table(chosen, folder / name, schema)
        found[name] = (folder / name).stat().st_size / len(chosen)
        found[f"{name}_n"] = len(chosen)
    files = [data / f"vectors/{name}.{end}" for name in params.sources for end in ("npy", "parquet")]
    vectors = sum(len(np.load(path, mmap_mode="r")) for path in files if path.suffix == ".npy")
    found["vector"] = sum(path.stat().st_size for path in files) / vectors
    return found


def round_figures(value: Any) -> Any:
    """Round every float to four significant digits."""
    if isinstance(value, dict):
        return {key: round_figures(one) for key, one in value.items()}
    return float(f"{value:.4g}") if isinstance(value, float) else value


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.costs", description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write")
    parser.add_argument("--rounds", type=int, default=5, help="rounds, the median counts (default 5)")
    parser.add_argument("--texts", type=int, default=2000, help="sentences to encode (default 2000)")
    parser.add_argument("--rows", type=int, default=10_000, help="rows of the exact search (default 10,000)")
    parser.add_argument(
        "--shard", type=int, default=40_000, help="rows of one shard of lists (default 40,000)"
    )
    parser.add_argument("--pairs", type=int, default=256, help="pairs of a training batch (default 256)")
    args = parser.parse_args()
    import faiss
    import torch

    from stages.lib.models import load_encoder

    params = load_params()
    torch.set_num_threads(1)
    faiss.omp_set_num_threads(1)
    os.environ["OMP_NUM_THREADS"] = "1"  # for the processes started below
    name = params.align.model
    texts = read_sentences(Path("data/segments"), params, args.texts)
    with tempfile.TemporaryDirectory() as folder:
        works: dict[str, Callable[[], dict[str, float]]] = {
            "crawl": lambda: {"delay_s": params.crawl["delay_s"]},
            "extract": lambda: measure_pages(args.rounds),
            "embed": lambda: measure_encoding(
                load_encoder(name, params.models_config[name]), texts, args.rounds
            ),
            "align": lambda: measure_alignment(3000, args.rounds),
            "mine": lambda: measure_search(args.rows, args.shard, args.rounds, params.align.k),
            "score": lambda: measure_scores(params.align.background, params.align.k, args.rounds),
            "clean": lambda: measure_stage("clean", min(3, args.rounds)),
            "split": lambda: measure_stage("split", min(3, args.rounds)),
            "finetune": lambda: measure_finetuning(name, params, args.pairs, min(3, args.rounds)),
            "disk": lambda: measure_disk(params, Path(folder)),
        }
        found: dict[str, Any] = {"model": name, "rounds": args.rounds, "cores": os.cpu_count()}
        for part, work in works.items():
            found[part] = work()
            log.info("%s: %s", part, round_figures(found[part]))
    found["versions"] = {package: importlib.metadata.version(package) for package in PACKAGES}
    found["versions"]["python"] = platform.python_version()
    write_json(args.out, round_figures(found))


if __name__ == "__main__":
    run(main)
