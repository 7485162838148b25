"""Find which documents of two languages are versions of each other.

Candidates are the nearest documents by body (mean of sentence vectors) and by title (first sentence). Each is
scored by how well either side's sentences find a partner in the other, against how well they do in the next
best documents (the margin of Artetxe & Schwenk 2019, on documents; where there are few other documents,
against their second best partners), and by what two languages share besides: length, numbers, names, dates.
A sentence that stands in many documents (a site's furniture) weighs less.
"""

from __future__ import annotations

import datetime as dt
import itertools
import logging
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from stages.align.mining import nearest
from stages.lib.models.vectors import UnitRows

log = logging.getLogger(__name__)

# Documents looked at by body and as many by title, from either side.
CANDIDATES = 8
# Next best documents that a candidate is set against.
RIVALS = 4
# Least likeness that a candidate is set against: unrelated sentences have partners up to about this near, and
# a ratio over less than that would measure noise.
LEAST_RIVAL = 0.25
# Sentences of a document that look for a partner, evenly spread; all are looked at as partners.
MAX_SENTENCES = 64
MEMORY_MB = 256

# Log-odds of what is seen of a candidate, by half of NTREX's documents (ru-tk, `use_tr`). There right pairs
# have margins from 1.6 on among 61 documents, the best wrong ones 1.05, or 1.2 where the right version is
# missing; a lone pair has 1.3 to 2.7 if it is right and 1.2 to 1.6 if it is wrong.
EVEN_MARGIN = 1.4
MARGIN_SLOPE = 12.0
# For all of the numbers and names of the poorer side found on the other; as much against for none of them.
SHARED = 3.0
# Versions of one text appear within days of each other; a month apart is as good as a refusal.
DATE_NEAR_DAYS, DATE_FAR_DAYS = 3, 30
DATE_NEAR, DATE_FAR = 1.0, -6.0
# Standard deviation of the log of the ratio of lengths, and its cost in log-odds at that deviation.
LENGTH_SPREAD = 0.35

_NUMBER = re.compile(r"\d+")
_NAME = re.compile(r"(?<=[\w,;:] )[^\W\d_a-zа-яё]\w{3,}")
_LATIN = str.maketrans(
    dict(zip("абвгдеёжзийклмнопрстуфхцчшщыэюя", "abvgdeejziyklmnoprstufhscssyeua", strict=True))
    | {"ъ": "", "ь": ""}
    | dict(zip("äçžňöşüýwâêîûğıə", "acjnosuyvaeiugie", strict=True))
)


@dataclass(frozen=True)
class Document:
    """A document of one language: L2-normalised float32 sentence ``vectors`` (n, dim) beside their ``texts``.

    Vectors are read by ``[...]`` where they are needed, of two documents at a time.
    ``date`` is the day of publication where the source tells it.
    """

    id: str
    vectors: np.ndarray | UnitRows
    texts: Sequence[str]
    date: dt.date | None = None


@dataclass(frozen=True)
class DocumentPair:
    """Two versions of one document by id, and how sure that is (0 to 1)."""

    src: str
    tgt: str
    score: float


def pair_documents(
    src_docs: Sequence[Document], tgt_docs: Sequence[Document], *, min_score: float
) -> list[DocumentPair]:
    """Pair documents one to one, in the order of ``src_docs``; what scores below ``min_score`` stays alone.

    Of all such pairings the one with the highest sum of log-odds above those of ``min_score`` is taken
    (scipy's sparse assignment, so that it does not grow with the cube of the documents). Which documents are
    paired does not depend on the order of either list. Documents without a sentence stay alone.
    """
    src = sorted((doc for doc in src_docs if len(doc.texts)), key=lambda doc: doc.id)
    tgt = sorted((doc for doc in tgt_docs if len(doc.texts)), key=lambda doc: doc.id)
    if not src or not tgt:
        return []
    src_rows, tgt_rows, odds = score_candidates(src, tgt)
    scores = 1 / (1 + np.exp(-odds))
    kept = np.flatnonzero(scores >= min_score)
    gains = odds[kept] - np.log(max(min_score, 1e-9) / max(1 - min_score, 1e-9))
    chosen = kept[assign(src_rows[kept], tgt_rows[kept], gains, len(src), len(tgt))]
    found = {
        src[a].id: DocumentPair(src[a].id, tgt[b].id, float(score))
        for a, b, score in zip(src_rows[chosen], tgt_rows[chosen], scores[chosen], strict=True)
    }
    log.info(
        "documents: %s of %s and %s paired", f"{len(found):,}", f"{len(src_docs):,}", f"{len(tgt_docs):,}"
    )
    return [found[doc.id] for doc in src_docs if doc.id in found]


def score_candidates(
    src: Sequence[Document], tgt: Sequence[Document]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return candidates: source rows, target rows (int64) and the log-odds (float64) of each, (n,) all."""
    src_weights, tgt_weights = _sentence_weights(src), _sentence_weights(tgt)
    rows = _find_candidates(src, tgt, src_weights, tgt_weights)  # (n, 2)
    best, second = _likeness(src, tgt, src_weights, tgt_weights, rows)
    margins = _margins(rows, best, second, len(src), len(tgt))
    odds = MARGIN_SLOPE * (margins - EVEN_MARGIN)
    odds += SHARED * _shared_marks(src, tgt, rows)
    odds += _length_odds(src, tgt, rows)
    odds += [_date_odds(src[a].date, tgt[b].date) for a, b in rows]
    return rows[:, 0], rows[:, 1], odds


def assign(
    src_rows: np.ndarray, tgt_rows: np.ndarray, gains: np.ndarray, n_src: int, n_tgt: int
) -> np.ndarray:
    """Return which edges (src_rows[i], tgt_rows[i]) form the one-to-one choice of highest total gain.

    Edges come once and have gains of at least 0. Any row may stay without a partner: it then gets a
    stand-in of its own, worth nothing.
    """
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import min_weight_full_bipartite_matching

    if len(gains) == 0:
        return np.empty(0, dtype=np.int64)
    alone = np.arange(n_src)
    # A weight of 0 would be no edge at all, so everything is lifted by 1: each source row has one edge.
    weights = np.concatenate([gains + 1.0, np.ones(n_src)])
    rows = np.concatenate([src_rows, alone])
    columns = np.concatenate([tgt_rows, n_tgt + alone])
    graph = csr_array((weights, (rows, columns)), shape=(n_src, n_tgt + n_src))
    chosen_rows, chosen_columns = min_weight_full_bipartite_matching(graph, maximize=True)
    partner = np.full(n_src, -1)
    partner[chosen_rows] = chosen_columns
    return np.flatnonzero(partner[src_rows] == tgt_rows)


def _sentence_weights(docs: Sequence[Document]) -> list[np.ndarray]:
    """Return each sentence's weight, one over the number of documents it stands in; they add up to 1."""
    spread = Counter(text for doc in docs for text in set(doc.texts))
    weights = []
    for doc in docs:
        weight = np.array([1 / spread[text] for text in doc.texts])
        weights.append((weight / weight.sum()).astype(np.float32))
    return weights


def _find_candidates(
    src: Sequence[Document],
    tgt: Sequence[Document],
    src_weights: Sequence[np.ndarray],
    tgt_weights: Sequence[np.ndarray],
) -> np.ndarray:
    """Return the distinct pairs of rows (n, 2) that are near each other by body or by title, in order."""
    pairs = []
    bodies = [
        np.stack([weight @ doc.vectors[:] for doc, weight in zip(docs, weights, strict=True)])
        for docs, weights in ((src, src_weights), (tgt, tgt_weights))
    ]
    titles = [np.concatenate([doc.vectors[:1] for doc in docs]) for docs in (src, tgt)]
    for left, right in (bodies, titles):
        left, right = _unit(left), _unit(right)
        for queries, rows, is_src in ((left, right, True), (right, left, False)):
            near = nearest(queries, rows, CANDIDATES, MEMORY_MB).rows  # (n, k)
            own = np.repeat(np.arange(len(queries)), near.shape[1])
            pairs.append(np.column_stack([own, near.ravel()] if is_src else [near.ravel(), own]))
    return np.unique(np.concatenate(pairs), axis=0)


def _likeness(
    src: Sequence[Document],
    tgt: Sequence[Document],
    src_weights: Sequence[np.ndarray],
    tgt_weights: Sequence[np.ndarray],
    rows: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the weighted mean cosine of either side's sentences to best and second best partner, (n,) each.

    In a document of one sentence the second best is the best.
    """
    from tqdm import tqdm

    likeness, second = np.zeros(len(rows)), np.zeros(len(rows))
    sides = ((src, tgt, src_weights, 0), (tgt, src, tgt_weights, 1))
    with tqdm(total=len(src) + len(tgt), unit="document", desc="pair", disable=None, leave=False) as progress:
        for own, others, weights, column in sides:
            order = np.argsort(rows[:, column], kind="stable")
            bounds = np.searchsorted(rows[order, column], np.arange(len(own) + 1))
            for number, doc in enumerate(own):
                edges = order[bounds[number] : bounds[number + 1]]
                progress.update()
                if len(edges) == 0:
                    continue
                part = np.unique(np.linspace(0, len(doc.texts) - 1, MAX_SENTENCES).round().astype(int))
                vectors = doc.vectors[part]
                weight = weights[number][part] / weights[number][part].sum()
                for edge in edges:
                    cosines = vectors @ others[rows[edge, 1 - column]].vectors[:].T
                    best = cosines.max(axis=1, keepdims=True)
                    cosines[cosines == best] = -np.inf
                    other = cosines.max(axis=1, keepdims=True)
                    likeness[edge] += (weight @ best)[0] / 2
                    second[edge] += (weight @ np.where(np.isfinite(other), other, best))[0] / 2
    return likeness, second


def _margins(
    rows: np.ndarray, likeness: np.ndarray, second: np.ndarray, n_src: int, n_tgt: int
) -> np.ndarray:
    """Return float64 (n,): likeness over the mean likeness of the next best candidates of either document.

    Rivals that are missing to ``RIVALS`` are stood in for by the candidate's own second best partners.
    """
    around = np.zeros(len(rows))
    for column, size in ((0, n_src), (1, n_tgt)):
        order = np.lexsort((-likeness, rows[:, column]))
        bounds = np.searchsorted(rows[order, column], np.arange(size + 1))
        for start, stop in itertools.pairwise(bounds):
            edges = order[start:stop]
            top = likeness[edges[: RIVALS + 1]]
            # Without the candidate itself: of those among the best, it is one.
            among = np.arange(len(edges)) <= RIVALS
            rivals = np.where(among, top.sum() - likeness[edges], top[:RIVALS].sum())
            missing = max(RIVALS + 1 - len(edges), 0)
            around[edges] += (rivals + missing * second[edges]) / RIVALS / 2
    return likeness / np.maximum(around, LEAST_RIVAL)


def marks(texts: Iterable[str]) -> set[str]:
    """Return what a text keeps in translation: its numbers, and the beginnings of its names.

    A name is a word with a capital inside a sentence, by its first letters without vowels, in plain Latin:
    languages spell and decline the rest in their own way.
    """
    found = set()
    for text in texts:
        found.update(_NUMBER.findall(text))
        for name in _NAME.findall(text):
            plain = name.lower().translate(_LATIN)
            consonants = re.sub(r"[aeiouy]", "", plain[1:])
            found.add(plain[0] + consonants[:2])
    return found


def _shared_marks(src: Sequence[Document], tgt: Sequence[Document], rows: np.ndarray) -> np.ndarray:
    """Return (n,) from -1 (no mark is shared) to 1 (all of the poorer side's are); rare marks weigh more."""
    sides = [[marks(doc.texts) for doc in docs] for docs in (src, tgt)]
    spread = Counter(mark for side in sides for found in side for mark in found)
    rarity = {mark: np.log(1 + (len(src) + len(tgt)) / count) for mark, count in spread.items()}
    totals = [[sum(rarity[mark] for mark in sorted(found)) for found in side] for side in sides]
    shared = np.zeros(len(rows))
    for number, (a, b) in enumerate(rows):
        poorer = min(totals[0][a], totals[1][b])
        if poorer > 0:
            both = sum(rarity[mark] for mark in sorted(sides[0][a] & sides[1][b]))
            # Few marks say little: two of them count half.
            surety = min(1.0, min(len(sides[0][a]), len(sides[1][b])) / 4)
            shared[number] = surety * (2 * both / poorer - 1)
    return shared


def _length_odds(src: Sequence[Document], tgt: Sequence[Document], rows: np.ndarray) -> np.ndarray:
    """Return (n,) log-odds of the lengths in characters, beside the usual ratio of the two languages."""
    logs = [np.log([1 + sum(map(len, doc.texts)) for doc in docs]) for docs in (src, tgt)]
    ratio = logs[0][rows[:, 0]] - logs[1][rows[:, 1]]
    return -0.5 * np.minimum((ratio - np.median(ratio)) / LENGTH_SPREAD, 4.0) ** 2 / 4


def _date_odds(src: dt.date | None, tgt: dt.date | None) -> float:
    if src is None or tgt is None:
        return 0.0
    days = abs((src - tgt).days)
    return DATE_NEAR if days <= DATE_NEAR_DAYS else DATE_FAR if days > DATE_FAR_DAYS else 0.0


def _unit(vectors: np.ndarray) -> np.ndarray:
    vectors = vectors.astype(np.float32)
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
