"""Gather the figures of every stage.

Reads what evaluate measured (results/), what align, clean and split counted (data/stats/) and the beads of
the alignments; tests each fine-tuned model against its pretrained one, query by query. Writes metrics/
(summary, details, counts, plots), report/results.md and study.md (tables), and report/index.html, the page of
charts, alignments and examples. It embeds, aligns and trains nothing.
"""
