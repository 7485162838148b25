"""What the report page shows: sections made of the figures, ranks and texts of a run."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from stages.lib.charts import N_COLOURS, bar_chart, line_chart, step_chart
from stages.lib.page import Section, Table, Text
from stages.lib.result_table import STS

if TYPE_CHECKING:
    import polars as pl

    from stages.lib.params import Pair

# Wins and as many losses shown of each model.
N_EXAMPLES = 10


def result_section(rows: Sequence[Sequence[str]], legend: Sequence[str]) -> Section:
    """The result table with its legend; a star marks a corrected p below 0.05."""
    header, *body = rows
    delta, p = header.index("Δ P@1"), header.index("p")
    marked = [
        [
            f"{cell} *" if n == delta and row[p] and _as_number(row[p]) < 0.05 else cell
            for n, cell in enumerate(row)
        ]
        for row in body
    ]
    return Section(
        "results",
        "Results",
        paragraphs=[*legend, "* p below 0.05 after correction."],
        tables=[Table("Models, before and after fine-tuning", list(header), marked, n_text=2)],
    )


def _as_number(p: str) -> float:
    return float(p.removeprefix("<"))


def sts_section(summary: Mapping[str, Mapping[str, Mapping[str, float]]]) -> Section | None:
    """Retrieval against graded pairs: what fine-tuning gained and forgot; None without graded pairs."""
    series, names = {}, {}
    for model, variants in summary.items():
        points = [
            (variant, (found[STS], found["test_p1_mean"]))
            for variant, found in variants.items()
            if STS in found
        ]
        if points:
            points.sort(reverse=True)  # pretrained first
            names[model] = [variant for variant, _ in points]
            series[model] = [point for _, point in points]
    if not series:
        return None
    return Section(
        "forgetting",
        "Retrieval against graded pairs",
        charts=[
            line_chart(
                "forgetting",
                "P@1 against Pearson's r",
                "Each line goes from the pretrained model to the fine-tuned one: up is better retrieval, "
                "left is forgetting of Russian.",
                series,
                points=names,
                x="Pearson's r, own Russian pairs (smoke set)",
                y="P@1 on test, mean of both directions",
            )
        ],
    )


def calibration_section(curve: Sequence[Mapping[str, float]]) -> Section | None:
    """Share of right pairs from a score on, and of the right ones that are found; None without gold."""
    if not curve:
        return None
    return Section(
        "calibration",
        "Scores that can be trusted",
        charts=[
            line_chart(
                "calibration",
                "Precision and recall by probability",
                "Of pairs whose probability is at least x: the share that is right, and the share of all "
                "right pairs among them.",
                {
                    name: [(float(row["probability"]), float(row[name])) for row in curve]
                    for name in ("precision", "recall")
                },
                x="probability",
                y="share",
            )
        ],
    )


def translation_section(
    rows: Sequence[Sequence[str]], translations: Mapping[str, Mapping[str, pl.DataFrame]]
) -> Section | None:
    """The table of translation figures, then translations before and after fine-tuning, side by side.

    ``rows`` has the header first; ``translations`` is by model and variant. The examples are an even sample
    of each direction, by the first seed. None without a translator.
    """
    import polars as pl

    if not translations:
        return None
    header, *body = rows
    tables = [
        Table("Translation, before and after fine-tuning", list(header), list(map(list, body)), n_text=2)
    ]
    for model, variants in translations.items():
        both = None
        for variant, frame in variants.items():
            own = frame.filter(pl.col("system") == "model")
            part = own.filter(pl.col("seed") == own["seed"].min()).select(
                "direction", "pair_id", "src", "reference", pl.col("translation").alias(variant)
            )
            both = (
                part
                if both is None
                else both.join(
                    part.select("direction", "pair_id", variant),
                    on=["direction", "pair_id"],
                    maintain_order="left",
                )
            )
        for direction in both["direction"].unique(maintain_order=True):
            sample = both.filter(pl.col("direction") == direction).unique(
                "src", keep="first", maintain_order=True
            )
            sample = sample.gather_every(max(1, len(sample) // N_EXAMPLES)).head(N_EXAMPLES)
            here, there = direction.split("_")
            tables.append(
                Table(
                    f"{model}: translation {here} → {there}",
                    ["source", "reference", *variants],
                    [
                        [Text(row["src"], here)]
                        + [Text(row[name], there) for name in ("reference", *variants)]
                        for row in sample.iter_rows(named=True)
                    ],
                    n_text=2 + len(variants),
                )
            )
    return Section("translations", "Translations", tables=tables)


def p_at_k_section(rows: Iterable[Mapping[str, Any]]) -> Section:
    """P@k of every model and variant, one chart for each direction."""
    directions: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for row in rows:
        series = directions.setdefault(row["direction"], {})
        series.setdefault(f"{row['model']} {row['variant']}", []).append(
            (int(row["k"]), float(row["p_at_k"]))
        )
    charts = [
        line_chart(
            f"p-at-k-{direction}",
            f"P@k, {direction.replace('_', ' → ')}",
            "Share of the test queries whose right answer is among the k nearest candidates.",
            series,
            x="k",
            y="P@k",
            log_x=True,
        )
        for direction, series in directions.items()
    ]
    return Section("p-at-k", "Right answer among the k nearest", charts=charts)


def learning_section(rows: Sequence[Mapping[str, Any]]) -> Section | None:
    """Dev score and training loss by epoch; None without a training log.

    Translators have charts of their own: their scores go to 100, and their loss is another one.
    """
    translators = {row["model"] for row in rows if row["metric"].startswith("chrfpp_")}
    charts = []
    for metric, title, alt in (
        (
            "score",
            "Dev score by epoch",
            "The score on dev that training is stopped by; epoch 0 is the pretrained model.",
        ),
        ("loss", "Training loss by epoch", "Mean loss of each epoch's batches."),
    ):
        for kind in ("retrieval", "translation"):
            series: dict[str, list[tuple[float, float]]] = {}
            for row in rows:
                if row["metric"] == metric and (row["model"] in translators) == (kind == "translation"):
                    name = f"{row['model']} seed {row['seed']}"
                    series.setdefault(name, []).append((int(row["epoch"]), float(row["value"])))
            if series:
                name = f"learning-{metric}-{kind}"
                charts.append(line_chart(name, f"{title}, {kind}", alt, series, x="epoch", y=metric))
    return Section("learning", "Training", charts=charts) if charts else None


def flow_section(corpus: Mapping[str, Any], pair: Pair) -> Section:
    """How many pairs each source gave, what cleaning dropped and why, and where the rest went."""
    own: dict[str, Mapping[str, Any]] = {
        source: counts[pair.src]
        for source, counts in corpus["clean"]["by_source"].items()
        if pair.src in counts
    }
    reasons: dict[str, int] = {}
    for counts in own.values():
        for reason, n in counts["dropped"].items():
            reasons[reason] = reasons.get(reason, 0) + n
    # More reasons than colours: the rare ones are drawn as one, the table has them all.
    frequent = sorted(reasons, key=lambda reason: (-reasons[reason], reason))[: N_COLOURS - 2]
    bars = {}
    for source, counts in own.items():
        bars[source] = {"kept": counts["kept"]}
        bars[source] |= {reason: counts["dropped"].get(reason, 0) for reason in frequent}
        other = sum(n for reason, n in counts["dropped"].items() if reason not in frequent)
        if other:
            bars[source]["other reasons"] = other
    splits = {
        part: {source: float(n) for source, n in corpus["split"]["by_source"][part].items()}
        for part in ("train", "dev", "test")
    }
    names = list(dict.fromkeys(name for found in splits.values() for name in found))
    every = sorted(reasons, key=lambda reason: (-reasons[reason], reason))
    return Section(
        "flow",
        "The corpus",
        charts=[
            bar_chart(
                "flow",
                f"Pairs that came in, {pair.src}–{pair.tgt}",
                "Pairs of each source that cleaning kept, and those it dropped by reason.",
                bars,
                x="pairs",
            )
        ],
        tables=[
            Table(
                f"Cleaning, {pair.src}–{pair.tgt}",
                ["source", "in", "kept", *every],
                [
                    [source, f"{counts['in']:,}", f"{counts['kept']:,}"]
                    + [f"{counts['dropped'].get(reason, 0):,}" for reason in every]
                    for source, counts in own.items()
                ],
            ),
            Table(
                "Splits, pivots in train included",
                ["source", "train", "dev", "test"],
                [[name, *(f"{splits[part].get(name, 0):,g}" for part in splits)] for name in sorted(names)],
            ),
        ],
    )


def length_section(corpus: pl.DataFrame, pair: Pair) -> Section:
    """Distribution of the lengths, in words, of the pair's own rows of the cleaned corpus."""
    import polars as pl

    own = corpus.filter((pl.col("src_lang") == pair.src) & (pl.col("tgt_lang") == pair.tgt))
    edges = [1, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 50, 10_000]
    labels = [
        f"{low}" if high == low + 1 else f"{low}–{high - 1}" for low, high in itertools.pairwise(edges[:-1])
    ]
    labels.append(f"{edges[-2]}+")
    counts = {}
    for lang, column in ((pair.src, "src"), (pair.tgt, "tgt")):
        words = own[column].str.count_matches(r"\S+").to_numpy()
        counts[lang] = np.histogram(words, bins=edges)[0].tolist()
    ticks = list(range(len(labels) + 1))
    chart = step_chart(
        "lengths",
        "Length of the texts",
        f"Number of texts by words, bins {', '.join(labels)} from left to right.",
        ticks,
        counts,
        x="bin of words",
        y="texts",
    )
    # Drawn over the numbers of the bins, which are unlike in width; the table names them.
    rows = [[label, *row[1:]] for label, row in zip(labels, chart.rows, strict=True)]
    charts = [replace(chart, header=["words", *counts], rows=rows)]
    scores = own["score"].drop_nulls().to_numpy()
    if len(scores):
        bins = np.linspace(0, 1, 21)
        charts.append(
            step_chart(
                "scores",
                "Score of the pairs",
                "Number of pairs by the calibrated probability that they are translations of each other.",
                [round(float(edge), 2) for edge in bins],
                {
                    method: np.histogram(own.filter(pl.col("method") == method)["score"].drop_nulls(), bins)[
                        0
                    ].tolist()
                    for method in own["method"].unique().sort()
                },
                x="probability",
                y="pairs",
            )
        )
    return Section("lengths", "Lengths and scores", charts=charts)


def examples_section(
    before: Mapping[str, pl.DataFrame], after: Mapping[str, pl.DataFrame], test: pl.DataFrame, pair: Pair
) -> Section:
    """The queries that fine-tuning helped and hurt most, by change of the reciprocal rank, of each model.

    Where there are several seeds the first one counts.
    """
    import polars as pl

    texts = {row["pair_id"]: (row["src"], row["tgt"]) for row in test.iter_rows(named=True)}
    tables = []
    for model, tuned in after.items():
        keys = ["direction", "pair_id"]
        part = [
            frame.filter(
                (pl.col("benchmark") == "test")
                & (pl.col("scoring") == "cosine")
                & (pl.col("seed") == pl.col("seed").min())
            ).select(*keys, "rank")
            for frame in (before[model], tuned)
        ]
        both = (
            part[0]
            .join(part[1], on=keys, suffix="_after")
            .with_columns(change=1 / pl.col("rank_after") - 1 / pl.col("rank"))
        )
        for title, chosen in (
            ("won", both.filter(pl.col("change") > 0).sort("change", *keys, descending=[True, False, False])),
            ("lost", both.filter(pl.col("change") < 0).sort("change", *keys)),
        ):
            rows: list[list[str | Text]] = []
            for row in chosen.head(N_EXAMPLES).iter_rows(named=True):
                src, tgt = texts[row["pair_id"]]
                cells = [Text(src, pair.src), Text(tgt, pair.tgt)]
                if row["direction"] == f"{pair.tgt}_{pair.src}":
                    cells.reverse()
                rows.append([*cells, f"{row['rank']:,}", f"{row['rank_after']:,}"])
            tables.append(
                Table(
                    f"{model}: most {title} by fine-tuning ({len(chosen):,} of {len(both):,} queries)",
                    ["query", "right answer", "rank before", "rank after"],
                    rows,
                    n_text=2,
                )
            )
    return Section("examples", "Wins and losses", tables=tables)


def signature_section(signatures: Mapping[str, Mapping[str, Any]]) -> Section:
    """What pins each result: models, adapters, hashes, settings and versions, as evaluate wrote them."""

    def flat(value: Any, prefix: str = "") -> Iterable[tuple[str, str]]:
        if isinstance(value, Mapping):
            for key in sorted(value):
                yield from flat(value[key], f"{prefix}.{key}" if prefix else str(key))
        else:
            yield prefix, ", ".join(map(str, value)) if isinstance(value, list) else str(value)

    by_run = {name: dict(flat(signature)) for name, signature in signatures.items()}
    keys = list(dict.fromkeys(key for found in by_run.values() for key in found))
    shared = [key for key in keys if len({found.get(key) for found in by_run.values()}) == 1]
    first = next(iter(by_run.values()))
    return Section(
        "signature",
        "What made these figures",
        tables=[
            Table(
                "The same for every result", ["key", "value"], [[key, first[key]] for key in shared], n_text=2
            ),
            Table(
                "By result",
                ["result", "key", "value"],
                [
                    [name, key, found[key]]
                    for name, found in by_run.items()
                    for key in keys
                    if key not in shared and key in found
                ],
                n_text=3,
            ),
        ],
    )
