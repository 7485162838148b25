"""The alignment of a document as an HTML page with both texts side by side.

It draws what align wrote. A document that align joined by its keys is aligned here by its vectors, and the
page marks where the keys say otherwise.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from stages.align.check import align_hidden
from stages.lib.core.errors import DataError
from stages.lib.core.params import Params
from stages.lib.core.tables import ALIGNMENT_SCHEMA, SEGMENT_SCHEMA, read_table, table_from_rows
from stages.lib.models.vectors import Embedder, read_extract
from stages.report.alignment_view import Row, view_rows

if TYPE_CHECKING:
    import polars as pl

# Least confidence of each band; a colour of its own in the page, surest last.
STEPS = (0.0, 0.2, 0.4, 0.6, 0.8)
PAGE = Path(__file__).with_name("align_view.html")


def find_document(folder: Path, doc: str, params: Params) -> tuple[str, pl.DataFrame]:
    """Return the source of a document, and its segments; a source's own name stands for all its documents.

    Versions that are named differently are asked for as pairs name them, by both with ``|`` between.
    Raises DataError, with the nearest names, if none of the listed sources has it in both languages.
    """
    import polars as pl

    langs = [params.pair.src, params.pair.tgt]
    known: list[str] = []
    for name in params.sources:
        segments = read_table(folder / f"{name}.parquet", SEGMENT_SCHEMA).filter(pl.col("lang").is_in(langs))
        both = segments.group_by("doc").agg(pl.col("lang").n_unique()).filter(pl.col("lang") == 2)["doc"]
        if doc == name and len(both):
            return name, segments
        if doc in both:
            return name, segments.filter(pl.col("doc") == doc)
        versions = [
            (pl.col("lang") == lang) & (pl.col("doc") == own)
            for lang, own in zip(langs, doc.split("|", 1), strict=False)
        ]
        paired = segments.filter(pl.any_horizontal(versions))
        if paired["lang"].n_unique() == 2:
            return name, paired
        known += [name, *both.sort()]
    near = difflib.get_close_matches(doc, known, n=3, cutoff=0.4)
    hint = f"did you mean {', '.join(near)}?" if near else f"sources: {', '.join(params.sources)}"
    raise DataError(f"{folder}: no document {doc!r} in both {' and '.join(langs)}; {hint}")


def render(title: str, langs: tuple[str, str], rows: Sequence[Row], score: float, has_gold: bool) -> str:
    """Return the page: no script, nothing loaded from elsewhere, every text escaped."""
    from jinja2 import Template

    one_sided = sum(not row.src or not row.tgt for row in rows)
    summary = f"{len(rows):,} beads, {one_sided:,} of them on one side only; document score {score:.3f}"
    if has_gold:
        summary += f"; {sum(row.fault is not None for row in rows):,} differ from the keys"
    template = Template(PAGE.read_text(encoding="utf-8"), autoescape=True)
    return template.render(
        title=title,
        langs=langs,
        summary=summary,
        bands=list(zip(STEPS, (*STEPS[1:], 1.0), strict=True)),
        rows=[(row, _band(row)) for row in rows],
        has_gold=has_gold,
    )


def _band(row: Row) -> str:
    """Return the class of a bead's confidence."""
    return f"c{sum(row.confidence >= step for step in STEPS) - 1}" if row.src and row.tgt else "none"


def document_page(doc: str, alignments: Path, segments: Path, vectors: Path, params: Params) -> str:
    """Return the page of a document, aligned here where ``alignments`` (from align) does not have it."""
    import polars as pl

    table = read_table(alignments, ALIGNMENT_SCHEMA).filter(pl.col("doc") == doc)
    if table.is_empty():
        source, texts = find_document(segments, doc, params)
        embed = Embedder.of(params.align.model, params).unit
        rows = align_hidden(source, doc, *read_extract(texts, vectors, source), params, embed)
        table = table_from_rows(rows, ALIGNMENT_SCHEMA)
    has_gold = table["fault"].null_count() < len(table)
    langs = (params.pair.src, params.pair.tgt)
    return render(doc, langs, view_rows(table, params.pair.src), table["score"][0], has_gold)
