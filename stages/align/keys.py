"""Pair segments by the keys that their source gave them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stages.lib.core.errors import DataError

if TYPE_CHECKING:
    import polars as pl

# The plural forms of the source-side message that can stand beside a form of the target-side one, best first.
# The empty form is a message without plural forms. Turkmen says `other` of every number above one, where
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
_KEY = rf"^(?s)(.*?)(?:#({'|'.join(filter(None, FORMS))}))?$"


def pair_by_key(segments: pl.DataFrame, src: str, tgt: str) -> pl.DataFrame:
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
    keyed = keyed.with_columns(
        base=pl.col("key").str.extract(_KEY, 1), form=pl.col("key").str.extract(_KEY, 2).fill_null("")
    )
    ranks = pl.DataFrame(
        [(tgt_form, form, rank) for tgt_form, forms in FORMS.items() for rank, form in enumerate(forms)],
        schema={"form": pl.String, "form_src": pl.String, "rank": pl.Int32},
        orient="row",
    )
    src_side = keyed.filter(pl.col("lang") == src).select(
        "doc", "base", form_src="form", src="text", n_src="n", src_row="row"
    )
    return (
        keyed.filter(pl.col("lang") == tgt)
        .join(ranks, on="form")
        .join(src_side, on=["doc", "base", "form_src"])
        .sort("doc", "n", "key", "rank")
        .unique(subset=["doc", "key"], keep="first", maintain_order=True)
        .select(
            "source", "doc", "key", "src", "n_src", "src_row", "license", tgt="text", n_tgt="n", tgt_row="row"
        )
    )
