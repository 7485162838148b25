"""Retrieval sets: which pairs are retrieved among which candidates and hard negatives, and their ranks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from stages.evaluate.hard_negatives import corrupt
from stages.lib.core.errors import DataError
from stages.lib.core.tables import pair_id, table_from_rows
from stages.lib.scores.comparison import HARD, RANKS_SCHEMA, TEST
from stages.lib.scores.retrieval import densities, ranks
from stages.lib.text.letters import group_id

if TYPE_CHECKING:
    import polars as pl

    from stages.evaluate.benchmarks import Benchmark
    from stages.lib.core.params import Pair


@dataclass(frozen=True)
class Side:
    """One language of a set. ``texts`` are distinct: ``n_candidates``, then the hard negatives.

    ``query`` numbers each row's own text, ``gold`` lists the candidates that are right for the row,
    ``has_hard`` says whether the row's text has a corruption.
    """

    texts: list[str]
    n_candidates: int
    query: np.ndarray
    gold: list[list[int]]
    has_hard: np.ndarray


@dataclass(frozen=True)
class RetrievalSet:
    """Pairs (``pair_id``, ``source``, ``doc``), and on both sides the texts they are retrieved among."""

    name: str
    rows: pl.DataFrame
    src: Side
    tgt: Side


def make_set(
    name: str, pair: Pair, rows: pl.DataFrame, src_pool: Sequence[str] = (), tgt_pool: Sequence[str] = ()
) -> RetrievalSet:
    """Lay out candidates, right answers and hard negatives; the order of the rows is kept.

    ``rows`` has src, tgt, pair_id, source, doc, src_group and tgt_group. Right for a row are the texts of all
    rows that share its group on either side, and every candidate that differs from one of those in capitals
    and punctuation only, wherever it comes from. Raises DataError where there is no row.
    """
    if rows.is_empty():
        raise DataError(f"{name}: no pair to evaluate; lower split.min_words or add sources")
    src, tgt, src_groups, tgt_groups = (rows[c].to_list() for c in ("src", "tgt", "src_group", "tgt_group"))
    return RetrievalSet(
        name=name,
        rows=rows.select("pair_id", "source", "doc"),
        src=_lay_out(src, src_groups, tgt_groups, src_pool, pair.src),
        tgt=_lay_out(tgt, tgt_groups, src_groups, tgt_pool, pair.tgt),
    )


def _lay_out(
    texts: Sequence[str], groups: Sequence[str], other_groups: Sequence[str], pool: Sequence[str], lang: str
) -> Side:
    candidates = list(dict.fromkeys([*texts, *pool]))
    number = {text: n for n, text in enumerate(candidates)}
    keys = [group_id(text, lang) for text in candidates]
    by_key: dict[str, list[int]] = {}
    for n, key in enumerate(keys):
        by_key.setdefault(key, []).append(n)

    # Rows of one group on either side -> the keys of their texts on this side.
    linked: dict[tuple[str, str], set[str]] = {}
    for text, group, other_group in zip(texts, groups, other_groups, strict=True):
        key = keys[number[text]]
        linked.setdefault(("own", group), set()).add(key)
        linked.setdefault(("other", other_group), set()).add(key)
    gold = [
        sorted(n for key in linked["own", group] | linked["other", other_group] for n in by_key[key])
        for group, other_group in zip(groups, other_groups, strict=True)
    ]

    hard: dict[str, None] = {}
    has_hard = np.zeros(len(texts), dtype=bool)
    for row, text in enumerate(texts):
        # A copy that is a real candidate's text is no corruption: it may be somebody's right answer.
        copies = [copy.text for copy in corrupt(text, lang) if group_id(copy.text, lang) not in by_key]
        has_hard[row] = bool(copies)
        hard.update(dict.fromkeys(copies))
    return Side(
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
    pools = (pool.filter(pl.col("lang") == lang)["text"].to_list() for lang in (pair.src, pair.tgt))
    return make_set(name, pair, rows, *pools)


def benchmark_set(benchmark: Benchmark, pair: Pair) -> RetrievalSet:
    """Lay out a benchmark's sentences among themselves.

    Where it does not tell its documents, all is one, so that sentences are resampled, and named so.
    """
    import polars as pl

    src, tgt = benchmark.src, benchmark.tgt
    docs = benchmark.docs or ["all"] * len(src)
    columns = {
        "src": src,
        "tgt": tgt,
        "pair_id": [pair_id(pair.src, a, pair.tgt, b) for a, b in zip(src, tgt, strict=True)],
        "source": [benchmark.name] * len(src),
        "doc": [f"{benchmark.name}/{doc}" for doc in docs],
        "src_group": [group_id(text, pair.src) for text in src],
        "tgt_group": [group_id(text, pair.tgt) for text in tgt],
    }
    return make_set(benchmark.name, pair, pl.DataFrame(columns))


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

    ``src_vectors`` (len(src.texts), dim) and ``tgt_vectors`` follow the set's texts. The neighbours of the
    margin are searched among all candidates of the other side, queries included.
    """
    import polars as pl

    src, tgt = retrieval.src, retrieval.tgt
    src_density, tgt_density = densities(
        src_vectors[: src.n_candidates], tgt_vectors[: tgt.n_candidates], margin_k
    )
    sides = (src, src_vectors, src_density), (tgt, tgt_vectors, tgt_density)
    every = np.arange(len(src.query))
    frames = [table_from_rows([], RANKS_SCHEMA)]
    for direction, (asking, asking_vectors, asking_density), (answering, vectors, density) in (
        (f"{pair.src}_{pair.tgt}", *sides),
        (f"{pair.tgt}_{pair.src}", *sides[::-1]),
    ):
        queries, candidates = asking_vectors[asking.query], vectors[: answering.n_candidates]
        cosine = ranks(queries, candidates, answering.gold)
        margin = ranks(
            *(queries, candidates, answering.gold),
            scoring="margin",
            query_density=asking_density[asking.query],
            candidate_density=density,
        )
        found = [(retrieval.name, "cosine", every, cosine), (retrieval.name, "margin", every, margin)]
        rows = np.flatnonzero(answering.has_hard)
        if len(rows):
            hard = ranks(queries[rows], vectors, [answering.gold[row] for row in rows])
            found.append((hard_name(retrieval.name), "cosine", rows, hard))
        for name, scoring, rows, rank in found:
            columns = {"benchmark": name, "direction": direction, "scoring": scoring, "seed": seed}
            frame = retrieval.rows[rows].with_columns(pl.Series("rank", rank, dtype=pl.Int32))
            frame = frame.with_columns(**{column: pl.lit(value) for column, value in columns.items()})
            frames.append(frame.cast({"seed": pl.Int32}).select(list(RANKS_SCHEMA)))
    return pl.concat(frames)


def hard_name(name: str) -> str:
    """Name the hard-negative figures of a set: ``hard`` for the test set, ``<benchmark>_hard`` for others."""
    return HARD if name == TEST else f"{name}_{HARD}"
