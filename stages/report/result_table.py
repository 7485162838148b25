"""The result table: one row for each model and variant, as aligned text or Markdown."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from stages.lib.core.errors import DataError
from stages.lib.core.params import Pair

VARIANTS = ("pretrained", "finetuned")
# The graded pairs that every run has.
STS = "sts_ru_smoke_pearson"
# What people judged, where they did.
GOLD = "gold_p1_mean"
# Hard negatives are made by rules that a language may lack; of fewer queries than this a share says nothing.
MIN_HARD = 20


def table_rows(
    summary: Mapping[str, Mapping[str, Any]],
    details: Mapping[tuple[str, str], Mapping[str, Any]],
    pair: Pair,
) -> list[list[str]]:
    """Return the header and one row of cells for each model and variant.

    ``details`` is keyed by (model, variant). P@1 has its interval, and with several training seeds its
    standard deviation over them before that. The difference is in points of P@1, mean of both directions,
    and p the paired test behind it, corrected for the number of comparisons. Raises DataError when a figure
    is missing.
    """
    directions = _directions(pair)
    has_sts, has_gold = (
        any(name in detail["metrics"] for detail in details.values()) for name in (STS, GOLD)
    )
    rows = [
        [
            *("model", "variant", "n"),
            *(f"P@1 {label}" for _, label in directions),
            *(f"MRR {label}" for _, label in directions),
            *(f"hard {label}" for _, label in directions),
            *(["gold"] if has_gold else []),
            *(["STS"] if has_sts else []),
            *("Δ P@1", "p"),
        ]
    ]
    for model in summary:
        for variant in (name for name in VARIANTS if name in summary[model]):
            detail = details[model, variant]
            metrics = detail["metrics"]
            cells = [model, variant, str(summary[model][variant]["test_n"])]
            try:
                for direction, _ in directions:
                    cells.append(_with_interval(metrics[f"test_p1_{direction}"]))
                cells += [f"{metrics[f'test_mrr_{direction}']['value']:.3f}" for direction, _ in directions]
            except KeyError as error:
                raise DataError(
                    f"metrics/detail/{model}-{variant}.json: lacks {error}; run dvc repro report"
                ) from None
            for direction, _ in directions:
                hard = metrics.get(f"hard_p1_{direction}")
                cells.append(f"{hard['value']:.3f}" if hard and hard["n"] >= MIN_HARD else "–")
            if has_gold:
                cells.append(_with_interval(metrics[GOLD]) if GOLD in metrics else "–")
            if has_sts:
                cells.append(f"{metrics[STS]['value']:.3f}" if STS in metrics else "–")
            compared = detail.get("compared_with_pretrained", {}).get("test_p1_mean")
            if compared:
                cells += [f"{100 * compared['difference']:+.1f}", format_p(compared["p_holm"])]
            else:
                cells += ["", ""]
            rows.append(cells)
    return rows


def _with_interval(figure: Mapping[str, Any]) -> str:
    spread = f" ±{figure['spread']:.3f}" if "spread" in figure else ""
    return f"{figure['value']:.3f}{spread} [{figure['low']:.3f}, {figure['high']:.3f}]"


def format_p(p: float) -> str:
    """Write a p value to four digits; one that would be 0.0000, which says too much, as a bound."""
    return f"{p:.4f}" if p >= 0.0001 else "<0.0001"


def translation_rows(details: Mapping[tuple[str, str], Mapping[str, Any]], pair: Pair) -> list[list[str]]:
    """Return the header and one row of cells for each variant of a model that translates, or nothing.

    chrF++ has its interval; below the models are copying the source and the translation of the nearest
    training sentence. p is that of chrF++ against the pretrained model, corrected.
    """
    directions = _directions(pair)
    header = ["system", "variant"]
    for name in ("chrF++", "BLEU", "TER", "p"):
        header += [f"{name} {label}" for _, label in directions]
    rows = []
    beside: dict[str, list[str]] = {}
    for (model, variant), detail in details.items():
        metrics = detail["metrics"]
        if f"mt_{directions[0][0]}_chrfpp" not in metrics:
            continue
        found = [metrics[f"mt_{direction}_chrfpp"] for direction, _ in directions]
        cells = [f"{one['value']:.1f} [{one['low']:.1f}, {one['high']:.1f}]" for one in found]
        others = [f"mt_{way}_{name}" for name in ("bleu", "ter") for way, _ in directions]
        cells += [f"{metrics[name]['value']:.1f}" for name in others]
        compared = detail.get("compared_with_pretrained", {})
        tests = [compared.get(f"mt_{direction}_chrfpp") for direction, _ in directions]
        cells += [f"{test['p_holm']:.4f}" if test else "" for test in tests]
        rows.append([model, variant, *cells])
        for system in found[0]["beside"]:
            names = [*(f"mt_{way}_chrfpp" for way, _ in directions), *others]
            values = [f"{metrics[name]['beside'][system]['value']:.1f}" for name in names]
            beside[system] = [{"copy": "source copied", "nearest": "nearest training sentence"}[system], ""]
            beside[system] += [*values, *[""] * len(directions)]
    return [header, *rows, *beside.values()] if rows else []


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


def as_markdown(rows: Sequence[Sequence[str]]) -> str:
    """Write a Markdown table."""
    marks = ["---", "---", *["---:"] * (len(rows[0]) - 2)]
    return "\n".join("| " + " | ".join(row) + " |" for row in [rows[0], marks, *rows[1:]])


def legend(details: Mapping[tuple[str, str], Mapping[str, Any]]) -> list[str]:
    """Say in a few lines what the figures of the table are."""
    detail = next(iter(details.values()))
    signature = detail["signature"]
    figure = next(found for name, found in detail["metrics"].items() if name.startswith("test_p1_"))
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
    if any("spread" in one["metrics"][name] for one in details.values() for name in one["metrics"]):
        seeds = max(len(one["signature"]["seeds"]["training"]) for one in details.values())
        lines.append(f"±: standard deviation over {seeds} training seeds; the figure is their mean.")
    gold = next((one["metrics"][GOLD] for one in details.values() if GOLD in one["metrics"]), None)
    if gold:
        lines.append(
            f"gold: P@1, mean of both directions, of {gold['n']:,} pairs of test documents that people found "
            f"good; interval by {gold['unit']} ({gold['units']})."
        )
    if any(STS in one["metrics"] for one in details.values()):
        n = next(one["metrics"][STS]["n"] for one in details.values() if STS in one["metrics"])
        lines.append(
            f"STS: Pearson's r with the grades of the repository's own {n} Russian pairs, a smoke set."
        )
    compared = next((d["compared_with_pretrained"] for d in details.values() if _is_compared(d)), None)
    if compared:
        test = compared["test_p1_mean"]
        lines.append(
            "Δ P@1: points over pretrained, mean of both directions; p: paired permutation test by "
            f"{test['unit']}, Holm-corrected for {test['family']} comparisons."
        )
    return lines


def _directions(pair: Pair) -> tuple[tuple[str, str], tuple[str, str]]:
    """Both directions as metrics name them and as people read them."""
    src, tgt = pair.src, pair.tgt
    return (f"{src}_{tgt}", f"{src}→{tgt}"), (f"{tgt}_{src}", f"{tgt}→{src}")


def _is_compared(detail: Mapping[str, Any]) -> bool:
    return "test_p1_mean" in detail.get("compared_with_pretrained", {})


def _width(text: str) -> int:
    return sum(not unicodedata.combining(char) for char in text)
