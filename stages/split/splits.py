"""Split the corpus by document into train, dev and test, and keep train clean of what it is judged on."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stages.lib.core.errors import DataError
from stages.lib.core.params import Pair, Params, SplitParams
from stages.lib.core.tables import (
    MODEL_METHODS,
    POOL_SCHEMA,
    SPLIT_IDENTITY,
    content_sha256,
    table_from_rows,
)
from stages.lib.text.fingerprints import Fingerprint, normalise
from stages.lib.text.held_out import choose_split

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

SPLITS = ("test", "dev", "train")
GRAM_CHARS = 5
# Containment says something only of a text long enough to be a sentence of its own.
CONTAINED_WORDS = 5
_CHUNK = 1_000

# %(name)s, %s, {0}, {{PLURAL|…}}, $1 and tags are no words.
_PLACEHOLDER = re.compile(r"%\(\w+\)[a-z]|%\d*\$?[sd]|\{[^{}]*\}|\$\d+|<[^<>]*>|&\w+;")
_LETTERS = re.compile(r"[^\W\d_]+(?:[-'‘’ʻ][^\W\d_]+)*")

logger = logging.getLogger("split")


@dataclass(frozen=True)
class Splits:
    """The five tables, and the counts that go with them."""

    train: pl.DataFrame
    dev: pl.DataFrame
    test: pl.DataFrame
    gold: pl.DataFrame
    pool: pl.DataFrame
    stats: dict[str, Any]


def count_words(text: str) -> int:
    """Count the words of a text: runs of letters, hyphened ones once, placeholders and numbers not at all."""
    return len(_LETTERS.findall(_PLACEHOLDER.sub(" ", text)))


def char_grams(normalised: str) -> set[str]:
    """Return the character 5-grams of a normalised text with a space at either end."""
    padded = f" {normalised} "
    return {padded[start : start + GRAM_CHARS] for start in range(max(1, len(padded) - GRAM_CHARS + 1))}


class ProtectedTexts:
    """Normalised texts that must not come again elsewhere, indexed by their character n-grams.

    Two texts are *near* each other when the Jaccard overlap of their n-gram sets is at least ``jaccard``, or
    when ``containment`` of the n-grams of the one with fewer n-grams are in the other and it has at least
    five words. The overlaps come from one sparse product for each chunk of texts (an inverted index over the
    n-grams), so that texts without a common n-gram are never compared.
    """

    def __init__(self, texts: Iterable[str], jaccard: float, containment: float) -> None:
        import numpy as np

        self.texts = frozenset(text for text in texts if text)
        self._jaccard, self._containment = jaccard, containment
        ordered = sorted(self.texts)
        self._ids: dict[str, int] = {}
        rows = [
            [self._ids.setdefault(gram, len(self._ids)) for gram in sorted(char_grams(text))]
            for text in ordered
        ]
        self._index = _sparse(rows, len(self._ids)).T.tocsr()  # (grams, protected)
        self._sizes = np.array([len(row) for row in rows], dtype=np.int32)  # (protected,)
        self._is_long = np.array([text.count(" ") + 1 >= CONTAINED_WORDS for text in ordered], dtype=bool)

    def match(self, texts: Sequence[str]) -> dict[str, str]:
        """Return ``exact`` or ``near`` for those of the normalised texts that match a protected one."""
        found = {text: "exact" for text in texts if text in self.texts}
        others = sorted({text for text in texts if text and text not in found})
        if self.texts:
            for start in range(0, len(others), _CHUNK):
                chunk = others[start : start + _CHUNK]
                is_near = self._near(chunk)
                found.update((text, "near") for text, near in zip(chunk, is_near, strict=True) if near)
        return found

    def _near(self, texts: list[str]) -> np.ndarray:
        """Tell for each text whether a protected text is near it."""
        import numpy as np

        grams = [char_grams(text) for text in texts]
        known = [sorted(self._ids[gram] for gram in row if gram in self._ids) for row in grams]
        common = (_sparse(known, len(self._ids)) @ self._index).tocoo()  # (texts, protected)
        sizes = np.array([len(row) for row in grams], dtype=np.int32)[common.row]
        is_long = np.array([text.count(" ") + 1 >= CONTAINED_WORDS for text in texts], dtype=bool)
        other_sizes = self._sizes[common.col]
        shorter_is_long = np.where(sizes <= other_sizes, is_long[common.row], self._is_long[common.col])
        hit = common.data >= self._jaccard * (sizes + other_sizes - common.data)
        hit |= shorter_is_long & (common.data >= self._containment * np.minimum(sizes, other_sizes))
        near = np.zeros(len(texts), dtype=bool)
        near[common.row[hit]] = True
        return near


def _sparse(rows: list[list[int]], width: int) -> Any:
    """A 0/1 matrix (rows, width) in CSR form from each row's column numbers."""
    import numpy as np
    from scipy.sparse import csr_array

    ends = np.cumsum([0, *(len(row) for row in rows)])
    columns = np.fromiter((column for row in rows for column in row), dtype=np.int32, count=ends[-1])
    return csr_array((np.ones(len(columns), dtype=np.int32), columns, ends), shape=(len(rows), width))


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
    source is wholly test. That such a pair was mended by people does not change who found it.

    ``judged`` (JUDGED_SCHEMA) names the pairs that people found good. Those of test documents are ``gold``, a
    test set of its own that dev, train and the pool are kept clean of as they are of test. It may hold
    aligned pairs, but none that was mined: being a model's nearest neighbours, those would flatter that
    model.

    Raises DataError if the corpus is empty, or a split has too few rows.
    """
    if corpus.is_empty():
        raise DataError("corpus: expected pairs, found none; look at what the clean stage dropped and why")
    corpus = corpus.sort("source", "doc", "src_lang", "n_src", "n_tgt", "pair_id", nulls_last=True)
    good = set() if judged is None else set(judged.filter(judged["method"] != "mined")["pair_id"])
    mended = set() if judged is None else set(judged.filter(judged["method"].is_in(MODEL_METHODS))["pair_id"])
    rows = _Rows(corpus, params.pair, params.split, good, mended)

    test = rows.evaluated("test")
    test_texts = rows.protect("test", test)
    references: list[tuple[str, Any]] = [("test", test_texts)]
    gold = rows.judged(good)
    gold_texts = rows.protect("test", gold)
    if gold:
        references.append(("gold", gold_texts))
    references += [(f"benchmark {item.name}", _BenchmarkTexts(item)) for item in fingerprints]
    dev = rows.evaluated("dev")
    dev_causes = rows.find_leaks(dev, references)
    dev = [row for row in dev if row not in dev_causes]
    references.insert(1 + bool(gold), ("dev", rows.protect("dev", dev)))
    train = [row for row, name in enumerate(rows.split) if name == "train"]
    train_causes = rows.find_leaks(train, references)
    removed = {**dev_causes, **train_causes}
    train = [row for row in train if row not in removed]
    _check_sizes(rows, train, dev, test, params.split)

    pool = rows.make_pool([*test, *gold], test_texts.texts | gold_texts.texts, removed)
    tables = {"train": corpus[train], "dev": corpus[dev], "test": corpus[test]}
    if gold:
        tables["gold"] = corpus[gold]
    held = [row for row, name in enumerate(rows.split) if name != "train" and not rows.is_evaluated[row]]
    own = [row for row in held if rows.is_own[row]]
    short = [row for row in own if not rows.is_long_enough[row]]
    beside = sorted({*gold} - {*test})
    found = sorted({*own} - {*short, *beside})
    stats = {
        "rows": {
            "corpus": len(corpus),
            "train": len(train),
            "dev": len(dev),
            "test": len(test),
            **({"gold": len(gold)} if gold else {}),
            "removed": len(removed),
            "short_in_dev_and_test": len(short),
            "found_in_dev_and_test": len(found),
            "pivots_in_dev_and_test": len(held) - len(own),
        },
        "by_source": {name: _count(table["source"]) for name, table in tables.items()},
        "own_by_source": {
            name: _count(corpus[[row for row in part if rows.is_own[row]]]["source"])
            for name, part in (
                *(("train", train), ("dev", dev), ("test", test), ("gold_not_in_test", beside)),
                *(("short_in_dev_and_test", short), ("found_in_dev_and_test", found)),
                ("removed", list(removed)),
            )
        },
        "documents": {
            name: _count(table.select("source", "doc").unique()["source"]) for name, table in tables.items()
        },
        "train_by_src_lang": _count(tables["train"]["src_lang"]),
        "pool": {"rows": len(pool), "by_lang": _count(pool["lang"])},
        "leakage": {
            "train": _report(corpus, train_causes),
            "dev": _report(corpus, dev_causes),
        },
        "fingerprints": {item.name: dict(item.files) for item in fingerprints},
        "test_sha256": content_sha256(tables["test"], SPLIT_IDENTITY),
        "dev_sha256": content_sha256(tables["dev"], SPLIT_IDENTITY),
        "pool_sha256": content_sha256(pool, list(POOL_SCHEMA)),
    }
    return Splits(tables["train"], tables["dev"], tables["test"], corpus[gold], pool, stats)


@dataclass(frozen=True)
class _Cause:
    """Why a row was removed: what it matched, how, and on the side(s) of which language."""

    reference: str
    kind: str
    langs: str


class _BenchmarkTexts:
    """A benchmark's fingerprint, asked like :class:`ProtectedTexts`."""

    def __init__(self, fingerprint: Fingerprint) -> None:
        self._fingerprint = fingerprint

    def match(self, texts: Sequence[str]) -> dict[str, str]:
        kinds = ((text, self._fingerprint.match(text)) for text in texts)
        return {text: kind for text, kind in kinds if kind is not None}


class _Rows:
    """The corpus by column, with each row's split and normalised texts."""

    def __init__(
        self, corpus: pl.DataFrame, pair: Pair, params: SplitParams, good: set[str], mended: set[str]
    ) -> None:
        self._params, self._pair = params, pair
        self.source, self.doc, self.key, self.src, self.tgt, self.src_lang, self.tgt_lang = (
            corpus[name].to_list() for name in ("source", "doc", "key", "src", "tgt", "src_lang", "tgt_lang")
        )
        self.pair_id = corpus["pair_id"].to_list()
        known: dict[str, str] = {}
        for text in (*self.src, *self.tgt):
            if text not in known:
                known[text] = normalise(text)
        self.src_norm = [known[text] for text in self.src]
        self.tgt_norm = [known[text] for text in self.tgt]
        self.is_found = [
            method in MODEL_METHODS or (method == "annotated" and pair_id in mended)
            for method, pair_id in zip(corpus["method"].to_list(), self.pair_id, strict=True)
        ]
        self.split = self._choose(good)
        self.is_own = [
            languages == (pair.src, pair.tgt) for languages in zip(self.src_lang, self.tgt_lang, strict=True)
        ]
        self.is_long_enough = [
            own and count_words(src) >= params.min_words and count_words(tgt) > 0
            for own, src, tgt in zip(self.is_own, self.src, self.tgt, strict=True)
        ]
        self.is_evaluated = [
            long and split != "train" and not found
            for long, split, found in zip(self.is_long_enough, self.split, self.is_found, strict=True)
        ]

    def _choose(self, good: set[str]) -> list[str]:
        """Return the split of each row, that of its document."""
        documents = list(zip(self.source, self.doc, strict=True))
        chosen = {document: choose_split(*document, self._params) for document in sorted(set(documents))}
        judging = {
            document
            for document, found, pair_id in zip(documents, self.is_found, self.pair_id, strict=True)
            if not found
            or document[0] in self._params.test_sources
            or (pair_id in good and chosen[document] == "test")
        }
        return [chosen[document] if document in judging else "train" for document in documents]

    def evaluated(self, split: str) -> list[int]:
        return [row for row, name in enumerate(self.split) if name == split and self.is_evaluated[row]]

    def judged(self, good: set[str]) -> list[int]:
        """Return the rows of test documents that are in ``good`` and long enough to be evaluated."""
        return [
            row
            for row, name in enumerate(self.split)
            if name == "test" and self.pair_id[row] in good and self.is_long_enough[row]
        ]

    def protect(self, split: str, evaluated: list[int]) -> ProtectedTexts:
        """Index the texts of the evaluated rows, and those of the same messages in other languages."""
        texts = {text for row in evaluated for text in (self.src_norm[row], self.tgt_norm[row])}
        keys = {(self.doc[row], self.key[row]) for row in evaluated if self.key[row] is not None}
        targets = {(self.doc[row], self.tgt_norm[row]) for row in evaluated}
        for row, name in enumerate(self.split):
            if name == split and not self.is_own[row]:
                doc = self.doc[row]
                if (doc, self.key[row]) in keys or (doc, self.tgt_norm[row]) in targets:
                    texts |= {self.src_norm[row], self.tgt_norm[row]}
        return ProtectedTexts(texts, self._params.near_duplicate, self._params.containment)

    def find_leaks(self, rows: list[int], references: Sequence[tuple[str, Any]]) -> dict[int, _Cause]:
        """Return the cause for each row that matches a reference: exact before near, then in their order."""
        texts = sorted({text for row in rows for text in (self.src_norm[row], self.tgt_norm[row])})
        matches = [(name, reference.match(texts)) for name, reference in references]
        causes = {}
        for row in rows:
            sides = ((self.src_lang[row], self.src_norm[row]), (self.tgt_lang[row], self.tgt_norm[row]))
            cause = _first_cause(sides, matches)
            if cause is not None:
                causes[row] = cause
        return causes

    def make_pool(
        self, judging: list[int], protected: frozenset[str], removed: Mapping[int, _Cause]
    ) -> pl.DataFrame:
        """Return the distractors: distinct texts of the rest of the corpus that cannot be right answers.

        Beside the texts of test and gold themselves, what is paired with one of them anywhere (a short
        message with the same translation) and what was removed for its nearness to them stay away: they may
        be right.
        """
        banned = {"", *protected}
        for row, texts in enumerate(zip(self.src_norm, self.tgt_norm, strict=True)):
            near = row in removed and removed[row].reference in ("test", "gold")
            if near or not protected.isdisjoint(texts):
                banned.update(texts)
        left_out = {*judging, *removed}
        chosen: dict[tuple[str, str], str] = {}
        for row in range(len(self.src)):
            if row in left_out:
                continue
            for lang, text, normalised in (
                (self.src_lang[row], self.src[row], self.src_norm[row]),
                (self.tgt_lang[row], self.tgt[row], self.tgt_norm[row]),
            ):
                if lang in (self._pair.src, self._pair.tgt) and normalised not in banned:
                    # Of the spellings of one text the first in order, whatever row it is in.
                    chosen[lang, normalised] = min(text, chosen.get((lang, normalised), text))
        return table_from_rows(sorted((lang, text) for (lang, _), text in chosen.items()), POOL_SCHEMA)


def _first_cause(
    sides: Iterable[tuple[str, str]], matches: Sequence[tuple[str, Mapping[str, str]]]
) -> _Cause | None:
    sides = tuple(sides)
    for kind in ("exact", "near"):
        for name, found in matches:
            langs = [lang for lang, text in sides if found.get(text) == kind]
            if langs:
                return _Cause(name, kind, "+".join(langs))
    return None


def _check_sizes(rows: _Rows, train: list[int], dev: list[int], test: list[int], params: SplitParams) -> None:
    own_test = sum(rows.source[row] not in params.test_sources for row in test)
    beside = f" beside those of {', '.join(params.test_sources)}" if params.test_sources else ""
    for name, found, least, share in (
        (f"test has {own_test:,} pairs{beside}", own_test, params.min_test, "test_share"),
        (f"dev has {len(dev):,} pairs", len(dev), params.min_dev, "dev_share"),
        (f"train has {len(train):,} pairs", len(train), 1, None),
    ):
        if found < least:
            remedy = (
                f"raise split.{share}, lower split.min_{name[:4].strip()}" if share else "lower the shares"
            )
            raise DataError(f"split: {name}, expected at least {least:,}; {remedy}, or add sources")


def _report(corpus: pl.DataFrame, causes: Mapping[int, _Cause]) -> dict[str, Any]:
    """Counts of removed rows: reference, then kind, then the language(s) of the side(s) that matched."""
    counts: dict[str, dict[str, dict[str, int]]] = {}
    for cause in causes.values():
        by_lang = counts.setdefault(cause.reference, {}).setdefault(cause.kind, {})
        by_lang[cause.langs] = by_lang.get(cause.langs, 0) + 1
    sources = corpus["source"].to_list()
    return {
        "removed": len(causes),
        "by_reference": counts,
        "by_source": dict(Counter(sources[row] for row in causes)),
    }


def _count(values: pl.Series) -> dict[str, int]:
    return dict(sorted(Counter(values.to_list()).items()))
