"""Choose pairs for people to judge and write them as Label Studio tasks."""

from __future__ import annotations

import bisect
import hashlib
import logging
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages.clean.corpus import clean_pairs
from stages.lib.core.errors import DataError
from stages.lib.core.params import Params
from stages.lib.core.tables import CORPUS_SCHEMA, SEGMENT_SCHEMA, read_table, table_from_rows
from stages.lib.text.annotations import tidy
from stages.lib.text.held_out import choose_split
from stages.split.rows import count_words

if TYPE_CHECKING:
    import polars as pl

log = logging.getLogger("annotate-export")

Row = dict[str, Any]


def choose_pairs(
    corpus: pl.DataFrame,
    below_threshold: pl.DataFrame,
    judged: Iterable[tuple[str, str]],
    threshold: float,
    params: Params,
) -> list[tuple[str, Row]]:
    """Choose one batch of pairs; return how each was picked (one of ``PICKS``) and its row.

    Candidates are the pairs of the corpus, and of ``below_threshold`` (likewise cleaned), in the pair's own
    languages with at least ``split.min_words`` words, less those that annotators wrote and those whose
    texts, by their groups, are in ``judged``. The control share is drawn blindly from both tables together,
    each source by its size: a score has no part in it, so it may calibrate scores, and the share of good
    ones among those of the corpus is that of its candidates (in a second batch those have lost the uncertain
    ones of the first). It comes from test documents as far as a source has them, so that it makes a gold
    test set.
    The rest are the pairs whose score is nearest to ``threshold``, from above and from below by turns, the
    same number from each source as far as they go; where scores are lacking, more are drawn blindly. The
    order is that of a hash: the same tables give the same batch.
    """
    import polars as pl

    done = set(judged)
    both = pl.concat(
        [
            corpus.with_columns(pick=pl.lit("control")),
            below_threshold.with_columns(pick=pl.lit("control_unsure")),
        ]
    )
    open_ = both.filter(pl.col("src_lang") == params.pair.src, pl.col("method") != "annotated")
    # Of respelt copies one is shown; what the corpus has is not below the threshold.
    open_ = open_.sort("pick", "pair_id").unique(
        ["src_group", "tgt_group"], keep="first", maintain_order=True
    )
    candidates = [
        row
        for row in open_.iter_rows(named=True)
        if count_words(row["src"]) >= params.split.min_words
        and (row["src_group"], row["tgt_group"]) not in done
    ]
    candidates.sort(key=lambda row: _place(row, params.seed))
    wanted = min(params.annotate.tasks, len(candidates))
    test_first = sorted(
        candidates, key=lambda row: choose_split(row["source"], row["doc"], params.split) != "test"
    )
    controls = _draw(test_first, _by_size(candidates, round(wanted * params.annotate.control_share)))
    taken = {row["pair_id"] for row in controls}
    scored = [row for row in candidates if row["score"] is not None and row["pair_id"] not in taken]
    scored = _by_turns(scored, threshold, params.seed)
    uncertain = _draw(scored, _evenly(scored, wanted - len(controls)))
    taken |= {row["pair_id"] for row in uncertain}
    rest = [row for row in candidates if row["pair_id"] not in taken]
    controls += rest[: wanted - len(controls) - len(uncertain)]
    picked = [(row.pop("pick"), row) for row in controls]
    picked += [("uncertain", row) for row in uncertain if row.pop("pick")]
    return sorted(picked, key=lambda pick_and_row: _place(pick_and_row[1], params.seed))


def _by_turns(scored: Iterable[Row], threshold: float, seed: int) -> list[Row]:
    """Order pairs by the distance of their score from the threshold, each source's sides of it by turns."""
    nearest = sorted(scored, key=lambda row: (abs(row["score"] - threshold), _place(row, seed)))
    met: Counter[tuple[str, bool]] = Counter()
    turns = []
    for row in nearest:
        side = (row["source"], row["score"] < threshold)
        turns.append((met[side], row))
        met[side] += 1
    return [row for _, row in sorted(turns, key=lambda turn: turn[0])]


def clean_below_threshold(below_threshold: pl.DataFrame, params: Params, where: str) -> pl.DataFrame:
    """Return the pairs that align did not keep as clean would leave them, in the form of the corpus."""
    empty = table_from_rows([], CORPUS_SCHEMA)
    if below_threshold.is_empty():
        return empty
    try:
        return clean_pairs(below_threshold, params, where).corpus
    except DataError as error:
        log.warning("%s; no pair below the threshold is shown", error)
        return empty


def _place(row: Row, seed: int) -> str:
    return hashlib.sha256(f"{seed}:{row['pair_id']}".encode()).hexdigest()


def _by_size(rows: Sequence[Row], total: int) -> dict[str, int]:
    """Divide ``total`` among the sources by their number of rows, largest remainders first."""
    sizes = Counter(row["source"] for row in rows)
    exact = {source: total * size / len(rows) for source, size in sizes.items()}
    shares = {source: int(share) for source, share in exact.items()}
    by_remainder = sorted(exact, key=lambda source: (shares[source] - exact[source], source))
    for source in by_remainder[: total - sum(shares.values())]:
        shares[source] += 1
    return shares


def _evenly(rows: Sequence[Row], total: int) -> dict[str, int]:
    """Divide ``total`` among the sources evenly; what a small one cannot give goes to the others."""
    sizes = Counter(row["source"] for row in rows)
    shares = dict.fromkeys(sizes, 0)
    undivided = min(total, len(rows))
    while undivided:
        for source in sorted(sizes):
            if undivided and shares[source] < sizes[source]:
                shares[source] += 1
                undivided -= 1
    return shares


def _draw(rows: Iterable[Row], shares: Mapping[str, int]) -> list[Row]:
    """Return the first rows of each source, as many as its share."""
    remaining = dict(shares)
    drawn = []
    for row in rows:
        if remaining.get(row["source"], 0):
            remaining[row["source"]] -= 1
            drawn.append(row)
    return drawn


class Context:
    """The segments of one source, by document and language, to show what stands beside a pair."""

    def __init__(self, segments: pl.DataFrame) -> None:
        self._documents: dict[tuple[str, str], list[tuple[int, str, str | None]]] = defaultdict(list)
        for doc, lang, n, text, url in segments.select("doc", "lang", "n", "text", "url").iter_rows():
            self._documents[doc, lang].append((n, text, url))
        for document in self._documents.values():
            document.sort(key=lambda segment: segment[0])

    def around(self, doc: str, lang: str, n: int | None, text: str) -> tuple[str, str, str | None]:
        """Return the segment before, the one after, and the address of the text at position ``n``.

        A text that was aligned from several sentences begins at ``n``; what it holds is passed over.
        """
        document = self._documents.get((doc, lang), [])
        if n is None:
            return "", "", None
        at = bisect.bisect_left(document, n, key=lambda segment: segment[0])
        before = document[at - 1][1] if at else ""
        url = document[at][2] if at < len(document) else None
        inside = tidy(text)
        after = next((other for m, other, _ in document[at:] if m > n and tidy(other) not in inside), "")
        return before, after, url


def make_task(picked: str, row: Row, context: Context) -> dict[str, Any]:
    """Return one task of Label Studio's import format; the score is a prediction without a verdict.

    A prediction that filled in a verdict would lead the annotators.
    """
    src_before, src_after, url = context.around(row["doc"], row["src_lang"], row["n_src"], row["src"])
    tgt_before, tgt_after, _ = context.around(row["doc"], row["tgt_lang"], row["n_tgt"], row["tgt"])
    named = ("pair_id", "src", "tgt", "src_lang", "tgt_lang", "source", "doc", "method", "license")
    data = {
        **{name: row[name] for name in named},
        "src_before": src_before,
        "src_after": src_after,
        "tgt_before": tgt_before,
        "tgt_after": tgt_after,
        "origin": " · ".join(part for part in (row["doc"], url) if part),
        "pick": picked,
    }
    if row["score"] is None:
        return {"data": data}
    prediction = {"model_version": "align", "score": round(row["score"], 4), "result": []}
    return {"data": data, "predictions": [prediction]}


def make_tasks(picked: Sequence[tuple[str, Row]], segments: Path) -> list[dict[str, Any]]:
    """Return the tasks of the picked pairs in their order; reads one source's segments at a time."""
    tasks: dict[str, dict[str, Any]] = {}
    for source in sorted({row["source"] for _, row in picked}):
        context = Context(read_table(segments / f"{source}.parquet", SEGMENT_SCHEMA))
        tasks |= {
            row["pair_id"]: make_task(pick, row, context) for pick, row in picked if row["source"] == source
        }
    return [tasks[row["pair_id"]] for _, row in picked]
