from __future__ import annotations

import itertools
import zlib
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench._bead_scores import score_beads, to_beads
from stages.align import beads as alignment
from stages.align.beads import Alignment, AlignSettings, align_document
from stages.lib.core.errors import DataError
from stages.lib.models.vectors import to_unit
from tests.phrases import PHRASES

DIM = 256
RU = [src for src, _ in PHRASES]
TK = [tgt for _, tgt in PHRASES]
# What a text says: the numbers of its phrases, by the text of each in either language.
MEANING = {text: n for n, pair in enumerate(PHRASES) for text in pair}


PHRASE_VECTORS = np.random.default_rng(0).normal(size=(len(PHRASES), DIM))


def embed(texts: Sequence[str]) -> np.ndarray:
    """Stand in for an encoder: a text is the sum of its phrases, with a little of its own."""
    vectors = np.zeros((len(texts), DIM), np.float32)
    for row, text in enumerate(texts):
        for phrase, n in MEANING.items():
            vectors[row] += text.count(phrase) * PHRASE_VECTORS[n]
        vectors[row] += 0.3 * np.random.default_rng(zlib.crc32(text.encode())).normal(size=DIM)
    return to_unit(vectors)


def align(src: Sequence[str], tgt: Sequence[str], options: AlignSettings | None = None) -> Alignment:
    return align_document(src, tgt, embed(src), embed(tgt), embed, embed, options)


def join(texts: Sequence[str], cuts: Sequence[int]) -> list[str]:
    """Join the texts between the cuts, the first and last of which are the ends."""
    return [" ".join(texts[i:j]) for i, j in itertools.pairwise(cuts)]


def random_vectors(n: int, seed: int, dim: int = DIM) -> np.ndarray:
    return to_unit(np.random.default_rng(seed).normal(size=(n, dim)))


def no_embed(texts: Sequence[str]) -> np.ndarray:
    raise AssertionError(f"nothing was to be encoded, but {texts} was")


def check_cover(found: Alignment, n: int, m: int) -> None:
    """Every sentence is in one bead, in order, and every figure in its range."""
    starts = np.concatenate([[[0, 0]], found.beads[:, [1, 3]]])
    assert (found.beads[:, [0, 2]] == starts[:-1]).all()
    assert starts[-1].tolist() == [n, m]
    assert found.beads.dtype == np.int32
    sizes = found.beads[:, [1, 3]] - found.beads[:, [0, 2]]
    assert (sizes.sum(axis=1) > 0).all()
    assert (sizes.sum(axis=1)[sizes.min(axis=1) == 0] == 1).all()  # left out one by one
    assert found.confidence.dtype == np.float32
    assert (found.confidence[sizes.min(axis=1) == 0] == 0).all()
    assert ((found.confidence >= 0) & (found.confidence <= 1)).all()
    assert 0 <= found.score <= 1


def test_sentences_that_one_language_joins_and_one_leaves_out_are_aligned():
    # Russian joins 1+2 and cuts nothing; Turkmen joins 4+5, and lacks 7.
    src = join(RU[:10], [0, 1, 3, 4, 5, 6, 7, 8, 9, 10])
    tgt = join(TK[:7], [0, 1, 2, 3, 4, 6, 7]) + join(TK[8:10], [0, 1, 2])
    found = align(src, tgt)
    expected = ["0-0", "1-12", "2-3", "34-4", "5-5", "6-", "7-6", "8-7"]
    assert ["-".join("".join(map(str, side)) for side in bead) for bead in to_beads(found.beads)] == expected
    check_cover(found, 9, 8)
    assert found.confidence[5] == 0
    assert found.confidence[[0, 1, 2, 3, 4, 6, 7]].min() > 0.5
    assert found.score > 0.6


@pytest.mark.parametrize("side", [0, 1])
def test_a_sentence_without_a_partner_is_not_taken_into_its_neighbour_s_bead(side: int):
    # Long ones, so that a bead with a short one more is nearly as similar.
    long = [join(texts, [0, 4, 8, 12, 16, 20]) for texts in (RU, TK)]
    src = [long[0][0], RU[20], long[0][1], long[0][2], RU[21], RU[22], long[0][3], long[0][4], RU[23]]
    sides = [src, long[1]]
    found = align(sides[side], sides[1 - side])
    gold = {((n,), (place,)) for place, n in enumerate((0, 2, 3, 6, 7))}
    gold |= {((n,), ()) for n in (1, 4, 5, 8)}
    assert {(bead[side], bead[1 - side]) for bead in to_beads(found.beads)} == gold


@st.composite
def documents(draw) -> tuple[list[str], list[str]]:
    """Two documents of the same phrases, each cut in its own way, with some phrases left out or repeated."""
    phrases = draw(st.lists(st.integers(0, len(PHRASES) - 1), max_size=30))
    sides = []
    for texts in (RU, TK):
        kept = [texts[n] for n in phrases if draw(st.integers(0, 9)) > 0]
        cuts = [0, *(n for n in range(1, len(kept)) if draw(st.integers(0, 3)) > 0), len(kept)]
        sides.append(join(kept, cuts) if kept else [])
    return sides[0], sides[1]


@settings(max_examples=60, deadline=None)
@given(documents())
def test_beads_cover_every_sentence_once_and_swapped_sides_mirror_them(sides):
    src, tgt = sides
    vectors = [embed(side) if side else np.empty((0, DIM), np.float32) for side in sides]
    found = align_document(src, tgt, *vectors, embed, embed)
    check_cover(found, len(src), len(tgt))
    assert found.encoded <= 0.5 * (len(src) + len(tgt))
    again = align_document(src, tgt, *vectors, embed, embed)
    assert again.beads.tobytes() == found.beads.tobytes()
    assert again.confidence.tobytes() == found.confidence.tobytes()
    mirrored = align_document(tgt, src, *vectors[::-1], embed, embed)
    left_out = found.beads[:, [0, 2]] == found.beads[:, [1, 3]]
    matched = ~left_out.any(axis=1)
    assert mirrored.score == found.score
    if src and tgt:
        assert (mirrored.beads[:, [2, 3, 0, 1]] == found.beads).all()
        assert (mirrored.confidence == found.confidence).all()
    else:
        assert not matched.any()


def best_path(src: list[str], tgt: list[str], options: AlignSettings) -> list[tuple]:
    """Align by the definition alone: every concatenation encoded, every bead tried, no band, no numba."""
    side_means = [embed(side).sum(0) / (len(side) + alignment.PRIOR_PAIRS) for side in (tgt, src)]
    spans = [
        {(i, i + a): " ".join(side[i : i + a]) for a in range(1, 5) for i in range(len(side) - a + 1)}
        for side in (src, tgt)
    ]
    vectors = [dict(zip(span, embed(list(span.values())), strict=True)) for span in spans]

    def similarity(i: int, k: int, j: int, m: int) -> float:
        x, y = vectors[0][i, k], vectors[1][j, m]
        mean = (x @ side_means[0] + y @ side_means[1]) / 2
        return float((x @ y - mean) / (1 - mean))

    best: dict[tuple[int, int], tuple[float, tuple]] = {(0, 0): (0.0, ())}
    for i in range(len(src) + 1):
        for j in range(len(tgt) + 1):
            ways = [best[i, j]] if i == j == 0 else []
            ways += [best[i - 1, j]] if i else []
            ways += [best[i, j - 1]] if j else []
            for a in range(1, min(i, 4) + 1):
                for b in range(1, min(j, 4) + 1):
                    here = similarity(i - a, i, j - b, j)
                    cells = itertools.product(range(i - a, i), range(j - b, j))
                    core = max(similarity(k, k + 1, m, m + 1) for k, m in cells)
                    value = core - options.even + options.join * (here - core)
                    if here >= options.floor:
                        gain, beads = best[i - a, j - b]
                        ways.append((gain + value, (*beads, (i - a, i, j - b, j))))
            best[i, j] = max(ways, key=lambda way: way[0])
    return list(best[len(src), len(tgt)][1])


@pytest.mark.parametrize("seed", range(4))
def test_the_result_is_the_best_path_by_the_definition(seed: int):
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(PHRASES))
    cuts = [[0, *sorted(rng.choice(np.arange(1, 24), 14, replace=False)), 24] for _ in range(2)]
    src = join([RU[n] for n in order], cuts[0])
    tgt = join([TK[n] for n in order], cuts[1])[2:]
    # With all spans encoded; without lengths and kinds of beads, which are counted in the passes before.
    options = AlignSettings(slack=1e9, budget=100.0, length=0.0, prior=0.0)
    found = align(src, tgt, options).beads
    matched = found[(found[:, 1] > found[:, 0]) & (found[:, 3] > found[:, 2])]
    assert [tuple(bead) for bead in matched.tolist()] == best_path(src, tgt, options)


def long_document(n: int, seed: int, kept: float = 1.0) -> tuple[list, list, np.ndarray, np.ndarray, list]:
    """Texts and vectors of two documents, one to one but for a block that the second lacks, and the gold."""
    src_vectors = random_vectors(n, seed)
    tgt_vectors = to_unit(src_vectors + 0.8 * random_vectors(n, seed + 1))
    start = int(0.4 * n)
    stop = start + round((1 - kept) * n)
    rows = np.r_[0:start, stop:n]
    texts = [f"предложение {row}" for row in range(n)]
    gold = [((int(row),), (place,)) for place, row in enumerate(rows)]
    gold += [((row,), ()) for row in range(start, stop)]
    return texts, [f"sözlem {row}" for row in rows], src_vectors, tgt_vectors[rows], gold


def embed_src(texts: Sequence[str]) -> np.ndarray:
    return random_vectors(len(texts), 98)


def embed_tgt(texts: Sequence[str]) -> np.ndarray:
    return random_vectors(len(texts), 99)


@pytest.mark.parametrize("n", [60, 1500])
def test_a_missing_block_does_not_harm_the_rest(n: int):
    *arguments, gold = long_document(n, seed=3, kept=0.7)
    found = align_document(*arguments, embed_src, embed_tgt)
    check_cover(found, n, len(arguments[1]))
    strict, lax = score_beads(gold, to_beads(found.beads))
    assert strict.f1 > 0.98
    assert lax.f1 > 0.98


def test_the_search_from_coarse_to_fine_finds_what_the_whole_search_finds(monkeypatch):
    *arguments, _ = long_document(400, seed=11, kept=0.8)
    found = {}
    for cells in (1 << 9, 1 << 30):
        monkeypatch.setattr(alignment, "FULL_CELLS", cells)
        found[cells] = align_document(*arguments, embed_src, embed_tgt)
    coarse, whole = found.values()
    assert (coarse.beads == whole.beads).all()
    assert (coarse.confidence == whole.confidence).all()


def test_unrelated_documents_are_left_out():
    n = 30
    src_vectors, tgt_vectors = np.eye(2 * n, dtype=np.float32)[:n], np.eye(2 * n, dtype=np.float32)[n:]
    texts = [f"предложение {row}" for row in range(n)]
    found = align_document(texts, texts, src_vectors, tgt_vectors, no_embed, no_embed)
    check_cover(found, n, n)
    assert found.score == 0
    assert len(found.beads) == 2 * n


@pytest.mark.parametrize("m", [10_000, 9_000])
def test_ten_thousand_identical_sentences_are_aligned_in_order(m: int):
    n = 10_000
    vectors = np.repeat(random_vectors(1, 0), n, axis=0)
    texts = ["То же самое."] * n
    embed_same = [lambda texts: vectors[: len(texts)]] * 2
    found = align_document(texts, texts[:m], vectors, vectors[:m], *embed_same)
    check_cover(found, n, m)
    assert found.encoded <= 6  # equal texts are encoded once
    if n == m:
        assert (found.beads[:, 0] == np.arange(n)).all()
        assert (found.beads[:, 2] == np.arange(n)).all()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda vectors: np.where(np.arange(4)[:, None] == 1, np.nan, vectors), "src: vector 1 has norm nan"),
        (lambda vectors: 3 * vectors, r"src: vector 0 has norm 3, expected 1 \(4 such vectors\)"),
        (lambda vectors: vectors[:3], r"src: expected 4 vectors for 4 texts, found shape \(3, 256\)"),
        (lambda vectors: random_vectors(4, 0, dim=32), "vectors of src have 32 dimensions, those of tgt 256"),
    ],
)
def test_vectors_that_cannot_be_used_are_named(spoil, message: str):
    with pytest.raises(DataError, match=message):
        align_document(RU[:4], TK[:4], spoil(embed(RU[:4])), embed(TK[:4]), embed, embed)


def test_beads_are_no_larger_than_allowed():
    src, tgt = RU[:8], join(TK[:8], [0, 4, 8])
    found = align(src, tgt)
    assert to_beads(found.beads) == [((0, 1, 2, 3), (0,)), ((4, 5, 6, 7), (1,))]
    found = align(src, tgt, AlignSettings(max_bead=1))
    check_cover(found, 8, 2)
    assert found.encoded == 0
    assert (found.beads[:, 1] - found.beads[:, 0] <= 1).all()
    for size in (0, 8):
        with pytest.raises(DataError, match=f"max_bead: expected 1 to 7 sentences, found {size}"):
            AlignSettings(max_bead=size)
