"""Show how a document was aligned: one HTML page with both texts side by side.

It draws what align wrote. A document that align joined by its keys is aligned here by its vectors, and the
page marks where the keys say otherwise. Run it with `make align-view DOC=udhr` after `dvc repro align`.
"""

from __future__ import annotations

import argparse
import difflib
import html
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
# One hue from pale to dark, told apart by lightness alone, so by everyone; the number stands beside it.
_LIGHT = ("#dbe9f6", "#b3d3ea", "#7db8da", "#4292c6", "#08519c")
_DARK = ("#0b2b4a", "#12497c", "#2171b5", "#6baed6", "#c6dbef")


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
    faults = sum(row.fault is not None for row in rows)
    alone = sum(not row.src or not row.tgt for row in rows)
    told = f"{len(rows):,} beads, {alone:,} of them on one side only; document score {score:.3f}"
    if has_gold:
        told += f"; {faults:,} differ from the keys"
    legend = "".join(
        f'<li><span class="band c{n}"></span>{low:.1f} to {high:.1f}</li>'
        for n, (low, high) in enumerate(zip(STEPS, (*STEPS[1:], 1.0), strict=True))
    )
    legend += '<li><span class="band none"></span>one side only</li>'
    legend += '<li><span class="band fault">✗</span>differs from the keys</li>' if has_gold else ""
    body = "\n".join(_bead(row, langs) for row in rows)
    name = html.escape(title)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{name}: alignment</title>
<style>
{_style()}
</style>
</head>
<body>
<main>
<h1>{name}</h1>
<p>{told}.</p>
<ul class="legend" aria-label="confidence">{legend}</ul>
<table>
<thead><tr><th scope="col">{html.escape(langs[0])}</th><th scope="col">confidence</th>\
<th scope="col">{html.escape(langs[1])}</th></tr></thead>
<tbody>
{body}
</tbody>
</table>
</main>
</body>
</html>
"""


def _bead(row: Row, langs: tuple[str, str]) -> str:
    is_whole = bool(row.src and row.tgt)
    kind = f"c{sum(row.confidence >= step for step in STEPS) - 1}" if is_whole else "none"
    number = f"{row.confidence:.2f}" if is_whole else "–"
    fault = f'<div class="fault">✗ {html.escape(row.fault)}</div>' if row.fault is not None else ""
    src, tgt = (
        "".join(
            f'<p><span class="n">{html.escape(name)}</span> {html.escape(text)}</p>' for name, text in side
        )
        for side in (row.src, row.tgt)
    )
    marked = ' class="differs"' if row.fault is not None else ""
    return (
        f'<tr{marked}><td lang="{html.escape(langs[0])}">{src}</td>'
        f'<td class="band {kind}">{number}{fault}</td>'
        f'<td lang="{html.escape(langs[1])}">{tgt}</td></tr>'
    )


def _style() -> str:
    def colours(shades: Sequence[str], letters: Sequence[str]) -> str:
        return "\n".join(
            f".c{n} {{ background: {shade}; color: {letter}; }}"
            for n, (shade, letter) in enumerate(zip(shades, letters, strict=True))
        )

    return f"""body {{ font: 16px/1.5 sans-serif; margin: 2rem; color: #1a1a1a; background: #ffffff; }}
table {{ border-collapse: separate; border-spacing: 0 4px; width: 100%; }}
th {{ text-align: left; }}
td {{ vertical-align: top; width: 44%; padding: 0.3rem 0.8rem; border: 1px solid #c8c8c8; }}
td p {{ margin: 0; }}
td.band {{ width: 12%; text-align: center; font-weight: bold; }}
.n {{ color: #5a5a5a; font-size: 80%; }}
.none {{ background: repeating-linear-gradient(45deg, #e8e8e8 0 6px, #ffffff 6px 12px); color: #1a1a1a; }}
.fault {{ color: #1a1a1a; background: #ffd9a0; font-size: 80%; font-weight: normal; }}
.differs td {{ border: 2px dashed #b35900; }}
.legend {{ list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: 1rem; }}
.legend .band {{ display: inline-block; width: 2em; height: 1.2em; margin-right: 0.4em; text-align: center; }}
{colours(_LIGHT, ("#1a1a1a",) * 4 + ("#ffffff",))}
@media (prefers-color-scheme: dark) {{
body {{ color: #eaeaea; background: #16181b; }}
td {{ border-color: #4a4d52; }}
.n {{ color: #a8adb4; }}
.none {{ background: repeating-linear-gradient(45deg, #33363b 0 6px, #16181b 6px 12px); color: #eaeaea; }}
{colours(_DARK, ("#ffffff",) * 3 + ("#1a1a1a",) * 2)}
}}
@media (max-width: 45em) {{
body {{ margin: 0.5rem; font-size: 14px; }}
table {{ table-layout: fixed; overflow-wrap: anywhere; hyphens: auto; }}
th {{ font-size: 12px; }}
th:nth-child(2), td.band {{ width: 18%; padding: 0.2rem 0; }}
td {{ width: auto; padding: 0.2rem 0.4rem; }}
}}"""


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
