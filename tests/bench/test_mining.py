from __future__ import annotations

import numpy as np

from bench.mining import (
    build_pools,
    choose_as_example,
    judge,
    link_sentences,
    mine_by_cosine,
)
from stages.align.mining import Mined, choose, mine, nearest


def vectors(n: int, noise: float, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    src = rng.normal(size=(n, 32)) + 0.5
    tgt = src + noise * rng.normal(size=src.shape)
    return tuple(
        (side / np.linalg.norm(side, axis=1, keepdims=True)).astype(np.float32) for side in (src, tgt)
    )


def test_sentences_are_linked_by_key_and_by_equal_text() -> None:
    messages = [("ru", "a", "Сохранить"), ("tk", "a", "Sakla"), ("ru", "b", "Записать")]
    messages += [("tk", "b", "sakla"), ("ru", "c", "Удалить"), ("tk", "d", "Ýap")]  # sakla but for case
    groups = link_sentences(messages, ("ru", "tk"))
    assert sorted((sorted(src), tgt) for src, tgt in groups) == [
        ([], ["Ýap"]),
        (["Записать", "Сохранить"], ["Sakla"]),
        (["Удалить"], []),
    ]


def test_pools_hold_every_planted_pair_and_no_known_translation_while_text_suffices() -> None:
    planted = [(f"doc-{n % 7}", f"новость {n}", f"habar {n}") for n in range(40)]
    groups = [([f"текст {n}"], [f"tekst {n}"]) for n in range(300)]
    groups += [([], [f"diňe {n}"]) for n in range(60)]
    src, tgt = build_pools(planted, groups, 150)
    assert len(src.texts) == len(tgt.texts) == 150
    assert src.is_planted.sum() == tgt.is_planted.sum() == 40
    assert set(src.groups) & set(tgt.groups) == set(range(40))
    for side, column in ((src, 1), (tgt, 2)):
        for text, group, held_out in zip(side.texts, side.groups, side.is_held_out, strict=True):
            if group < 40:
                assert planted[group][column] == text
                # A planted pair is in one half, whichever side one looks from.
                assert held_out == src.is_held_out[np.flatnonzero(src.groups == group)[0]]
    assert src.texts == build_pools(planted, groups, 150)[0].texts
    # More than the groups can give without meeting: the rest is filled with known translations.
    src, tgt = build_pools(planted, groups, 300)
    assert len(src.texts) == len(tgt.texts) == 300
    assert len(set(src.groups) & set(tgt.groups)) > 40


def test_precision_and_recall_are_of_the_held_out_half_only() -> None:
    planted = [(f"doc-{n}", f"новость {n}", f"habar {n}") for n in range(200)]
    src, tgt = build_pools(planted, [([f"текст {n}"], []) for n in range(9)], 209)
    tgt_row = {group: row for row, group in enumerate(tgt.groups)}
    rows = np.flatnonzero(src.is_planted)
    targets = np.array([tgt_row[group] for group in src.groups[rows]])
    perfect = judge(Mined(rows, targets, np.linspace(2, 1, len(rows))), src, tgt)
    assert perfect["precision"] >= 0.98
    assert perfect["recall"] >= 0.98
    held_out = src.is_held_out[rows]
    assert perfect["gold"] == held_out.sum() < 200
    # Wrong answers in the half that chooses the threshold do not count, in the other they do.
    for spoiled, expected in ((~held_out, 1.0), (held_out, 0.0)):
        shifted = np.where(spoiled, np.roll(targets, 1), targets)
        score = np.where(spoiled & ~held_out, 0.5, 2.0)
        spoiled_figures = judge(Mined(rows, shifted, score), src, tgt)
        assert spoiled_figures["precision"] == spoiled_figures["recall"] == expected


def test_our_choice_is_that_of_the_example_and_better_than_cosine() -> None:
    src, tgt = vectors(600, noise=0.9)
    forth, back = nearest(src, tgt, 4, 64), nearest(tgt, src, 4, 64)
    ours = choose(forth, back, "ratio", "max_weight")
    example = choose_as_example((forth.cosines, forth.rows, back.cosines, back.rows))
    pairs = [set(zip(found.src.tolist(), found.tgt.tolist(), strict=True)) for found in (ours, example)]
    assert pairs[0] == pairs[1]
    assert np.allclose(np.sort(ours.score), np.sort(example.score), atol=1e-5)
    nearest_only = mine_by_cosine(src, tgt)
    assert np.mean(ours.src == ours.tgt) > np.mean(nearest_only.src == nearest_only.tgt)
    assert len(mine(src, tgt, k=4, margin="ratio", retrieval="max_weight", memory_mb=64).src) == len(ours.src)
