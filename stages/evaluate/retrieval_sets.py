"""Retrieval sets: which pairs are retrieved among which candidates and hard negatives, and their ranks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from stages.evaluate.hard_negatives import corrupt
from stages.lib.core.errors import DataError
from stages.lib.scores.comparison import HARD, RANKS_SCHEMA, TEST
from stages.lib.scores.retrieval import densities, ranks
from stages.lib.text.letters import group_id

if TYPE_CHECKING:
    import polars as pl

    from stages.evaluate.benchmarks import Benchmark
    from stages.lib.core.params import Pair


@dataclass(frozen=True)
class RetrievalSet:
    """Pairs to retrieve, and the texts they are retrieved among.

    ``src_texts`` and ``tgt_texts`` are distinct: the candidates, then the hard negatives from
    ``n_src`` / ``n_tgt`` on. ``*_query`` numbers each row's own text, ``*_gold`` lists the candidates of that
    side which are right for the row, ``*_hard`` says whether the row's text of that side has a corruption.
    """

    name: str
    pair_ids: list[str]
    sources: list[str]
    docs: list[str]
    src_texts: list[str]
    tgt_texts: list[str]
    n_src: int
    n_tgt: int
    src_query: np.ndarray
    tgt_query: np.ndarray
    src_gold: list[list[int]]
    tgt_gold: list[list[int]]
    src_hard: np.ndarray
    tgt_hard: np.ndarray


def make_set(
    name: str,
    pair: Pair,
    *,
    src: Sequence[str],
    tgt: Sequence[str],
    pair_ids: Sequence[str],
    sources: Sequence[str],
    docs: Sequence[str],
    src_groups: Sequence[str],
    tgt_groups: Sequence[str],
    src_pool: Sequence[str] = (),
    tgt_pool: Sequence[str] = (),
) -> RetrievalSet:
    """Lay out candidates, right answers and hard negatives; the order of the rows is kept.

    Right for a row are the texts of all rows that share its group on either side, and every candidate that
    differs from one of those in capitals and punctuation only, wherever it comes from.
    """
    if not src:
        raise DataError(f"{name}: no pair to evaluate; lower split.min_words or add sources")
    src_side = _lay_out(src, src_groups, tgt_groups, src_pool, pair.src)
    tgt_side = _lay_out(tgt, tgt_groups, src_groups, tgt_pool, pair.tgt)
    return RetrievalSet(
        name=name,
        pair_ids=list(pair_ids),
        sources=list(sources),
        docs=list(docs),
        src_texts=src_side.texts,
        tgt_texts=tgt_side.texts,
        n_src=src_side.n_candidates,
        n_tgt=tgt_side.n_candidates,
        src_query=src_side.query,
        tgt_query=tgt_side.query,
        src_gold=src_side.gold,
        tgt_gold=tgt_side.gold,
        src_hard=src_side.has_hard,
        tgt_hard=tgt_side.has_hard,
    )


@dataclass(frozen=True)
class _Side:
    texts: list[str]
    n_candidates: int
    query: np.ndarray
    gold: list[list[int]]
    has_hard: np.ndarray


def _lay_out(
    texts: Sequence[str], groups: Sequence[str], other_groups: Sequence[str], pool: Sequence[str], lang: str
) -> _Side:
    candidates = list(dict.fromkeys([*texts, *pool]))
    number = {text: n for n, text in enumerate(candidates)}
    keys = [group_id(text, lang) for text in candidates]
    by_key: dict[str, list[int]] = {}
    for n, key in enumerate(keys):
        by_key.setdefault(key, []).append(n)

    # Rows of one group on either side -> the keys of their texts on this side.
    linked: dict[tuple[str, str], set[str]] = {}
    for text, own, other in zip(texts, groups, other_groups, strict=True):
        key = keys[number[text]]
        linked.setdefault(("own", own), set()).add(key)
        linked.setdefault(("other", other), set()).add(key)
    gold = [
        sorted(n for key in linked["own", own] | linked["other", other] for n in by_key[key])
        for own, other in zip(groups, other_groups, strict=True)
    ]

    hard: dict[str, None] = {}
    has_hard = np.zeros(len(texts), dtype=bool)
    for row, text in enumerate(texts):
        # A copy that is a real candidate's text is no corruption: it may be somebody's right answer.
        copies = [copy.text for copy in corrupt(text, lang) if group_id(copy.text, lang) not in by_key]
        has_hard[row] = bool(copies)
        hard.update(dict.fromkeys(copies))
    return _Side(
        texts=[*candidates, *hard],
        n_candidates=len(candidates),
        query=np.array([number[text] for text in texts], dtype=np.int64),
        gold=gold,
        has_hard=has_hard,
    )


def lay_out_split(name: str, split: pl.DataFrame, pool: pl.DataFrame, pair: Pair) -> RetrievalSet:
    """Lay out the pairs of a split that are of the pair's own languages among the pool."""
    import polars as pl

    rows = split.filter((pl.col("src_lang") == pair.src) & (pl.col("tgt_lang") == pair.tgt))
    return make_set(
        name,
        pair,
        src=rows["src"].to_list(),
        tgt=rows["tgt"].to_list(),
        pair_ids=rows["pair_id"].to_list(),
        sources=rows["source"].to_list(),
        docs=rows["doc"].to_list(),
        src_groups=rows["src_group"].to_list(),
        tgt_groups=rows["tgt_group"].to_list(),
        src_pool=pool.filter(pl.col("lang") == pair.src)["text"].to_list(),
        tgt_pool=pool.filter(pl.col("lang") == pair.tgt)["text"].to_list(),
    )


def benchmark_set(benchmark: Benchmark, pair: Pair) -> RetrievalSet:
    """Lay out a benchmark's sentences among themselves.

    Where it does not tell its documents, all is one, so that sentences are resampled, and named so.
    """
    from stages.lib.core.tables import pair_id

    src, tgt = list(benchmark.src), list(benchmark.tgt)
    docs = benchmark.docs or ["all"] * len(src)
    return make_set(
        benchmark.name,
        pair,
        src=src,
        tgt=tgt,
        pair_ids=[pair_id(pair.src, a, pair.tgt, b) for a, b in zip(src, tgt, strict=True)],
        sources=[benchmark.name] * len(src),
        docs=[f"{benchmark.name}/{doc}" for doc in docs],
        src_groups=[group_id(text, pair.src) for text in src],
        tgt_groups=[group_id(text, pair.tgt) for text in tgt],
    )


def rank_set(
    retrieval: RetrievalSet,
    src_vectors: np.ndarray,
    tgt_vectors: np.ndarray,
    pair: Pair,
    *,
    margin_k: int,
    seed: int,
) -> pl.DataFrame:
    """Rank every pair in both directions: by cosine, by margin, and by cosine among the hard negatives.

    ``src_vectors`` (len(src_texts), dim) and ``tgt_vectors`` follow the set's texts. The neighbours of the
    margin are searched among all candidates of the other side, queries included.
    """
    import polars as pl

    from stages.lib.core.tables import table_from_rows

    src, tgt = src_vectors[: retrieval.n_src], tgt_vectors[: retrieval.n_tgt]
    src_density, tgt_density = densities(src, tgt, margin_k)
    sides = {
        f"{pair.src}_{pair.tgt}": (
            (src, retrieval.src_query, src_density),
            (tgt_vectors, retrieval.n_tgt, tgt_density, retrieval.tgt_gold, retrieval.tgt_hard),
        ),
        f"{pair.tgt}_{pair.src}": (
            (tgt, retrieval.tgt_query, tgt_density),
            (src_vectors, retrieval.n_src, src_density, retrieval.src_gold, retrieval.src_hard),
        ),
    }
    frames = []

    def add(benchmark: str, direction: str, scoring: str, rows: np.ndarray, found: np.ndarray) -> None:
        frames.append(
            pl.DataFrame(
                {
                    "benchmark": [benchmark] * len(rows),
                    "direction": [direction] * len(rows),
                    "scoring": [scoring] * len(rows),
                    "seed": np.full(len(rows), seed, dtype=np.int32),
                    "pair_id": [retrieval.pair_ids[row] for row in rows],
                    "source": [retrieval.sources[row] for row in rows],
                    "doc": [retrieval.docs[row] for row in rows],
                    "rank": found.astype(np.int32),
                }
            )
        )

    for direction, (
        (own, query, own_density),
        (other, n_other, other_density, gold, is_hard),
    ) in sides.items():
        queries, every = own[query], np.arange(len(query))
        add(retrieval.name, direction, "cosine", every, ranks(queries, other[:n_other], gold))
        margin = ranks(
            queries,
            other[:n_other],
            gold,
            scoring="margin",
            query_density=own_density[query],
            candidate_density=other_density,
        )
        add(retrieval.name, direction, "margin", every, margin)
        rows = np.flatnonzero(is_hard)
        if len(rows):
            found = ranks(queries[rows], other, [gold[row] for row in rows])
            add(hard_name(retrieval.name), direction, "cosine", rows, found)
    return pl.concat([table_from_rows([], RANKS_SCHEMA), *frames])


def hard_name(name: str) -> str:
    """Name the hard-negative figures of a set: ``hard`` for the test set, ``<benchmark>_hard`` for others."""
    return HARD if name == TEST else f"{name}_{HARD}"
