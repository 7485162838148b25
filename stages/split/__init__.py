"""Split the corpus by document into train, dev and test, and keep train clean of what it is judged on.

Reads the corpus, its judged pairs and the fingerprints of the benchmarks. Writes train, dev, test, gold (what
people judged good in test documents), pool (distractors for retrieval) and the counts with a leakage report.

- ``rows``: which split a row's document is in, and what the row may serve as.
- ``leaks``: the rows that match a text of test, gold, dev or a benchmark, exactly or nearly.
- ``splits``: the five tables and their counts.
"""
