"""Measure one model, pretrained or with its adapters.

Reads data/splits, assets/sts_ru.tsv, assets/hard_negatives, assets/fingerprints.json.gz, the listed
benchmarks (fetched, pinned in assets/benchmarks.yaml) and the adapters of models/<model>. Ranks the right
texts among candidates and hard negatives, correlates cosines with graded pairs, and scores translations.
Writes results/<model>-<variant>: metrics.json and the tables (Parquet) from which every figure can be
computed again. The metrics themselves, P@1 among them, are in stages/lib/scores.
"""
