"""Show how a document was aligned: one HTML page with both texts side by side.

It draws what align wrote. A document that align joined by its keys is aligned here by its vectors, and the
page marks where the keys say otherwise. Run it with `make align-view DOC=udhr` after `dvc repro align`.
"""

from __future__ import annotations

import argparse
import difflib
import logging
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from stages.align.check import align_hidden
from stages.lib.core import cli
from stages.lib.core.errors import DataError
from stages.lib.core.files import atomic_path
from stages.lib.core.params import Params, load_params
from stages.lib.core.tables import ALIGNMENT_SCHEMA, SEGMENT_SCHEMA, read_table, table_from_rows
from stages.lib.models.vectors import Embedder, read_extract
from stages.report.alignment_view import Row, view_rows

if TYPE_CHECKING:
    import polars as pl

log = logging.getLogger("align_view")

# Confidence from which on a bead has each of the bands' colours, surest last.
STEPS = (0.0, 0.2, 0.4, 0.6, 0.8)
TEMPLATE = Path(__file__).with_suffix(".html")


def find_document(folder: Path, doc: str, params: Params) -> tuple[str, pl.DataFrame]:
    """Return the source of a document, and its segments; a source's own name stands for all its documents.

    Versions that are named differently are asked for as pairs name them, by both with ``|`` between.
    Raises DataError, with the nearest names, if none of the listed sources has it in both languages.
    """
    import polars as pl

    langs = [params.pair.src, params.pair.tgt]
    src_doc, _, tgt_doc = doc.partition("|")
    is_asked = (pl.col("lang") == langs[0]) & (pl.col("doc") == src_doc)
    is_asked |= (pl.col("lang") == langs[1]) & (pl.col("doc") == (tgt_doc if "|" in doc else src_doc))
    known: list[str] = []
    for name in params.sources:
        segments = read_table(folder / f"{name}.parquet", SEGMENT_SCHEMA).filter(pl.col("lang").is_in(langs))
        both = segments.group_by("doc").agg(pl.col("lang").n_unique()).filter(pl.col("lang") == 2)["doc"]
        if doc == name and len(both):
            return name, segments
        asked = segments.filter(is_asked)
        if asked["lang"].n_unique() == 2:
            return name, asked
        known += [name, *both.sort()]
    near = difflib.get_close_matches(doc, known, n=3, cutoff=0.4)
    hint = f"did you mean {', '.join(near)}?" if near else f"sources: {', '.join(params.sources)}"
    raise DataError(f"{folder}: no document {doc!r} in both {' and '.join(langs)}; {hint}")


def render(title: str, langs: tuple[str, str], rows: Sequence[Row], score: float, has_gold: bool) -> str:
    """Return the page, every text escaped."""
    import jinja2

    one_sided = sum(not row.src or not row.tgt for row in rows)
    summary = f"{len(rows):,} beads, {one_sided:,} of them on one side only; document score {score:.3f}"
    if has_gold:
        summary += f"; {sum(row.fault is not None for row in rows):,} differ from the keys"
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, undefined=jinja2.StrictUndefined)
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        title=title,
        summary=summary,
        langs=langs,
        has_gold=has_gold,
        bands=list(zip(STEPS, (*STEPS[1:], 1.0), strict=True)),
        rows=[(row, *_band(row)) for row in rows],
    )


def _band(row: Row) -> tuple[str, str]:
    """Return the class of a bead's colour, and its confidence to two digits."""
    if not row.src or not row.tgt:
        return "none", "–"
    return f"c{sum(row.confidence >= step for step in STEPS) - 1}", f"{row.confidence:.2f}"


def show(doc: str, alignments: Path, segments: Path, vectors: Path, params: Params) -> str:
    """Return the page of a document, aligned here where ``alignments`` (from align) does not have it."""
    import polars as pl

    table = read_table(alignments, ALIGNMENT_SCHEMA).filter(pl.col("doc") == doc)
    if table.is_empty():
        source, texts = find_document(segments, doc, params)
        embed = Embedder.of(params.align.model, params).unit
        rows = align_hidden(source, doc, *read_extract(texts, vectors, source), params, embed)
        table = table_from_rows(rows, ALIGNMENT_SCHEMA)
    has_gold = table["fault"].null_count() < len(table)
    return render(
        doc,
        (params.pair.src, params.pair.tgt),
        view_rows(table, params.pair.src),
        table["score"][0],
        has_gold,
    )


def main() -> None:
    """Parse the command line and write the page."""
    parser = argparse.ArgumentParser(
        prog="python -m commands.align_view", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--doc", required=True, help="a document, as pairs name it, or a source")
    parser.add_argument("--alignments", type=Path, default=Path("data/alignments.parquet"))
    parser.add_argument("--segments", type=Path, default=Path("data/segments"))
    parser.add_argument("--vectors", type=Path, default=Path("data/vectors"))
    parser.add_argument("--out", type=Path, default=Path("data/align-view"), help="folder of the page")
    args = parser.parse_args()
    page = show(args.doc, args.alignments, args.segments, args.vectors, load_params())
    path = args.out / f"{re.sub(r'[^-.0-9A-Za-z_]+', '_', args.doc)}.html"
    with atomic_path(path) as temporary:
        temporary.write_text(page, encoding="utf-8", newline="\n")
    log.info("%s", path)


if __name__ == "__main__":
    cli.run(main)
