"""Measure mining beside plain cosine and beside the algorithm of sentence-transformers' mining example.

NTREX-128 pairs are planted among interface messages and names of both languages, none of which has its
translation on the other side as far as keys tell; where the text does not suffice for that, such known
translations count neither for nor against. Each method's threshold is the one of best F1 on half of the
text, and precision and recall are those of the other half. All three get the same vectors in the same run.
The example (bitext_mining.py) is made anew from its description: the best of four neighbours by ratio margin
in both directions, then greedily by score, each sentence once.

Vectors come from the store (.cache/kopri), so a second run is short. MediaWiki's messages are taken from
Debian where apt-get is at hand; without them the pools are smaller.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.metadata
import logging
import platform
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stages.lib.core.cli import run
from stages.lib.core.errors import KopriError
from stages.lib.core.files import write_json

if TYPE_CHECKING:
    import polars as pl

    from stages.align.mining import Mined
    from stages.lib.core.params import Params

log = logging.getLogger(__name__)

CACHE = Path(".cache/kopri/bench")
PACKAGES = ("faiss-cpu", "numpy", "scipy", "torch")
SRC, TGT, MODEL = "ru", "tr", "use"
PLANTED = 1900
# Rows of either side at most; fewer where there is less text.
ROWS = 20_000
# That of the example. With 8, F1 is higher on the half that chooses thresholds and lower on the other.
K = 4
MEMORY_MB = 512


@dataclass(frozen=True)
class Pool:
    """One side: sentences, the group that each belongs to and the half that it is judged in.

    Sentences of both sides with one group are translations of each other; groups of ``planted`` sentences
    are those that mining shall find.
    """

    texts: tuple[str, ...]
    groups: np.ndarray
    is_held_out: np.ndarray
    is_planted: np.ndarray


def digest(*parts: str) -> int:
    """Return a number that depends on the texts alone; its order is a fixed shuffle."""
    return int.from_bytes(hashlib.sha256("\0".join(parts).encode()).digest()[:8], "big")


def link_sentences(
    messages: Iterable[tuple[str, str, str]], langs: tuple[str, str]
) -> list[tuple[list[str], list[str]]]:
    """Group sentences that translate each other: (lang, key, sentence) to (source, target) lists.

    Two sentences are in a group if a chain of equal keys and equal texts (but for case) leads from one to
    the other.
    """
    parent: dict[Any, Any] = {}

    def find(node: Any) -> Any:
        while parent.setdefault(node, node) != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    first_forms: dict[tuple[str, str], str] = {}
    for lang, key, text in messages:
        place = (lang, text.casefold())
        first_forms.setdefault(place, text)
        parent[find(place)] = find((key,))
    groups: dict[Any, tuple[list[str], list[str]]] = {}
    for (lang, folded), text in first_forms.items():
        groups.setdefault(find((lang, folded)), ([], []))[langs.index(lang)].append(text)
    return [groups[root] for root in sorted(groups, key=lambda root: digest(*map(str, root)))]


def build_pools(
    planted: Sequence[tuple[str, str, str]], groups: Sequence[tuple[list[str], list[str]]], size: int
) -> tuple[Pool, Pool]:
    """Plant (document, source, target) pairs among distractors, up to ``size`` sentences a side.

    A group's sentences go to one side only, so many groups to each that both get the same number; what is
    then missing to ``size`` is filled with the other sentences of the groups. The half is by document or
    group.
    """
    n_src, n_tgt = (sum(len(group[side]) for group in groups) for side in (0, 1))
    alone_src = sum(len(src) for src, tgt in groups if not tgt)
    alone_tgt = sum(len(tgt) for src, tgt in groups if not src)
    shared = (n_src - alone_src) + (n_tgt - alone_tgt)
    # Share of the two-sided groups that give their source sentences: a + share * A = b + (1 - share) * B.
    share = float(np.clip((n_tgt - alone_src) / max(shared, 1), 0, 1))
    wanted = size - len(planted)
    sides: tuple[list, list] = ([], [])
    fill: tuple[list, list] = ([], [])
    for number, (src, tgt) in enumerate(groups, start=len(planted)):
        to_src = not tgt or (bool(src) and digest("side", src[0], tgt[0]) / 2**64 < share)
        for side, texts in enumerate((src, tgt)):
            (sides if to_src == (side == 0) else fill)[side].extend((text, number) for text in texts)
    halves = {n: digest("half", doc) % 2 == 1 for n, (doc, _, _) in enumerate(planted)}
    common = min(wanted, max(min(len(sides[0]) + len(fill[0]), len(sides[1]) + len(fill[1])), 0))
    pools = []
    for side in (0, 1):
        rows = [(pair[1 + side], n) for n, pair in enumerate(planted)]
        rows += (sides[side] + fill[side])[:common]
        rows.sort(key=lambda row: digest("order", row[0]))
        numbers = np.array([n for _, n in rows])
        held_out = [halves.get(n, digest("half", str(n)) % 2 == 1) for _, n in rows]
        pools.append(
            Pool(tuple(text for text, _ in rows), numbers, np.array(held_out), numbers < len(planted))
        )
    return pools[0], pools[1]


def judge(mined: Mined, src: Pool, tgt: Pool) -> dict[str, Any]:
    """Return precision, recall and F1 on the held-out half, at the threshold of best F1 on the other half.

    A pair belongs to the half of its source sentence. Right are planted pairs; known translations among the
    distractors are left out.
    """
    same = src.groups[mined.src] == tgt.groups[mined.tgt]
    is_right = same & src.is_planted[mined.src]
    counts = ~same | is_right
    in_half = src.is_held_out[mined.src]
    part = counts & ~in_half
    n_planted = int(np.sum(src.is_planted & ~src.is_held_out))
    threshold = best_threshold(mined.score[part], is_right[part], n_planted)
    kept = counts & in_half & (mined.score >= threshold)
    hits, n_kept = int(is_right[kept].sum()), int(kept.sum())
    gold = int(np.sum(src.is_planted & src.is_held_out))
    return {
        "precision": round(hits / max(n_kept, 1), 4),
        "recall": round(hits / gold, 4),
        "f1": round(2 * hits / (n_kept + gold), 4),
        "kept": n_kept,
        "gold": gold,
        "threshold": round(threshold, 4),
    }


def best_threshold(scores: np.ndarray, is_right: np.ndarray, gold: int) -> float:
    """Return the threshold of best F1, midway between the last score kept and the first dropped."""
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(is_right[order])
    best = int(np.argmax(2 * hits / (np.arange(1, len(hits) + 1) + gold)))
    return float(scores[order][best : best + 2].mean())


def mine_by_cosine(src: np.ndarray, tgt: np.ndarray) -> Mined:
    """Give each source sentence its nearest target by cosine."""
    from stages.align.mining import Mined

    near, rows = _knn(src, tgt, 1)
    return Mined(np.arange(len(src)), rows[:, 0], near[:, 0])


def choose_as_example(near: Sequence[np.ndarray]) -> Mined:
    """Choose as sentence-transformers' example does: a loop over margins, then one over the sorted pairs.

    ``near``: cosines and rows of the neighbours of the source side, then those of the target side.
    """
    from stages.align.mining import Mined

    ahead_near, ahead, behind_near, behind = near
    ahead_mean, behind_mean = ahead_near.mean(axis=1), behind_near.mean(axis=1)
    candidates = []
    for i in range(len(ahead)):
        margins = [
            cosine / ((ahead_mean[i] + behind_mean[j]) / 2)
            for cosine, j in zip(ahead_near[i], ahead[i], strict=True)
        ]
        best = int(np.argmax(margins))
        candidates.append((margins[best], i, int(ahead[i, best])))
    for j in range(len(behind)):
        margins = [
            cosine / ((behind_mean[j] + ahead_mean[i]) / 2)
            for cosine, i in zip(behind_near[j], behind[j], strict=True)
        ]
        best = int(np.argmax(margins))
        candidates.append((margins[best], int(behind[j, best]), j))
    used_src, used_tgt, kept = set(), set(), []
    for score, i, j in sorted(candidates, key=lambda candidate: -candidate[0]):
        if i not in used_src and j not in used_tgt:
            used_src.add(i)
            used_tgt.add(j)
            kept.append((i, j, score))
    return Mined(*(np.array(column) for column in zip(*kept, strict=True)))


def _knn(queries: np.ndarray, rows: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    import faiss

    return faiss.knn(queries, rows, k, metric=faiss.METRIC_INNER_PRODUCT)


def read_messages(params: Params) -> list[tuple[str, str, str]]:
    """Return (lang, key, sentence) of both languages from all keyed sources at hand."""
    import polars as pl

    from stages.lib.core.tables import SEGMENT_SCHEMA, read_table
    from stages.lib.text.sentences import split_sentences

    tables = [
        read_table(Path("data/segments") / f"{name}.parquet", SEGMENT_SCHEMA) for name in params.sources
    ]
    if (wiki := _read_mediawiki(params)) is not None:
        tables.append(wiki)
    rows = (
        pl.concat(tables)
        .filter(pl.col("lang").is_in([SRC, TGT]) & pl.col("key").is_not_null())
        .with_columns(key=pl.col("key").str.replace(r"#(zero|one|two|few|many|other)$", ""))
        .select("lang", pl.concat_str("source", "doc", "key", separator="\0"), "text")
    )
    return [
        (lang, key, sentence)
        for lang, key, text in rows.iter_rows()
        for sentence in split_sentences(text, lang)
    ]


def _read_mediawiki(params: Params) -> pl.DataFrame | None:
    """Return MediaWiki's segments, collected once into the cache; None where Debian cannot be reached."""
    from stages.collect.transports import collect
    from stages.extract.sources import extract
    from stages.lib.core.tables import SEGMENT_SCHEMA, read_table, write_table

    path = CACHE / "mediawiki.parquet"
    if not path.is_file():
        config = params.source("mediawiki")
        raw = CACHE / "mediawiki.tar"
        try:
            collect("mediawiki", config, raw)
        except KopriError as error:
            log.warning("mediawiki is left out: %s", error)
            return None
        write_table(extract("mediawiki", config, raw), path, SEGMENT_SCHEMA)
    return read_table(path, SEGMENT_SCHEMA)


def measure(params: Params) -> dict[str, Any]:
    """Return every method's precision and recall, and what they were measured on."""
    from stages.align.mining import mine
    from stages.evaluate.benchmarks import load_benchmark
    from stages.lib.core.params import Pair
    from stages.lib.models.vectors import Embedder

    benchmark = load_benchmark("ntrex", params, Pair(src=SRC, tgt=TGT))
    pairs = zip(benchmark.docs or (), benchmark.src, benchmark.tgt, strict=True)
    planted = sorted(pairs, key=lambda pair: digest("planted", *pair))[:PLANTED]
    src, tgt = build_pools(planted, link_sentences(read_messages(params), (SRC, TGT)), ROWS)
    embed = Embedder.of(MODEL, params).unit
    src_vectors, tgt_vectors = embed(src.texts, SRC), embed(tgt.texts, TGT)
    settings = {"k": K, "margin": "ratio", "retrieval": "max_weight", "memory_mb": MEMORY_MB}
    example = choose_as_example([*_knn(src_vectors, tgt_vectors, K), *_knn(tgt_vectors, src_vectors, K)])
    return {
        "ours": judge(mine(src_vectors, tgt_vectors, **settings), src, tgt),
        "cosine_top1": judge(mine_by_cosine(src_vectors, tgt_vectors), src, tgt),
        "mining_example": judge(example, src, tgt),
        "settings": settings,
        "model": params.models_config[MODEL].id,
        "n_src": len(src.texts),
        "n_tgt": len(tgt.texts),
        "planted": len(planted),
        "known_translations": len(np.intersect1d(src.groups[~src.is_planted], tgt.groups[~tgt.is_planted])),
    }


def main() -> None:
    from stages.lib.core.params import load_params

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write")
    options = parser.parse_args()
    figures = measure(load_params())
    methods = ("ours", "cosine_top1", "mining_example")
    versions = {name: importlib.metadata.version(name) for name in PACKAGES}
    write_json(
        options.out,
        {
            f"{SRC}_{TGT}": figures,
            **{
                name: {method: figures[method][name] for method in methods}
                for name in ("precision", "recall")
            },
            "versions": versions | {"python": platform.python_version()},
        },
    )
    for method in methods:
        log.info("%s: %s", method, figures[method])


if __name__ == "__main__":
    run(main)
