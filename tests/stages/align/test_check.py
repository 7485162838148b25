from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from stages.align.check import HiddenSide, check_alignment, gold_pairs, hide_keys
from stages.lib.core.params import load_params

PARAMS = load_params(Path(__file__).parents[3] / "params.yaml")
DOCS = 8


def vector(meaning: int, lang: str) -> np.ndarray:
    """A vector for a meaning, the same in both languages but for a little noise."""
    base = np.random.default_rng(meaning).normal(size=64)
    noise = np.random.default_rng(list(f"{lang} {meaning}".encode())).normal(size=64)
    return (base + 0.2 * noise) / np.linalg.norm(base + 0.2 * noise)


def embed(texts: list[str], lang: str) -> np.ndarray:
    """The meanings of joined sentences lie between theirs."""
    found = [sum(vector(int(n), lang) for n in re.findall(r"\d+", text)) for text in texts]
    return np.array([row / np.linalg.norm(row) for row in found], dtype=np.float32)


def source(tgt_order: list[int] | None = None) -> tuple[pl.DataFrame, np.ndarray]:
    """Eight documents of two segments in either language; ``tgt_order`` shuffles the Turkmen meanings."""
    rows, table = [], []
    for lang, text in (("ru", "Предложение номер {} о воде."), ("tk", "Suw hakynda sözlem {} belgi.")):
        for place in range(2 * DOCS):
            meaning = tgt_order[place] if lang == "tk" and tgt_order else place
            rows.append(
                (f"u/{place // 2}", lang, place % 2, text.format(meaning), f"k{place % 2}", len(rows))
            )
            table.append(vector(meaning, lang))
    frame = pl.DataFrame(rows, schema=["doc", "lang", "n", "text", "key", "row"], orient="row")
    return frame.with_columns(url=pl.lit(None), license=pl.lit("MIT")), np.array(table, dtype=np.float16)


def test_a_text_in_the_order_of_its_keys_is_found_whole():
    found = check_alignment("u", *source(), PARAMS, embed)[0]
    for part in ("paragraphs", "sentences", "documents"):
        for figure in ("precision", "recall", "f1"):
            assert found[part][figure]["value"] == 1.0, (part, figure)
            assert found[part][figure]["low"] < 1.0  # so few units are never sure
    assert found["paragraphs"]["beads"] == {"1-1": 2 * DOCS}
    assert found["paragraphs"]["f1"]["n"] == 4 * DOCS
    assert found["sentences"]["sentences"] == [2 * DOCS, 2 * DOCS]


def test_segments_that_changed_places_count_against_both_figures():
    order = list(range(2 * DOCS))
    order[0], order[15] = order[15], order[0]  # their meanings are now far from their keys
    found = check_alignment("u", *source(order), PARAMS, embed)[0]["paragraphs"]
    assert found["recall"]["value"] == pytest.approx(14 / 16)
    assert found["precision"]["value"] >= 14 / 16
    assert 14 / 16 <= found["f1"]["value"] < 1


def test_a_source_without_a_common_key_is_not_checked():
    segments, table = source()
    other = pl.when(pl.col("lang") == "tk").then(pl.lit("x")).otherwise(pl.col("key"))
    assert check_alignment("u", segments.with_columns(key=other), table, PARAMS, embed) is None


def test_hidden_text_is_in_the_order_of_documents_and_gold_joins_by_document_and_key():
    sides = hide_keys(*source(), PARAMS)
    assert [hidden.side.lang for hidden in sides] == ["ru", "tk"]
    assert sides[0].places[:3] == [("u/0", "k0"), ("u/0", "k1"), ("u/1", "k0")]
    assert sides[0].names[:3] == ["0 k0", "0 k1", "1 k0"]
    assert gold_pairs(*sides) == {(n, n) for n in range(2 * DOCS)}
    src, tgt = (
        HiddenSide(sides[0].side, places) for places in ([("a", None), ("a", "x")], [("a", "x"), ("a", None)])
    )
    assert gold_pairs(src, tgt) == {(1, 0)}
    assert tgt.names == [" x", "2"]
