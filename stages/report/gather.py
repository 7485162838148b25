"""Read what the stages wrote, compare each model before and after, and write the tables, plots and page."""

from __future__ import annotations

import csv
import hashlib
import logging
import platform
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages.lib.core.errors import DataError
from stages.lib.core.files import atomic_path, read_json, write_json
from stages.lib.core.markdown import markdown_table
from stages.lib.core.params import Pair, Params
from stages.lib.core.tables import ALIGNMENT_SCHEMA, CORPUS_SCHEMA, DOCUMENT_SCHEMA, read_table
from stages.lib.scores.comparison import GOLD, RANKS_SCHEMA, TEST, TRANSLATED, compare, correct, rounded
from stages.lib.scores.sts import STS_SCHEMA, compare_sts
from stages.lib.scores.translation import TRANSLATIONS_SCHEMA, compare_translation
from stages.report.alignment_view import Row, view_rows
from stages.report.corpus import alignment_section, calibration_section, flow_section, length_section
from stages.report.page import Section, render_page
from stages.report.sections import (
    examples_section,
    learning_section,
    p_at_k_section,
    result_section,
    signature_section,
    sts_section,
    translation_section,
)
from stages.report.study import study_table
from stages.report.tables import STS, VARIANTS, Details, legend, table_rows, translation_rows

if TYPE_CHECKING:
    import polars as pl

log = logging.getLogger("report")

# Stages whose counts make corpus.json.
_STATS = ("align", "clean", "split")
# What two results must share to stand in one table.
_SHARED = ("pair", "test_sha256", "pool_sha256", "normalisation", "benchmarks", "sts", "settings")
_PLOT_K = (1, 2, 3, 5, 10, 20, 50)
# Packages that figures or their picture depend on; torch and its kin are in each result's signature too.
_PACKAGES = (
    *("dvc", "faiss-cpu", "jinja2", "matplotlib", "numba", "numpy", "peft", "polars", "pyarrow", "sacrebleu"),
    *("scipy", "sentence-transformers", "sentencepiece", "torch", "transformers"),
)


@dataclass(frozen=True)
class Result:
    """One evaluated model and variant."""

    model: str
    variant: str
    path: Path
    metrics: dict[str, Any]
    by_source: dict[str, Any]
    signature: dict[str, Any]
    ranks: pl.DataFrame
    similarities: pl.DataFrame
    # By set (TEST, GOLD); empty for a model that does not translate.
    translations: Mapping[str, pl.DataFrame]


@dataclass(frozen=True)
class Inputs:
    """Where everything lies that the report is made from."""

    results: Path
    stats: Path
    alignments: Path
    documents: Path
    corpus: Path
    splits: Path
    interpolation: Path
    params: Path


def expected_runs(params: Params) -> list[tuple[str, str]]:
    """List the (model, variant) pairs that params.yaml asks for, in its order."""
    tuned = [(model, variant) for model in params.models for variant in VARIANTS]
    return tuned + [(model, "pretrained") for model in params.baselines]


def read_results(folder: Path, runs: Sequence[tuple[str, str]]) -> list[Result]:
    """Read exactly the named results, whatever else lies in the folder.

    Raises DataError if one is missing, is of another run, or was measured on other data than the first.
    """
    results = []
    for model, variant in runs:
        path = folder / f"{model}-{variant}"
        raw = read_json(path / "metrics.json")
        try:
            result = Result(
                model=raw["model"],
                variant=raw["variant"],
                path=path,
                metrics=raw["metrics"],
                by_source=raw["by_source"],
                signature=raw["signature"],
                ranks=read_table(path / "ranks.parquet", RANKS_SCHEMA),
                similarities=read_table(path / "sts.parquet", STS_SCHEMA),
                translations={
                    name: read_table(path / file, TRANSLATIONS_SCHEMA)
                    for name, (file, _) in TRANSLATED.items()
                    if raw["signature"]["model"]["kind"] == "nllb" and f"{name}_sha256" in raw["signature"]
                },
            )
            # There is a gold set where people have judged test documents.
            shared = {key: result.signature[key] for key in _SHARED}
            shared[f"{GOLD}_sha256"] = result.signature.get(f"{GOLD}_sha256")
        except (KeyError, TypeError) as error:
            raise DataError(
                f"{path}/metrics.json: lacks {error}; delete {path} and run dvc repro to evaluate again"
            ) from None
        if (result.model, result.variant) != (model, variant):
            raise DataError(
                f"{path}/metrics.json: expected {model} {variant}, found {result.model} {result.variant}; "
                f"delete {path} and run dvc repro"
            )
        if results:
            first = results[0]
            for key, value in shared.items():
                if value != first.signature.get(key):
                    raise DataError(
                        f"{path}/metrics.json: {key} is {value}, but {first.signature.get(key)} in "
                        f"{first.path}: figures of different data do not belong in one table; run dvc repro"
                    )
        results.append(result)
    return results


def compare_results(results: Iterable[Result], params: Params) -> dict[str, dict[str, dict[str, Any]]]:
    """Test each fine-tuned result against its pretrained one; p is corrected over all of them together."""
    before = {result.model: result for result in results if result.variant == "pretrained"}
    comparisons = {}
    for result in (result for result in results if result.variant == "finetuned"):
        was = before[result.model]
        comparisons[result.model] = {
            **compare(was.ranks, result.ranks, params.pair, params.evaluate, params.seed),
            **compare_sts(was.similarities, result.similarities, params.evaluate, params.seed),
        }
        for name, table in result.translations.items():
            given = (was.translations[name], table, params.evaluate, params.seed, TRANSLATED[name][1])
            comparisons[result.model] |= compare_translation(*given)
    correct(comparisons)
    return comparisons


def summarise(detail: Mapping[str, Any]) -> dict[str, float]:
    """Return at most six figures of one result, means of both directions: what `dvc exp show` shows.

    ``sts`` is Pearson's r on the repository's own graded pairs; a model that translates has ``chrfpp`` in its
    place. ``delta`` and ``p`` are the difference of P@1 from pretrained and its corrected p.
    """
    metrics = detail["metrics"]

    def mean(pattern: str) -> float | None:
        values = [figure["value"] for name, figure in metrics.items() if re.fullmatch(pattern, name)]
        return sum(values) / len(values) if values else None

    test = detail.get("compared_with_pretrained", {}).get("test_p1_mean", {})
    chrfpp = mean(r"mt_(?!gold_)\w+_\w+_chrfpp")
    figures = {
        "p1": mean("test_p1_mean"),
        "delta": test.get("difference"),
        "p": test.get("p_holm"),
        "mrr": mean("test_mrr_mean"),
        "hard_p1": mean(r"hard_p1_\w+_\w+"),
        "sts": mean(STS) if chrfpp is None else None,
        "chrfpp": chrfpp,
    }
    return {name: rounded(value) for name, value in figures.items() if value is not None}


def detail_of(result: Result, compared: Mapping[str, dict[str, Any]] | None) -> dict[str, Any]:
    """Return all figures of one result, with the comparison with its pretrained model where there is one."""
    detail = {
        "model": result.model,
        "variant": result.variant,
        "metrics": rounded(result.metrics),
        "by_source": rounded(result.by_source),
        "signature": result.signature,
    }
    # A p of 0.0000 would say too much: p keeps its digits.
    return detail | ({"compared_with_pretrained": rounded(compared, 6)} if compared else {})


def p_at_k(results: Iterable[Result]) -> list[dict[str, Any]]:
    """Return P@k on the test set for a growing k, by cosine, mean over the seeds."""
    import polars as pl

    rows = []
    for result in results:
        test = result.ranks.filter((pl.col("benchmark") == "test") & (pl.col("scoring") == "cosine"))
        for direction in test["direction"].unique(maintain_order=True):
            ranks = test.filter(pl.col("direction") == direction)["rank"].to_numpy()
            rows += [
                {
                    "model": result.model,
                    "variant": result.variant,
                    "direction": direction,
                    "k": k,
                    "p_at_k": rounded(float((ranks <= k).mean())),
                }
                for k in _PLOT_K
            ]
    return rows


def learning_curves(results: Iterable[Result]) -> list[dict[str, Any]]:
    """Return the dev figures of each epoch, model and seed, in long form; epoch 0 is the pretrained model."""
    rows = []
    for result in (result for result in results if result.variant == "finetuned"):
        for run in read_json(result.path / "training.json")["seeds"]:
            for epoch in run["history"]:
                rows += [
                    {
                        "model": result.model,
                        "seed": run["seed"],
                        "epoch": int(epoch["epoch"]),
                        "metric": metric,
                        "value": rounded(float(epoch[metric])),
                    }
                    for metric in sorted(epoch)
                    if metric != "epoch"
                ]
    return rows


def write_csv(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows of equal keys as CSV, whole or not at all."""
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def hidden_alignments(alignments: Path, src_lang: str) -> dict[str, list[Row]]:
    """Return the beads of each source that align checked with its keys hidden."""
    import polars as pl

    hidden = read_table(alignments, ALIGNMENT_SCHEMA).filter(pl.col("fault").is_not_null())
    parts = hidden.partition_by("source", as_dict=True, maintain_order=True)
    return {source: view_rows(part, src_lang) for (source,), part in parts.items()}


def file_hashes(inputs: Inputs, results: Iterable[Result]) -> list[tuple[str, int, str]]:
    """Return name, bytes and md5, as DVC has it, of the files that the page's figures come from."""
    tables = (inputs.alignments, inputs.documents, inputs.corpus, inputs.interpolation)
    folders = [
        *((path.parent, [path]) for path in tables),
        *((folder.parent, sorted(folder.glob("*"))) for folder in (inputs.splits, inputs.stats)),
        *((inputs.results.parent, sorted(result.path.glob("*"))) for result in results),
    ]
    hashes = []
    for folder, paths in folders:
        for path in (path for path in paths if path.is_file()):
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "md5").hexdigest()
            hashes.append((path.relative_to(folder).as_posix(), path.stat().st_size, digest))
    return hashes


def packages() -> dict[str, str]:
    """Return the versions of Python and of the packages that figures or their picture depend on."""
    from importlib.metadata import version

    return {"python": platform.python_version(), **{name: version(name) for name in _PACKAGES}}


def page_sections(
    results: Sequence[Result],
    details: Details,
    comparisons: Mapping[str, Mapping[str, Any]],
    stats: Mapping[str, Any],
    alignment: Mapping[str, Any],
    inputs: Inputs,
    params: Params,
) -> list[Section]:
    """Return the sections of the report page, those without content left out.

    ``stats`` and ``alignment`` are what align, clean and split counted, and how sure alignment is.
    """
    pair = params.pair
    corpus = read_table(inputs.corpus, CORPUS_SCHEMA)
    documents = read_table(inputs.documents, DOCUMENT_SCHEMA)
    test = read_table(inputs.splits / "test.parquet", CORPUS_SCHEMA)
    before, after = (
        {result.model: result for result in results if result.variant == variant} for variant in VARIANTS
    )
    translations: dict[str, dict[str, pl.DataFrame]] = {}
    for result in (result for result in results if result.translations):
        translations.setdefault(result.model, {})[result.variant] = result.translations[TEST]
    checks = alignment["hidden_keys"]
    hidden = hidden_alignments(inputs.alignments, pair.src)
    sections = [
        result_section(
            table_rows(details, pair),
            legend(details),
            {model: tests["test_p1_mean"] for model, tests in comparisons.items()},
        ),
        sts_section(
            details,
            read_json(inputs.interpolation),
            {model: result.signature["adapter_sha256"] for model, result in after.items()},
        ),
        p_at_k_section(p_at_k(results)),
        learning_section(learning_curves(results)),
        flow_section(stats, pair),
        length_section(corpus, pair),
        calibration_section(alignment["curve"], checks),
        alignment_section(hidden, checks, documents, corpus, pair),
        translation_section(translation_rows(details, pair), translations),
        examples_section(
            {model: result.ranks for model, result in before.items()},
            {model: result.ranks for model, result in after.items()},
            test,
            pair,
        ),
        signature_section(
            {f"{result.model} {result.variant}": result.signature for result in results},
            file_hashes(inputs, results),
            packages(),
            settings_text(inputs.params, params.sources),
        ),
    ]
    return [section for section in sections if section is not None]


def settings_text(path: Path, sources: Iterable[str]) -> str:
    """Return params.yaml and the pins of the run's sources, each under the name of its file."""
    pins = [path.parent / "sources" / f"{name}.yaml" for name in sources]
    return "\n".join(f"# {file.name}\n{file.read_text(encoding='utf-8')}" for file in (path, *pins))


def report(inputs: Inputs, out: Path, text: Path, params: Params) -> None:
    """Write everything under ``out`` (JSON and CSV) and ``text`` (the tables as Markdown, and the page).

    All is read and computed before the first file is written.
    """
    results = read_results(inputs.results, expected_runs(params))
    comparisons = compare_results(results, params)
    stats = rounded({name: read_json(inputs.stats / f"{name}.json") for name in _STATS})
    alignment = rounded(read_json(inputs.stats / "alignment.json"))
    details = {
        (result.model, result.variant): detail_of(
            result, comparisons.get(result.model) if result.variant == "finetuned" else None
        )
        for result in results
    }
    page = render_page(
        f"Köpri: {params.pair.src}–{params.pair.tgt}",
        ["What fine-tuning did to each model, on what text, and how far the figures can be trusted."],
        page_sections(results, details, comparisons, stats, alignment, inputs, params),
    )
    tables = {"p_at_k": p_at_k(results), "learning_curves": learning_curves(results)}
    if curve := alignment.pop("curve"):
        tables["calibration"] = curve
    write_metrics(out, details, tables, {"align": alignment, "corpus": stats})
    write_texts(text, details, page, params.pair)
    log.info("%d results gathered in %s", len(results), out)


def write_metrics(
    out: Path, details: Details, plots: Mapping[str, Sequence[Mapping[str, Any]]], stats: Mapping[str, Any]
) -> None:
    """Write the details, their summary, the data of the plots (CSV) and the counts."""
    summary: dict[str, dict[str, Any]] = {}
    with atomic_path(out / "detail") as folder:
        folder.mkdir(parents=True)
        for (model, variant), detail in details.items():
            write_json(folder / f"{model}-{variant}.json", detail)
            summary.setdefault(model, {})[variant] = summarise(detail)
    with atomic_path(out / "plots") as folder:
        folder.mkdir(parents=True)
        for name, rows in plots.items():
            write_csv(folder / f"{name}.csv", rows)
    for name, counts in stats.items():
        write_json(out / f"{name}.json", counts)
    # `dvc exp show` has its columns in this order: models as in params.yaml, fine-tuned first, P@1 and its
    # gain first, so that what an experiment changed is seen without scrolling.
    ordered = {model: dict(sorted(variants.items())) for model, variants in summary.items()}
    write_json(out / "summary.json", ordered, sort_keys=False)


def write_texts(folder: Path, details: Details, page: str, pair: Pair) -> None:
    """Write the result table and the study's tables as Markdown, and the page."""
    parts = ["# Results", markdown_table(table_rows(details, pair))]
    parts.append("\n".join(f"- {line}" for line in legend(details)))
    if rows := translation_rows(details, pair):
        parts.append(markdown_table(rows))
    for name, content in (
        ("results.md", "\n\n".join(parts) + "\n"),
        ("study.md", f"# Beside the study\n\n{study_table(details, pair)}\n"),
        ("index.html", page),
    ):
        with atomic_path(folder / name) as temporary:
            temporary.write_text(content, encoding="utf-8", newline="\n")
