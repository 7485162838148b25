"""Measure one model, pretrained or with its adapters.

Reads data/splits, assets/sts_ru.tsv, the listed benchmarks (fetched, pinned in assets/benchmarks.yaml) and
the adapters of models/<model>. Ranks the right texts among candidates and hard negatives, correlates cosines
with graded pairs, and scores translations. Writes results/<model>-<variant>: metrics.json and the tables
(Parquet) from which every figure can be made again.
"""
