"""Sections of the report page on the corpus: where its rows went, lengths, scores and alignment."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from stages.lib.core.tables import MODEL_METHODS
from stages.report.charts import N_COLOURS, Chart, bar_chart, chart_texts, line_chart, step_chart
from stages.report.page import Section, Table, Text

if TYPE_CHECKING:
    import polars as pl

    from stages.lib.core.params import Pair
    from stages.report.alignment_view import Row

# Beads, documents and pairs shown of each kind.
N_EXAMPLES = 10


# The ends of a kept pair, as the page names them -> as split counts them.
_ENDS = {
    "train": "train",
    "dev": "dev",
    "test": "test",
    "judged, not in test": "gold_not_in_test",
    "too short to test": "short_in_dev_and_test",
    "found by a model, not judged": "found_in_dev_and_test",
    "near a held-out text": "removed",
}
_SPLITS = ("train", "dev", "test")


def flow_section(corpus: Mapping[str, Any], pair: Pair) -> Section:
    """How many rows each stage kept of each source, and why the rest went."""
    cleaned: dict[str, Mapping[str, Any]] = {
        source: counts[pair.src]
        for source, counts in corpus["clean"]["by_source"].items()
        if pair.src in counts
    }
    aligned = corpus["align"]["by_source"]
    ends = {name: corpus["split"]["own_by_source"][key] for name, key in _ENDS.items()}
    stages: dict[str, dict[str, int]] = {
        f"{lang} segments": {source: aligned[source]["segments"].get(lang, 0) for source in aligned}
        for lang in (pair.src, pair.tgt)
    }
    stages["pairs"] = {source: aligned[source]["pairs"].get(pair.src, 0) for source in aligned}
    stages["kept by clean"] = {source: counts["kept"] for source, counts in cleaned.items()}
    stages |= {name: ends[name] for name in _SPLITS}
    reasons: Counter[str] = Counter()
    for counts in cleaned.values():
        reasons.update(counts["dropped"])
    direction = f"{pair.src}–{pair.tgt}"
    return Section(
        "flow",
        "The corpus",
        paragraphs=[
            "A segment without a partner in the other language makes no pair. Pairs of dev and test "
            "documents that are too short to test, or that a model found, serve as distractors; pairs near a "
            "text of dev, test or a benchmark leave training."
        ],
        charts=_flow_charts(stages, cleaned, reasons, ends, direction),
        tables=[
            _count_table(
                f"From segments to splits, {direction}",
                aligned,
                stages | {name: counts for name, counts in ends.items() if name not in _SPLITS},
            ),
            _count_table(
                f"Cleaning, {direction}",
                cleaned,
                {key: {source: counts[key] for source, counts in cleaned.items()} for key in ("in", "kept")}
                | {
                    reason.replace("_", " "): {
                        source: counts["dropped"].get(reason, 0) for source, counts in cleaned.items()
                    }
                    for reason in sorted(reasons, key=lambda reason: (-reasons[reason], reason))
                },
            ),
            _split_table(corpus["split"]["by_source"]),
        ],
    )


def _flow_charts(
    stages: Mapping[str, Mapping[str, int]],
    cleaned: Mapping[str, Mapping[str, Any]],
    reasons: Mapping[str, int],
    ends: Mapping[str, Mapping[str, int]],
    direction: str,
) -> list[Chart]:
    kept = stages["kept by clean"]
    rows = {stage: _fold(counts, kept, "other sources") for stage, counts in stages.items()}
    flow = {
        source: {"kept": counts["kept"]} | _fold(counts["dropped"], reasons, "other reasons")
        for source, counts in cleaned.items()
    }
    went = {source: {name: counts.get(source, 0) for name, counts in ends.items()} for source in cleaned}
    return [
        bar_chart(bars=bars, **chart_texts(name, direction=direction))
        for name, bars in (("stages", rows), ("flow", flow), ("ends", went))
    ]


def _split_table(by_source: Mapping[str, Mapping[str, int]]) -> Table:
    splits = {name: by_source[name] for name in (*_SPLITS, "gold") if name in by_source}
    sources = sorted({source for counts in splits.values() for source in counts})
    return _count_table("Splits, pivots in train included", sources, splits)


def _count_table(caption: str, sources: Iterable[str], columns: Mapping[str, Mapping[str, int]]) -> Table:
    """Return a table with a row for each source and a column for each mapping of sources to counts."""
    rows = [[source, *(f"{counts.get(source, 0):,}" for counts in columns.values())] for source in sources]
    return Table(caption, ["source", *columns], rows)


def _fold(counts: Mapping[str, int], weights: Mapping[str, int], rest: str) -> dict[str, int]:
    """Return the counts of the heaviest names, all others summed as ``rest``: a chart has few colours."""
    heaviest = sorted(weights, key=lambda name: (-weights[name], name))[: N_COLOURS - 2]
    folded = {name: counts.get(name, 0) for name in heaviest}
    if others := sum(n for name, n in counts.items() if name not in heaviest):
        folded[rest] = others
    return folded


def length_section(corpus: pl.DataFrame, pair: Pair) -> Section:
    """Lengths, in words, and scores of the cleaned pairs of the two languages, pivots left out."""
    import polars as pl

    pairs = corpus.filter((pl.col("src_lang") == pair.src) & (pl.col("tgt_lang") == pair.tgt))
    edges = [1, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 50, 10_000]
    labels = [
        f"{low}" if high == low + 1 else f"{low}–{high - 1}" for low, high in itertools.pairwise(edges[:-1])
    ]
    labels.append(f"{edges[-2]}+")
    counts = {}
    for lang, column in ((pair.src, "src"), (pair.tgt, "tgt")):
        words = pairs[column].str.count_matches(r"\S+").to_numpy()
        counts[lang] = np.histogram(words, bins=edges)[0].tolist()
    # The bins are unlike in width: drawn over their numbers.
    places = list(range(len(labels) + 1))
    charts = [step_chart(edges=places, counts=counts, bins=labels, **chart_texts("lengths"))]
    scored = pairs.drop_nulls("score")
    if len(scored):
        bins = np.linspace(0, 1, 21)
        by_method = {
            method: np.histogram(scored.filter(method=method)["score"], bins)[0].tolist()
            for method in pairs["method"].unique().sort()
        }
        ends = [round(float(edge), 2) for edge in bins]
        charts.append(step_chart(edges=ends, counts=by_method, **chart_texts("scores")))
    return Section("lengths", "Lengths and scores", charts=charts)


def calibration_section(
    curve: Sequence[Mapping[str, float]], checks: Mapping[str, Mapping[str, Any]]
) -> Section | None:
    """Whether probabilities say what they promise, and what a threshold keeps; None without gold.

    ``checks`` are the figures of the sources that nothing was fitted to.
    """
    if not curve:
        return None
    paragraphs = []
    for source, check in checks.items():
        if scores := check.get("scores"):
            text = f"On {source}, which nothing was fitted to, the threshold keeps "
            if scores["precision"] is None:
                text += f"none of {scores['right']} right pairs and of {scores['wrong']} hard wrong ones."
            else:
                text += (
                    f"{100 * scores['recall']:.0f} % of {scores['right']} right pairs; against "
                    f"{scores['wrong']} hard wrong ones, both kinds weighing the same, "
                    f"{100 * scores['precision']:.0f} % of what it keeps is right."
                )
            paragraphs.append(f"{text} Brier score of the probabilities: {scores['brier']:.3f}.")
    shares = {
        name: [(float(row["probability"]), float(row[name])) for row in curve]
        for name in ("precision", "recall")
    }
    charts = [
        line_chart(series={"right": reliability(curve)}, diagonal=True, **chart_texts("calibration")),
        line_chart(series=shares, **chart_texts("threshold")),
    ]
    return Section("calibration", "Scores that can be trusted", paragraphs, charts)


def reliability(curve: Sequence[Mapping[str, float]]) -> list[tuple[float, float]]:
    """Return (mean probability, share that is right) of ten bins of the probability, empty ones left out.

    The curve counts what is at or above each score, by falling score; its steps are what lies between.
    """
    bins = [[0.0, 0.0, 0.0] for _ in range(10)]  # right, wrong, probability times both
    was_right = was_wrong = 0.0
    upper = curve[0]["probability"]
    for row in curve:
        right = row["recall"]
        wrong = right * (1 - row["precision"]) / row["precision"] if row["precision"] else was_wrong
        middle = (upper + row["probability"]) / 2
        mass = [max(right - was_right, 0.0), max(wrong - was_wrong, 0.0)]  # rounding may go below nothing
        counts = bins[min(int(middle * 10), 9)]
        for n, part in enumerate((*mass, middle * sum(mass))):
            counts[n] += part
        was_right, was_wrong, upper = right, wrong, row["probability"]
    return [
        (round(total / (right + wrong), 4), round(right / (right + wrong), 4))
        for right, wrong, total in bins
        if right + wrong > 0
    ]


def alignment_section(
    hidden: Mapping[str, Sequence[Row]],
    checks: Mapping[str, Mapping[str, Any]],
    documents: pl.DataFrame,
    corpus: pl.DataFrame,
    pair: Pair,
) -> Section | None:
    """Beads of the documents aligned with their keys hidden, and what the model found; None if neither.

    ``hidden`` has the beads by source. Of each source the beads that differ from the keys and the least sure
    are shown, and an even sample of the others. Of ``documents`` (DOCUMENT_SCHEMA) the least sure are shown:
    those whose pairing, where it was found, or alignment is.
    """
    import polars as pl

    paragraphs = [_hidden_text(source, rows, checks.get(source, {})) for source, rows in hidden.items()]
    tables = [_bead_table(source, rows, pair) for source, rows in hidden.items()]
    if len(documents):
        tables.append(_document_table(documents, pair))
    pairs = corpus.filter((pl.col("src_lang") == pair.src) & (pl.col("tgt_lang") == pair.tgt))
    for method in MODEL_METHODS:
        kept = pairs.filter(pl.col("method") == method).sort("score", "pair_id", descending=[True, False])
        if len(kept):
            tables.append(_pair_table(method, kept, pair))
    return Section("alignment", "Alignment", paragraphs=paragraphs, tables=tables) if tables else None


def _hidden_text(source: str, rows: Sequence[Row], check: Mapping[str, Any]) -> str:
    faults = sum(row.fault is not None for row in rows)
    text = f"With its keys hidden, {source} is aligned in {len(rows):,} beads, {faults:,} of them wrong"
    if paragraphs := check.get("paragraphs"):
        figures = [
            f"{name} {figure['value']:.3f} [{figure['low']:.3f}, {figure['high']:.3f}]"
            for name, figure in ((name, paragraphs[name.lower()]) for name in ("precision", "recall", "F1"))
        ]
        text += f" ({', '.join(figures)})"
    return f"{text}."


def _bead_table(source: str, rows: Sequence[Row], pair: Pair) -> Table:
    order = sorted(range(len(rows)), key=lambda n: (rows[n].fault is None, rows[n].confidence))
    rest = sorted(order[N_EXAMPLES:])
    sample = rest[:: max(1, len(rest) // N_EXAMPLES)][:N_EXAMPLES]
    chosen = [rows[n] for n in sorted([*order[:N_EXAMPLES], *sample])]
    return Table(
        f"{source}, keys hidden: {len(chosen)} of {len(rows):,} beads, the least sure among them",
        [pair.src, pair.tgt, "by the keys", "confidence"],
        [
            [
                *(
                    Text("\n".join(text for _, text in side) or "–", lang)
                    for side, lang in ((row.src, pair.src), (row.tgt, pair.tgt))
                ),
                row.fault or "right",
                f"{row.confidence:.2f}",
            ]
            for row in chosen
        ],
        n_text=3,
    )


def _document_table(documents: pl.DataFrame, pair: Pair) -> Table:
    import polars as pl

    least = documents.sort(pl.min_horizontal("pairing", "alignment"), "source", "src_doc", "tgt_doc")
    shown = least.head(N_EXAMPLES)
    return Table(
        f"Documents aligned by their vectors: the {len(shown)} least sure of {len(documents):,}",
        ["source", f"in {pair.src}", f"in {pair.tgt}", "pairing", "alignment", "beads"],
        [
            [
                *(row["source"], row["src_doc"], row["tgt_doc"]),
                "by name" if row["pairing"] is None else f"{row['pairing']:.2f}",
                *(f"{row['alignment']:.2f}", f"{row['beads']:,}"),
            ]
            for row in shown.iter_rows(named=True)
        ],
        n_text=3,
    )


def _pair_table(method: str, kept: pl.DataFrame, pair: Pair) -> Table:
    sample = kept.gather_every(max(1, len(kept) // N_EXAMPLES)).head(N_EXAMPLES)
    return Table(
        f"{method} by the model: {len(sample)} of {len(kept):,} kept pairs, by falling score",
        [pair.src, pair.tgt, "document", "probability"],
        [
            [Text(row["src"], pair.src), Text(row["tgt"], pair.tgt), row["doc"], f"{row['score']:.2f}"]
            for row in sample.iter_rows(named=True)
        ],
        n_text=3,
    )
