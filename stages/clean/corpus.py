"""The pass over the pairs: filters on each, judgements of people, repeats, counts.

What annotators rejected is dropped, what they edited replaces the pair. A judgement is about the cleaned
texts, since those are shown. It also holds for copies that differ in capitals and punctuation only: otherwise
such copies would replace the pair that they are duplicates of.
"""

from __future__ import annotations

import sys
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stages.clean.filters import Filter, PairTexts, ShardFilter, make_steps
from stages.clean.repeats import REPEAT_REASONS, Row, drop_repeats
from stages.lib.core.engine import LOCAL, Engine, cut
from stages.lib.core.errors import DataError
from stages.lib.core.params import Params
from stages.lib.core.tables import CORPUS_SCHEMA, PAIR_SCHEMA, pair_id, table_from_rows
from stages.lib.text.annotations import Merged, judged_table, task_groups
from stages.lib.text.letters import fold, group_id
from stages.lib.text.markup import normalise
from stages.lib.text.topics import is_religious

if TYPE_CHECKING:
    import polars as pl

DROPPED_SCHEMA = {**PAIR_SCHEMA, "reason": "String"}
# Rows that are filtered together: a second or two of a core.
SHARD_ROWS = 2000


@dataclass(frozen=True)
class Cleaned:
    """The outcome: ``corpus`` has CORPUS_SCHEMA, ``dropped`` (texts as they came) DROPPED_SCHEMA.

    ``judged`` (JUDGED_SCHEMA) has the corpus's pairs that annotators kept or edited, by their pair_id in it;
    its texts and method are those that the annotators saw.
    """

    corpus: pl.DataFrame
    dropped: pl.DataFrame
    judged: pl.DataFrame
    stats: dict[str, Any]


def clean_pairs(
    pairs: pl.DataFrame,
    params: Params,
    where: str = "pairs",
    judged: Iterable[Merged] = (),
    engine: Engine = LOCAL,
) -> Cleaned:
    """Clean a table of pairs and apply what annotators judged; ``where`` names the table in messages.

    The filters run on shards of rows; what compares rows is done here, on all of them.

    Rows are taken in the order of ``params.sources`` (then document, language, position), so of two equal
    pairs the one of the earlier source stays, and adding a source at the end takes nothing from the others.
    pair_id is made anew from the cleaned texts.

    Raises DataError if a text is not in NFC, if a row is of an unlisted source or another target language,
    if no pair is kept, or if a row has an unknown reason.
    """
    rows = _ordered_rows(pairs, params, where)
    texts = _pair_texts(rows, params.clean.max_chars)
    shard_filter = ShardFilter(params.clean, params.pair.tgt)
    changed: Counter[str] = Counter()
    results = _add_counts(engine.run(shard_filter, cut(texts, SHARD_ROWS)), changed)
    for row, result in _progress(zip(rows, results, strict=True), len(rows)):
        row.src, row.tgt, row.reason = result
    judgements = list(judged)
    _apply_judgements(rows, texts, judgements, shard_filter, changed)
    drop_repeats(rows, params.clean)
    steps = make_steps(params.clean, params.pair.src, params.pair.tgt)
    reasons = [step.reason for step in steps if isinstance(step, Filter)] + ["rejected", *REPEAT_REASONS]
    stats = _count(rows, changed, reasons)
    if judgements:
        stats["annotations"] = _count_judged(rows, judgements)
    return _collect(rows, stats, where)


def _ordered_rows(pairs: pl.DataFrame, params: Params, where: str) -> list[Row]:
    priority = {name: position for position, name in enumerate(params.sources)}
    rows = []
    for number, given in enumerate(pairs.iter_rows(named=True)):
        at = f"{where}: row {number} ({given['doc']}, key {given['key']!r})"
        if given["source"] not in priority:
            raise DataError(f"{at}: source {given['source']!r} is not in params.sources; run align again")
        if given["tgt_lang"] != params.pair.tgt:
            raise DataError(
                f"{at}: tgt_lang is {given['tgt_lang']!r}, expected {params.pair.tgt!r}; run align again"
            )
        for side in ("src", "tgt"):
            if not unicodedata.is_normalized("NFC", given[side]):
                raise DataError(
                    f"{at}: {side} is not in Unicode form NFC, which extract writes; run extract again"
                )
        rows.append(Row(given, given["src"], given["tgt"]))
    rows.sort(
        key=lambda row: (
            priority[row.given["source"]],
            row.given["doc"],
            row.given["src_lang"] != params.pair.src,
            row.given["src_lang"],
            # Rows without a position (a pair written by hand) come last in their document.
            *((row.given[n] is None, row.given[n] or 0) for n in ("n_src", "n_tgt")),
            row.given["key"] or "",
            row.given["pair_id"],
        )
    )
    return rows


def _pair_texts(rows: list[Row], max_chars: int) -> list[PairTexts]:
    """Return the rows' texts, each with the folded English texts of its message, from the pivot rows.

    Texts longer than ``max_chars``, which are dropped, are not read.
    """
    english: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for row in rows:
        is_english = row.given["src_lang"] == "en" and len(row.src) <= max_chars
        if is_english and row.given["key"] is not None:
            english[_message(row)].add(fold(normalise(row.src), "en"))
    frozen = {message: frozenset(texts) for message, texts in english.items()}
    return [
        PairTexts(
            row.given["src_lang"],
            row.given["tgt_lang"],
            row.src,
            row.tgt,
            frozen.get(_message(row), frozenset()) if row.given["src_lang"] != "en" else frozenset(),
        )
        for row in rows
    ]


def _message(row: Row) -> tuple[str, str, str]:
    return row.given["source"], row.given["doc"], row.given["key"]


def _progress(rows: Iterable[Any], total: int) -> Iterator[Any]:
    from tqdm import tqdm

    bar = {"desc": "clean", "unit": "pair", "disable": not sys.stderr.isatty(), "file": sys.stderr}
    yield from tqdm(rows, total=total, **bar)


def _add_counts(
    shards: Iterable[tuple[list[tuple[str, str, str | None]], Counter[str]]], changed: Counter[str]
) -> Iterator[tuple[str, str, str | None]]:
    """Yield the results of all shards, and add their counts to ``changed``."""
    for results, counts in shards:
        changed.update(counts)
        yield from results


def _apply_judgements(
    rows: list[Row],
    texts: list[PairTexts],
    judgements: list[Merged],
    shard_filter: ShardFilter,
    changed: Counter[str],
) -> None:
    """Drop what annotators rejected; put what they edited, filtered as all pairs are, in its place."""
    by_id = {judgement.pair_id: judgement for judgement in judgements}
    by_group = {task_groups(judgement.task): judgement for judgement in judgements}
    for row, pair in zip(rows, texts, strict=True):
        if not judgements or row.reason is not None:
            continue
        exact = by_id.get(pair_id(pair.src_lang, row.src, pair.tgt_lang, row.tgt))
        groups = group_id(row.src, pair.src_lang), group_id(row.tgt, pair.tgt_lang)
        row.judged = exact or by_group.get(groups)
        if row.judged and row.judged.decision == "reject":
            row.reason = "rejected"
        elif row.judged and row.judged.decision == "edit":
            src, tgt = row.judged.texts
            edited = PairTexts(pair.src_lang, pair.tgt_lang, src, tgt, pair.english)
            row.src, row.tgt, row.reason = shard_filter.apply(edited, changed)


def _collect(rows: list[Row], stats: dict[str, Any], where: str) -> Cleaned:
    kept = [row for row in rows if row.reason is None]
    if not rows:
        raise DataError(
            f"{where}: no pairs at all, expected at least one; check params.sources and run align"
        )
    if not kept:
        reason, n = Counter(row.reason for row in rows).most_common(1)[0]
        raise DataError(
            f"{where}: empty corpus after cleaning: all {len(rows):,} pairs dropped, "
            f"{n:,} of them as {reason!r}; check the clean block of params.yaml and the sources"
        )
    judged = sorted(
        (row.new_id, row.judged) for row in kept if row.judged and row.judged.decision != "second_look"
    )
    new_ids = table_from_rows([(new_id,) for new_id, _ in judged], {"pair_id": "String"})["pair_id"]
    return Cleaned(
        table_from_rows([_corpus_row(row) for row in kept], CORPUS_SCHEMA),
        table_from_rows(
            [{**row.given, "reason": row.reason} for row in rows if row.reason is not None], DROPPED_SCHEMA
        ),
        judged_table([judgement for _, judgement in judged]).with_columns(pair_id=new_ids),
        stats,
    )


def _corpus_row(row: Row) -> dict[str, Any]:
    # A pair that an annotator wrote is as sure as a pair can be, whatever score its first form had.
    is_edited = row.judged is not None and row.judged.decision == "edit"
    return {
        **row.given,
        **({"method": "annotated", "score": 1.0} if is_edited else {}),
        "src": row.src,
        "tgt": row.tgt,
        "pair_id": row.new_id,
        "src_group": row.src_group,
        "tgt_group": row.tgt_group,
    }


def _count_judged(rows: list[Row], judgements: Iterable[Merged]) -> dict[str, int]:
    """Count judged pairs by decision; ``stale`` are those of pairs that the filters no longer let through."""
    present = {row.judged.pair_id for row in rows if row.judged}
    counts = Counter(item.decision if item.pair_id in present else "stale" for item in judgements)
    return {"pairs": counts.total(), **dict(sorted(counts.items()))}


def _count(rows: list[Row], changed: Counter[str], reasons: list[str]) -> dict[str, Any]:
    """Count rows by source, source language and fate, and check that nothing is lost."""
    fates: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    religious: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        source, src_lang = row.given["source"], row.given["src_lang"]
        fates[source, src_lang][row.reason or "kept"] += 1
        if row.reason is None and is_religious({src_lang: row.src, row.given["tgt_lang"]: row.tgt}):
            religious[source][src_lang] += 1
    by_source: dict[str, dict[str, Any]] = defaultdict(dict)
    for (source, src_lang), fate in fates.items():
        by_source[source][src_lang] = _balance(fate, f"{source}, {src_lang}", reasons)
    return {
        "checks": reasons,
        "changed": {name: changed[name] for name in ("capitals", "homoglyphs", "normalised")},
        "by_source": dict(by_source),
        # Kept pairs with a word of religious text, where a source has any: what a web corpus leans to.
        "religious": {source: dict(sorted(counts.items())) for source, counts in religious.items()},
        "total": _balance(sum(fates.values(), Counter()), "all sources", reasons),
    }


def _balance(fate: Mapping[str, int], where: str, reasons: list[str]) -> dict[str, Any]:
    if unknown := sorted(set(fate) - {"kept", *reasons}):
        raise DataError(f"clean: {where}: rows dropped as {', '.join(unknown)}, which is no reason of a step")
    dropped = {reason: fate[reason] for reason in reasons if fate.get(reason)}
    return {"in": sum(fate.values()), "kept": fate.get("kept", 0), "dropped": dropped}
