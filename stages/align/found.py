"""Pairs among segments without a key: documents paired, their sentences aligned, and the rest mined.

A source's vectors stay on disk. In memory, in float32, are those of the two documents that are looked at, two
for each document to be paired, and those of the found pairs that are judged together; only mining holds those
of all sentences that it searches.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from stages.align.alignments import alignment_rows
from stages.align.beads import Alignment, AlignSettings, align_document
from stages.align.documents import Document, pair_documents
from stages.align.mining import mine
from stages.align.scores import EmbedTexts
from stages.lib.core.engine import LOCAL, Engine
from stages.lib.models.vectors import UnitRows

if TYPE_CHECKING:
    import polars as pl

    from stages.lib.core.params import AlignParams


@dataclass(frozen=True)
class Side:
    """One language version of a document: its name, its texts in order, and what each is traced by.

    ``n``: the segments' own numbers (n,); ``vectors``: float32 (n, dim) of unit length, by ``[...]``.
    """

    doc: str
    lang: str
    texts: list[str]
    n: np.ndarray
    vectors: np.ndarray | UnitRows
    date: str | None
    license: str


@dataclass(frozen=True)
class Found:
    """One pair that the model found: texts, the numbers of their sentences, vectors float32 (dim,).

    Once it is judged, a pair has no vectors any more.
    """

    method: str
    src_doc: str
    tgt_doc: str
    src: str
    tgt: str
    src_ns: tuple[int, ...]
    tgt_ns: tuple[int, ...]
    src_vector: np.ndarray | None
    tgt_vector: np.ndarray | None
    license: str

    @property
    def doc(self) -> str:
        return pair_name(self.src_doc, self.tgt_doc)


def pair_name(src_doc: str, tgt_doc: str) -> str:
    """Return a document's name; where its versions are named differently, both, with ``|`` between."""
    return src_doc if src_doc == tgt_doc else f"{src_doc}|{tgt_doc}"


class AlignedDocument(NamedTuple):
    """Two versions that were aligned, and how sure that is, 0 to 1 each; a row of DOCUMENT_SCHEMA but source.

    ``pairing``: that they are versions of one document, None where the source says so; ``alignment``: the
    mean confidence of the beads by characters.
    """

    src_doc: str
    tgt_doc: str
    pairing: float | None
    alignment: float
    beads: int


def read_sides(segments: pl.DataFrame, vectors: np.ndarray, lang: str) -> dict[str, Side]:
    """Return the documents of one language by name; ``row`` of the segments points into ``vectors``."""
    import polars as pl

    found = {}
    own = segments.filter(pl.col("lang") == lang).sort("doc", "n")
    for (doc,), rows in own.group_by("doc", maintain_order=True):
        found[doc] = Side(
            doc,
            lang,
            rows["text"].to_list(),
            rows["n"].to_numpy(),
            UnitRows(vectors, rows["row"].to_numpy()),
            rows["date"][0],
            rows["license"][0],
        )
    return found


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
) -> tuple[list[tuple[Side, Side, float | None]], list[tuple[Side, Side, float | None]]]:
    """Return the pairs of documents that share a name, and those of the others that belong together.

    Each with the score of its pairing, None where they share a name.
    """
    named = [(src[doc], tgt[doc], None) for doc in src if doc in tgt]
    left = [
        [_document(side) for doc, side in sides.items() if doc not in other]
        for sides, other in ((src, tgt), (tgt, src))
    ]
    found = pair_documents(*left, min_score=params.min_document_score) if all(left) else []
    return named, [(src[pair.src], tgt[pair.tgt], pair.score) for pair in found]


def _document(side: Side) -> Document:
    date = dt.date.fromisoformat(side.date) if side.date else None
    return Document(side.doc, side.vectors, side.texts, date)


def align_documents(
    src: dict[str, Side],
    tgt: dict[str, Side],
    embed: EmbedTexts,
    params: AlignParams,
    counts: Counter[str],
    documents: list[AlignedDocument],
    alignments: list[tuple],
    source: str,
) -> Iterator[Found]:
    """Align the documents of one source, one after the other, and add each to ``documents``.

    Documents and beads by kind are added to ``counts``, rows of ALIGNMENT_SCHEMA to ``alignments``.
    Every bead with text on both sides is given, whatever its score; its texts are joined with a space.
    """
    named, paired = pair_sides(src, tgt, params)
    counts["documents_by_name"] += len(named)
    counts["documents_paired"] += len(paired)
    for lang, sides in (("src", src), ("tgt", tgt)):
        counts[f"{lang}_documents_alone"] += len(sides) - len(named) - len(paired)
    for src_side, tgt_side, pairing in _progress([*named, *paired]):
        alignment = align_sides(src_side, tgt_side, embed, params)
        counts["concatenations"] += alignment.encoded
        documents.append(
            AlignedDocument(src_side.doc, tgt_side.doc, pairing, alignment.score, len(alignment.beads))
        )
        name = pair_name(src_side.doc, tgt_side.doc)
        alignments += alignment_rows(source, name, (src_side, tgt_side), alignment)
        yield from _beads(src_side, tgt_side, alignment, embed, counts)


def _beads(
    src: Side, tgt: Side, alignment: Alignment, embed: EmbedTexts, counts: Counter[str]
) -> list[Found]:
    beads = alignment.beads
    sizes = np.column_stack([beads[:, 1] - beads[:, 0], beads[:, 3] - beads[:, 2]])
    counts.update(f"beads_{a}-{b}" for a, b in sizes.tolist())
    full = beads[(sizes > 0).all(axis=1)]
    src_texts, src_vectors = _spans(src, full[:, :2], embed)
    tgt_texts, tgt_vectors = _spans(tgt, full[:, 2:], embed)
    return [
        Found(
            "aligned",
            src.doc,
            tgt.doc,
            src_texts[row],
            tgt_texts[row],
            tuple(src.n[a:b].tolist()),
            tuple(tgt.n[c:d].tolist()),
            src_vectors[row],
            tgt_vectors[row],
            src.license,
        )
        for row, (a, b, c, d) in enumerate(full.tolist())
    ]


def _spans(side: Side, spans: np.ndarray, embed: EmbedTexts) -> tuple[list[str], np.ndarray]:
    """Return the text of each span (start, end) and its vector; one sentence has its vector already."""
    texts = [" ".join(side.texts[start:end]) for start, end in spans.tolist()]
    vectors = side.vectors[spans[:, 0]]
    joined = np.flatnonzero(spans[:, 1] - spans[:, 0] > 1)
    if len(joined):
        vectors[joined] = embed([texts[row] for row in joined], side.lang)
    return texts, vectors


def mine_rest(
    src: Sequence[Side],
    tgt: Sequence[Side],
    kept: Iterable[Found],
    params: AlignParams,
    engine: Engine = LOCAL,
) -> list[Found]:
    """Mine among the sentences that are in no kept pair, each text once, at its first place."""
    kept = list(kept)
    src_rest = _rest(src, {(pair.src_doc, n) for pair in kept for n in pair.src_ns})
    tgt_rest = _rest(tgt, {(pair.tgt_doc, n) for pair in kept for n in pair.tgt_ns})
    if not src_rest or not tgt_rest:
        return []
    src_vectors, tgt_vectors = (
        np.concatenate([side.vectors[np.array([row for _, row in group])] for side, group in by_side])
        for by_side in (_by_side(src_rest), _by_side(tgt_rest))
    )
    mined = mine(
        src_vectors,
        tgt_vectors,
        k=params.k,
        margin=params.margin,
        retrieval=params.retrieval,
        memory_mb=params.memory_mb,
        engine=engine,
    )
    found = []
    for a, b in zip(mined.src.tolist(), mined.tgt.tolist(), strict=True):
        (src_side, src_row), (tgt_side, tgt_row) = src_rest[a], tgt_rest[b]
        found.append(
            Found(
                "mined",
                src_side.doc,
                tgt_side.doc,
                src_side.texts[src_row],
                tgt_side.texts[tgt_row],
                (int(src_side.n[src_row]),),
                (int(tgt_side.n[tgt_row]),),
                src_vectors[a],
                tgt_vectors[b],
                src_side.license,
            )
        )
    return found


def _rest(sides: Sequence[Side], taken: set[tuple[str, int]]) -> list[tuple[Side, int]]:
    first: dict[str, tuple[Side, int]] = {}
    for side in sides:
        for row, (text, n) in enumerate(zip(side.texts, side.n.tolist(), strict=True)):
            if (side.doc, n) not in taken:
                first.setdefault(text, (side, row))
    return list(first.values())


def _by_side(rest: list[tuple[Side, int]]) -> Iterator[tuple[Side, Iterable[tuple[Side, int]]]]:
    """Group the sentences, which are in the order of their documents."""
    for _, group in itertools.groupby(rest, key=lambda place: id(place[0])):
        places = list(group)
        yield places[0][0], places


def _progress(
    pairs: list[tuple[Side, Side, float | None]],
) -> Iterator[tuple[Side, Side, float | None]]:
    from tqdm import tqdm

    yield from tqdm(pairs, unit="document", desc="align", disable=None, leave=False)
