"""The tables of results: one row for each model and variant, as cells, aligned text or Markdown."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from stages.lib.core.errors import DataError
from stages.lib.core.params import Pair

VARIANTS = ("pretrained", "finetuned")
# Graded pairs that every run has.
STS = "sts_ru_smoke_pearson"
# Test pairs that people judged, where they did.
GOLD = "gold_p1_mean"
# Hard negatives are made by rules that a language may lack; of fewer queries than this a share says nothing.
MIN_HARD = 20

# What metrics/detail/<model>-<variant>.json holds, by (model, variant).
Details = Mapping[tuple[str, str], Mapping[str, Any]]


def directions(pair: Pair) -> dict[str, str]:
    """Both directions: as metrics name them -> as people read them."""
    return {f"{a}_{b}": f"{a}→{b}" for a, b in ((pair.src, pair.tgt), (pair.tgt, pair.src))}


def ordered(details: Details) -> list[tuple[str, str]]:
    """The rows of a table: models in the order given, pretrained first."""
    models = dict.fromkeys(model for model, _ in details)
    return [(model, variant) for model in models for variant in VARIANTS if (model, variant) in details]


def table_rows(details: Details, pair: Pair) -> list[list[str]]:
    """Return the header and one row of cells for each model and variant.

    P@1 has its interval, and with several training seeds its standard deviation over them before that. The
    difference is in points of P@1, mean of both directions, and p the paired test behind it, corrected for
    the number of comparisons. Raises DataError when a figure is missing.
    """
    ways = directions(pair)
    has_sts, has_gold = (any(name in one["metrics"] for one in details.values()) for name in (STS, GOLD))
    rows = [["model", "variant", "n"]]
    rows[0] += [f"{figure} {way}" for figure in ("P@1", "MRR", "hard") for way in ways.values()]
    rows[0] += [*(["gold"] if has_gold else []), *(["STS"] if has_sts else []), "Δ P@1", "p"]
    for model, variant in ordered(details):
        detail = details[model, variant]
        metrics = detail["metrics"]
        try:
            p1 = [metrics[f"test_p1_{way}"] for way in ways]
            mrr = [metrics[f"test_mrr_{way}"] for way in ways]
        except KeyError as error:
            raise DataError(
                f"metrics/detail/{model}-{variant}.json: lacks {error}; run dvc repro report"
            ) from None
        cells = [model, variant, str(p1[0]["n"]), *map(_with_interval, p1)]
        cells += [f"{figure['value']:.3f}" for figure in mrr]
        for hard in (metrics.get(f"hard_p1_{way}") for way in ways):
            cells.append(f"{hard['value']:.3f}" if hard and hard["n"] >= MIN_HARD else "–")
        if has_gold:
            cells.append(_with_interval(metrics[GOLD]) if GOLD in metrics else "–")
        if has_sts:
            cells.append(f"{metrics[STS]['value']:.3f}" if STS in metrics else "–")
        test = detail.get("compared_with_pretrained", {}).get("test_p1_mean")
        cells += [f"{100 * test['difference']:+.1f}", format_p(test["p_holm"])] if test else ["", ""]
        rows.append(cells)
    return rows


def _with_interval(figure: Mapping[str, Any]) -> str:
    spread = f" ±{figure['spread']:.3f}" if "spread" in figure else ""
    return f"{figure['value']:.3f}{spread} [{figure['low']:.3f}, {figure['high']:.3f}]"


def format_p(p: float) -> str:
    """Write a p value to four digits; one that would be 0.0000, which says too much, as a bound."""
    return f"{p:.4f}" if p >= 0.0001 else "<0.0001"


def translation_rows(details: Details, pair: Pair) -> list[list[str]]:
    """Return the header and one row of cells for each variant of a model that translates, or nothing.

    chrF++ has its interval; below the models are copying the source and the translation of the nearest
    training sentence. p is that of chrF++ against the pretrained model, corrected.
    """
    ways = directions(pair)
    chrfpp = [f"mt_{way}_chrfpp" for way in ways]
    others = [f"mt_{way}_{name}" for name in ("bleu", "ter") for way in ways]
    header = ["system", "variant"]
    header += [f"{name} {way}" for name in ("chrF++", "BLEU", "TER", "p") for way in ways.values()]
    rows = []
    baselines: dict[str, list[str]] = {}
    for model, variant in ordered(details):
        detail = details[model, variant]
        metrics = detail["metrics"]
        if chrfpp[0] not in metrics:
            continue
        figures = [metrics[name] for name in chrfpp]
        cells = [f"{one['value']:.1f} [{one['low']:.1f}, {one['high']:.1f}]" for one in figures]
        cells += [f"{metrics[name]['value']:.1f}" for name in others]
        tests = [detail.get("compared_with_pretrained", {}).get(name) for name in chrfpp]
        rows.append([model, variant, *cells, *(f"{test['p_holm']:.4f}" if test else "" for test in tests)])
        for system in figures[0]["beside"]:
            values = [f"{metrics[name]['beside'][system]['value']:.1f}" for name in (*chrfpp, *others)]
            name = {"copy": "source copied", "nearest": "nearest training sentence"}[system]
            baselines[system] = [name, "", *values, *[""] * len(ways)]
    return [header, *rows, *baselines.values()] if rows else []


def as_text(rows: Sequence[Sequence[str]], width: int | None = None) -> str:
    """Align cells in columns: the first two to the left, the others to the right.

    A table wider than ``width`` is cut into several, each with the first two columns before its own.
    """
    widths = [max(_width(row[column]) for row in rows) for column in range(len(rows[0]))]
    blocks: list[list[int]] = [[]]
    for column in range(2, len(widths)):
        needed = sum(widths[n] + 2 for n in (0, 1, *blocks[-1])) + widths[column]
        if width is not None and needed > width and blocks[-1]:
            blocks.append([])
        blocks[-1].append(column)
    return "\n\n".join(_block(rows, [0, 1, *columns], widths) for columns in blocks)


def _block(rows: Sequence[Sequence[str]], columns: Sequence[int], widths: Sequence[int]) -> str:
    lines = []
    for number, row in enumerate(rows):
        cells = []
        for column in columns:
            gap = " " * (widths[column] - _width(row[column]))
            cells.append(row[column] + gap if column < 2 else gap + row[column])
        lines.append("  ".join(cells).rstrip())
        if number == 0:
            lines.append("  ".join("-" * widths[column] for column in columns))
    return "\n".join(lines)


def legend(details: Details) -> list[str]:
    """Say in a few lines what the figures of the table are."""
    detail = next(iter(details.values()))
    signature = detail["signature"]
    figure = next(figure for name, figure in detail["metrics"].items() if name.startswith("test_p1_"))
    candidates = signature["candidates"]["test"]
    languages = [name for name in candidates if not name.startswith("hard_")]
    sizes = " and ".join(f"{candidates[name]:,} {name}" for name in languages)
    hard = " and ".join(f"{candidates[f'hard_{name}']:,} {name}" for name in languages)
    confidence = f"{100 * signature['settings']['confidence']:g} %"
    lines = [
        f"P@1, MRR: retrieval among {sizes} candidates by cosine; {confidence} intervals in brackets, "
        f"resampled by {figure['unit']} ({figure['units']}).",
        f"hard: P@1 with {hard} corrupted copies (number, name, negation, direction changed) added.",
    ]
    if any("spread" in metric for one in details.values() for metric in one["metrics"].values()):
        seeds = max(len(one["signature"]["seeds"]["training"]) for one in details.values())
        lines.append(f"±: standard deviation over {seeds} training seeds; the figure is their mean.")
    if gold := next((one["metrics"][GOLD] for one in details.values() if GOLD in one["metrics"]), None):
        lines.append(
            f"gold: P@1, mean of both directions, of {gold['n']:,} pairs of test documents that people found "
            f"good; interval by {gold['unit']} ({gold['units']})."
        )
    if sts := next((one["metrics"][STS] for one in details.values() if STS in one["metrics"]), None):
        lines.append(
            f"STS: Pearson's r with the grades of the repository's own {sts['n']} Russian pairs, a smoke set."
        )
    tests = (one.get("compared_with_pretrained", {}).get("test_p1_mean") for one in details.values())
    if test := next(filter(None, tests), None):
        lines.append(
            "Δ P@1: points over pretrained, mean of both directions; p: paired permutation test by "
            f"{test['unit']}, Holm-corrected for {test['family']} comparisons."
        )
    return lines


def _width(text: str) -> int:
    return sum(not unicodedata.combining(char) for char in text)
