"""Tell how the annotators agree and how fast they are; list the pairs that need a second look."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from commands.annotate.agreement import agreement_figures
from stages.lib.core import cli
from stages.lib.core.errors import DataError
from stages.lib.core.files import atomic_path, write_json
from stages.lib.core.params import load_params
from stages.lib.scores.comparison import rounded
from stages.lib.text.annotations import Merged, merge, read_judgements

log = logging.getLogger("annotate-report")


def second_look(merged: Sequence[Merged]) -> list[tuple[str, str, str]]:
    """Return pair_id, src and tgt of the pairs on which the annotators are tied."""
    return [
        (one.pair_id, one.task["src"], one.task["tgt"]) for one in merged if one.decision == "second_look"
    ]


def as_text(figures: Mapping[str, Any]) -> str:
    """Return the figures in a few lines and a table, one row for each annotator."""

    def interval(found: Mapping[str, Any]) -> str:
        if found["value"] is None:
            return f"undefined (n = {found['n']})"
        # What was resampled: documents, or pairs where there are too few of them.
        unit = {"document": f", {found.get('units')} documents", "sentence": ", by pairs"}.get(
            found.get("unit"), ""
        )
        return f"{found['value']:.3f} [{found['low']:.3f}, {found['high']:.3f}] (n = {found['n']}{unit})"

    lines = [
        f"{figures['pairs']} pairs, {figures['judgements']} judgements: "
        + ", ".join(f"{name} {n}" for name, n in figures["decisions"].items()),
        f"Krippendorff's alpha, verdict: {interval(figures['alpha_verdict'])}",
        f"Krippendorff's alpha, keep or reject: {interval(figures['alpha_keep'])}",
    ]
    if "control_good" in figures:
        lines.append(f"good among those drawn blindly: {interval(figures['control_good'])}")
    lines += [
        f"  {names.replace(' ', ' and ')}: {interval(found)}"
        for names, found in figures["alpha_keep_by_annotators"].items()
    ]
    lines += ["", "annotator        n  median s  too fast  too slow  edited  agrees with the others"]
    for name, told in figures["annotators"].items():
        speed = "-" if told["median_seconds"] is None else f"{told['median_seconds']:.1f}"
        agrees = "-" if told["agreement"] is None else interval(told["agreement"])
        lines.append(
            f"{name:12} {told['judgements']:5} {speed:>9} {told['too_fast']:9} {told['too_slow']:9} "
            f"{told['edited']:7}  {agrees}{'  OUTLIER' if told['is_outlier'] else ''}"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m commands.annotate_report", description=__doc__)
    for name, default, told in (
        ("--annotations", "data/annotations", "folder of exported judgements"),
        ("--out", "metrics/annotation.json", "figures to write"),
        ("--second-look", "data/second-look.tsv", "tied pairs to write: pair_id, src, tgt"),
    ):
        parser.add_argument(name, type=Path, default=Path(default), help=f"{told} (default: {default})")
    args = parser.parse_args()
    params = load_params()
    judgements = read_judgements(args.annotations, params.pair)
    if not judgements.rows:
        raise DataError(
            f"{args.annotations}: no judgement of {params.pair.src}-{params.pair.tgt} pairs; pull some"
        )
    merged = merge(judgements.rows)
    figures = agreement_figures(
        judgements.rows,
        merged,
        resamples=params.evaluate.bootstrap,
        confidence=params.evaluate.confidence,
        seed=params.seed,
    )
    write_json(args.out, rounded({**figures, "passed_over": judgements.skipped}))
    tied = second_look(merged)
    with atomic_path(args.second_look) as temporary:
        text = "".join("\t".join(" ".join(cell.split()) for cell in row) + "\n" for row in tied)
        temporary.write_text(text, encoding="utf-8", newline="\n")
    # The table is this command's product, so it goes to stdout; names may have letters outside ASCII.
    sys.stdout.reconfigure(encoding="utf-8")
    sys.stdout.write(as_text(figures) + "\n")
    log.info("figures in %s; %d pairs for a second look in %s", args.out, len(tied), args.second_look)


if __name__ == "__main__":
    cli.run(main)
