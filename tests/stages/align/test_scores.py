"""A pair's margin among a background; the calibrated score is tested with the stage (test_pairs)."""

from __future__ import annotations

import numpy as np
import pytest

from stages.align.scores import background_margins
from stages.lib.core.errors import DataError
from tests.stages.align.test_mining import translations


def test_a_pair_scores_the_same_whether_the_background_holds_it_or_not() -> None:
    src, tgt = translations(60, noise=0.5)
    pair = {"src": src[:10], "tgt": tgt[::-1][:10]}
    others = {"src_background": src[10:], "tgt_background": tgt[::-1][10:]}
    every = {"src_background": src, "tgt_background": tgt}
    for n in range(10):
        one = {name: vectors[n : n + 1] for name, vectors in pair.items()}
        without = background_margins(**one, **others, k=4, memory_mb=256)
        near = np.sort(one["src"] @ others["tgt_background"].T)[0, -4:].mean()
        back = np.sort(one["tgt"] @ others["src_background"].T)[0, -4:].mean()
        assert without[0] == pytest.approx(
            float(one["src"][0] @ one["tgt"][0]) / ((near + back) / 2), abs=1e-5
        )
        alone = {
            "src_background": np.concatenate([others["src_background"], one["src"]]),
            "tgt_background": np.concatenate([others["tgt_background"], one["tgt"]]),
        }
        assert background_margins(**one, **alone, k=4, memory_mb=256)[0] == pytest.approx(
            without[0], abs=1e-6
        )
    # Pairs are scored each for itself: the batch changes nothing.
    together = background_margins(**pair, **every, k=4, memory_mb=256)
    alone = [
        background_margins(src[n : n + 1], tgt[::-1][n : n + 1], **every, k=4, memory_mb=256)[0]
        for n in range(10)
    ]
    assert np.allclose(together, alone, atol=1e-6)


def test_a_right_pair_stands_out_from_its_background_more_than_a_wrong_one() -> None:
    src, tgt = translations(20, noise=0.1)
    tgt = tgt[::-1]
    backgrounds = {"src_background": src, "tgt_background": tgt, "k": 4, "memory_mb": 64}
    # Vectors as they are stored, and not quite of unit length.
    right = background_margins(src.astype(np.float16), 1.1 * tgt, **backgrounds)
    wrong = background_margins(src, np.roll(tgt, 1, axis=0), **backgrounds)
    assert right.min() > wrong.max()
    assert np.allclose(right, background_margins(src, tgt, **backgrounds), atol=1e-3)
    assert background_margins(src[:0], tgt[:0], **backgrounds).shape == (0,)
    with pytest.raises(DataError, match="source background is empty"):
        background_margins(src, tgt, **backgrounds | {"src_background": src[:0]})
