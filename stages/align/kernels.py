"""The inner loops of sentence alignment, compiled by numba; imported lazily by ``stages.align.beads``.

Everything runs on one thread and sums in a fixed order, so that the same input gives the same bytes. Compiled
code is kept in ``__pycache__``, beside Python's own; the first call after a change compiles for some seconds.

Terms: a *lattice point* (i, j) lies before source sentence i and before target sentence j; a bead of a source
and b target sentences leads from (i, j) to (i + a, j + b). The *band* holds, for each lattice row i, the
columns ``low[i] .. high[i]`` (both inclusive, neither ever falls), stored row after row from ``start[i]``.
A *cell* is a pair of sentences; ``cells`` holds their cosines, row r from column ``cell_low[r]`` on, stored
from ``cell_start[r]``.
"""

from __future__ import annotations

import numpy as np
from numba import njit

NONE = -1.0e30


@njit(cache=True, fastmath=True)
def dot(x: np.ndarray, y: np.ndarray) -> np.float32:
    total = np.float32(0.0)
    for k in range(x.shape[0]):
        total += x[k] * y[k]
    return total


@njit(cache=True)
def fill_cells(src, tgt, cell_low, cell_start):
    """Return the cosines of all cells, float32 (cell_start[-1],)."""
    cells = np.empty(cell_start[-1], np.float32)
    for r in range(src.shape[0]):
        for k in range(cell_start[r + 1] - cell_start[r]):
            cells[cell_start[r] + k] = dot(src[r], tgt[cell_low[r] + k])
    return cells


@njit(cache=True)
def describe_spans(vectors, weights, lengths, other, width):
    """Describe every span of up to ``width`` sentences by the weighted sum of its sentences' vectors.

    Returns three float32 (width, n) arrays, row a - 1 for spans of a sentences by their first: one over the
    sum's norm, the cosine to ``other`` (the other side's mean) and the length. Spans over the end: zero.
    """
    n, dim = vectors.shape
    inverse = np.zeros((width, n), np.float32)
    mean = np.zeros((width, n), np.float32)
    length = np.zeros((width, n), np.float32)
    total = np.empty(dim, np.float32)
    for i in range(n):
        total[:] = 0.0
        chars = 0.0
        for a in range(min(width, n - i)):
            for k in range(dim):
                total[k] += weights[i + a] * vectors[i + a, k]
            chars += lengths[i + a]
            norm = np.sqrt(dot(total, total))
            # Opposite vectors can cancel out; such a span is like nothing.
            inverse[a, i] = 1.0 / norm if norm > 1e-6 else 0.0
            mean[a, i] = dot(total, other) * inverse[a, i]
            length[a, i] = chars
    return inverse, mean, length


@njit(cache=True)
def similarity(cosine, src_mean, tgt_mean):
    """Return the cosine on the scale where the mean of random pairs is 0 and equal texts are 1."""
    mean = 0.5 * (src_mean + tgt_mean)
    return (cosine - mean) / max(1.0 - mean, 1e-6)


@njit(cache=True)
def gain(a, b, alike, core, src_length, tgt_length, costs):
    """Return the gain of a bead of that similarity over leaving its sentences out.

    ``NONE`` if it is not allowed. ``core``: the highest similarity of two of its sentences. ``costs``: what
    any bead gains, the weight of what the others add to the core, the cost of lengths that differ, what each
    src and each tgt sentence beyond the first gains, the floor, and the characters of tgt for each of src.
    """
    if alike < costs[5]:
        return NONE
    expected = src_length * costs[6]
    unequal = abs(expected - tgt_length) / (expected + tgt_length)
    value = costs[0] + core + costs[1] * (alike - core) - costs[2] * unequal
    return value + costs[3] * (a - 1) + costs[4] * (b - 1)


@njit(cache=True)
def encoded_similarity(src, tgt, a, i, b, j):
    """Return the similarity of two spans by their vectors, -1 where one has none."""
    src_sentences, _, _, src_means, _, src_rows, src_vectors = src
    tgt_sentences, _, _, tgt_means, _, tgt_rows, tgt_vectors = tgt
    if (a > 1 and src_rows[a - 1, i] < 0) or (b > 1 and tgt_rows[b - 1, j] < 0):
        return -1.0
    x = src_sentences[i] if a == 1 else src_vectors[src_rows[a - 1, i]]
    y = tgt_sentences[j] if b == 1 else tgt_vectors[tgt_rows[b - 1, j]]
    return similarity(dot(x, y), src_means[a - 1, i], tgt_means[b - 1, j])


@njit(cache=True)
def forward(band, cells, src, tgt, costs, width, exact):
    """Best gain of every lattice point from the start, and the move that reaches it.

    ``src`` and ``tgt``: (sentences, weights, inverse norms, means, lengths, rows, vectors) of a side. With
    ``exact``, beads other than 1-1 need the encoded vectors of their spans (``vectors[rows[a - 1, i]]``,
    -1 for none); else the weighted sums stand for them, whose cosines follow from those of the sentences.
    Returns float64 gains and int8 moves (16 a + b), in the band's order.
    """
    low, high, start, cell_low, cell_start = band
    _, src_weights, src_inverse, src_means, src_lengths, _, _ = src
    _, tgt_weights, tgt_inverse, tgt_means, tgt_lengths, _, _ = tgt
    gains = np.full(start[-1], NONE)
    moves = np.zeros(start[-1], np.int8)
    gains[0] = 0.0
    block, core = np.empty(width + 1), np.empty(width + 1)
    for i in range(low.shape[0]):
        for j in range(low[i], high[i] + 1):
            here = start[i] + j - low[i]
            best, move = gains[here], 0
            if j > low[i] and gains[here - 1] > best:
                best, move = gains[here - 1], 1
            if i > 0 and low[i - 1] <= j <= high[i - 1] and gains[start[i - 1] + j - low[i - 1]] > best:
                best, move = gains[start[i - 1] + j - low[i - 1]], 16
            block[:] = 0.0
            core[:] = NONE
            for a in range(1, min(width, i) + 1):
                r = i - a
                row, row_core = 0.0, NONE
                for b in range(1, min(width, j - cell_low[r]) + 1):
                    c = j - b
                    cell = cells[cell_start[r] + c - cell_low[r]]
                    row += tgt_weights[c] * cell
                    block[b] += src_weights[r] * row
                    row_core = max(row_core, similarity(cell, src_means[0, r], tgt_means[0, c]))
                    core[b] = max(core[b], row_core)
                    if c < low[r] or c > high[r]:
                        continue
                    before = gains[start[r] + c - low[r]]
                    if before <= NONE:
                        continue
                    if exact and a + b > 2:
                        alike = encoded_similarity(src, tgt, a, r, b, c)
                    else:
                        cosine = block[b] * src_inverse[a - 1, r] * tgt_inverse[b - 1, c]
                        alike = similarity(cosine, src_means[a - 1, r], tgt_means[b - 1, c])
                    value = gain(a, b, alike, core[b], src_lengths[a - 1, r], tgt_lengths[b - 1, c], costs)
                    if before + value > best:
                        best, move = before + value, 16 * a + b
            gains[here] = best
            moves[here] = move
    return gains, moves


@njit(cache=True)
def find_losses(band, cells, src, tgt, costs, width, gains):
    """Return what the best path through each span loses against the best of all.

    By weighted sums only. Two float32 (width, n) arrays, for the spans of each side.
    """
    low, high, start, cell_low, cell_start = band
    _, src_weights, src_inverse, src_means, src_lengths, _, _ = src
    _, tgt_weights, tgt_inverse, tgt_means, tgt_lengths, _, _ = tgt
    n, m = low.shape[0] - 1, high[-1]
    src_losses = np.full(src_means.shape, -NONE, np.float32)
    tgt_losses = np.full(tgt_means.shape, -NONE, np.float32)
    rest = np.full(start[-1], NONE)
    rest[-1] = 0.0
    block, core = np.empty(width + 1), np.empty(width + 1)
    for i in range(n, -1, -1):
        for j in range(high[i], low[i] - 1, -1):
            here = start[i] + j - low[i]
            best = rest[here]
            if j < high[i]:
                best = max(best, rest[here + 1])
            if i < n and low[i + 1] <= j <= high[i + 1]:
                best = max(best, rest[start[i + 1] + j - low[i + 1]])
            block[:] = 0.0
            core[:] = NONE
            for a in range(1, min(width, n - i) + 1):
                r = i + a - 1
                row, row_core = 0.0, NONE
                right = cell_low[r] + cell_start[r + 1] - cell_start[r]
                for b in range(1, min(width, right - j, m - j) + 1):
                    c = j + b - 1
                    cell = cells[cell_start[r] + c - cell_low[r]]
                    row += tgt_weights[c] * cell
                    block[b] += src_weights[r] * row
                    row_core = max(row_core, similarity(cell, src_means[0, r], tgt_means[0, c]))
                    core[b] = max(core[b], row_core)
                    if j + b < low[i + a] or j + b > high[i + a]:
                        continue
                    after = rest[start[i + a] + j + b - low[i + a]]
                    if after <= NONE:
                        continue
                    cosine = block[b] * src_inverse[a - 1, i] * tgt_inverse[b - 1, j]
                    alike = similarity(cosine, src_means[a - 1, i], tgt_means[b - 1, j])
                    value = gain(a, b, alike, core[b], src_lengths[a - 1, i], tgt_lengths[b - 1, j], costs)
                    best = max(best, value + after)
                    loss = gains[-1] - (gains[here] + value + after)
                    src_losses[a - 1, i] = min(src_losses[a - 1, i], loss)
                    tgt_losses[b - 1, j] = min(tgt_losses[b - 1, j], loss)
            rest[here] = best
    return src_losses, tgt_losses


@njit(cache=True)
def trace(low, start, moves):
    """Follow the moves back from the end; int32 (n_beads, 4) in order."""
    i, j = low.shape[0] - 1, low[-1] + start[-1] - start[-2] - 1
    beads = np.empty((i + j, 4), np.int32)
    n = i + j
    while i > 0 or j > 0:
        move = moves[start[i] + j - low[i]]
        a, b = move // 16, move % 16
        n -= 1
        beads[n, 0], beads[n, 1], beads[n, 2], beads[n, 3] = i - a, i, j - b, j
        i, j = i - a, j - b
    return beads[n:]


@njit(cache=True)
def rate(beads, src, tgt):
    """Return the similarity of every bead, float32 (n,); 0 where a side is empty."""
    rates = np.zeros(beads.shape[0], np.float32)
    for n in range(beads.shape[0]):
        i, j = beads[n, 0], beads[n, 2]
        a, b = beads[n, 1] - i, beads[n, 3] - j
        if a > 0 and b > 0:
            rates[n] = encoded_similarity(src, tgt, a, i, b, j)
    return rates
