from __future__ import annotations

import itertools

import numpy as np

from bench.align import (
    Documents,
    Paragraph,
    align_with_ours,
    align_with_vecalign_costs,
    damage,
    make_long,
    match_paragraphs,
    measure_speed,
    rate,
    read_articles,
    recut,
    remember,
)
from stages.lib.core.tables import SEGMENT_SCHEMA, table_from_rows


def test_recut_documents_hold_the_same_text_and_their_gold_fits():
    src, tgt = ([f"{word} {n}" for n in range(300)] for word in ("строка", "setir"))
    docs = [f"doc{n // 50}" for n in range(300)]
    left, right, gold = recut(src, tgt, docs, seed=4)
    assert (left, right, gold) == recut(src, tgt, docs, seed=4)
    for side, texts in enumerate((left, right)):
        assert sorted(n for bead in gold for n in bead[side]) == list(range(len(texts)))
    numbers = [
        [[int(word) for word in text.split() if word.isdigit()] for text in side] for side in (left, right)
    ]
    kinds = set()
    for bead in gold:
        units = [[n for row in rows for n in numbers[side][row]] for side, rows in enumerate(bead)]
        assert units[0] == units[1] or not all(units)  # a bead says the same on both sides, or lacks one
        kinds.add((len(bead[0]), len(bead[1])))
        assert len({number // 50 for number in itertools.chain(*units)}) == 1  # and never joins two documents
    assert {(1, 1), (1, 2), (2, 1), (0, 1), (1, 0)} <= kinds


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


ARTICLES = [
    Paragraph(f"article-{n}", f"article-{n}#{m}", f"текст {n}.{m}") for n in range(9) for m in range(2)
]


def test_a_third_of_the_articles_is_deleted_and_two_are_replaced():
    for seed in range(5):
        damaged = damage(ARTICLES, seed)
        assert damaged == damage(ARTICLES, seed)
        assert len(damaged) == 12
        places = [paragraph.article for paragraph in damaged]
        assert len(set(places)) == 6
        gold = match_paragraphs(ARTICLES, damaged)
        assert sorted(i for src, _ in gold for i in src) == list(range(18))
        assert sorted(j for _, tgt in gold for j in tgt) == list(range(12))
        matched = sorted(bead for bead in gold if all(bead))
        assert (
            8 <= len(matched) <= 12
        )  # the four articles that are in their places, and what chance put in order
        assert all(ARTICLES[src[0]].key == damaged[tgt[0]].key for src, tgt in matched)
        assert [tgt for _, tgt in matched] == sorted(tgt for _, tgt in matched)


def test_articles_are_read_in_order_with_the_preamble_first():
    rows = [
        ("udhr", doc, lang, n, f"{doc} {lang} {n}", f"text/{n}", None, None, "MIT", None)
        for doc in ("udhr/article-02", "udhr/article-01", "udhr/preamble")
        for lang in ("ru", "tk")
        for n in (1, 0)
    ]
    found = read_articles(table_from_rows(rows, SEGMENT_SCHEMA), "tk")
    assert [paragraph.key for paragraph in found] == [
        f"udhr/{name}#text/{n}" for name in ("preamble", "article-01", "article-02") for n in (0, 1)
    ]


def test_speed_is_measured_with_memory_and_gemm_rate():
    speed = measure_speed(200, rounds=1)
    assert 0 < speed["seconds"] < 30
    assert speed["peak_mb"] >= speed["given_mb"] * 0.9 > 10
    assert speed["gflops"] > 0


def test_a_text_is_embedded_once():
    asked: list[str] = []

    def embed(texts):
        asked.extend(texts)
        return np.array([[len(text)] for text in texts], np.float32)

    known = remember(embed)
    assert known(["мост", "дом", "мост"]).tolist() == [[4], [3], [4]]
    assert known(["дом"]).tolist() == [[3]]
    assert asked == ["мост", "дом"]
