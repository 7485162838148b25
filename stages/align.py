"""Pair the segments of the two languages, and of the pivot languages with the target.

Sources that give keys are joined by key (method ``given``). Segments without a key are left to the methods
that compare vectors; here they are only counted.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages.lib import cli
from stages.lib.errors import DataError
from stages.lib.files import write_json
from stages.lib.params import Params, load_params
from stages.lib.tables import PAIR_SCHEMA, SEGMENT_SCHEMA, pair_id, read_table, table_from_rows, write_table

if TYPE_CHECKING:
    import polars as pl

log = logging.getLogger("align")

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


def pair_given(segments: pl.DataFrame, src: str, tgt: str) -> pl.DataFrame:
    """Join two languages' segments of one source on document and key; one row for each target segment.

    Plural forms meet by ``FORMS``. Returns the columns of the pair table in the order of the target's
    documents. Raises DataError if a key comes twice in one document and language.
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
    left = keyed.filter(pl.col("lang") == src).select("doc", "base", form_src="form", src="text", n_src="n")
    right = keyed.filter(pl.col("lang") == tgt)
    return (
        right.join(ranks, on="form")
        .join(left, on=["doc", "base", "form_src"])
        .sort("doc", "n", "key", "rank")
        .unique(subset=["doc", "key"], keep="first", maintain_order=True)
        .select("source", "doc", "key", "src", "n_src", "license", tgt="text", n_tgt="n")
    )


def align_source(segments: pl.DataFrame, src_langs: Sequence[str], tgt: str) -> pl.DataFrame:
    """Return the pair table of one source: the pair's own language first, then the pivots."""
    rows: list[tuple] = []
    for src in src_langs:
        for row in pair_given(segments, src, tgt).iter_rows(named=True):
            rows.append(
                (
                    pair_id(src, row["src"], tgt, row["tgt"]),
                    row["src"],
                    row["tgt"],
                    src,
                    tgt,
                    row["source"],
                    row["doc"],
                    row["key"],
                    row["n_src"],
                    row["n_tgt"],
                    "given",
                    None,
                    row["license"],
                )
            )
    return table_from_rows(rows, PAIR_SCHEMA)


def align(folder: Path, params: Params) -> tuple[pl.DataFrame, dict[str, Any]]:
    """Return the pair table and the counts of exactly the sources that params lists, in that order.

    Raises DataError if a source's table is missing, or if no pair is found in all of them.
    """
    import polars as pl

    src_langs = [params.pair.src, *(lang for lang in params.align.pivots if lang != params.pair.src)]
    src_langs = [lang for lang in src_langs if lang != params.pair.tgt]
    tables, by_source = [], {}
    for name in params.sources:
        segments = read_table(folder / f"{name}.parquet", SEGMENT_SCHEMA)
        foreign = segments.filter(pl.col("source") != name)
        if len(foreign):
            raise DataError(
                f"{folder / f'{name}.parquet'}: holds rows of source {foreign['source'][0]!r}; "
                f"expected {name!r}; run extract again"
            )
        pairs = align_source(segments, src_langs, params.pair.tgt)
        tables.append(pairs)
        by_source[name] = {
            "segments": _counts(segments, "lang"),
            "pairs": {lang: _counts(pairs, "src_lang").get(lang, 0) for lang in src_langs},
            "without_key": segments["key"].null_count(),
        }
    pairs = pl.concat(tables)
    if pairs.filter(pl.col("src_lang") == params.pair.src).is_empty():
        keyless = sum(found["without_key"] for found in by_source.values())
        raise DataError(
            f"{folder}: no {params.pair.src}-{params.pair.tgt} pair in {', '.join(params.sources)} "
            f"({keyless:,} segments have no key to join by); "
            "add a source with keys, or check pair and sources in params.yaml"
        )
    total = {lang: sum(counts["pairs"][lang] for counts in by_source.values()) for lang in src_langs}
    return pairs, {"by_source": by_source, "total": total}


def _counts(frame: pl.DataFrame, column: str) -> dict[str, int]:
    return dict(frame.group_by(column).len().sort(column).iter_rows())


def main() -> None:
    """Parse the command line and align the listed sources."""
    parser = argparse.ArgumentParser(prog="python -m stages.align", description=__doc__.splitlines()[0])
    parser.add_argument("--segments", required=True, type=Path, help="folder of segment tables")
    parser.add_argument("--out", required=True, type=Path, help="the pair table to write")
    parser.add_argument("--stats", type=Path, help="JSON of counts by source, if wanted")
    args = parser.parse_args()
    params = load_params()
    pairs, stats = align(args.segments, params)
    write_table(pairs, args.out, PAIR_SCHEMA)
    if args.stats:
        write_json(args.stats, stats)
    log.info("%s", ", ".join(f"{lang}-{params.pair.tgt}: {n:,} pairs" for lang, n in stats["total"].items()))


if __name__ == "__main__":
    cli.run(main)
