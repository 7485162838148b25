"""Translation by a seq2seq model, and how good it is.

The table of translations is the evidence: every figure, interval and test can be made again from it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from stages.lib.core.errors import DataError
from stages.lib.models.nllb import language_code, token_ids
from stages.lib.scores.significance import Interval, Paired, resampling_units

if TYPE_CHECKING:
    import polars as pl
    from sacrebleu.metrics.base import Metric
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from stages.lib.core.params import EvaluateParams, Pair

# One row is one sentence in one direction by one system: the model (seed is 0 for a pretrained one), the
# source itself, or the translation of the nearest training sentence.
TRANSLATIONS_SCHEMA = {
    "system": "String",
    "direction": "String",
    "seed": "Int32",
    "pair_id": "String",
    "source": "String",
    "doc": "String",
    "src": "String",
    "reference": "String",
    "translation": "String",
}
MODEL, COPY, NEAREST = "model", "copy", "nearest"
METRICS = ("bleu", "chrf", "chrfpp", "ter")

# A translation has at most so many times the tokens of its source, and so many more. Sources whose lengths
# are in one step share the limit and their batches, so that no text's limit depends on what is beside it.
_LENGTH_FACTOR, _LENGTH_SLACK, _LENGTH_STEP = 2, 10, 8
_GRAM_CHARS = 3
# Rows of the (texts, src) likenesses that are in memory at once: 8 bytes each, 400 MB of 200,000 src.
_NEAREST_ROWS = 256


# --- translating --------------------------------------------------------------------------------------------


def translate(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    texts: Sequence[str],
    src_lang: str,
    tgt_lang: str,
    *,
    num_beams: int,
    batch_tokens: int,
) -> list[str]:
    """Return the translation of each text by beam search, in the order of ``texts``.

    Equal texts are translated once. Batches are of like length and hold up to ``batch_tokens`` source tokens
    times beams, padding included. Raises ModelError on a language that the
    model does not know.
    """
    import torch
    from tqdm import tqdm

    start = language_code(tokenizer, tgt_lang)
    limit = model.config.max_position_embeddings - 2
    unique = list(dict.fromkeys(texts))
    ids = token_ids(tokenizer, unique, src_lang, limit)
    found = [""] * len(unique)
    was_training = model.training
    model.eval()
    with (
        torch.inference_mode(),
        tqdm(total=len(unique), unit="text", desc="translate", disable=None, leave=False) as progress,
    ):
        for rows, longest in _plan([len(row) for row in ids], batch_tokens // num_beams):
            features = tokenizer.pad({"input_ids": [ids[row] for row in rows]}, return_tensors="pt")
            out = model.generate(
                **features.to(model.device),
                forced_bos_token_id=start,
                num_beams=num_beams,
                do_sample=False,
                max_length=None,
                max_new_tokens=min(limit, _LENGTH_FACTOR * longest + _LENGTH_SLACK),
            )
            for row, text in zip(rows, tokenizer.batch_decode(out, skip_special_tokens=True), strict=True):
                found[row] = text.strip()
            progress.update(len(rows))
    model.train(was_training)
    place = {text: n for n, text in enumerate(unique)}
    return [found[place[text]] for text in texts]


def _plan(lengths: Sequence[int], batch_tokens: int) -> Iterator[tuple[list[int], int]]:
    """Yield the rows of each batch, and the longest length of their step."""
    from stages.lib.models.encode import plan_by_tokens

    steps: dict[int, list[int]] = {}
    for row, length in enumerate(lengths):
        steps.setdefault(-(-length // _LENGTH_STEP) * _LENGTH_STEP, []).append(row)
    for longest, members in sorted(steps.items()):
        for batch in plan_by_tokens([lengths[row] for row in members], batch_tokens, is_padded=True):
            yield [members[place] for place in batch], longest


def nearest_translations(texts: Sequence[str], src: Sequence[str], tgt: Sequence[str]) -> list[str]:
    """Return for each text the ``tgt`` of the ``src`` that is most like it; of equals the first.

    Likeness is the cosine of the counts of character trigrams, in small letters.
    """
    from scipy.sparse import csr_array

    number: dict[str, int] = {}

    def grams(text: str) -> list[int]:
        padded = f" {text.lower()} "
        cuts = range(max(1, len(padded) - _GRAM_CHARS + 1))
        return [number.setdefault(padded[cut : cut + _GRAM_CHARS], len(number)) for cut in cuts]

    sides = [[grams(text) for text in side] for side in (src, texts)]

    def matrix(rows: list[list[int]]) -> csr_array:
        """Trigram counts (n, grams), each row of unit length."""
        ends = np.cumsum([0, *map(len, rows)])
        columns = np.fromiter((gram for row in rows for gram in row), dtype=np.int64, count=ends[-1])
        counts = csr_array((np.ones(len(columns)), columns, ends), shape=(len(rows), len(number)))
        counts.sum_duplicates()
        norms = np.sqrt(counts.multiply(counts).sum(axis=1))
        return counts.multiply(1 / norms[:, None]).tocsr()

    known, asked = map(matrix, sides)
    found = []
    for start in range(0, len(texts), _NEAREST_ROWS):
        # Rounded, so that equal likeness is equal whatever the order of summation.
        likeness = np.round((asked[start : start + _NEAREST_ROWS] @ known.T).toarray(), 9)  # (rows, src)
        found += [tgt[row] for row in likeness.argmax(axis=1)]
    return found


def translate_pairs(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    pairs: pl.DataFrame,
    pair: Pair,
    settings: EvaluateParams,
    seed: int,
) -> pl.DataFrame:
    """Translate both sides of the pairs by the model; returns a table of TRANSLATIONS_SCHEMA."""
    found = {
        (src, tgt): translate(
            *(model, tokenizer, pairs[side].to_list(), src, tgt),
            num_beams=settings.beams,
            batch_tokens=settings.batch_tokens,
        )
        for side, src, tgt in (("src", pair.src, pair.tgt), ("tgt", pair.tgt, pair.src))
    }
    return _table(MODEL, found, pairs, pair, seed)


def translate_trivially(pairs: pl.DataFrame, train: pl.DataFrame, pair: Pair) -> pl.DataFrame:
    """Return the table of what needs no model: the source, and the nearest training sentence's other side.

    ``train`` rows of other languages than the pair's are left out.
    """
    import polars as pl

    own = train.filter((pl.col("src_lang") == pair.src) & (pl.col("tgt_lang") == pair.tgt))
    there, back = (pair.src, pair.tgt), (pair.tgt, pair.src)
    src, tgt = pairs["src"].to_list(), pairs["tgt"].to_list()
    known = own["src"].to_list(), own["tgt"].to_list()
    nearest = {
        there: nearest_translations(src, *known),
        back: nearest_translations(tgt, *known[::-1]),
    }
    copies = {there: src, back: tgt}
    return pl.concat([_table(COPY, copies, pairs, pair, 0), _table(NEAREST, nearest, pairs, pair, 0)])


def _table(
    system: str, found: Mapping[tuple[str, str], list[str]], pairs: pl.DataFrame, pair: Pair, seed: int
) -> pl.DataFrame:
    import polars as pl

    tables = []
    for (src, tgt), translations in found.items():
        asked, right = ("src", "tgt") if src == pair.src else ("tgt", "src")
        tables.append(
            pairs.select(
                pl.lit(system).alias("system"),
                pl.lit(f"{src}_{tgt}").alias("direction"),
                pl.lit(seed, dtype=pl.Int32).alias("seed"),
                "pair_id",
                "source",
                "doc",
                pl.col(asked).alias("src"),
                pl.col(right).alias("reference"),
                pl.Series("translation", translations, dtype=pl.String),
            )
        )
    return pl.concat(tables)


# --- figures of texts ---------------------------------------------------------------------------------------


def make_metric(name: str) -> Metric:
    """Return sacrebleu's metric with its defaults: ``bleu``, ``chrf``, ``chrfpp`` (chrF++) or ``ter``."""
    from sacrebleu.metrics import BLEU, CHRF, TER

    return {"bleu": BLEU, "chrf": CHRF, "chrfpp": lambda: CHRF(word_order=2), "ter": TER}[name]()


def score(name: str, translations: Sequence[str], references: Sequence[str]) -> float:
    """Return a metric of a corpus, one reference each, on sacrebleu's scale (0-100; TER may exceed it)."""
    return make_metric(name).corpus_score(list(translations), [list(references)]).score


class CorpusScores:
    """One metric of one system's translations, and in bootstrap resamples of their documents.

    The metrics are functions of sums over sentences (matches, lengths, edits): a resample of documents needs
    their sums only. sacrebleu resamples sentences alone, so its statistics are taken from it by their
    private names; the version is pinned, and a test holds the outcome against its public score.
    """

    def __init__(
        self, metric: str, translations: Sequence[str], references: Sequence[str], docs: Sequence[str]
    ) -> None:
        self._metric = make_metric(metric)
        numbers, self.unit = resampling_units(docs)
        rows = self._metric._extract_corpus_statistics(list(translations), [list(references)])
        stats = np.array(rows, dtype=np.int64)  # (n, statistics)
        self._sums = np.zeros((numbers.max() + 1, stats.shape[1]), dtype=np.int64)
        np.add.at(self._sums, numbers, stats)
        self.units = len(self._sums)
        self.signature = str(self._metric.get_signature())

    @cached_property
    def value(self) -> float:
        return self._score(self._sums.sum(axis=0))

    def resampled(self, resamples: int, seed: int) -> np.ndarray:
        """Return the score of each resample, (resamples,); the same seed draws the same documents."""
        rng = np.random.default_rng(seed)
        drawn = rng.integers(0, self.units, size=(resamples, self.units), dtype=np.int32)
        return np.array([self._score(self._sums[rows].sum(axis=0)) for rows in drawn])

    def exchanged(self, other: CorpusScores, permutations: int, seed: int) -> np.ndarray:
        """Return the difference from another system, (permutations,), after exchanging documents at random.

        In each permutation the two systems swap their translations of every document with probability 0.5
        (approximate randomisation, Riezler & Maxwell 2005). Both hold the same documents in the same order.
        """
        rng = np.random.default_rng(seed)
        total = (self._sums + other._sums).sum(axis=0)
        moved = np.empty(permutations)
        for n in range(permutations):
            is_swapped = rng.integers(0, 2, size=self.units, dtype=np.int8)[:, None]
            sums = np.where(is_swapped, other._sums, self._sums).sum(axis=0)
            moved[n] = self._score(sums) - self._score(total - sums)
        return moved

    def _score(self, sums: np.ndarray) -> float:
        return float(self._metric._compute_score_from_stats(sums.tolist()).score)


# --- figures from the table ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Scored:
    """One system in one direction under one metric: its seeds, their mean, and that in each resample."""

    seeds: dict[str, CorpusScores]
    value: float
    resampled: np.ndarray
    n: int
    unit: str
    units: int
    signature: str
    tails: tuple[float, float]

    def minus(self, other: _Scored, settings: EvaluateParams, seed: int) -> dict[str, Any]:
        """Return the difference, its paired bootstrap interval and two-sided p (the fields of Paired).

        ``p`` is the project's primary test: how many exchanges of documents between the two systems give as
        large a difference, seeds of training averaged. ``p_bootstrap`` is that of a paired bootstrap (Koehn
        2004): the share of resamples whose difference lies as far from their mean as the difference from
        zero, as sacrebleu has it, but over documents. Neither is ever 0.
        """
        difference = self.value - other.value
        both = list(itertools.product(self.seeds.values(), other.seeds.values()))
        exchanged = np.mean([one.exchanged(two, settings.permutations, seed) for one, two in both], axis=0)
        moved = self.resampled - other.resampled
        low, high = np.quantile(moved, self.tails)
        p, p_bootstrap = (
            float((1 + np.count_nonzero(np.abs(found) >= abs(difference) - 1e-9)) / (1 + len(found)))
            for found in (exchanged, moved - moved.mean())
        )
        paired = Paired(difference, float(low), float(high), p, self.n, self.unit, self.units)
        return {**asdict(paired), "p_bootstrap": p_bootstrap}


def _scored(
    frame: pl.DataFrame, system: str, settings: EvaluateParams, seed: int, prefix: str
) -> dict[str, _Scored]:
    """Return a system's scores by name, ``<prefix>_<direction>_<metric>``."""
    import polars as pl

    tails = ((1 - settings.confidence) / 2, (1 + settings.confidence) / 2)
    found = {}
    rows = frame.filter(pl.col("system") == system)
    for direction in rows["direction"].unique(maintain_order=True):
        parts = {
            str(number): rows.filter((pl.col("direction") == direction) & (pl.col("seed") == number))
            for number in sorted(rows["seed"].unique())
        }
        first = next(iter(parts.values()))
        for metric in METRICS:
            scores = {}
            for number, part in parts.items():
                if not part["pair_id"].equals(first["pair_id"]):
                    raise DataError(f"translations: seed {number} has other sentences; run evaluate again")
                texts = (part[name].to_list() for name in ("translation", "reference", "doc"))
                scores[number] = CorpusScores(metric, *texts)
            one = next(iter(scores.values()))
            moved = [item.resampled(settings.bootstrap, seed) for item in scores.values()]
            found[f"{prefix}_{direction}_{metric}"] = _Scored(
                seeds=scores,
                value=float(np.mean([item.value for item in scores.values()])),
                resampled=np.mean(moved, axis=0),
                n=len(first),
                unit=one.unit,
                units=one.units,
                signature=one.signature,
                tails=tails,
            )
    return found


def measure_translation(
    frame: pl.DataFrame, settings: EvaluateParams, seed: int, prefix: str = "mt"
) -> dict[str, dict[str, Any]]:
    """Return the model's figures by metric, ``<prefix>_<direction>_{bleu,chrf,chrfpp,ter}``.

    A figure has value, interval, n and sacrebleu's signature; ``beside`` has the same metric of copying and
    of the nearest training sentence, each with the model's difference from it and its paired test. With
    several training seeds the value is their mean, and by_seed and spread (standard deviation) are added.
    """
    systems = {name: _scored(frame, name, settings, seed, prefix) for name in (MODEL, COPY, NEAREST)}
    figures = {}
    for name, found in systems[MODEL].items():
        low, high = np.quantile(found.resampled, found.tails)
        interval = Interval(
            *(found.value, float(low), float(high), found.n, found.unit, found.units, "bootstrap")
        )
        beside = {
            other: {"value": systems[other][name].value, **found.minus(systems[other][name], settings, seed)}
            for other in (COPY, NEAREST)
        }
        figures[name] = {**asdict(interval), "signature": found.signature, "beside": beside}
        if len(found.seeds) > 1:
            by_seed = {number: item.value for number, item in found.seeds.items()}
            spread = float(np.std(list(by_seed.values()), ddof=1))
            figures[name] |= {"by_seed": by_seed, "spread": spread}
    return figures


def compare_translation(
    before: pl.DataFrame, after: pl.DataFrame, settings: EvaluateParams, seed: int, prefix: str = "mt"
) -> dict[str, dict[str, Any]]:
    """Test after against before on the same sentences; returns figures by metric."""
    was, now = (_scored(frame, MODEL, settings, seed, prefix) for frame in (before, after))
    if was.keys() != now.keys() or any(was[name].n != now[name].n for name in now):
        raise DataError("translations: the two results have other sentences; run evaluate again for both")
    return {name: now[name].minus(was[name], settings, seed) for name in now}
