"""Clean the pairs: normalise and repair the texts, keep or drop each pair for one named reason.

Reads the pairs of align and the folder of people's judgements. Writes the corpus, the dropped pairs with
their reasons, the judged pairs of the corpus and the counts.

- ``filters``: the rewrites and filters that look at one pair, in the order they run; add a filter there.
- ``repeats``: what compares pairs: duplicates, templates, near-duplicates, the cap of a source.
- ``corpus``: the pass over the pairs, judgements, counts.
"""
