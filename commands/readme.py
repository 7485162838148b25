"""Rewrite the figures of README.md and docs/ from metrics/: whatever stands between two markers.

A block begins with `<!-- figures: NAME -->` and ends with `<!-- end -->`; BLOCKS has the function that writes
it. Run it after `dvc repro`, `make benchmarks` or `make bench`, and read what changed: the sentences around a
block are not generated.
"""

from __future__ import annotations

import argparse
import csv
import functools
import logging
import operator
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from commands.results import read_details
from stages.lib.core import cli
from stages.lib.core.errors import DataError
from stages.lib.core.files import atomic_path, read_json
from stages.lib.core.markdown import markdown_table
from stages.lib.core.params import Params, load_params
from stages.report.tables import VARIANTS, Details, directions, format_p, legend, table_rows, translation_rows

log = logging.getLogger("readme")  # run with -m, __name__ says nothing

BLOCK = re.compile(r"(<!-- figures: ([a-z_]+) -->\n).*?(<!-- end -->)", re.DOTALL)
SPEED = Path("assets/speed.tsv")
# What respelling did to the Turkmen texts, as metrics/bench/respell.json names it.
RESPELLINGS = {
    "raw": "Turkmen as it is",
    "letters": "letters",
    "sounds": "letters and sounds",
    "lexicon": "letters, sounds, suffixes and a lexicon of {lexicon_entries:,} entries",
    "turkish": "Turkish written by people, for comparison",
}


@dataclass(frozen=True)
class Figures:
    """What metrics/ holds, beside the parameters."""

    folder: Path
    params: Params
    details: Details

    def read(self, name: str) -> Any:
        return read_json(self.folder / f"{name}.json")

    @property
    def ways(self) -> dict[str, str]:
        """Both directions: as metrics name them -> as people read them."""
        return directions(self.params.pair)

    def measured(self) -> Iterator[tuple[str, str, str, dict[str, Any]]]:
        """Yield (benchmark, model, variant, figures) in the order of params.yaml, pretrained first."""
        for benchmark, models in self.read("benchmarks").items():
            for model in [*self.params.models, *self.params.baselines]:
                for variant in VARIANTS:
                    if variant in models.get(model, {}):
                        yield benchmark, model, variant, models[model][variant]


def read_figures(folder: Path, params: Params) -> Figures:
    """Read the details of the last run; the other files are read when a block asks for them."""
    return Figures(folder, params, read_details(folder, params))


# --- blocks: what each marker stands for ---


def first(figures: Figures) -> str:
    """The table of the first screen: one row a model, test set and news."""
    header = ["model", "test set: pretrained", "fine-tuned", "gain, points", "p"]
    rows = [[*header, "news: pretrained", *header[2:]]]
    news = figures.read("benchmarks").get("ntrex", {})
    for model in dict.fromkeys(model for model, _ in figures.details):
        of_model = {v: figures.details[model, v] for v in VARIANTS if (model, v) in figures.details}
        values = {variant: one["metrics"]["test_p1_mean"]["value"] for variant, one in of_model.items()}
        row = [f"`{model}`", *_before_and_after(values)]
        row += _gain(of_model.get("finetuned", {}).get("compared_with_pretrained", {}).get("test_p1_mean"))
        on_news = news.get(model, {})
        row += _before_and_after({variant: one["p1_mean"] for variant, one in on_news.items()})
        rows.append([*row, *_gain(_news_test(on_news.get("finetuned")))])
    detail = next(iter(figures.details.values()))
    candidates = detail["signature"]["candidates"]["test"]
    src, tgt = figures.params.pair.src, figures.params.pair.tgt
    n = detail["metrics"]["test_p1_mean"]["n"]
    on_news = f"news: {next(iter(news.values()))['pretrained']['n']:,} sentences of NTREX-128" if news else ""
    return (
        f"{markdown_table(rows, 1)}\n\n"
        f"Test set: {n:,} pairs among {candidates[tgt]:,} {tgt} (or {candidates[src]:,} {src}) candidates; "
        f"{on_news}. 95 % intervals by document; p: paired permutation test, corrected."
    )


def _before_and_after(values: Mapping[str, float]) -> list[str]:
    return [f"{values[variant]:.3f}" if variant in values else "" for variant in VARIANTS]


def _gain(test: Mapping[str, float] | None) -> list[str]:
    """Cells for a difference of shares, in points with its interval, and for its corrected p."""
    if not test:
        return ["", ""]
    difference, low, high = (100 * test[key] for key in ("difference", "low", "high"))
    return [f"{difference:+.1f} [{low:+.1f}, {high:+.1f}]", format_p(test["p_holm"])]


def _news_test(after: Mapping[str, float] | None) -> dict[str, float] | None:
    if not after:
        return None
    keys = {"": "difference", "_low": "low", "_high": "high"}
    test = {name: after[f"delta_p1_mean{end}"] for end, name in keys.items()}
    return test | {"p_holm": after["p_p1_mean"]}


def results(figures: Figures) -> str:
    table = markdown_table(table_rows(figures.details, figures.params.pair))
    return f"{table}\n\n{' '.join(legend(figures.details))}"


def translation(figures: Figures) -> str:
    rows = translation_rows(figures.details, figures.params.pair)
    return markdown_table(rows) if rows else "No model of the last run translates."


def forgetting(figures: Figures) -> str:
    """Graded pairs of the guarded sets: Pearson's r before, and what fine-tuning changed."""
    models, baselines = figures.params.models, figures.params.baselines
    header = [*(f"`{name}`: r, change" for name in models), *(f"`{name}`: r" for name in baselines)]
    rows = [["set", "n", *header]]
    measured: dict[tuple[str, str], dict[str, Any]] = {}
    for _, model, variant, one in figures.measured():
        measured[model, variant] = measured.get((model, variant), {}) | one
    sets = measured[models[0], "pretrained"]
    for r in (f"{name}_pearson" for name in figures.read("interpolation")["guarded"]):
        row = [r.removesuffix("_pearson"), f"{sets[r.replace('_pearson', '_n')]:,}"]
        for model in models:
            before, after = (measured[model, variant] for variant in VARIANTS)
            ends = [after.get(f"delta_{r}{end}") for end in ("", "_low", "_high")]
            # A model may lack a language.
            row.append(
                "–" if None in ends else f"{before[r]:.3f}, {ends[0]:+.3f} [{ends[1]:+.3f}, {ends[2]:+.3f}]"
            )
        for before in (measured[model, "pretrained"] for model in baselines):
            row.append(f"{before[r]:.3f}" if r in before else "–")
        rows.append(row)
    note = "Pearson's r with people's grades; changes with 95 % intervals of pairs."
    return f"{markdown_table(rows, 1)}\n\n{note}"


def respelling(figures: Figures) -> str:
    """What reading Turkmen as Turkish gives, with no training."""
    record = figures.read("bench/respell")
    half = "the half that no rule was chosen on, 95 % interval"
    rows = [["the encoder reads", "P@1, all of NTREX-128", half]]
    for name, label in RESPELLINGS.items():
        every, unseen = record["p1"][name]["all"], record["p1"][name]["b"]
        low, high = unseen["p1_mean_interval"]
        cells = [f"{every['p1_mean']:.3f}", f"{unseen['p1_mean']:.3f} [{low:.3f}, {high:.3f}]"]
        rows.append([label.format(**record), *cells])
    return f"{markdown_table(rows, 1)}\n\nMean of both directions; n = {every['n']:,} and {unseen['n']:,}."


def speed(figures: Figures) -> str:
    """What `make bench` measured beside named peers; assets/speed.tsv lists the figures."""
    rows = [["bench", "figure", "value"]]
    lines = [line for line in SPEED.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    for listed in csv.DictReader(lines, delimiter="\t"):
        record = figures.read(f"bench/{listed['bench']}")

        def value(key: str, record: Any = record) -> float:
            return functools.reduce(operator.getitem, key.split("."), record)

        def text(match: re.Match[str], value: Callable[[str], float] = value) -> str:
            other = value(match[1])
            return f"{other:,}" if isinstance(other, int) else f"{other:.4g}"

        label = re.sub(r"\{([\w.]+)\}", text, listed["label"])
        rows.append([listed["bench"], label, f"{value(listed['key']):.{listed['digits']}f}"])
    return markdown_table(rows)


def sources(figures: Figures) -> str:
    """The sources of the run: where each comes from, under which licence, and the pairs kept of it."""
    params = figures.params
    kept = figures.read("corpus")["clean"]["by_source"]
    rows = [["source", "from", "licence", f"{params.pair.src}–{params.pair.tgt} pairs kept"]]
    for name in params.sources:
        config = params.sources_config[name]
        origin = " ".join(filter(None, (config.package, config.version)))
        pairs = kept.get(name, {}).get(params.pair.src, {}).get("kept", 0)
        rows.append([name, origin, config.license, f"{pairs:,}"])
    return markdown_table(rows, 3)


def flow(figures: Figures) -> str:
    """How many pairs came in and were kept, why the others were dropped, and the sizes of the splits."""
    corpus = figures.read("corpus")
    cleaned = [counts for langs in corpus["clean"]["by_source"].values() for counts in langs.values()]
    before, kept = (sum(counts[key] for counts in cleaned) for key in ("in", "kept"))
    dropped = sum((Counter(counts["dropped"]) for counts in cleaned), Counter())
    reasons = ", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in _by_count(dropped))
    split = {name: sum(counts.values()) for name, counts in corpus["split"]["by_source"].items()}
    test = ", ".join(f"{name} {count:,}" for name, count in _by_count(corpus["split"]["by_source"]["test"]))
    return (
        f"{before:,} pairs came in, {kept:,} were kept. Dropped, each for one reason: {reasons}.\n\n"
        f"Train has {split['train']:,} pairs (those with English and Turkish included), dev "
        f"{split['dev']:,}, test {split['test']:,} ({test})."
    )


def _by_count(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def alignment(figures: Figures) -> str:
    """What the aligner makes of sources whose keys are hidden from it."""
    rows = [["source", "paragraphs, F1", "sentences, F1", "documents found, wrong"]]
    rows[0] += ["kept at the threshold, of right pairs", "precision against hard wrong pairs"]
    for source, one in figures.read("align")["hidden_keys"].items():
        recall, precision = one["documents"]["recall"], one["documents"]["precision"]
        right = round(recall["value"] * recall["n"])
        row = [source, *(f"{one[unit]['f1']['value']:.3f}" for unit in ("paragraphs", "sentences"))]
        row.append(f"{right} of {recall['n']}, {precision['n'] - right}")
        rows.append([*row, *(f"{one['scores'][key]:.2f}" for key in ("recall", "precision"))])
    return markdown_table(rows, 1)


BLOCKS: dict[str, Callable[[Figures], str]] = {
    block.__name__: block
    for block in (
        *(first, results, translation, forgetting, respelling),
        *(speed, sources, flow, alignment),
    )
}


def rewrite(text: str, figures: Figures, where: str) -> str:
    """Return a Markdown text with every block written anew; raise DataError on a marker of no block."""
    if len(re.findall(r"<!-- figures: [a-z_]+ -->", text)) != len(BLOCK.findall(text)):
        raise DataError(f"{where}: a `<!-- figures: NAME -->` without its `<!-- end -->`; add it")

    def block(match: re.Match[str]) -> str:
        name = match[2]
        if name not in BLOCKS:
            raise DataError(f"{where}: no block is called {name!r}; known: {', '.join(BLOCKS)}")
        try:
            written = BLOCKS[name](figures)
        except KeyError as error:
            raise DataError(f"{where}: block {name}: metrics/ lacks {error}; run what writes it") from None
        return f"{match[1]}\n{written}\n\n{match[3]}"

    return BLOCK.sub(block, text)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m commands.readme", description=__doc__)
    parser.add_argument("--metrics", type=Path, default=Path("metrics"), help="folder (default: metrics)")
    args = parser.parse_args()
    figures = read_figures(args.metrics, load_params())
    for path in [Path("README.md"), *sorted(Path("docs").glob("*.md"))]:
        text = path.read_text(encoding="utf-8")
        written = rewrite(text, figures, str(path))
        if written != text:
            with atomic_path(path) as part:
                part.write_text(written, encoding="utf-8")
            log.info("%s: figures rewritten", path)


if __name__ == "__main__":
    cli.run(main)
