"""Pair the texts of the two languages, and of the pivots with the target, and score every pair.

Reads ``data/segments``, their vectors and what people judged (``data/annotations``). Pairs by key where a
source has keys (``keys``), else aligns documents (``documents``, ``beads``) and mines what remains
(``mining``); every pair has a calibrated score (``scores``). Writes the pairs, those below the threshold, the
aligned documents with their beads, counts, and a check with the keys of the test sources hidden (``check``).
"""
