"""Sections of the report page on models: results, training, translations, examples, and what made them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from stages.report.charts import Chart, chart_texts, line_chart
from stages.report.page import Listing, Section, Table, Text
from stages.report.tables import STS, Details, ordered

if TYPE_CHECKING:
    import polars as pl

    from stages.lib.core.params import Pair

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
    details: Details, interpolation: Mapping[str, Any], adapters: Mapping[str, Mapping[str, str]]
) -> Section | None:
    """Retrieval against graded pairs: what fine-tuning gained and forgot; None without graded pairs.

    ``interpolation`` is what `make benchmarks` measured by strength of the adapters, perhaps of another run.
    A curve is drawn where it starts at this run's pretrained figure; the section says which models have none,
    and which curves are of other adapters: their hashes, by model and seed, are not those of ``adapters``.
    """
    series: dict[str, list[tuple[float, float]]] = {}
    names: dict[str, list[str]] = {}
    for model, variant in ordered(details):
        metrics = details[model, variant]["metrics"]
        if STS in metrics:
            names.setdefault(model, []).append(variant)
            point = (metrics[STS]["value"], metrics["test_p1_mean"]["value"])
            series.setdefault(model, []).append(point)
    if not series:
        return None
    chart = line_chart(series=series, points=names, **chart_texts("forgetting"))
    charts, paragraphs = _by_strength(details, interpolation, adapters)
    return Section("forgetting", "Retrieval against graded pairs", paragraphs, [chart, *charts])


def _by_strength(
    details: Details, interpolation: Mapping[str, Any], adapters: Mapping[str, Mapping[str, str]]
) -> tuple[list[Chart], list[str]]:
    """Return the chart by strength, if a curve is of this test set, and paragraphs that explain it."""
    curves, strengths, others, left_out = {}, {}, [], []
    guarded = interpolation["guarded"]
    for model in (name for name in adapters if name in interpolation["models"]):
        measured = interpolation["models"][model]
        points = measured["points"]
        p1 = [point["figures"]["test_p1_mean"]["value"] for point in points]
        if p1[0] != details[model, "pretrained"]["metrics"]["test_p1_mean"]["value"]:
            left_out.append(model)
            continue
        curves[model] = list(zip((_worst(point, guarded) for point in points), p1, strict=True))
        strengths[model] = [f"{point['strength']:g}" for point in points]
        if measured["signature"]["adapter_sha256"] != adapters[model]:
            others.append(model)
    charts, paragraphs = [], []
    if curves:
        words = chart_texts("strength", guarded=", ".join(guarded))
        charts.append(line_chart(series=curves, points=strengths, **words))
        saved = "; ".join(
            f"{model} saves {', '.join(f'{strength:g}' for strength in kept)}"
            for model in curves
            if (kept := sorted(set(interpolation["models"][model]["saved"].values())))
        )
        paragraphs.append(f"The result table has the adapters at the strength that is saved: {saved}.")
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
    return charts, paragraphs


def _worst(point: Mapping[str, Any], guarded: Iterable[str]) -> float:
    """Return the change of Pearson's r on the graded set that fell most; the pretrained model has none."""
    changes = [point["differences"].get(f"sts_{name}_pearson", {}).get("difference", 0.0) for name in guarded]
    return min(changes)


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
        both: pl.DataFrame | None = None
        for variant, frame in variants.items():
            by_model = frame.filter(pl.col("system") == "model")
            part = by_model.filter(pl.col("seed") == by_model["seed"].min())
            part = part.rename({"translation": variant})
            if both is None:
                both = part.select("direction", "pair_id", "src", "reference", variant)
            else:
                part = part.select("direction", "pair_id", variant)
                both = both.join(part, on=["direction", "pair_id"], maintain_order="left")
        for direction in both["direction"].unique(maintain_order=True):
            sample = both.filter(direction=direction).unique("src", keep="first", maintain_order=True)
            sample = sample.gather_every(max(1, len(sample) // N_EXAMPLES)).head(N_EXAMPLES)
            here, there = direction.split("_")
            columns = ["reference", *variants]
            rows = [
                [Text(row["src"], here), *(Text(row[name], there) for name in columns)]
                for row in sample.iter_rows(named=True)
            ]
            caption = f"{model}: translation {here} → {there}"
            tables.append(Table(caption, ["source", *columns], rows, n_text=1 + len(columns)))
    return Section("translations", "Translations", tables=tables)


def p_at_k_section(rows: Iterable[Mapping[str, Any]]) -> Section:
    """P@k of every model and variant, one chart for each direction."""
    directions: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for row in rows:
        series = directions.setdefault(row["direction"], {})
        series.setdefault(f"{row['model']} {row['variant']}", []).append(
            (int(row["k"]), float(row["p_at_k"]))
        )
    charts = []
    for direction, series in directions.items():
        words = chart_texts("p-at-k", f"p-at-k-{direction}", direction=direction.replace("_", " → "))
        charts.append(line_chart(series=series, log_x=True, **words))
    return Section("p-at-k", "Right answer among the k nearest", charts=charts)


def learning_section(rows: Sequence[Mapping[str, Any]]) -> Section | None:
    """Dev score and training loss by epoch; None without a training log.

    Translators have charts of their own: their scores are percentages and their loss is another function.
    """
    translators = {row["model"] for row in rows if row["metric"].startswith("chrfpp_")}
    charts = []
    for metric in ("score", "loss"):
        for kind in ("retrieval", "translation"):
            series: dict[str, list[tuple[float, float]]] = {}
            for row in rows:
                if row["metric"] == metric and (row["model"] in translators) == (kind == "translation"):
                    name = f"{row['model']} seed {row['seed']}"
                    series.setdefault(name, []).append((int(row["epoch"]), float(row["value"])))
            if series:
                words = chart_texts(f"learning-{metric}", f"learning-{metric}-{kind}", kind=kind)
                charts.append(line_chart(series=series, **words))
    return Section("learning", "Training", charts=charts) if charts else None


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
    keys = list(dict.fromkeys(key for values in by_run.values() for key in values))
    shared = [key for key in keys if len({values.get(key) for values in by_run.values()}) == 1]
    first = next(iter(by_run.values()))
    by_result = [
        [name, key, values[key]]
        for name, values in by_run.items()
        for key in keys
        if key not in shared and key in values
    ]
    read = [[name, md5, f"{size:,}"] for name, size, md5 in files]
    versions = [list(package) for package in packages.items()]
    return Section(
        "signature",
        "What made these figures",
        paragraphs=["The md5 of a file is what dvc.lock, or DVC's list of its folder, says of it."],
        tables=[
            Table("The same for every result", ["key", "value"], [[key, first[key]] for key in shared], 2),
            Table("By result", ["result", "key", "value"], by_result, 3),
            Table("Files read", ["file", "md5", "bytes"], read, 2),
            Table("Packages", ["package", "version"], versions, 2),
        ],
        listings=[Listing("All parameters of this run (params.yaml)", params)],
    )
