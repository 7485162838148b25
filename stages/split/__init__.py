"""Split the corpus by document into train, dev and test; remove leaks of evaluation text from train.

Reads data/corpus.parquet, data/judged.parquet and assets/fingerprints.json.gz (of the benchmarks). Writes
data/splits/{train,dev,test,gold,pool}.parquet (gold: pairs of test documents that people judged good; pool:
distractors for retrieval) and data/stats/split.json, the counts with a leakage report.

- ``rows``: which split a row's document is in, and what the row may serve as.
- ``leaks``: the rows that match a text of test, gold, dev or a benchmark, exactly or nearly.
- ``splits``: the five tables and their counts.
"""
