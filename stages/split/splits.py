"""The five tables: train, dev, test, gold and the pool of distractors, with their counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stages.lib.core.errors import DataError
from stages.lib.core.params import Pair, Params, SplitParams
from stages.lib.core.tables import POOL_SCHEMA, SPLIT_IDENTITY, content_sha256, table_from_rows
from stages.lib.text.fingerprints import Fingerprint
from stages.split.leaks import Cause, LeakFinder, protected_texts, report_leaks
from stages.split.rows import Rows

if TYPE_CHECKING:
    import polars as pl

SPLITS = ("test", "dev", "train")


@dataclass(frozen=True)
class Splits:
    """The five tables, and the counts that go with them."""

    train: pl.DataFrame
    dev: pl.DataFrame
    test: pl.DataFrame
    gold: pl.DataFrame
    pool: pl.DataFrame
    stats: dict[str, Any]


@dataclass(frozen=True)
class _Parts:
    """The rows of each table, and the rows that leaks took from train and dev."""

    train: list[int]
    dev: list[int]
    test: list[int]
    gold: list[int]
    train_leaks: dict[int, Cause]
    dev_leaks: dict[int, Cause]

    @property
    def removed(self) -> dict[int, Cause]:
        return {**self.dev_leaks, **self.train_leaks}


def split_corpus(
    corpus: pl.DataFrame,
    fingerprints: Sequence[Fingerprint],
    params: Params,
    judged: pl.DataFrame | None = None,
) -> Splits:
    """Divide the corpus by document; see params.yaml for the rules.

    dev and test hold the rows of the pair's own languages with at least ``min_words`` words on the src side.
    (The src side decides alone: Turkmen says in two words what takes Russian three.) The shorter rows of
    their documents, and the tgt side of their pivot rows, are in the pool only. train holds every language
    of its documents, less the rows that match, exactly or nearly and on either side, a text of dev, of test,
    of a pivot language's version of a dev or test message, or of a benchmark. dev is cleaned of test and of
    the benchmarks likewise. Rows are in the order of source, document, language and position.

    Pairs that a model found (aligned, mined) are never in dev or test: they would flatter that model. A
    document that has no others is train, whatever its name, unless people judged pairs of it (below) or its
    source is wholly test. That people edited such a pair does not change who found it.

    ``judged`` (JUDGED_SCHEMA) names the pairs that people found good. Those of test documents are ``gold``, a
    test set of its own that dev, train and the pool are kept clean of as they are of test. It may hold
    aligned pairs, but none that was mined: being a model's nearest neighbours, those would flatter that
    model.

    Raises DataError if the corpus is empty, or a split has too few rows.
    """
    if corpus.is_empty():
        raise DataError("corpus: expected pairs, found none; look at what the clean stage dropped and why")
    corpus = corpus.sort("source", "doc", "src_lang", "n_src", "n_tgt", "pair_id", nulls_last=True)
    rows = Rows(corpus, params, judged)
    finder = LeakFinder(rows, fingerprints, params.split)
    test, gold = rows.evaluated("test"), rows.judged_good
    protected = {"test": protected_texts(rows, "test", test), "gold": protected_texts(rows, "test", gold)}
    dev = rows.evaluated("dev")
    dev_leaks = finder.find(dev, protected)
    dev = [row for row in dev if row not in dev_leaks]
    train = [row for row, name in enumerate(rows.split) if name == "train"]
    train_leaks = finder.find(train, {**protected, "dev": protected_texts(rows, "dev", dev)})
    train = [row for row in train if row not in train_leaks]
    parts = _Parts(train, dev, test, gold, train_leaks, dev_leaks)
    _check_sizes(rows, parts, params.split)
    pool = _make_pool(rows, parts, protected["test"] | protected["gold"], params.pair)
    stats = _count_all(corpus, rows, parts, pool) | {
        "fingerprints": {item.name: dict(item.files) for item in fingerprints}
    }
    return Splits(corpus[train], corpus[dev], corpus[test], corpus[gold], pool, stats)


def _check_sizes(rows: Rows, parts: _Parts, params: SplitParams) -> None:
    n_test = sum(rows.source[row] not in params.test_sources for row in parts.test)
    beside = f" beside those of {', '.join(params.test_sources)}" if params.test_sources else ""
    for name, where, n, least in (
        ("test", beside, n_test, params.min_test),
        ("dev", "", len(parts.dev), params.min_dev),
        ("train", "", len(parts.train), 1),
    ):
        if n < least:
            remedy = (
                "lower the shares" if name == "train" else f"raise split.{name}_share, lower split.min_{name}"
            )
            raise DataError(
                f"split: {name} has {n:,} pairs{where}, expected at least {least:,}; {remedy}, or add sources"
            )


def _make_pool(rows: Rows, parts: _Parts, protected: frozenset[str], pair: Pair) -> pl.DataFrame:
    """Return the distractors: distinct texts of the rest of the corpus that cannot be right answers.

    Left out, as they may be right: the texts of test and gold, what is paired with one of them anywhere (a
    short message with the same translation), and what was removed as near to them.
    """
    removed = parts.removed
    banned = {"", *protected}
    for row, texts in enumerate(zip(rows.src_folded, rows.tgt_folded, strict=True)):
        is_near = row in removed and removed[row].reference in ("test", "gold")
        if is_near or not protected.isdisjoint(texts):
            banned.update(texts)
    chosen: dict[tuple[str, str], str] = {}
    for row in sorted({*range(len(rows.src))} - {*parts.test, *parts.gold, *removed}):
        for lang, text, folded in rows.sides(row):
            if lang in (pair.src, pair.tgt) and folded not in banned:
                # Of the spellings of one text the first in order, whatever row it is in.
                chosen[lang, folded] = min(text, chosen.get((lang, folded), text))
    return table_from_rows(sorted((lang, text) for (lang, _), text in chosen.items()), POOL_SCHEMA)


def _count_all(corpus: pl.DataFrame, rows: Rows, parts: _Parts, pool: pl.DataFrame) -> dict[str, Any]:
    tables = {name: corpus[getattr(parts, name)] for name in ("train", "dev", "test")}
    if parts.gold:
        tables["gold"] = corpus[parts.gold]
    held = [row for row, name in enumerate(rows.split) if name != "train" and not rows.is_evaluated[row]]
    own = [row for row in held if rows.is_own[row]]
    short = [row for row in own if not rows.is_long_enough[row]]
    gold_only = sorted({*parts.gold} - {*parts.test})
    found_by_model = sorted({*own} - {*short, *gold_only})
    own_parts = {
        "train": parts.train,
        "dev": parts.dev,
        "test": parts.test,
        "gold_not_in_test": gold_only,
        "short_in_dev_and_test": short,
        "found_in_dev_and_test": found_by_model,
        "removed": list(parts.removed),
    }
    return {
        "rows": {
            "corpus": len(corpus),
            **{name: len(table) for name, table in tables.items()},
            "removed": len(parts.removed),
            "short_in_dev_and_test": len(short),
            "found_in_dev_and_test": len(found_by_model),
            "pivots_in_dev_and_test": len(held) - len(own),
        },
        "by_source": {name: _count(table["source"].to_list()) for name, table in tables.items()},
        "own_by_source": {
            name: _count([rows.source[row] for row in part if rows.is_own[row]])
            for name, part in own_parts.items()
        },
        "documents": {
            name: _count(table.select("source", "doc").unique()["source"].to_list())
            for name, table in tables.items()
        },
        "train_by_src_lang": _count(tables["train"]["src_lang"].to_list()),
        "pool": {"rows": len(pool), "by_lang": _count(pool["lang"].to_list())},
        "leakage": {
            "train": report_leaks(corpus, parts.train_leaks),
            "dev": report_leaks(corpus, parts.dev_leaks),
        },
        "test_sha256": content_sha256(tables["test"], SPLIT_IDENTITY),
        "dev_sha256": content_sha256(tables["dev"], SPLIT_IDENTITY),
        "pool_sha256": content_sha256(pool, list(POOL_SCHEMA)),
    }


def _count(values: Sequence[str]) -> dict[str, int]:
    return dict(sorted(Counter(values).items()))
