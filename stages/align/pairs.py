"""Pair the segments of the two languages, and of the pivot languages with the target, and score every pair.

Sources that give keys are joined by key (method ``given``). Segments of the pair without a key are aligned
by their vectors (``aligned``), and what is left of them is mined where params says so (``mined``). A score is
the probability that a pair is right, the same for all methods: see stages.align.scores.
"""

from __future__ import annotations

import itertools
import logging
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stages.align.calibration import Calibration, Threshold
from stages.align.check import check_source
from stages.align.found import AlignedDocument, Found, align_documents, mine_rest, read_sides
from stages.align.scores import Background, EmbedTexts, GoldSample, features, plant
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
from stages.lib.text.annotations import BLIND_PICKS, GOOD_VERDICTS
from stages.lib.text.held_out import choose_split
from stages.lib.text.letters import group_id

if TYPE_CHECKING:
    import polars as pl

log = logging.getLogger("align")

# Found pairs whose vectors are in memory together, at most.
JUDGED_AT_ONCE = 10_000

# The forms of the source-side message that can stand beside a form of the target-side one, best first. The
# empty form is a message without plural forms. Turkmen says `other` of every number above one, where
# Russian says `many` of most and `other` of fractions alone.
FORMS = {
    "": ("", "one", "other"),
    "zero": ("zero", "many", "other", ""),
    "one": ("one", "", "other"),
    "two": ("two", "few", "many", "other", ""),
    "few": ("few", "many", "other", ""),
    "many": ("many", "other", "few", ""),
    "other": ("many", "other", "few", ""),
}

# Of each source, so many found pairs that are not sure enough are kept for people to judge, those nearest
# below the threshold: more than most sources have, so that those drawn from them are like all of them.
MAX_BELOW_THRESHOLD = 10_000


def pair_given(segments: pl.DataFrame, src: str, tgt: str) -> pl.DataFrame:
    """Join two languages' segments of one source on document and key; one row for each target segment.

    Plural forms meet by ``FORMS``. Returns the columns of the pair table in the order of the target's
    documents, and ``src_row`` and ``tgt_row``: the segments' ``row``.
    Raises DataError if a key comes twice in one document and language.
    """
    import polars as pl

    keyed = segments.filter(pl.col("key").is_not_null() & pl.col("lang").is_in([src, tgt]))
    twice = keyed.filter(pl.struct("doc", "lang", "key").is_duplicated())
    if len(twice):
        row = twice.row(0, named=True)
        raise DataError(
            f"segments of {row['source']}: key {row['key']!r} comes twice in {row['doc']} ({row['lang']}); "
            "keys must be unique in a document and language; run extract again"
        )
    pattern = rf"^(?s)(.*?)(?:#({'|'.join(form for form in FORMS if form)}))?$"
    keyed = keyed.with_columns(
        base=pl.col("key").str.extract(pattern, 1),
        form=pl.col("key").str.extract(pattern, 2).fill_null(""),
    )
    ranks = pl.DataFrame(
        [(tgt_form, form, rank) for tgt_form, forms in FORMS.items() for rank, form in enumerate(forms)],
        schema={"form": pl.String, "form_src": pl.String, "rank": pl.Int32},
        orient="row",
    )
    left = keyed.filter(pl.col("lang") == src).select(
        "doc", "base", form_src="form", src="text", n_src="n", src_row="row"
    )
    right = keyed.filter(pl.col("lang") == tgt)
    return (
        right.join(ranks, on="form")
        .join(left, on=["doc", "base", "form_src"])
        .sort("doc", "n", "key", "rank")
        .unique(subset=["doc", "key"], keep="first", maintain_order=True)
        .select(
            "source", "doc", "key", "src", "n_src", "src_row", "license", tgt="text", n_tgt="n", tgt_row="row"
        )
    )


@dataclass(frozen=True)
class Aligned:
    """The pair table, the counts of it, and how sure it is: calibration, and the check with keys hidden.

    ``below_threshold`` (PAIR_SCHEMA) are pairs that were found but not kept, at most ``MAX_BELOW_THRESHOLD``
    of each source; ``documents`` (DOCUMENT_SCHEMA) are the documents that were aligned by their vectors, and
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
    said: pl.DataFrame | None = None,
    engine: Engine = LOCAL,
) -> Aligned:
    """Pair and score exactly the sources that params lists, in that order.

    ``folder`` has the segments, ``vectors`` the extract that embed wrote of them; ``embed`` gives the vectors
    of joined sentences; ``said`` (JUDGED_SCHEMA) is what people judged, for the calibration; ``engine``
    mines. Raises DataError if a source's table is missing, or if no pair is found in all.
    """
    import polars as pl

    sources = _Sources(folder, vectors, params, embed, said)
    tables, below_threshold, documents, alignments, by_source, checks = [], [], [], [], {}, {}
    for name in params.sources:
        segments, rows = sources.read(name)
        judge = _Judge(sources, segments, rows)
        given = [_score_given(sources.given(segments, lang), rows, lang, judge) for lang in sources.src_langs]
        aligned: list[AlignedDocument] = []
        beads: list[tuple] = []
        found, left, counts = _find(segments, rows, judge, engine, aligned, beads)
        documents += [(name, *document) for document in aligned]
        tables.append(pl.concat([*given, found]))
        below_threshold.append(left)
        by_source[name] = {
            "segments": _counts(sources.all_segments(name), "lang"),
            "pairs": {lang: _counts(tables[-1], "src_lang").get(lang, 0) for lang in sources.src_langs},
            "without_key": segments["key"].null_count(),
            **({"found": counts} if counts else {}),
            **({"documents": _document_scores(aligned)} if aligned else {}),
        }
        if name in params.split.test_sources:
            keyed = segments.filter(pl.col("key").is_not_null())
            if check := check_source(name, keyed, rows, params, embed):
                figures, hidden = check
                beads += hidden
                checks[name] = {**figures, "scores": sources.check_scores(name, segments, rows, judge)}
        alignments.append(table_from_rows(beads, ALIGNMENT_SCHEMA))
    pairs = pl.concat(tables)
    if pairs.filter(pl.col("src_lang") == params.pair.src).is_empty():
        keyless = sum(found["without_key"] for found in by_source.values())
        raise DataError(
            f"{folder}: no {params.pair.src}-{params.pair.tgt} pair in {', '.join(params.sources)} "
            f"({keyless:,} segments have no key to join by); "
            "add a source with keys, or check pair and sources in params.yaml"
        )
    stats = {
        "by_source": by_source,
        "by_method": _counts(pairs, "method"),
        "total": {
            lang: sum(counts["pairs"][lang] for counts in by_source.values()) for lang in sources.src_langs
        },
    }
    aligned_documents = table_from_rows(documents, DOCUMENT_SCHEMA)
    return Aligned(
        pairs,
        pl.concat(below_threshold),
        aligned_documents,
        pl.concat(alignments),
        stats,
        {**sources.quality(), "hidden_keys": checks},
    )


class _Sources:
    """The listed sources, read one at a time, and what all of them together say of a pair.

    ``calibration`` and ``threshold`` come from gold pairs of the pair's own languages; where no score is sure
    enough for the precision asked for, the threshold is None and no found pair is kept. Documents of test
    give no gold, sources that are wholly test no background either, so that what is measured on them was not
    fitted to them.
    """

    def __init__(
        self, folder: Path, vectors: Path, params: Params, embed: EmbedTexts, said: pl.DataFrame | None
    ) -> None:
        self.folder, self.vectors, self.params, self.embed = folder, vectors, params, embed
        # What people judged, without their ties, by source. Blindly drawn pairs alone: those picked for their
        # nearness to the threshold, which are of both kinds just there, would move it with every batch.
        self._said = {}
        self._good: set[tuple[str, str]] = set()
        if said is not None:
            is_good = said["decision"].is_in(["keep", "edit"])
            self._good = set(said.filter(is_good).select("src_group", "tgt_group").iter_rows())
            is_blind = said["pick"].is_in(BLIND_PICKS).fill_null(False)
            sure = self._fit_to(said.filter((said["decision"] != "second_look") & is_blind))
            self._said = {name: rows for (name,), rows in sure.partition_by("source", as_dict=True).items()}
        langs = [params.pair.src, *(lang for lang in params.align.pivots if lang != params.pair.src)]
        self.src_langs = [lang for lang in langs if lang != params.pair.tgt]
        self._common = Background(params.align.background)
        self.gold = GoldSample(params.align.background, params.align.min_words)
        others = [name for name in params.sources if name not in params.split.test_sources]
        for name in others:
            segments, rows = self.read(name)
            self._common.offer(segments, rows)
            given = self._fit_to(self.given(segments, params.pair.src))
            self.gold.offer(name, self._unjudged(name, given), rows)
        self.calibration = self._calibrate(others)
        self.threshold: Threshold | None = None
        try:
            self.threshold = self.calibration.threshold(params.align.precision)
        except DataError as error:
            log.warning("%s; until then no pair that the model finds is kept", error)

    def all_segments(self, name: str) -> pl.DataFrame:
        """Read one source's segments in every language."""
        import polars as pl

        path = self.folder / f"{name}.parquet"
        segments = read_table(path, SEGMENT_SCHEMA)
        foreign = segments.filter(pl.col("source") != name)
        if len(foreign):
            raise DataError(
                f"{path}: holds rows of source {foreign['source'][0]!r}; expected {name!r}; run extract again"
            )
        return segments

    def read(self, name: str) -> tuple[pl.DataFrame, np.ndarray]:
        """Return one source's segments in the languages that are paired, with ``row``, and the vectors."""
        import polars as pl

        wanted = [*self.src_langs, self.params.pair.tgt]
        return read_extract(self.all_segments(name).filter(pl.col("lang").is_in(wanted)), self.vectors, name)

    def given(self, segments: pl.DataFrame, src_lang: str) -> pl.DataFrame:
        return pair_given(segments, src_lang, self.params.pair.tgt)

    def _fit_to(self, pairs: pl.DataFrame) -> pl.DataFrame:
        """Leave out the pairs of test documents: nothing is fitted to those."""
        places = pairs.select("source", "doc").iter_rows()
        return pairs.filter([choose_split(*place, self.params.split) != "test" for place in places])

    def _unjudged(self, name: str, given: pl.DataFrame) -> pl.DataFrame:
        """Leave out the pairs that people judged: in the calibration their verdict stands for them."""
        if name not in self._said:
            return given
        said = set(self._said[name].select("src_group", "tgt_group").iter_rows())
        src, tgt = self.params.pair.src, self.params.pair.tgt
        groups = (
            (group_id(row["src"], src), group_id(row["tgt"], tgt)) for row in given.iter_rows(named=True)
        )
        return given.filter([group not in said for group in groups])

    def is_good(self, src: str, tgt: str) -> bool:
        """Tell whether people want to keep a pair, whatever its score."""
        src_lang, tgt_lang = self.params.pair.src, self.params.pair.tgt
        return bool(self._good) and (group_id(src, src_lang), group_id(tgt, tgt_lang)) in self._good

    def background(self, segments: pl.DataFrame, rows: np.ndarray) -> Background:
        """Return the common background with a source's own texts beside it."""
        own = Background(self.params.align.background)
        own.offer(segments, rows)
        return own.beside(self._common)

    def features(
        self, src: np.ndarray, src_lang: str, tgt: np.ndarray, tgt_lang: str, background: Background
    ) -> np.ndarray:
        """Return what pairs of vectors (n, dim) are compared by, float32 (n,)."""
        if len(src) == 0:
            return np.empty(0, dtype=np.float32)
        sides = (background.unit(lang) for lang in (src_lang, tgt_lang))
        return features(src, tgt, *sides, self.params.align.k, self.params.align.memory_mb)

    def _calibrate(self, names: list[str]) -> Calibration:
        """Fit the map from features to probabilities; without gold it is the default one, with a warning.

        Gold are pairs joined by key, and blindly drawn ones that people found good; wrong are planted ones,
        and blindly drawn ones that people found bad.
        """
        langs = (self.params.pair.src, self.params.pair.tgt)
        right, wrong, right_docs, wrong_docs = [], [], [], []
        for name in names:
            gold, said = self.gold.of(name), self._said.get(name)
            if gold is None and said is None:
                continue
            background = self.background(*self.read(name))
            if said is not None:
                src = self.embed(said["src"].to_list(), langs[0])
                tgt = self.embed(said["tgt"].to_list(), langs[1])
                found = self.features(src, langs[0], tgt, langs[1], background)
                is_good = said["verdict"].is_in(GOOD_VERDICTS)
                right.append(found[is_good.to_numpy()])
                right_docs += said.filter(is_good)["doc"].to_list()
                wrong.append(found[~is_good.to_numpy()])
                wrong_docs += said.filter(~is_good)["doc"].to_list()
            if gold is None:
                continue
            right.append(self.features(gold.src_vectors, langs[0], gold.tgt_vectors, langs[1], background))
            right_docs += gold.docs
            wrong_src, wrong_tgt, docs = plant(gold, self.embed, *langs, self.params.align.memory_mb)
            wrong.append(self.features(wrong_src, langs[0], wrong_tgt, langs[1], background))
            wrong_docs += docs
        self.counts = {
            "gold_pairs": len(right_docs),
            "wrong_pairs": len(wrong_docs),
            "judged_pairs": sum(len(self._said[name]) for name in names if name in self._said),
        }
        if not right_docs or not wrong_docs:
            return Calibration.default()
        return Calibration.from_scores(
            np.concatenate(right),
            np.concatenate(wrong),
            positive_units=right_docs,
            negative_units=wrong_docs,
            seed=self.params.seed,
        )

    def check_scores(
        self, name: str, segments: pl.DataFrame, rows: np.ndarray, judge: _Judge
    ) -> dict[str, Any] | None:
        """Return how the threshold and the probabilities do on a source that they were not fitted to.

        Right are its pairs by key, wrong ones are planted as for the calibration, both kinds weighing one
        half; ``brier`` is the mean squared error of the probability. None where there is too little text.
        """
        langs = (self.params.pair.src, self.params.pair.tgt)
        sample = GoldSample(self.params.align.background, self.params.align.min_words)
        sample.offer(name, self.given(segments, langs[0]), rows)
        gold = sample.of(name)
        if gold is None or len(gold.src) < 2:
            return None
        wrong_src, wrong_tgt, _ = plant(gold, self.embed, *langs, self.params.align.memory_mb)
        right, is_right_kept = judge.judge(gold.src_vectors, langs[0], gold.tgt_vectors, langs[1])
        wrong, is_wrong_kept = judge.judge(wrong_src, langs[0], wrong_tgt, langs[1])
        recall, fallout = float(is_right_kept.mean()), float(is_wrong_kept.mean())
        return {
            "right": len(right),
            "wrong": len(wrong),
            "precision": recall / (recall + fallout) if recall + fallout else None,
            "recall": recall,
            "brier": float(((1 - right) ** 2).mean() + (wrong**2).mean()) / 2,
        }

    def quality(self) -> dict[str, Any]:
        """Return what the calibration was made from and what came of it."""
        return {
            "model": self.params.align.model,
            **self.counts,
            "threshold": self.threshold and vars(self.threshold),
            "threshold_score": self.threshold
            and round(float(self.calibration.probability(self.threshold.value)), 4),
            "slope": self.calibration.slope,
            "centre": self.calibration.centre,
            "curve": self.calibration.curve(),
        }


class _Judge:
    """The score of one source's pairs, and whether a pair that the model found is kept."""

    def __init__(self, sources: _Sources, segments: pl.DataFrame, rows: np.ndarray) -> None:
        self.sources = sources
        self._background = sources.background(segments, rows)

    def judge(
        self, src: np.ndarray, src_lang: str, tgt: np.ndarray, tgt_lang: str
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the probability of each pair of vectors, float32 (n,), and whether it is kept, bool (n,)."""
        found = self.sources.features(src, src_lang, tgt, tgt_lang, self._background)
        least = np.inf if self.sources.threshold is None else self.sources.threshold.value
        # To four digits: the last bits of a matrix product change with the number of cores.
        return np.round(self.sources.calibration.probability(found), 4), found >= least


def _score_given(given: pl.DataFrame, rows: np.ndarray, src_lang: str, judge: _Judge) -> pl.DataFrame:
    """Return the pair table of pairs joined by key; all are kept, their score is for information."""
    tgt_lang = judge.sources.params.pair.tgt
    scores = np.empty(0)
    if len(given):
        src_vectors, tgt_vectors = (rows[given[f"{side}_row"].to_numpy()] for side in ("src", "tgt"))
        scores, _ = judge.judge(src_vectors, src_lang, tgt_vectors, tgt_lang)
    return table_from_rows(
        [
            (
                pair_id(src_lang, row["src"], tgt_lang, row["tgt"]),
                row["src"],
                row["tgt"],
                src_lang,
                tgt_lang,
                row["source"],
                row["doc"],
                row["key"],
                row["n_src"],
                row["n_tgt"],
                "given",
                score,
                row["license"],
            )
            for row, score in zip(given.iter_rows(named=True), scores.tolist(), strict=True)
        ],
        PAIR_SCHEMA,
    )


def _find(
    segments: pl.DataFrame,
    rows: np.ndarray,
    judge: _Judge,
    engine: Engine,
    documents: list[AlignedDocument],
    alignments: list[tuple],
) -> tuple[pl.DataFrame, pl.DataFrame, dict[str, int]]:
    """Return the pairs among one source's segments without key that are sure enough, the best of those that
    are not, and counts by fate; add what is aligned to ``documents`` and ``alignments``.
    """
    import polars as pl

    params, embed = judge.sources.params, judge.sources.embed
    pair = params.pair
    keyless = segments.filter(pl.col("key").is_null())
    src, tgt = (read_sides(keyless, rows, lang) for lang in (pair.src, pair.tgt))
    if not src and not tgt:
        return table_from_rows([], PAIR_SCHEMA), table_from_rows([], PAIR_SCHEMA), {}
    counts: Counter[str] = Counter()
    source = keyless["source"][0]
    found = align_documents(src, tgt, embed, params.align, counts, documents, alignments, source)
    kept, left = _keep_sure(found, judge, counts)
    if params.align.mine:
        taken = [one for one, _ in kept]
        mined = mine_rest(list(src.values()), list(tgt.values()), taken, params.align, engine)
        more, more_left = _keep_sure(mined, judge, counts)
        kept, left = kept + more, left + more_left
    pairs, below_threshold = (_found_table(rated, source, pair) for rated in (kept, left))
    nearest_first = below_threshold.sort("score", "pair_id", descending=[True, False])
    below_threshold = nearest_first.unique("pair_id", maintain_order=True)
    below_threshold = below_threshold.filter(~pl.col("pair_id").is_in(pairs["pair_id"].to_list()))
    return pairs, below_threshold.head(MAX_BELOW_THRESHOLD), dict(sorted(counts.items()))


def _found_table(rated: list[tuple[Found, float]], source: str, pair: Pair) -> pl.DataFrame:
    rows = [
        (
            pair_id(pair.src, one.src, pair.tgt, one.tgt),
            one.src,
            one.tgt,
            pair.src,
            pair.tgt,
            source,
            one.doc,
            None,
            one.src_ns[0],
            one.tgt_ns[0],
            one.method,
            score,
            one.license,
        )
        for one, score in rated
    ]
    return table_from_rows(rows, PAIR_SCHEMA)


def _keep_sure(
    found: Iterable[Found], judge: _Judge, counts: Counter[str]
) -> tuple[list[tuple[Found, float]], list[tuple[Found, float]]]:
    """Return the found pairs that are sure enough, or that people found good, and the others.

    Each has its score, and no vectors any more.
    """
    pair = judge.sources.params.pair
    kept, left = [], []
    rest = iter(found)
    while block := list(itertools.islice(rest, JUDGED_AT_ONCE)):
        src_vectors = np.stack([one.src_vector for one in block])
        tgt_vectors = np.stack([one.tgt_vector for one in block])
        scores, is_sure = judge.judge(src_vectors, pair.src, tgt_vectors, pair.tgt)
        for one, score, sure in zip(block, scores.tolist(), is_sure.tolist(), strict=True):
            keep = sure or judge.sources.is_good(one.src, one.tgt)
            counts[f"{one.method}_{'kept' if keep else 'below_threshold'}"] += 1
            (kept if keep else left).append((replace(one, src_vector=None, tgt_vector=None), score))
    return kept, left


def _document_scores(documents: list[AlignedDocument]) -> dict[str, float]:
    """Return how sure a source's documents are: the median of each score, and what a tenth lies below."""
    scores = {
        "pairing": [one.pairing for one in documents if one.pairing is not None],
        "alignment": [one.alignment for one in documents],
    }
    return {
        f"{name}_{part}": round(float(np.quantile(found, at)), 4)
        for name, found in scores.items()
        if found
        for part, at in (("median", 0.5), ("lowest_tenth", 0.1))
    }


def _counts(frame: pl.DataFrame, column: str) -> dict[str, int]:
    return dict(frame.group_by(column).len().sort(column).iter_rows())
