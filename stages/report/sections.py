"""What the report page shows: sections made of the figures, ranks and texts of a run."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from stages.lib.core.tables import MODEL_METHODS
from stages.report.charts import N_COLOURS, bar_chart, line_chart, step_chart
from stages.report.page import Listing, Section, Table, Text
from stages.report.result_table import STS

if TYPE_CHECKING:
    import polars as pl

    from stages.lib.core.params import Pair
    from stages.report.alignment_view import Row

# Wins and as many losses shown of each model.
N_EXAMPLES = 10


def result_section(
    rows: Sequence[Sequence[str]], legend: Sequence[str], compared: Mapping[str, Mapping[str, float]]
) -> Section:
    """The result table with its legend; a star marks a corrected p below 0.05.

    ``compared`` has the paired test of each fine-tuned model, for the interval of its difference.
    """
    header, *body = rows
    delta, p = header.index("Δ P@1"), header.index("p")
    marked = []
    for row in body:
        cells = list(row)
        if cells[p]:
            test = compared[cells[0]]
            cells[delta] += f" [{100 * test['low']:+.1f}, {100 * test['high']:+.1f}]"
            if _as_number(cells[p]) < 0.05:
                cells[delta] += "\u00a0*"
        marked.append(cells)
    return Section(
        "results",
        "Results",
        paragraphs=[*legend, "* p below 0.05 after correction."],
        tables=[Table("Models, before and after fine-tuning", list(header), marked, n_text=2)],
    )


def _as_number(p: str) -> float:
    return float(p.removeprefix("<"))


def sts_section(
    summary: Mapping[str, Mapping[str, Mapping[str, float]]],
    interpolation: Mapping[str, Any],
    adapters: Mapping[str, Mapping[str, str]],
) -> Section | None:
    """Retrieval against graded pairs: what fine-tuning gained and forgot; None without graded pairs.

    ``interpolation`` is what `make benchmarks` measured by strength of the adapters, perhaps of another run:
    a curve is drawn where it starts at this run's pretrained figure, or else said to be of another test set,
    and said to be of other adapters where their hashes, by model and seed, are not those of ``adapters``.
    """
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
    charts = [
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
    ]
    curves, strengths, others, left_out = {}, {}, [], []
    for model in (name for name in adapters if name in interpolation["models"]):
        found = interpolation["models"][model]
        points = found["points"]
        if points[0]["figures"]["test_p1_mean"]["value"] != summary[model]["pretrained"]["test_p1_mean"]:
            left_out.append(model)
            continue
        curves[model] = [
            (_worst(point, interpolation["guarded"]), point["figures"]["test_p1_mean"]["value"])
            for point in points
        ]
        strengths[model] = [f"{point['strength']:g}" for point in points]
        if found["signature"]["adapter_sha256"] != adapters[model]:
            others.append(model)
    paragraphs = []
    if curves:
        charts.append(
            line_chart(
                "strength",
                "The same by strength of the adapter",
                "Each curve goes from strength 0, the pretrained model, to 1, the adapter as trained: up is "
                "better retrieval, left is forgetting, by the worst of the graded sets "
                f"{', '.join(interpolation['guarded'])}.",
                curves,
                points=strengths,
                x="change of Pearson's r, the set that fell most",
                y="P@1 on test, mean of both directions",
            )
        )
        saved = "; ".join(
            f"{model} saves {', '.join(f'{strength:g}' for strength in kept)}"
            for model in curves
            if (kept := sorted(set(interpolation["models"][model]["saved"].values())))
        )
        paragraphs.append(f"The adapters stand in the result table at the strength that is saved: {saved}.")
    if others:
        paragraphs.append(
            f"The curves of {', '.join(others)} were measured with adapters of another training run; "
            "make benchmarks, then dvc repro report, measures these."
        )
    if left_out:
        paragraphs.append(
            f"There is no curve of {', '.join(left_out)}, measured on another test set; make benchmarks, "
            "then dvc repro report, draws it."
        )
    return Section("forgetting", "Retrieval against graded pairs", paragraphs=paragraphs, charts=charts)


def _worst(point: Mapping[str, Any], guarded: Iterable[str]) -> float:
    """Return the change of Pearson's r on the graded set that fell most; the pretrained model has none."""
    changes = [point["differences"].get(f"sts_{name}_pearson", {}).get("difference", 0.0) for name in guarded]
    return min(changes)


def calibration_section(
    curve: Sequence[Mapping[str, float]], checks: Mapping[str, Mapping[str, Any]]
) -> Section | None:
    """Whether probabilities say what they promise, and what a threshold keeps; None without gold.

    ``checks`` are the figures of the sources that nothing was fitted to.
    """
    if not curve:
        return None
    paragraphs = []
    for source, found in checks.items():
        if scores := found.get("scores"):
            told = f"On {source}, which nothing was fitted to, the threshold keeps "
            if scores["precision"] is None:
                told += f"none of {scores['right']} right pairs and of {scores['wrong']} hard wrong ones."
            else:
                told += (
                    f"{100 * scores['recall']:.0f} % of {scores['right']} right pairs; against "
                    f"{scores['wrong']} hard wrong ones, both kinds weighing the same, "
                    f"{100 * scores['precision']:.0f} % of what it keeps is right."
                )
            paragraphs.append(f"{told} Brier score of the probabilities: {scores['brier']:.3f}.")
    return Section(
        "calibration",
        "Scores that can be trusted",
        paragraphs=paragraphs,
        charts=[
            line_chart(
                "calibration",
                "Calibration",
                "Gold pairs against planted wrong ones, by the probability that the score gives them: the "
                "share that is right. On the dotted diagonal the two agree. These are the pairs that the "
                "curve was fitted to.",
                {"right": reliability(curve)},
                x="probability",
                y="share that is right",
                diagonal=True,
            ),
            line_chart(
                "threshold",
                "Precision and recall by threshold",
                "Of pairs whose probability is at least x: the share that is right, and the share of all "
                "right pairs among them.",
                {
                    name: [(float(row["probability"]), float(row[name])) for row in curve]
                    for name in ("precision", "recall")
                },
                x="probability",
                y="share",
            ),
        ],
    )


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
        found = bins[min(int(middle * 10), 9)]
        for n, part in enumerate((*mass, middle * sum(mass))):
            found[n] += part
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

    tables, paragraphs = [], []
    for source, rows in hidden.items():
        order = sorted(range(len(rows)), key=lambda n, rows=rows: (rows[n].fault is None, rows[n].confidence))
        rest = sorted(order[N_EXAMPLES:])
        chosen = sorted([*order[:N_EXAMPLES], *rest[:: max(1, len(rest) // N_EXAMPLES)][:N_EXAMPLES]])
        faults = sum(row.fault is not None for row in rows)
        told = f"With its keys hidden, {source} is aligned in {len(rows):,} beads, {faults:,} of them wrong"
        if found := checks.get(source, {}).get("paragraphs"):
            figures = [
                f"{name} {found[key]['value']:.3f} [{found[key]['low']:.3f}, {found[key]['high']:.3f}]"
                for name, key in (("precision", "precision"), ("recall", "recall"), ("F1", "f1"))
            ]
            told += f" ({', '.join(figures)})"
        paragraphs.append(f"{told}.")
        tables.append(
            Table(
                f"{source}, keys hidden: {len(chosen)} of {len(rows):,} beads, the least sure among them",
                [pair.src, pair.tgt, "by the keys", "confidence"],
                [
                    [
                        *(
                            Text("\n".join(text for _, text in side) or "–", lang)
                            for side, lang in ((rows[n].src, pair.src), (rows[n].tgt, pair.tgt))
                        ),
                        rows[n].fault or "right",
                        f"{rows[n].confidence:.2f}",
                    ]
                    for n in chosen
                ],
                n_text=3,
            )
        )
    if len(documents):
        least = documents.sort(pl.min_horizontal("pairing", "alignment"), "source", "src_doc", "tgt_doc")
        shown = least.head(N_EXAMPLES)
        tables.append(
            Table(
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
        )
    own = corpus.filter((pl.col("src_lang") == pair.src) & (pl.col("tgt_lang") == pair.tgt))
    for method in MODEL_METHODS:
        found = own.filter(pl.col("method") == method).sort("score", "pair_id", descending=[True, False])
        if len(found):
            sample = found.gather_every(max(1, len(found) // N_EXAMPLES)).head(N_EXAMPLES)
            tables.append(
                Table(
                    f"{method} by the model: {len(sample)} of {len(found):,} kept pairs, by falling score",
                    [pair.src, pair.tgt, "document", "probability"],
                    [
                        [
                            *(Text(row["src"], pair.src), Text(row["tgt"], pair.tgt)),
                            *(row["doc"], f"{row['score']:.2f}"),
                        ]
                        for row in sample.iter_rows(named=True)
                    ],
                    n_text=3,
                )
            )
    return Section("alignment", "Alignment", paragraphs=paragraphs, tables=tables) if tables else None


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
    """How many rows each stage kept of each source, and why the rest went."""
    own: dict[str, Mapping[str, Any]] = {
        source: counts[pair.src]
        for source, counts in corpus["clean"]["by_source"].items()
        if pair.src in counts
    }
    aligned = corpus["align"]["by_source"]
    reasons: dict[str, int] = {}
    for counts in own.values():
        for reason, n in counts["dropped"].items():
            reasons[reason] = reasons.get(reason, 0) + n
    every = sorted(reasons, key=lambda reason: (-reasons[reason], reason))
    ends = {
        name: corpus["split"]["own_by_source"][key]
        for name, key in (
            *(("train", "train"), ("dev", "dev"), ("test", "test")),
            ("judged, not in test", "gold_not_in_test"),
            ("too short to test", "short_in_dev_and_test"),
            ("found by a model, not judged", "found_in_dev_and_test"),
            ("near a held-out text", "removed"),
        )
    }
    stages: dict[str, dict[str, int]] = {
        f"{lang} segments": {source: aligned[source]["segments"].get(lang, 0) for source in aligned}
        for lang in (pair.src, pair.tgt)
    }
    stages["pairs"] = {source: aligned[source]["pairs"].get(pair.src, 0) for source in aligned}
    stages["kept by clean"] = {source: counts["kept"] for source, counts in own.items()}
    stages |= {name: ends[name] for name in ("train", "dev", "test")}
    splits = {
        name: corpus["split"]["by_source"][name]
        for name in ("train", "dev", "test", "gold")
        if name in corpus["split"]["by_source"]
    }
    names = sorted({name for found in splits.values() for name in found})
    whole = f"{pair.src}–{pair.tgt}"
    return Section(
        "flow",
        "The corpus",
        paragraphs=[
            "A segment without a partner in the other language makes no pair. Pairs of dev and test "
            "documents that are too short to test, or that a model found, serve as distractors; pairs near a "
            "text of dev, test or a benchmark leave training.",
        ],
        charts=[
            bar_chart(
                "stages",
                f"Rows after each stage, {whole}",
                "Rows that each stage left, from the segments read to the three splits, by source.",
                {
                    stage: _fold(found, stages["kept by clean"], "other sources")
                    for stage, found in stages.items()
                },
                x="rows",
                of="stage",
            ),
            bar_chart(
                "flow",
                f"What cleaning kept, {whole}",
                "Pairs of each source that cleaning kept, and those it dropped by reason.",
                {
                    source: {"kept": counts["kept"]} | _fold(counts["dropped"], reasons, "other reasons")
                    for source, counts in own.items()
                },
                x="pairs",
                of="source",
            ),
            bar_chart(
                "ends",
                f"Where the kept pairs went, {whole}",
                "Kept pairs of each source by the split they are in, or by why they are in none.",
                {source: {name: found.get(source, 0) for name, found in ends.items()} for source in own},
                x="pairs",
                of="source",
            ),
        ],
        tables=[
            Table(
                f"From segments to splits, {whole}",
                ["source", *stages, *list(ends)[3:]],
                [
                    [source, *(f"{found.get(source, 0):,}" for found in stages.values())]
                    + [f"{ends[name].get(source, 0):,}" for name in list(ends)[3:]]
                    for source in aligned
                ],
            ),
            Table(
                f"Cleaning, {whole}",
                ["source", "in", "kept", *(reason.replace("_", " ") for reason in every)],
                [
                    [source, f"{counts['in']:,}", f"{counts['kept']:,}"]
                    + [f"{counts['dropped'].get(reason, 0):,}" for reason in every]
                    for source, counts in own.items()
                ],
            ),
            Table(
                "Splits, pivots in train included",
                ["source", *splits],
                [[name, *(f"{found.get(name, 0):,}" for found in splits.values())] for name in names],
            ),
        ],
    )


def _fold(counts: Mapping[str, int], weights: Mapping[str, int], rest: str) -> dict[str, int]:
    """Return the counts of the weightiest names, and of all others as one: a chart has few colours."""
    most = sorted(weights, key=lambda name: (-weights[name], name))[: N_COLOURS - 2]
    found = {name: counts.get(name, 0) for name in most}
    if other := sum(n for name, n in counts.items() if name not in most):
        found[rest] = other
    return found


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
    # The bins are unlike in width: drawn over their numbers.
    charts = [
        step_chart(
            "lengths",
            "Length of the texts",
            "Number of texts by how many words they have.",
            list(range(len(labels) + 1)),
            counts,
            x="words",
            y="texts",
            bins=labels,
        )
    ]
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


def signature_section(
    signatures: Mapping[str, Mapping[str, Any]],
    files: Sequence[tuple[str, int, str]],
    packages: Mapping[str, str],
    params: str,
) -> Section:
    """What pins each result: models, adapters, hashes, settings and versions, as evaluate wrote them.

    Then the files that the page was made from (name, bytes, md5), packages, and the text of params.yaml.
    """

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
        paragraphs=["The md5 of a file is what dvc.lock, or DVC's list of its folder, says of it."],
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
            Table(
                "Files read",
                ["file", "md5", "bytes"],
                [[name, md5, f"{size:,}"] for name, size, md5 in files],
                n_text=2,
            ),
            Table("Packages", ["package", "version"], [list(item) for item in packages.items()], n_text=2),
        ],
        listings=[Listing("All parameters of this run (params.yaml)", params)],
    )
