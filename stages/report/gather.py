"""Gather the figures of every stage: summary, details, plots and the result table."""

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
from stages.lib.core.params import Params
from stages.lib.core.tables import ALIGNMENT_SCHEMA, CORPUS_SCHEMA, DOCUMENT_SCHEMA, read_table
from stages.lib.scores.comparison import GOLD, RANKS_SCHEMA, TEST, TRANSLATED, compare, correct, rounded
from stages.lib.scores.sts import STS_SCHEMA, compare_sts
from stages.lib.scores.translation import TRANSLATIONS_SCHEMA, compare_translation
from stages.report.alignment_view import Row, view_rows
from stages.report.page import Section, render_page
from stages.report.result_table import as_markdown, legend, table_rows, translation_rows
from stages.report.sections import (
    alignment_section,
    calibration_section,
    examples_section,
    flow_section,
    learning_section,
    length_section,
    p_at_k_section,
    result_section,
    signature_section,
    sts_section,
    translation_section,
)
from stages.report.study import study_table

if TYPE_CHECKING:
    import polars as pl

log = logging.getLogger("report")

# Stages whose counts make corpus.json.
_STATS = ("align", "clean", "split")
# What two results must share to stand in one table.
_SHARED = ("pair", "test_sha256", "pool_sha256", "normalisation", "benchmarks", "sts", "settings")
# Metrics that the summary leaves to the details, so that `dvc exp show` stays readable.
_DETAIL_ONLY = re.compile(r"_margin_|_p5_|hard_mrr_|hard_p1_mean$|_spearman$")
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


@dataclass(frozen=True)
class Tables:
    """What both the page and the files show: rows with the header first, and plot data in long form."""

    results: list[list[str]]
    legend: list[str]
    translation: list[list[str]]
    p_at_k: list[dict[str, Any]]
    curves: list[dict[str, Any]]


def expected_runs(params: Params) -> list[tuple[str, str]]:
    """List the (model, variant) pairs that params.yaml asks for, in its order."""
    tuned = [(model, variant) for model in params.models for variant in ("pretrained", "finetuned")]
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
            found = Result(
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
            shared = {key: found.signature[key] for key in _SHARED}
            shared[f"{GOLD}_sha256"] = found.signature.get(f"{GOLD}_sha256")
        except (KeyError, TypeError) as error:
            raise DataError(
                f"{path}/metrics.json: lacks {error}; delete {path} and run dvc repro to evaluate again"
            ) from None
        if (found.model, found.variant) != (model, variant):
            raise DataError(
                f"{path}/metrics.json: expected {model} {variant}, found {found.model} {found.variant}; "
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
        results.append(found)
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


def summarise(result: Result, compared: Mapping[str, dict[str, Any]] | None) -> dict[str, Any]:
    """Return the flat figures of one result: values by metric; if fine-tuned, ``delta`` and ``p``."""
    by_name = {name: fig["value"] for name, fig in result.metrics.items() if not _DETAIL_ONLY.search(name)}
    by_name |= {"test_n": next(f["n"] for name, f in result.metrics.items() if name.startswith("test_p1_"))}
    if compared:
        by_name |= {"delta": compared["test_p1_mean"]["difference"], "p": compared["test_p1_mean"]["p_holm"]}
    return rounded(by_name)


def corpus_figures(folder: Path) -> dict[str, Any]:
    """Join the counts of align, clean and split under the stages' names."""
    return {name: read_json(folder / f"{name}.json") for name in _STATS}


def p_at_k(results: Iterable[Result]) -> list[dict[str, Any]]:
    """Return P@k on the test set for a growing k, by cosine, mean over the seeds."""
    import polars as pl

    rows = []
    for result in results:
        test = result.ranks.filter((pl.col("benchmark") == "test") & (pl.col("scoring") == "cosine"))
        for direction in test["direction"].unique(maintain_order=True):
            found = test.filter(pl.col("direction") == direction)["rank"].to_numpy()
            rows += [
                {
                    "model": result.model,
                    "variant": result.variant,
                    "direction": direction,
                    "k": k,
                    "p_at_k": rounded(float((found <= k).mean())),
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
    found = []
    for folder, paths in folders:
        for path in (path for path in paths if path.is_file()):
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "md5").hexdigest()
            found.append((path.relative_to(folder).as_posix(), path.stat().st_size, digest))
    return found


def packages() -> dict[str, str]:
    """Return the versions of Python and of the packages that figures or their picture depend on."""
    from importlib.metadata import version

    return {"python": platform.python_version(), **{name: version(name) for name in _PACKAGES}}


def page_sections(
    results: Sequence[Result],
    summary: Mapping[str, Any],
    tables: Tables,
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
    by_variant: dict[str, dict[str, Result]] = {"pretrained": {}, "finetuned": {}}
    for result in results:
        by_variant[result.variant][result.model] = result
    translations: dict[str, dict[str, pl.DataFrame]] = {}
    for result in (result for result in results if result.translations):
        translations.setdefault(result.model, {})[result.variant] = result.translations[TEST]
    ranks = {
        variant: {model: result.ranks for model, result in found.items()}
        for variant, found in by_variant.items()
    }
    adapters = {
        model: result.signature["adapter_sha256"] for model, result in by_variant["finetuned"].items()
    }
    checks = alignment["hidden_keys"]
    hidden = hidden_alignments(inputs.alignments, pair.src)
    sections = [
        result_section(
            tables.results,
            tables.legend,
            {model: tests["test_p1_mean"] for model, tests in comparisons.items()},
        ),
        sts_section(summary, read_json(inputs.interpolation), adapters),
        p_at_k_section(tables.p_at_k),
        learning_section(tables.curves),
        flow_section(stats, pair),
        length_section(corpus, pair),
        calibration_section(alignment["curve"], checks),
        alignment_section(hidden, checks, documents, corpus, pair),
        translation_section(tables.translation, translations),
        examples_section(ranks["pretrained"], ranks["finetuned"], test, pair),
        signature_section(
            {f"{result.model} {result.variant}": result.signature for result in results},
            file_hashes(inputs, results),
            packages(),
            inputs.params.read_text(encoding="utf-8"),
        ),
    ]
    return [section for section in sections if section is not None]


def report(inputs: Inputs, out: Path, text: Path, params: Params) -> None:
    """Write everything under ``out`` (JSON and CSV) and ``text`` (the tables as Markdown, and the page).

    All is read and computed before the first file is written.
    """
    read = read_results(inputs.results, expected_runs(params))
    comparisons = compare_results(read, params)
    figures = rounded(corpus_figures(inputs.stats))
    alignment = rounded(read_json(inputs.stats / "alignment.json"))
    summary: dict[str, dict[str, Any]] = {}
    details: dict[tuple[str, str], dict[str, Any]] = {}
    for result in read:
        compared = comparisons.get(result.model) if result.variant == "finetuned" else None
        summary.setdefault(result.model, {})[result.variant] = summarise(result, compared)
        details[result.model, result.variant] = {
            "model": result.model,
            "variant": result.variant,
            "metrics": rounded(result.metrics),
            "by_source": rounded(result.by_source),
            "signature": result.signature,
        }
        if compared:
            # A p of 0.0000 would say too much: p keeps its digits.
            details[result.model, result.variant]["compared_with_pretrained"] = rounded(compared, 6)
    tables = Tables(
        results=table_rows(summary, details, params.pair),
        legend=legend(details),
        translation=translation_rows(details, params.pair),
        p_at_k=p_at_k(read),
        curves=learning_curves(read),
    )
    page = render_page(
        f"Köpri: {params.pair.src}–{params.pair.tgt}",
        ["What fine-tuning did to each model, on what text, and how far the figures can be trusted."],
        page_sections(read, summary, tables, comparisons, figures, alignment, inputs, params),
    )

    calibration = alignment.pop("curve")
    with atomic_path(out / "detail") as folder:
        folder.mkdir(parents=True)
        for (model, variant), detail in details.items():
            write_json(folder / f"{model}-{variant}.json", detail)
    with atomic_path(out / "plots") as folder:
        folder.mkdir(parents=True)
        write_csv(folder / "p_at_k.csv", tables.p_at_k)
        write_csv(folder / "learning_curves.csv", tables.curves)
        if calibration:
            write_csv(folder / "calibration.csv", calibration)
    write_json(out / "align.json", alignment)
    write_json(out / "corpus.json", figures)
    write_json(out / "summary.json", summary)
    body = f"# Results\n\n{as_markdown(tables.results)}\n\n" + "\n".join(f"- {one}" for one in tables.legend)
    if tables.translation:
        body += f"\n\n{as_markdown(tables.translation)}"
    for name, content in (
        ("results.md", body + "\n"),
        ("study.md", f"# Beside the study\n\n{study_table(details, params.pair)}\n"),
        ("index.html", page),
    ):
        with atomic_path(text / name) as temporary:
            temporary.write_text(content, encoding="utf-8", newline="\n")
    log.info("%d results gathered in %s", len(read), out)
