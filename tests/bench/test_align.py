from __future__ import annotations

import itertools

import numpy as np

from bench.align import (
    Documents,
    align_with_ours,
    align_with_vecalign_costs,
    make_long,
    measure_speed,
    rate,
    remember,
)


def short(seed: int) -> Documents:
    """Two documents of some 120 sentences, a tenth of them joined, with their gold by what they hold."""
    documents, _, _ = make_long(120, seed)
    cuts = [
        [int(text.split()[0]) for text in side] + [int(side[-1].split()[-1]) + 1]
        for side in (documents.src, documents.tgt)
    ]
    shared = sorted(set(cuts[0]) & set(cuts[1]))
    gold = [
        tuple(tuple(n for n, unit in enumerate(cut[:-1]) if start <= unit < stop) for cut in cuts)
        for start, stop in itertools.pairwise(shared)
    ]
    return documents._replace(gold=gold)


def test_made_documents_are_aligned_well_and_with_few_texts_encoded():
    documents = short(7)
    ours = rate(documents, align_with_ours)
    assert ours["lax_f1"] > 0.98
    assert ours["strict_f1"] > 0.9
    assert 1 < ours["encoded_per_sentence"] <= 1.5
    theirs = rate(documents, align_with_vecalign_costs)
    assert theirs["encoded_per_sentence"] > 3.5
    assert 0.5 < theirs["strict_f1"] <= 1
    beads, _ = align_with_vecalign_costs(documents)
    for side, texts in enumerate((documents.src, documents.tgt)):
        assert [n for bead in beads for n in bead[side]] == list(range(len(texts)))


def test_speed_is_measured():
    assert 0 < measure_speed(200, rounds=1) < 30


def test_a_text_is_embedded_once():
    asked: list[str] = []

    def embed(texts):
        asked.extend(texts)
        return np.array([[len(text)] for text in texts], np.float32)

    known = remember(embed)
    assert known(["мост", "дом", "мост"]).tolist() == [[4], [3], [4]]
    assert known(["дом"]).tolist() == [[3]]
    assert asked == ["мост", "дом"]
