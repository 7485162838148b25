"""Short Russian-Turkmen pairs written for the tests, and tables made of them."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import yaml

from stages.lib.core.tables import CORPUS_SCHEMA, table_from_rows
from tests.stages.small_corpus import corpus_row

PHRASES = [
    tuple(pair) for pair in yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8"))
]


def corpus(phrases: list[tuple[str, str]], source: str = "phrases", docs: int = 8) -> pl.DataFrame:
    """A corpus table of phrases, spread over ``docs`` documents."""
    rows = [
        corpus_row(*pair, f"{source}/{n % docs}", key=str(n), n_src=n, n_tgt=n, license="Apache-2.0")
        for n, pair in enumerate(phrases)
    ]
    return table_from_rows(rows, CORPUS_SCHEMA)
