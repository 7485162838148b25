from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from stages.align.scores import Background, GoldSample, features, plant


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


def test_languages_have_backgrounds_of_their_own():
    background = Background(5)
    background.offer(*rows("Мост", lang="ru"))
    background.offer(*rows("Köpri", "Ýol"))
    assert (len(background.unit("ru")), len(background.unit("tk"))) == (1, 2)


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


def test_a_right_pair_stands_out_from_its_background_more_than_a_wrong_one():
    tgt = vectors(*TEXTS)
    src = tgt + 0.1 * vectors(*(f"шум {n}" for n in range(20)))
    found = features(
        np.concatenate([src, src]),
        np.concatenate([tgt, np.roll(tgt, 1, axis=0)]),
        src_background=src.astype(np.float32),
        tgt_background=tgt.astype(np.float32),
        k=4,
        memory_mb=64,
    )
    assert found[:20].min() > found[20:].max()
    assert features(src[:0], tgt[:0], src.astype(np.float32), tgt.astype(np.float32), 4, 64).shape == (0,)


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
