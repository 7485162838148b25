"""Candidate pairs among segments without a key: documents aligned, and what remains of them mined.

A source's vectors stay on disk. In memory, in float32, are those of the two documents that are looked at, two
for each document to be paired, and those of the candidates that are scored together; only mining holds those
of all sentences that it searches.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from stages.align.alignments import alignment_rows
from stages.align.beads import Alignment, AlignSettings, align_document
from stages.align.documents import Document, pair_documents
from stages.align.mining import mine
from stages.align.samples import EmbedTexts
from stages.lib.core.engine import LOCAL, Engine
from stages.lib.models.vectors import UnitRows

if TYPE_CHECKING:
    import polars as pl

    from stages.lib.core.params import AlignParams


@dataclass(frozen=True, eq=False)
class Side:
    """One language version of a document: its name, its texts in order, and what each is traced by.

    ``n``: the segments' own numbers (n,); ``vectors``: float32 (n, dim) of unit length, by ``[...]``.
    """

    doc: str
    lang: str
    texts: list[str]
    n: np.ndarray
    vectors: np.ndarray | UnitRows
    date: str | None = None
    license: str = ""


class Span(NamedTuple):
    """Sentences in a row of one side: their text, their numbers, and their vector, float32 (dim,)."""

    doc: str
    text: str
    n: tuple[int, ...]
    vector: np.ndarray | None


class Candidate(NamedTuple):
    """A pair that the model found; once it is scored it has no vectors any more."""

    method: str
    src: Span
    tgt: Span
    license: str

    def without_vectors(self) -> Candidate:
        return self._replace(src=self.src._replace(vector=None), tgt=self.tgt._replace(vector=None))


class AlignedDocument(NamedTuple):
    """Two versions that were aligned, and how sure that is, 0 to 1 each; a row of DOCUMENT_SCHEMA.

    ``pairing``: that they are versions of one document, None where the source says so; ``alignment``: the
    mean confidence of the beads by characters.
    """

    source: str
    src_doc: str
    tgt_doc: str
    pairing: float | None
    alignment: float
    beads: int


@dataclass
class Record:
    """What is noted while a source's documents are aligned: counts, documents, and ALIGNMENT_SCHEMA rows."""

    counts: Counter[str] = field(default_factory=Counter)
    documents: list[AlignedDocument] = field(default_factory=list)
    alignments: list[tuple] = field(default_factory=list)

    def figures(self) -> dict[str, dict[str, float]]:
        """Return the counts, and how sure the documents are: median of each score, and its lowest tenth."""
        pairings = [document.pairing for document in self.documents if document.pairing is not None]
        scores = {"pairing": pairings, "alignment": [document.alignment for document in self.documents]}
        sure = {
            f"{name}_{part}": round(float(np.quantile(values, share)), 4)
            for name, values in scores.items()
            if values
            for part, share in (("median", 0.5), ("lowest_tenth", 0.1))
        }
        figures = {"found": dict(sorted(self.counts.items())), "documents": sure}
        return {name: values for name, values in figures.items() if values}


def pair_name(src_doc: str, tgt_doc: str) -> str:
    """Return a document's name; where its versions are named differently, both, with ``|`` between."""
    return src_doc if src_doc == tgt_doc else f"{src_doc}|{tgt_doc}"


def read_sides(segments: pl.DataFrame, vectors: np.ndarray, lang: str) -> dict[str, Side]:
    """Return the documents of one language by name; ``row`` of the segments points into ``vectors``."""
    import polars as pl

    sides = {}
    in_order = segments.filter(pl.col("lang") == lang).sort("doc", "n")
    for (doc,), rows in in_order.group_by("doc", maintain_order=True):
        stored = UnitRows(vectors, rows["row"].to_numpy())
        about = (rows["date"][0], rows["license"][0])
        sides[doc] = Side(doc, lang, rows["text"].to_list(), rows["n"].to_numpy(), stored, *about)
    return sides


def align_sides(src: Side, tgt: Side, embed: EmbedTexts, params: AlignParams) -> Alignment:
    """Align the sentences of two versions of one document."""
    return align_document(
        src.texts,
        tgt.texts,
        src.vectors[:],
        tgt.vectors[:],
        lambda texts: embed(texts, src.lang),
        lambda texts: embed(texts, tgt.lang),
        AlignSettings(max_bead=params.max_bead),
    )


def pair_sides(
    src: dict[str, Side], tgt: dict[str, Side], params: AlignParams
) -> list[tuple[Side, Side, float | None]]:
    """Return the documents that share a name, then those of the others that belong together.

    Each with the score of its pairing, None where they share a name.
    """
    named = [(src[doc], tgt[doc], None) for doc in src if doc in tgt]
    unnamed = [
        [_document(side) for doc, side in sides.items() if doc not in other]
        for sides, other in ((src, tgt), (tgt, src))
    ]
    pairs = pair_documents(*unnamed, min_score=params.min_document_score) if all(unnamed) else []
    return named + [(src[pair.src], tgt[pair.tgt], pair.score) for pair in pairs]


def _document(side: Side) -> Document:
    date = dt.date.fromisoformat(side.date) if side.date else None
    return Document(side.doc, side.vectors, side.texts, date)


def align_documents(
    source: str,
    src: dict[str, Side],
    tgt: dict[str, Side],
    embed: EmbedTexts,
    params: AlignParams,
    record: Record,
) -> Iterator[Candidate]:
    """Align the documents of one source, one after the other, and note each in ``record``.

    Every bead with text on both sides is given, whatever its score; its texts are joined with a space.
    """
    from tqdm import tqdm

    pairs = pair_sides(src, tgt, params)
    n_paired = sum(pairing is not None for _, _, pairing in pairs)
    record.counts["documents_by_name"] += len(pairs) - n_paired
    record.counts["documents_paired"] += n_paired
    record.counts["src_documents_alone"] += len(src) - len(pairs)
    record.counts["tgt_documents_alone"] += len(tgt) - len(pairs)
    for src_side, tgt_side, pairing in tqdm(pairs, unit="document", desc="align", disable=None, leave=False):
        alignment = align_sides(src_side, tgt_side, embed, params)
        beads = alignment.beads
        sizes = np.column_stack([beads[:, 1] - beads[:, 0], beads[:, 3] - beads[:, 2]])
        record.counts["concatenations"] += alignment.encoded
        record.counts.update(f"beads_{a}-{b}" for a, b in sizes.tolist())
        docs = (src_side.doc, tgt_side.doc)
        record.documents.append(AlignedDocument(source, *docs, pairing, alignment.score, len(beads)))
        record.alignments += alignment_rows(source, pair_name(*docs), (src_side, tgt_side), alignment)
        matched = beads[(sizes > 0).all(axis=1)]
        spans = _spans(src_side, matched[:, :2], embed), _spans(tgt_side, matched[:, 2:], embed)
        for src_span, tgt_span in zip(*spans, strict=True):
            yield Candidate("aligned", src_span, tgt_span, src_side.license)


def _spans(side: Side, spans: np.ndarray, embed: EmbedTexts) -> list[Span]:
    """Return the span of each (start, end) with its vector; one sentence has its vector already."""
    texts = [" ".join(side.texts[start:end]) for start, end in spans.tolist()]
    vectors = side.vectors[spans[:, 0]]
    joined = np.flatnonzero(spans[:, 1] - spans[:, 0] > 1)
    if len(joined):
        vectors[joined] = embed([texts[row] for row in joined], side.lang)
    numbers = (tuple(side.n[start:end].tolist()) for start, end in spans.tolist())
    return [Span(side.doc, *span) for span in zip(texts, numbers, vectors, strict=True)]


def mine_remaining(
    src: Iterable[Side],
    tgt: Iterable[Side],
    kept: Iterable[Candidate],
    params: AlignParams,
    engine: Engine = LOCAL,
) -> list[Candidate]:
    """Mine among the sentences that are in no kept pair, each text once, at its first place."""
    kept = list(kept)
    src_places, src_vectors = _remaining(src, {(pair.src.doc, n) for pair in kept for n in pair.src.n})
    tgt_places, tgt_vectors = _remaining(tgt, {(pair.tgt.doc, n) for pair in kept for n in pair.tgt.n})
    if not src_places or not tgt_places:
        return []
    options = {name: getattr(params, name) for name in ("k", "margin", "retrieval", "memory_mb")}
    mined = mine(src_vectors, tgt_vectors, **options, engine=engine)
    candidates = []
    for a, b in zip(mined.src.tolist(), mined.tgt.tolist(), strict=True):
        spans = _sentence(*src_places[a], src_vectors[a]), _sentence(*tgt_places[b], tgt_vectors[b])
        candidates.append(Candidate("mined", *spans, src_places[a][0].license))
    return candidates


def _sentence(side: Side, row: int, vector: np.ndarray) -> Span:
    return Span(side.doc, side.texts[row], (int(side.n[row]),), vector)


def _remaining(
    sides: Iterable[Side], used: set[tuple[str, int]]
) -> tuple[list[tuple[Side, int]], np.ndarray]:
    """Return the places of sentences that are not used, each text once, and their vectors."""
    seen: set[str] = set()
    places: list[tuple[Side, int]] = []
    vectors = []
    for side in sides:
        rows = []
        for row, (text, n) in enumerate(zip(side.texts, side.n.tolist(), strict=True)):
            if (side.doc, n) not in used and text not in seen:
                seen.add(text)
                rows.append(row)
        if rows:
            places += [(side, row) for row in rows]
            vectors.append(side.vectors[np.array(rows)])
    return places, np.concatenate(vectors) if vectors else np.empty((0, 0), dtype=np.float32)
