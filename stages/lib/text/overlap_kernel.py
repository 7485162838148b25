"""The inner loop of the search for near texts, compiled by numba; imported lazily by ``near_duplicates``.

It runs on one thread. Compiled code is kept in ``__pycache__``; the first call after a change compiles for
some seconds.
"""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True)
def _overlap(x, y, least):
    """Count the numbers that two ascending arrays share; with fewer than ``least``, any smaller count."""
    i = j = common = 0
    while i < len(x) and j < len(y) and common + min(len(x) - i, len(y) - j) >= least:
        if x[i] == y[j]:
            common += 1
            i += 1
            j += 1
        elif x[i] < y[j]:
            i += 1
        else:
            j += 1
    return common


@njit(cache=True)
def _least_overlap(size, other_size, is_shorter_long, jaccard, containment):
    """Return the number of n-grams that two sets of these sizes must share to be near, at least 1."""
    shorter = min(size, other_size)
    least = jaccard / (1 + jaccard) * (size + other_size)
    if is_shorter_long:
        least = min(least, containment * shorter)
    return max(1, int(np.ceil(least - 1e-9)))


@njit(cache=True)
def first_repeated(starts, grams, kept, threshold):
    """Return for each row the first earlier one that it repeats and that repeats none itself, else -1.

    Rows are as :func:`are_near` has them; two repeat each other where they share more than ``threshold``
    (Jaccard) of their n-grams.
    """
    n = len(starts) - 1
    ends = np.zeros((grams.max() if len(grams) else 0) + 2, np.int64)
    for row in range(n):
        for at in range(starts[row], starts[row] + kept[row]):
            ends[grams[at] + 1] += 1
    ends = np.cumsum(ends)
    fill = ends[:-1].copy()
    postings = np.empty(ends[-1], np.int32)
    asked_by = np.full(n, -1, np.int32)
    first = np.full(n, -1, np.int64)
    for row in range(n):
        mine = grams[starts[row] : starts[row + 1]]
        for gram in mine[: kept[row]]:
            for place in range(ends[gram], fill[gram]):
                other = postings[place]
                size = starts[other + 1] - starts[other]
                if asked_by[other] == row or min(size, len(mine)) <= threshold * max(size, len(mine)):
                    continue
                asked_by[other] = row
                if first[row] < 0 or other < first[row]:
                    least = int(threshold / (1 + threshold) * (len(mine) + size))
                    common = _overlap(mine, grams[starts[other] : starts[other + 1]], least)
                    if common > threshold * (len(mine) + size - common):
                        first[row] = other
        if first[row] < 0:
            for gram in mine[: kept[row]]:
                postings[fill[gram]] = row
                fill[gram] += 1
    return first


@njit(cache=True)
def _index(starts, grams, kept, references, is_prefix):
    """Return the postings of the references' prefixes, or of the rest: ends by n-gram (n + 1,), numbers."""
    ends = np.zeros((grams.max() if len(grams) else 0) + 2, np.int64)
    for r in references:
        middle = starts[r] + kept[r]
        for at in range(starts[r] if is_prefix else middle, middle if is_prefix else starts[r + 1]):
            ends[grams[at] + 1] += 1
    ends = np.cumsum(ends)
    fill = ends[:-1].copy()
    postings = np.empty(ends[-1], np.int32)
    for number in range(len(references)):
        r = references[number]
        middle = starts[r] + kept[r]
        for at in range(starts[r] if is_prefix else middle, middle if is_prefix else starts[r + 1]):
            postings[fill[grams[at]]] = number
            fill[grams[at]] += 1
    return ends, postings


@njit(cache=True)
def _count(ends, postings, grams, first, last, counts, touched, n_touched):
    """Count the n-grams that each reference in ``first <= number < last`` has; return how many have any."""
    for gram in grams:
        numbers = postings[ends[gram] : ends[gram + 1]]
        for place in range(np.searchsorted(numbers, first), np.searchsorted(numbers, last)):
            number = numbers[place]
            if counts[number] == 0:
                touched[n_touched] = number
                n_touched += 1
            counts[number] += 1
    return n_touched


@njit(cache=True)
def are_near(starts, grams, kept, is_long, rows, references, counts, jaccard, containment):
    """Tell for each of ``rows`` whether it is near one of ``references``, bool (len(rows),).

    Row r has the ``grams[starts[r] : starts[r + 1]]``, rarest first, ``kept[r]`` of them in its prefix. The
    references are in the order of their sizes; ``counts`` is a zero for each, of a type that holds any size.
    """
    prefix_ends, prefixes = _index(starts, grams, kept, references, True)
    rest_ends, rests = _index(starts, grams, kept, references, False)
    sizes = starts[references + 1] - starts[references]
    touched = np.empty(len(references), np.int32)
    near = np.zeros(len(rows), np.bool_)
    for position in range(len(rows)):
        x = rows[position]
        mine = grams[starts[x] : starts[x + 1]]
        # Of two sets the prefix of the smaller one is looked up in the whole of the other.
        border = np.searchsorted(sizes, len(mine))
        for mine_is_smaller in (True, False):
            if mine_is_smaller:
                last = len(sizes) if is_long[x] else np.searchsorted(sizes, len(mine) / jaccard, "right")
                prefix = mine[: kept[x]]
                n = _count(prefix_ends, prefixes, prefix, border, last, counts, touched, 0)
                n = _count(rest_ends, rests, prefix, border, last, counts, touched, n)
            else:
                n = _count(prefix_ends, prefixes, mine, 0, border, counts, touched, 0)
            for number in touched[:n]:
                count, counts[number] = counts[number], 0
                r = references[number]
                smaller = x if mine_is_smaller else r
                least = _least_overlap(len(mine), sizes[number], is_long[smaller], jaccard, containment)
                left_out = starts[smaller + 1] - starts[smaller] - kept[smaller]
                if (
                    not near[position]
                    and count >= least - left_out
                    and least <= min(len(mine), sizes[number])
                ):
                    near[position] = _overlap(mine, grams[starts[r] : starts[r + 1]], least) >= least
            if near[position]:
                break
    return near
