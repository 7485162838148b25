"""Pair the segments of the two languages, and of the pivot languages with the target, and score every pair.

Segments with a key are joined by it (method ``given``). Segments of the pair without a key are aligned by
their vectors (``aligned``), and what remains of them is mined where params says so (``mined``). A score is
the probability that a pair is right, the same for all methods: see stages.align.scores.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stages.align.candidates import Candidate, Record, align_documents, mine_remaining, pair_name, read_sides
from stages.align.check import check_source
from stages.align.keys import pair_by_key
from stages.align.samples import EmbedTexts
from stages.align.scores import Scores, SourceScores
from stages.lib.core.engine import LOCAL, Engine
from stages.lib.core.errors import DataError
from stages.lib.core.params import Pair, Params
from stages.lib.core.tables import (
    ALIGNMENT_SCHEMA,
    DOCUMENT_SCHEMA,
    PAIR_SCHEMA,
    SEGMENT_SCHEMA,
    pair_id,
    read_table,
    table_from_rows,
)
from stages.lib.models.vectors import read_extract

if TYPE_CHECKING:
    import polars as pl

# Candidates whose vectors are in memory together, at most.
SCORED_AT_ONCE = 10_000
# Keep at most this many below-threshold pairs per source for annotation, those nearest to the threshold: more
# than most sources have, so that those drawn from them are like all of them.
MAX_BELOW_THRESHOLD = 10_000

Rated = list[tuple[Candidate, float]]  # candidates without vectors, and their scores


@dataclass(frozen=True)
class Aligned:
    """The pair table, the counts of it, and how sure it is: calibration, and the check with keys hidden.

    ``below_threshold`` (PAIR_SCHEMA) are candidates that were not kept, at most ``MAX_BELOW_THRESHOLD`` of
    each source; ``documents`` (DOCUMENT_SCHEMA) are the documents that were aligned by their vectors, and
    ``alignments`` (ALIGNMENT_SCHEMA) their beads and those of the check with keys hidden.
    """

    pairs: pl.DataFrame
    below_threshold: pl.DataFrame
    documents: pl.DataFrame
    alignments: pl.DataFrame
    stats: dict[str, Any]
    quality: dict[str, Any]


def align(
    folder: Path,
    vectors: Path,
    params: Params,
    embed: EmbedTexts,
    judged: pl.DataFrame | None = None,
    engine: Engine = LOCAL,
) -> Aligned:
    """Pair and score exactly the sources that params lists, in that order.

    ``folder`` has the segments, ``vectors`` the extract that embed wrote of them; ``embed`` gives the vectors
    of joined sentences; ``judged`` (JUDGED_SCHEMA) is what people judged; ``engine`` mines.
    Raises DataError if a source's table is missing, or if no pair is found in all.
    """
    import polars as pl

    src_langs = _src_langs(params)

    def read(name: str) -> tuple[pl.DataFrame, np.ndarray]:
        is_paired = pl.col("lang").is_in([*src_langs, params.pair.tgt])
        return read_extract(read_segments(folder, name).filter(is_paired), vectors, name)

    scores = Scores(read, params, embed, judged)
    tables, below_threshold, documents, alignments, by_source, checks = [], [], [], [], {}, {}
    for name in params.sources:
        segments, rows = read(name)
        source = scores.of_source(segments, rows)
        record = Record()
        pairs, below = find_pairs(name, segments, rows, source, engine, record)
        tables.append(pl.concat([*(score_keyed(segments, rows, lang, source) for lang in src_langs), pairs]))
        below_threshold.append(below)
        by_lang = _counts(tables[-1], "src_lang")
        by_source[name] = {
            "segments": _counts(read_segments(folder, name), "lang"),
            "pairs": {lang: by_lang.get(lang, 0) for lang in src_langs},
            "without_key": segments["key"].null_count(),
            **record.figures(),
        }
        if name in params.split.test_sources and (check := check_source(name, segments, rows, source)):
            checks[name], hidden = check
            record.alignments += hidden
        documents += record.documents
        alignments.append(table_from_rows(record.alignments, ALIGNMENT_SCHEMA))
    pairs = pl.concat(tables)
    if pairs.filter(pl.col("src_lang") == params.pair.src).is_empty():
        keyless = sum(counts["without_key"] for counts in by_source.values())
        raise DataError(
            f"{folder}: no {params.pair.src}-{params.pair.tgt} pair in {', '.join(params.sources)} "
            f"({keyless:,} segments have no key to join by); "
            "add a source with keys, or check pair and sources in params.yaml"
        )
    total = {lang: sum(counts["pairs"][lang] for counts in by_source.values()) for lang in src_langs}
    return Aligned(
        pairs,
        pl.concat(below_threshold),
        table_from_rows(documents, DOCUMENT_SCHEMA),
        pl.concat(alignments),
        {"by_source": by_source, "by_method": _counts(pairs, "method"), "total": total},
        {**scores.quality(), "hidden_keys": checks},
    )


def _src_langs(params: Params) -> list[str]:
    langs = dict.fromkeys([params.pair.src, *params.align.pivots])
    return [lang for lang in langs if lang != params.pair.tgt]


def read_segments(folder: Path, name: str) -> pl.DataFrame:
    """Read one source's segments in every language."""
    import polars as pl

    path = folder / f"{name}.parquet"
    segments = read_table(path, SEGMENT_SCHEMA)
    foreign = segments.filter(pl.col("source") != name)
    if len(foreign):
        raise DataError(
            f"{path}: holds rows of source {foreign['source'][0]!r}; expected {name!r}; run extract again"
        )
    return segments


def score_keyed(
    segments: pl.DataFrame, rows: np.ndarray, src_lang: str, scores: SourceScores
) -> pl.DataFrame:
    """Return the pair table of pairs joined by key; all are kept, their score is for information."""
    import polars as pl

    tgt_lang = scores.common.params.pair.tgt
    keyed = pair_by_key(segments, src_lang, tgt_lang)
    src_vectors, tgt_vectors = (rows[keyed[f"{side}_row"].to_numpy()] for side in ("src", "tgt"))
    probabilities, _ = scores.rate(src_vectors, tgt_vectors, src_lang)
    scored = keyed.with_columns(method=pl.lit("given"), score=pl.Series(probabilities, dtype=pl.Float32))
    return _pair_table(scored, src_lang, tgt_lang)


def find_pairs(
    name: str, segments: pl.DataFrame, rows: np.ndarray, scores: SourceScores, engine: Engine, record: Record
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Find pairs among one source's segments without key; return those kept and the best below the threshold.

    Both are of PAIR_SCHEMA. What is aligned, and counts by fate, are added to ``record``.
    """
    import polars as pl

    params = scores.common.params
    keyless = segments.filter(pl.col("key").is_null())
    src, tgt = (read_sides(keyless, rows, lang) for lang in (params.pair.src, params.pair.tgt))
    if not src and not tgt:
        return table_from_rows([], PAIR_SCHEMA), table_from_rows([], PAIR_SCHEMA)
    aligned = align_documents(name, src, tgt, scores.common.embed, params.align, record)
    kept, below = _divide(aligned, scores, record)
    if params.align.mine:
        used = [candidate for candidate, _ in kept]
        mined = mine_remaining(src.values(), tgt.values(), used, params.align, engine)
        for rated, more in zip((kept, below), _divide(mined, scores, record), strict=True):
            rated += more
    pairs, below_threshold = (_candidate_table(rated, name, params.pair) for rated in (kept, below))
    nearest_first = below_threshold.sort("score", "pair_id", descending=[True, False])
    below_threshold = nearest_first.unique("pair_id", maintain_order=True)
    below_threshold = below_threshold.filter(~pl.col("pair_id").is_in(pairs["pair_id"].to_list()))
    return pairs, below_threshold.head(MAX_BELOW_THRESHOLD)


def _divide(candidates: Iterable[Candidate], scores: SourceScores, record: Record) -> tuple[Rated, Rated]:
    """Return the candidates that reach the threshold or that people found good, and the others."""
    kept, below = [], []
    remaining = iter(candidates)
    while block := list(itertools.islice(remaining, SCORED_AT_ONCE)):
        src_vectors = np.stack([candidate.src.vector for candidate in block])
        tgt_vectors = np.stack([candidate.tgt.vector for candidate in block])
        rated = scores.rate(src_vectors, tgt_vectors)
        for candidate, score, is_sure in zip(block, *(values.tolist() for values in rated), strict=True):
            is_kept = is_sure or scores.common.is_good(candidate.src.text, candidate.tgt.text)
            record.counts[f"{candidate.method}_{'kept' if is_kept else 'below_threshold'}"] += 1
            (kept if is_kept else below).append((candidate.without_vectors(), score))
    return kept, below


def _candidate_table(rated: Rated, source: str, pair: Pair) -> pl.DataFrame:
    columns = [name for name in PAIR_SCHEMA if name not in ("pair_id", "src_lang", "tgt_lang")]
    rows = []
    for (method, src, tgt, licence), score in rated:
        place = (source, pair_name(src.doc, tgt.doc), None, src.n[0], tgt.n[0])
        rows.append((src.text, tgt.text, *place, method, score, licence))
    frame = table_from_rows(rows, {name: PAIR_SCHEMA[name] for name in columns})
    return _pair_table(frame, pair.src, pair.tgt)


def _pair_table(frame: pl.DataFrame, src_lang: str, tgt_lang: str) -> pl.DataFrame:
    """Add the languages and the names of the pairs, and leave PAIR_SCHEMA."""
    import polars as pl

    ids = [pair_id(src_lang, src, tgt_lang, tgt) for src, tgt in frame.select("src", "tgt").iter_rows()]
    return frame.with_columns(
        pair_id=pl.Series(ids, dtype=pl.String), src_lang=pl.lit(src_lang), tgt_lang=pl.lit(tgt_lang)
    ).select(*PAIR_SCHEMA)


def _counts(frame: pl.DataFrame, column: str) -> dict[str, int]:
    return dict(frame.group_by(column).len().sort(column).iter_rows())
