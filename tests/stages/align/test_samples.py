from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from stages.align.samples import Background, GoldSample, plant, plant_merges, plant_negatives
from tests.phrases import PHRASES


def rows(*texts: str, lang: str = "tk") -> tuple[pl.DataFrame, np.ndarray]:
    """Segments, and vectors that stand for their texts."""
    frame = pl.DataFrame({"lang": [lang] * len(texts), "text": texts, "row": range(len(texts))})
    return frame, vectors(*texts)


def vectors(*texts: str) -> np.ndarray:
    """A vector drawn by the text itself, float16 (n, 16)."""
    drawn = [np.random.default_rng(list(text.encode())).normal(size=16) for text in texts]
    return np.array([row / np.linalg.norm(row) for row in drawn], dtype=np.float16)


TEXTS = [f"Bu {n}-nji sözlem" for n in range(20)]


def test_a_background_depends_on_its_texts_and_not_on_their_order_or_source():
    whole, parts = Background(8), Background(8)
    whole.offer(*rows(*TEXTS))
    parts.offer(*rows(*TEXTS[12:], TEXTS[3]))
    parts.offer(*rows(*reversed(TEXTS[:14])))
    assert np.array_equal(whole.unit("tk"), parts.unit("tk"))
    assert whole.unit("tk").shape == (8, 16)
    with pytest.raises(KeyError):
        whole.unit("ru")


def test_a_text_in_both_backgrounds_is_in_their_union_once():
    one, other = Background(20), Background(20)
    one.offer(*rows(*TEXTS[:12]))
    other.offer(*rows(*TEXTS[8:]))
    assert len(one.beside(other).unit("tk")) == 20
    assert len(one.unit("tk")) == 12


def gold(*pairs: tuple[str, str, str]) -> tuple[pl.DataFrame, np.ndarray]:
    docs, src, tgt = zip(*pairs, strict=True)
    table = vectors(*src, *tgt)
    frame = {"doc": docs, "src": src, "tgt": tgt}
    return pl.DataFrame(
        {**frame, "src_row": range(len(src)), "tgt_row": range(len(src), 2 * len(src))}
    ), table


PAIRS = [(f"a/{n // 3}", f"Это предложение номер {n}", f"Bu {n}-nji sözlem") for n in range(12)]


def test_a_sample_holds_whole_documents_the_same_ones_in_any_order():
    first, last = GoldSample(5, 3), GoldSample(5, 3)
    first.offer("a", *gold(*PAIRS))
    last.offer("a", *gold(*PAIRS[6:]))
    last.offer("a", *gold(*PAIRS[:6]))
    assert sorted(first.of("a").src) == sorted(last.of("a").src)
    assert len(first.of("a").src) == 6  # two documents of three pairs
    assert first.of("b") is None


def test_short_pairs_and_repeated_ones_are_no_gold():
    sample = GoldSample(10, 3)
    sample.offer("a", *gold(("a/1", "Новый мост", "Täze köpri"), PAIRS[0], PAIRS[0]))
    assert sample.of("a").src == [PAIRS[0][1]]


@pytest.mark.parametrize("count", [1, 12])
def test_planted_pairs_are_wrong_and_know_their_documents(count):
    sample = GoldSample(20, 3)
    sample.offer("a", *gold(*PAIRS[:count]))
    pairs = sample.of("a")
    src, tgt, docs = plant(pairs, lambda texts, lang: vectors(*texts).astype(np.float32), "ru", "tk", 64)
    assert len(src) == len(tgt) == len(docs)
    assert (len(docs) > 0) == (count > 1)
    right = {(a.tobytes(), b.tobytes()) for a, b in zip(pairs.src_vectors, pairs.tgt_vectors, strict=True)}
    planted = zip(src.astype(np.float16), tgt.astype(np.float16), strict=True)
    assert not right & {(a.tobytes(), b.tobytes()) for a, b in planted}
    assert set(docs) <= set(pairs.docs)


def test_planted_pairs_are_wrong_near_and_hold_the_next_sentence() -> None:
    # Rows 0 and 3 have the same source text: the target of either is right for both.
    src = np.eye(6, dtype=np.float32)[[0, 1, 2, 0, 4, 5]]
    tgt = np.eye(6, dtype=np.float32)[[0, 1, 2, 3, 4, 5]]
    tgt[2] = (tgt[1] + 0.5 * tgt[2]) / np.linalg.norm([1, 0.5])  # looks like row 1's translation
    docs = ["a", "a", "a", "b", "b", "c"]
    src_rows, tgt_rows = plant_negatives(src, tgt, docs, memory_mb=64)
    pairs = set(zip(src_rows.tolist(), tgt_rows.tolist(), strict=True))
    assert len(pairs) == len(src_rows)
    assert {(0, 1), (1, 2), (3, 4)} <= pairs  # next sentences, within a document
    assert (1, 2) in pairs  # the nearest wrong neighbour
    assert not pairs & {(0, 3), (3, 0)}
    assert all(a != b for a, b in pairs)


def test_merges_take_one_sentence_too_many_within_a_document() -> None:
    (ru1, tk1), (ru2, tk2), (ru3, tk3), (ru4, tk4) = PHRASES[:4]
    assert plant_merges([ru1, ru2, ru3, ru4], [tk1, tk2, tk3, tk4], ["a", "a", "a", "b"]) == [
        (f"{ru1} {ru2}", tk1, 0),
        (ru2, f"{tk2} {tk3}", 1),
    ]
