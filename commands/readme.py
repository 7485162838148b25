"""Rewrite the figures of README.md and docs/ from metrics/: whatever stands between two markers.

A block begins with `<!-- figures: NAME -->` and ends with `<!-- end -->`; BLOCKS has the function that writes
it. Run it after `dvc repro`, `make benchmarks` or `make bench`, and read what changed: the sentences around a
block are yours.
"""

from __future__ import annotations

import argparse
import logging
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from commands.results import read_details
from stages.lib.core import cli
from stages.lib.core.errors import DataError
from stages.lib.core.files import atomic_path, read_json
from stages.lib.core.params import Params, load_params
from stages.report.result_table import VARIANTS, as_markdown, format_p, legend, table_rows, translation_rows

log = logging.getLogger("readme")  # run with -m, __name__ says nothing

BLOCK = re.compile(r"(<!-- figures: ([a-z_]+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)
# Bench, what is told, where its figure is in metrics/bench/<bench>.json, digits. {} holds another figure of
# the bench, by the dotted keys that follow.
SPEED: tuple[tuple[str, str, str, int, tuple[str, ...]], ...] = (
    ("encode", "sentences a second of `use` in torch over the wheel's numpy encoder", "use_vs_wheel", 2, ()),
    ("encode", "flat batches over padded ones", "padding_vs_flat", 1, ()),
    *(
        (
            "encode",
            f"`{model}` over sentence-transformers' own encoding, {kind}",
            f"by_model.{model}.{key}",
            2,
            more,
        )
        for model in ("minilm_en", "use")
        for kind, key, more in (
            ("float32", "fp32_ratio", ()),
            ("int8 (least cosine {})", "int8_ratio", (f"by_model.{model}.int8_min_cosine",)),
        )
    ),
    (
        "align",
        "strict F1 on Text+Berg dev, where its costs were chosen; vecalign on the same vectors {}",
        "textberg_dev_strict_f1",
        3,
        ("vecalign.textberg_dev_strict_f1",),
    ),
    ("align", "lax F1; vecalign {}", "textberg_dev_lax_f1", 3, ("vecalign.textberg_dev_lax_f1",)),
    (
        "align",
        "texts encoded for each sentence; vecalign {}",
        "encoded_per_sentence",
        2,
        ("vecalign.encoded_per_sentence",),
    ),
    ("align", "seconds for 3,000 × 3,000 sentences, one core", "seconds_3000", 2, ()),
    ("align", "seconds for 30,000 × 30,000", "seconds_30000", 2, ()),
    ("align", "F1 on the UDHR's paragraphs", "udhr_paragraph_f1", 3, ()),
    (
        "align",
        "the same, a third of one side gone and two articles swapped, mean of {}; 0.97 was asked for",
        "udhr_damaged_f1_mean",
        3,
        ("udhr_damaged_draws",),
    ),
    (
        "mining",
        "recall of {} NTREX pairs among 20,000 × 20,000, ru–tr, at precision {}; plain cosine {} at {}",
        "recall.ours",
        2,
        ("ru_tr.planted", "precision.ours", "recall.cosine_top1", "precision.cosine_top1"),
    ),
    ("mining", "search over the machine's matrix product", "gemm_share", 2, ()),
    (
        "engine",
        "time of `engine: ray` on {} workers of one machine over that of `local`; {} s to start not counted",
        "ray_vs_local_seconds.ratio",
        2,
        ("workers", "ray_vs_local_seconds.start_of_ray"),
    ),
    ("tmx", "speed over translate-toolkit's writer", "speed_over_peer", 1, ()),
    ("html", "F1 of body text on layouts not tuned to, ours", "unseen.ours.f1", 3, ()),
    ("html", "the same, plain trafilatura", "unseen.trafilatura.f1", 3, ()),
    ("pdf", "pages a second over plain pdfminer.six, layout pages", "layout_ratio", 2, ()),
    ("pdf", "the same, plain pages", "plain_ratio", 1, ()),
    ("pdf", "words recovered in order, {} pages", "words_recovered", 3, ("n.pages",)),
    ("pdf", "hyphenation right", "hyphens_right", 3, ()),
)


@dataclass(frozen=True)
class Figures:
    """What metrics/ holds, beside the parameters."""

    folder: Path
    params: Params
    summary: dict[str, Any]
    details: dict[tuple[str, str], dict[str, Any]]

    def read(self, name: str) -> Any:
        return read_json(self.folder / f"{name}.json")

    @property
    def models(self) -> list[str]:
        return list(dict.fromkeys(model for model, _ in self.details))

    @property
    def ways(self) -> tuple[str, str]:
        """Both directions as metrics name them."""
        src, tgt = self.params.pair.src, self.params.pair.tgt
        return f"{src}_{tgt}", f"{tgt}_{src}"

    @property
    def shown(self) -> tuple[str, str]:
        """Both directions as people read them."""
        return self.ways[0].replace("_", "→"), self.ways[1].replace("_", "→")


def figures_of(folder: Path, params: Params) -> Figures:
    details = read_details(folder, params)
    summary = read_json(folder / "summary.json")
    return Figures(folder, params, {model: summary[model] for model, _ in details}, details)


# --- blocks: what each marker stands for; `old` is what stands there now ---


def first(found: Figures, old: str) -> str:
    """The table of the first screen: one row a model, test set and news."""
    rows = [
        [
            *("model", "test set: pretrained", "fine-tuned", "gain, points", "p"),
            *("news: pretrained", "fine-tuned", "gain, points", "p"),
        ]
    ]
    news = found.read("benchmarks").get("ntrex", {})
    for model in found.models:
        row = [f"`{model}`"]
        means = {
            variant: found.details[model, variant]["metrics"]["test_p1_mean"]["value"]
            for variant in found.summary[model]
        }
        row += [f"{means[variant]:.3f}" if variant in means else "" for variant in VARIANTS]
        tuned = found.details.get((model, "finetuned"), {})
        if test := tuned.get("compared_with_pretrained", {}).get("test_p1_mean"):
            row += [_points(test["difference"], test["low"], test["high"]), format_p(test["p_holm"])]
        else:
            row += ["", ""]
        of_model = news.get(model, {})
        row += [f"{of_model[variant]['p1_mean']:.3f}" if variant in of_model else "" for variant in VARIANTS]
        if after := of_model.get("finetuned"):
            delta = (after["delta_p1_mean"], after["delta_p1_mean_low"], after["delta_p1_mean_high"])
            row += [_points(*delta), format_p(after["p_p1_mean"])]
        else:
            row += ["", ""]
        rows.append(row)
    detail = next(iter(found.details.values()))
    candidates = detail["signature"]["candidates"]["test"]
    src, tgt = found.params.pair.src, found.params.pair.tgt
    n = detail["metrics"]["test_p1_mean"]["n"]
    on_news = f"news: {next(iter(news.values()))['pretrained']['n']:,} sentences of NTREX-128" if news else ""
    note = (
        f"P@1: how often the right translation is the nearest of {candidates[tgt]:,} {tgt} (or "
        f"{candidates[src]:,} {src}) candidates, mean of both directions. Test set: {n:,} pairs; {on_news}. "
        "Gains with 95 % intervals, resampled by document; p: paired permutation test, corrected for the "
        "number of models."
    )
    return f"{_table(rows)}\n\n{note}"


def results(found: Figures, old: str) -> str:
    table = as_markdown(table_rows(found.summary, found.details, found.params.pair))
    return "\n\n".join([table, " ".join(legend(found.details))])


def translation(found: Figures, old: str) -> str:
    rows = translation_rows(found.details, found.params.pair)
    return as_markdown(rows) if rows else "No model of the last run translates."


def benchmarks(found: Figures, old: str) -> str:
    """Retrieval on the benchmarks that `make benchmarks` had."""
    there, back = found.ways
    rows = [
        [
            *("benchmark", "model", "variant", "n", *(f"P@1 {way}" for way in found.shown)),
            *("mean, 95 % interval", f"hard {found.shown[0]}", "gain, points", "p"),
        ]
    ]
    for benchmark, model, variant, figures in _measured(found):
        if f"p1_{there}" not in figures:
            continue
        mean = f"{figures['p1_mean']:.3f} [{figures['p1_mean_low']:.3f}, {figures['p1_mean_high']:.3f}]"
        row = [benchmark, model, variant, f"{figures['n']:,}"]
        row += [f"{figures[f'p1_{there}']:.3f}", f"{figures[f'p1_{back}']:.3f}", mean]
        row.append(f"{figures[f'hard_p1_{there}']:.3f}" if f"hard_p1_{there}" in figures else "–")
        if "delta_p1_mean" in figures:
            row += [f"{100 * figures['delta_p1_mean']:+.1f}", format_p(figures["p_p1_mean"])]
        else:
            row += ["", ""]
        rows.append(row)
    return _table(rows, 3)


def forgetting(found: Figures, old: str) -> str:
    """Graded pairs, every set: Pearson's r before, and what fine-tuning changed."""
    models, baselines = found.params.models, found.params.baselines
    header = [*(f"`{name}`: r, change" for name in models), *(f"`{name}`: r" for name in baselines)]
    rows = [["set", "n", *header]]
    measured = {(model, variant): {} for _, model, variant, _ in _measured(found)}
    for _, model, variant, figures in _measured(found):
        measured[model, variant] |= figures
    first = measured[models[0], "pretrained"]
    for name in sorted(key.removesuffix("_pearson") for key in first if key.endswith("_pearson")):
        row = [name, f"{first[f'{name}_n']:,}"]
        for model in models:
            before, after = (measured[model, variant] for variant in VARIANTS)
            key = f"delta_{name}_pearson"
            if key not in after:  # a language that the model does not have
                row.append("–")
                continue
            low, high = after[f"{key}_low"], after[f"{key}_high"]
            row.append(f"{before[f'{name}_pearson']:.3f}, {after[key]:+.3f} [{low:+.3f}, {high:+.3f}]")
        r = f"{name}_pearson"
        for plain in (measured[model, "pretrained"] for model in baselines):
            row.append(f"{plain[r]:.3f}" if r in plain else "–")
        rows.append(row)
    return f"{_table(rows)}\n\nPearson's r with people's grades; changes with 95 % intervals of pairs."


def strengths(found: Figures, old: str) -> str:
    """Adapters from strength 0 to 1."""
    record = found.read("interpolation")
    guarded = record["guarded"]
    rows = [["model", "strength", "P@1 dev", "P@1 test", *(f"r, {name}" for name in guarded)]]
    for model, measured in record["models"].items():
        saved = set(measured["saved"].values())
        for point in measured["points"]:
            figures, strength = point["figures"], point["strength"]
            row = [model, f"{strength:g}" + (" (saved)" if strength in saved else "")]
            row += [f"{figures[f'{name}_p1_mean']['value']:.3f}" for name in ("dev", "test")]
            for name in guarded:
                key = f"sts_{name}_pearson"
                row.append(
                    f"{point['differences'][key]['difference']:+.3f}"
                    if strength
                    else f"{figures[key]['value']:.3f}"
                )
            rows.append(row)
    return _table(rows, 2)


def respelling(found: Figures, old: str) -> str:
    """What reading Turkmen as Turkish gives, with no training."""
    record = found.read("bench/respell")
    names = {
        "raw": "Turkmen as it is",
        "letters": "letters",
        "sounds": "letters and sounds",
        "lexicon": f"letters, sounds, suffixes and a lexicon of {record['lexicon_entries']:,} entries",
        "turkish": "Turkish written by people, for comparison",
    }
    half = "the half that no rule was chosen on, 95 % interval"
    rows = [["the encoder reads", "P@1, all of NTREX-128", half]]
    for name, label in names.items():
        one, other = record["p1"][name]["all"], record["p1"][name]["b"]
        low, high = other["p1_mean_interval"]
        rows.append([label, f"{one['p1_mean']:.3f}", f"{other['p1_mean']:.3f} [{low:.3f}, {high:.3f}]"])
    n = record["p1"]["raw"]["all"]["n"], record["p1"]["raw"]["b"]["n"]
    return f"{_table(rows)}\n\nMean of both directions; n = {n[0]:,} and {n[1]:,}."


def trials(found: Figures, old: str) -> str:
    """What dev said of each trial of assets/trials.yaml."""
    params = found.params
    encoders = [name for name in params.models if params.recipe("default", name).select == "mrr"]
    tried = found.read("recipes")["trials"]
    rows = [["trial", "what", *(f"`{name}`" for name in encoders)]]
    before = tried["default"]["dev"]
    rows.append(["pretrained", "no training", *(_dev_mrr(before[name]["pretrained"]) for name in encoders)])
    for name, trial in tried.items():
        # Its dev set has other pairs, so it is told apart.
        if name != "mediawiki" and set(encoders) <= set(trial["dev"]):
            scores = [_dev_mrr(trial["dev"][model]["finetuned"][0]) for model in encoders]
            rows.append([name, trial["why"], *scores])
    n = before[encoders[0]]["dev_pairs"]
    note = f"MRR on {n:,} dev pairs, mean of both directions, at the strength that is saved."
    return f"{_table(rows, 2)}\n\n{note}"


def _dev_mrr(scores: dict[str, float]) -> str:
    # Not `score`, which is what the recipe selects by.
    return f"{(scores['mrr_src_tgt'] + scores['mrr_tgt_src']) / 2:.3f}"


def recipe_tests(found: Figures, old: str) -> str:
    """What the test set said of each trial that ran to the report."""
    header = ["trial", "model", "P@1 pretrained", "fine-tuned", "gain, points", "p", "P@1 news", "STS"]
    rows = [header]
    for name, trial in found.read("recipes")["trials"].items():
        # Its test set has other pairs, so it is told apart.
        if name == "mediawiki" or "test" not in trial:
            continue
        for model, variants in trial["test"].items():
            before, after = (variants[variant] for variant in VARIANTS)
            row = [name, f"`{model}`", *(f"{one['test_p1_mean']:.3f}" for one in (before, after))]
            row += [f"{100 * after['delta']:+.1f}", format_p(after["p"])]
            rows.append(
                row
                + [
                    f"{before[key]:.3f} → {after[key]:.3f}"
                    for key in ("ntrex_p1_mean", "sts_ru_smoke_pearson")
                ]
            )
    return _table(rows, 2)


def learning_curve(found: Figures, old: str) -> str:
    """Dev and test by corpus size, as `make sweep NAME=data-size` measured them, beside the whole."""
    record = found.read("sweeps/data-size")
    told = ("dev_mrr_mean", "dev_p1_mean", "test_p1_mean")
    rows = [
        ["model", "share", "training pairs", "MRR dev", "P@1 dev", "P@1 test", "test, from the whole", "p"]
    ]
    for model, before in record["pretrained"].items():
        rows.append(
            [f"`{model}`", "pretrained", "0", *(f"{before[key]['value']:.3f}" for key in told), "", ""]
        )
        for share, point in record["points"].items():
            one = point["models"][model]
            cells = [f"{one['figures'][key]['value']:.3f}" for key in told]
            less = one["against"].get("reference", {}).get("test_p1_mean")
            apart = (
                [_points(less["difference"], less["low"], less["high"]), format_p(less["p_holm"])]
                if less
                else ["", ""]
            )
            rows.append([f"`{model}`", share, f"{one['train_pairs']:,}", *cells, *apart])
    return _table(rows, 2)


def mediawiki(found: Figures, old: str) -> str:
    """The trial with MediaWiki's messages: P@1 on its held-out modules."""
    test = found.read("recipes")["trials"]["mediawiki"]["test"]
    rows = [["model", "variant", "n", *(f"P@1 {way}, held-out modules" for way in found.shown), "P@1 news"]]
    for model, variants in test.items():
        for variant in VARIANTS:
            of_source = variants[variant]["by_source"]["mediawiki"]
            figures = [of_source[f"p1_{way}"] for way in found.ways]
            row = [model, variant, str(figures[0]["n"]), *(f"{one['value']:.3f}" for one in figures)]
            rows.append([*row, f"{variants[variant]['ntrex_p1_mean']:.3f}"])
    return _table(rows, 2)


def speed(found: Figures, old: str) -> str:
    """What `make bench` measured beside named peers."""
    rows = [["bench", "figure", "value"]]
    records = {bench: found.read(f"bench/{bench}") for bench in dict.fromkeys(row[0] for row in SPEED)}
    for bench, label, key, digits, more in SPEED:
        value = _at(records[bench], key)
        told = label.format(*(_number(_at(records[bench], other)) for other in more))
        rows.append([bench, told, f"{value:.{digits}f}"])
    return _table(rows, 2)


def sources(found: Figures, old: str) -> str:
    """The table of sources: the last cell of each row is the pairs kept, the others are written by hand."""
    kept = found.read("corpus")["clean"]["by_source"]
    src = found.params.pair.src

    def count(row: re.Match[str]) -> str:
        name = row[2]
        if name not in found.params.sources_config:
            return row[0]
        told = "off by default"
        if name in found.params.sources:
            told = f"{kept.get(name, {}).get(src, {}).get('kept', 0):,}"
        return f"{row[1]} {told} |"

    return re.sub(r"^(\| (\w+) \|.*\|)[^|\n]*\|$", count, old, flags=re.MULTILINE).strip()


def flow(found: Figures, old: str) -> str:
    """How many pairs came in, stayed and went, and where the rest stands."""
    corpus = found.read("corpus")
    came = kept = 0
    dropped: Counter[str] = Counter()
    for langs in corpus["clean"]["by_source"].values():
        for one in langs.values():
            came, kept = came + one["in"], kept + one["kept"]
            dropped.update(one["dropped"])
    reasons = ", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in _by_count(dropped))
    split = {name: sum(of.values()) for name, of in corpus["split"]["by_source"].items()}
    test = ", ".join(f"{name} {count:,}" for name, count in _by_count(corpus["split"]["by_source"]["test"]))
    return (
        f"{came:,} pairs came in, {kept:,} were kept. Dropped, each for one reason: {reasons}.\n\n"
        f"Train has {split['train']:,} pairs (those with English and Turkish included), dev "
        f"{split['dev']:,}, test {split['test']:,} ({test})."
    )


def alignment(found: Figures, old: str) -> str:
    """What the aligner makes of sources whose keys are hidden from it."""
    rows = [
        [
            *("source", "paragraphs, F1", "sentences, F1", "documents found, wrong"),
            *("kept at the threshold, of right pairs", "precision against hard wrong pairs"),
        ]
    ]
    for source, one in found.read("align")["hidden_keys"].items():
        documents, scores = one["documents"], one["scores"]
        right = round(documents["recall"]["value"] * documents["recall"]["n"])
        wrong = documents["precision"]["n"] - right
        row = [source, f"{one['paragraphs']['f1']['value']:.3f}", f"{one['sentences']['f1']['value']:.3f}"]
        row.append(f"{right} of {documents['recall']['n']}, {wrong}")
        rows.append([*row, f"{scores['recall']:.2f}", f"{scores['precision']:.2f}"])
    return _table(rows)


BLOCKS: dict[str, Callable[[Figures, str], str]] = {
    block.__name__: block
    for block in (
        *(first, results, translation, benchmarks, forgetting, strengths, respelling, trials, recipe_tests),
        *(learning_curve, mediawiki, speed, sources, flow, alignment),
    )
}


def rewrite(text: str, found: Figures, where: str) -> str:
    """Return a Markdown text with every block written anew; raise DataError on a marker of no block."""
    if len(re.findall(r"<!-- figures: [a-z_]+ -->", text)) != len(BLOCK.findall(text)):
        raise DataError(f"{where}: a `<!-- figures: NAME -->` without its `<!-- end -->`; add it")

    def block(match: re.Match[str]) -> str:
        name = match[2]
        if name not in BLOCKS:
            raise DataError(f"{where}: no block is called {name!r}; known: {', '.join(BLOCKS)}")
        try:
            written = BLOCKS[name](found, match[3])
        except KeyError as error:
            raise DataError(f"{where}: block {name}: metrics/ lacks {error}; run what writes it") from None
        return f"{match[1]}\n{written}\n\n{match[4]}"

    return BLOCK.sub(block, text)


def _measured(found: Figures) -> Iterable[tuple[str, str, str, dict[str, Any]]]:
    """Yield (benchmark, model, variant, figures) in the order of params.yaml, pretrained first."""
    for benchmark, models in found.read("benchmarks").items():
        for model in [*found.params.models, *found.params.baselines]:
            for variant in VARIANTS:
                if variant in models.get(model, {}):
                    yield benchmark, model, variant, models[model][variant]


def _points(difference: float, low: float, high: float) -> str:
    return f"{100 * difference:+.1f} [{100 * low:+.1f}, {100 * high:+.1f}]"


def _by_count(counts: dict[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _at(record: Any, key: str) -> Any:
    for part in key.split("."):
        record = record[part]
    return record


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"


def _table(rows: Sequence[Sequence[str]], text: int = 1) -> str:
    """Write a Markdown table whose first ``text`` columns are text, the others numbers."""
    marks = ["---"] * text + ["---:"] * (len(rows[0]) - text)
    return "\n".join("| " + " | ".join(row) + " |" for row in [rows[0], marks, *rows[1:]])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m commands.readme", description=__doc__)
    parser.add_argument("--metrics", type=Path, default=Path("metrics"), help="folder (default: metrics)")
    args = parser.parse_args()
    found = figures_of(args.metrics, load_params())
    for path in [Path("README.md"), *sorted(Path("docs").glob("*.md"))]:
        text = path.read_text(encoding="utf-8")
        written = rewrite(text, found, str(path))
        if written != text:
            with atomic_path(path) as part:
                part.write_text(written, encoding="utf-8")
            log.info("%s: figures rewritten", path)


if __name__ == "__main__":
    cli.run(main)
