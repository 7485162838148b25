"""Write docs/planning.md: what 1 M, 100 M and 1 G sentence pairs cost, from the measured unit costs.

The page is a pure function of metrics/bench/costs.json and of the assumptions below: no figure is typed.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages.align.mining import EXACT_ROWS, PROBE_SHARE
from stages.lib.core import cli
from stages.lib.core.errors import DataError
from stages.lib.core.files import atomic_path, read_json

SIZES = (10**6, 10**8, 10**9)
GPUS = (1, 8)
MINING = "mine the rest"

# What cannot be measured on the machine of the measurements: value, unit, where it comes from.
ASSUMED: dict[str, tuple[float, str, str]] = {
    "price": (4.0, "USD a GPU-hour", "put yours here: all money is GPU-hours times this"),
    "float32 rate": (67e12, "FLOP/s", "one H200, published peak, float32: what `use` and `use_tr` run in"),
    "bfloat16 rate": (989e12, "FLOP/s", "one H200, published peak, dense bfloat16: what hub models run in"),
    "GPU memory": (141e9, "bytes", "one H200, published"),
    "GPU memory rate": (4.8e12, "bytes/s", "one H200, published"),
    "share of the rate": (0.3, "of the peak", "reached by encoding and training; a guess"),
    "share in a search": (0.5, "of the peak", "reached by a search on the GPU; a guess"),
    "cores": (16, "for each GPU", "each as fast as the core measured here"),
    "main memory": (192e9, "bytes for each GPU", "a usual server"),
    "disk": (3.84e12, "bytes for each GPU", "one NVMe drive"),
    "disk rate": (3e9, "bytes/s for each GPU", "writing to it"),
    "sites": (20, "sites", "crawled at once, each at its own delay"),
    "copies": (
        2,
        "copies of a tracked file",
        "workspace and DVC cache, where neither links nor reflinks serve",
    ),
}


@dataclass(frozen=True)
class Step:
    """One step at one size on one machine: seconds by what limits it, and the memory it must have."""

    name: str
    loads: Mapping[str, float]
    # Loads that run one after the other add up; others overlap, and the longest counts.
    adds_up: bool = False
    ram: float = 0.0
    is_counted: bool = True

    @property
    def seconds(self) -> float:
        return sum(self.loads.values()) if self.adds_up else max(self.loads.values())

    @property
    def limit(self) -> str:
        return max(self.loads, key=lambda name: self.loads[name])


def assumed(name: str) -> float:
    """Return the value of an assumption."""
    return ASSUMED[name][0]


def plan(costs: Mapping[str, Any], pairs: int, gpus: int) -> list[Step]:
    """Return every step for so many pairs (as many sentences on each side) on a machine with so many GPUs."""
    texts = 2 * pairs
    cores = assumed("cores") * gpus
    fp32 = assumed("float32 rate") * assumed("share of the rate") * gpus
    bf16 = assumed("bfloat16 rate") * assumed("share of the rate") * gpus
    embed, mine, tune = costs["embed"], costs["mine"], costs["finetune"]
    pages = texts / costs["extract"]["sentences_per_page"]
    is_exact = pairs <= EXACT_ROWS
    cosines = 2 * pairs**2  # both directions
    if is_exact:
        search = cosines * 2 * embed["dim"] / mine["exact_flops_per_core_s"]
    else:
        search = cosines * mine["list_core_s_per_query_and_row"] + texts * mine["list_core_s_per_row"]
    tokenising = embed["tokeniser_core_s_per_text"]
    return [
        Step(
            "crawl",
            {"politeness": pages * costs["crawl"]["delay_s"] / assumed("sites")},
            is_counted=False,
        ),
        Step("extract", {"CPU": pages * costs["extract"]["core_s_per_page"] / cores}),
        Step(
            "embed",
            {
                "GPU": texts * embed["flops_per_text"] / fp32,
                "CPU, tokenising": texts * tokenising / cores,
                "disk": 2 * texts * costs["disk"]["vector"] / (assumed("disk rate") * gpus),
            },
        ),
        Step(
            "embed by LaBSE instead",
            {
                "GPU": texts * embed["labse_flops_per_text"] / bf16,
                "disk": 3 * texts * costs["disk"]["vector"] / (assumed("disk rate") * gpus),
            },
            is_counted=False,
        ),
        Step("align documents", {"one core": pairs * costs["align"]["core_s_per_sentence"]}),
        Step(MINING, {"CPU": search / cores}, ram=_neighbours(costs, pairs)),
        Step(
            "mine on GPUs instead, exactly",
            {
                "GPU": cosines
                * 2
                * embed["dim"]
                / (assumed("bfloat16 rate") * assumed("share in a search") * gpus)
            },
            is_counted=False,
        ),
        Step(
            "mine on GPUs instead, by lists",
            # Each query reads its lists' rows, two bytes a dimension.
            {
                "GPU memory's rate": cosines
                * PROBE_SHARE
                * 2
                * embed["dim"]
                / (assumed("GPU memory rate") * gpus)
            },
            is_counted=False,
        ),
        Step("score pairs", {"CPU": pairs * costs["score"]["core_s_per_pair"] / cores}),
        Step(
            "clean",
            {"CPU": pairs * costs["clean"]["core_s_per_pair"] / cores},
            ram=pairs * costs["clean"]["ram_bytes_per_pair"],
        ),
        Step(
            "split",
            {"one core": pairs * costs["split"]["core_s_per_pair"]},
            ram=pairs * costs["split"]["ram_bytes_per_pair"],
        ),
        Step(
            "fine-tune",
            {
                "GPU": pairs * tune["epochs"] * tune["flops_per_pair"] / fp32,
                "CPU, tokenising": texts * tune["epochs"] * tokenising / gpus,
                # The candidates of the dev score are train's own texts, and the first process measures.
                "dev score, one process": texts
                * (tune["epochs"] + 1)
                * (embed["flops_per_text"] / (fp32 / gpus) + tokenising),
            },
            adds_up=True,
        ),
    ]


def _neighbours(costs: Mapping[str, Any], pairs: int) -> float:
    """Return the bytes of both directions' neighbours, and of as many while they are merged."""
    return 2 * 2 * pairs * costs["mine"]["k"] * 8


def disk(costs: Mapping[str, Any], pairs: int) -> dict[str, float]:
    """Return the bytes on disk by what takes them, the DVC cache's copies included."""
    sizes, texts = costs["disk"], 2 * pairs
    pages = texts / costs["extract"]["sentences_per_page"]
    copies = assumed("copies")
    return {
        "raw pages, packed": copies * pages * costs["extract"]["packed_bytes_per_page"],
        "segments": copies * texts * sizes["segment"],
        "vectors (the extract)": copies * texts * sizes["vector"],
        "vectors (the store, outside DVC)": texts * sizes["vector"],
        "pairs": copies * pairs * sizes["pair"],
        "corpus and splits": copies * 2 * pairs * sizes["corpus_pair"],
    }


def page(costs: Mapping[str, Any]) -> str:
    """Return the planning page."""
    try:
        return "\n".join(_lines(costs)) + "\n"
    except KeyError as error:
        raise DataError(f"costs: no figure {error}; run python -m bench.costs again") from None


def _lines(costs: Mapping[str, Any]) -> list[str]:
    lines = [
        "# Planning: 1 M, 100 M and 1 G sentence pairs",
        "",
        *_INTRODUCTION.format(cores=costs["cores"]).strip().splitlines(),
        "",
        "## In short",
        "",
        *_summary_table(costs),
        "",
        "## Assumed",
        "",
        "| what | value | unit | why |",
        "|---|---:|---|---|",
        *(f"| {name} | {_number(value)} | {unit} | {why} |" for name, (value, unit, why) in ASSUMED.items()),
        "",
        "## Measured",
        "",
        "| what | value | unit | of |",
        "|---|---:|---|---|",
        *_measured(costs),
        "",
        "## Time",
        "",
        *_TIMES.strip().splitlines(),
    ]
    for gpus in GPUS:
        lines += ["", f"### {_machine(gpus)}", "", *_time_table(costs, gpus)]
    lines += ["", "## Memory", "", *_memory_table(costs), "", "## Disk", "", *_disk_table(costs)]
    largest = SIZES[-1]
    exact = 2 * 2 * largest**2 * costs["embed"]["dim"]
    vectors = 2 * largest * costs["disk"]["vector"]
    changes = _CHANGES.format(
        exact_rows=f"{EXACT_ROWS:,}",
        probed=f"1/{round(1 / PROBE_SHARE)}",
        exact=_number(exact, 1),
        vectors=_bytes(vectors),
        times_memory=_number(vectors / assumed("GPU memory"), 2),
        ratio=_number(costs["finetune"]["flops_per_pair"] / costs["embed"]["flops_per_text"], 2),
        gradients=_bytes(costs["finetune"]["adapter_bytes"]),
        epochs=costs["finetune"]["epochs"],
    )
    return [*lines, "", "## What changes with size", "", *changes.strip().splitlines()]


_INTRODUCTION = """
Written by `make plan` from `metrics/bench/costs.json` (`python -m bench.costs`); do not edit. A size of N
means N sentences on each side: 2 N are crawled, extracted and embedded, N pairs are aligned or mined,
scored, cleaned, split and trained on.

**Measured** is what real code took on one core of a {cores}-core machine without a GPU, on the text of
the default run. **Assumed** is everything about the machine with H200s: nothing here was run on one. A
time below is a measured unit cost, or counted operations, over an assumed rate, as if nothing were lost
between several GPUs. Expect a factor of two or three either way, and the order of the limits to hold.
Whether a language has so much text is another question.
"""

_TIMES = """
Beside each time stands what binds. Steps in italics are in no total: the crawl needs no such machine, the
others stand in for the step above them and are counted, not built or not run. `extract`, `embed`, mining
and `clean` are spread over all cores by shards (`engine: ray`); what `clean` compares between pairs is
one process, and is not told apart here. Scoring runs on all cores by itself, aligning documents and
`split` on one. Fine-tuning has a process for each GPU (`finetune.processes: 8`).
"""

_CHANGES = """
- **Search.** Exact up to {exact_rows} rows a side, inverted lists above, of which a query reads {probed};
  both grow with N². It runs on the CPU, by faiss. A search on GPUs is not built, and from 100 M on it is
  the first thing to add: exactly, since lists read every row anew for each query, at the rate of the
  GPU's memory, and gain nothing there until queries are many to a list. Exact search of 1 G is {exact}
  operations. `align.memory_mb` bounds a shard of the lists: raise it with the machine, for small shards
  look at more of them.
- **Vectors.** 512 dimensions in float16 are 1,024 bytes: 2 G texts take {vectors}, {times_memory} times
  one GPU's memory, so an index of 1 G on GPUs needs product quantisation or passes over parts. On disk
  they are memory-mapped and lie in the store, in the extract and in the DVC cache; where reflinks or hard
  links serve (`dvc config cache.type`), the last costs nothing.
- **Models with padding.** `embed` gives LaBSE and its like eight texts of one length at a time, so that a
  vector's bits do not depend on its company: too few to fill a GPU. The time for LaBSE above supposes
  batches that fill it.
- **Duplicates.** `clean` and `split` hold every pair as Python objects. Beyond the memory, pairs have to
  be divided before near-duplicates are sought: `clean` looks for them within a source, so that sources
  can go one by one; `split` compares train with dev, test and benchmarks alone, so that train can pass in
  parts.
- **DVC.** One cache on one disk, and every file hashed whole: at 1 G the vectors should leave the graph
  (the store goes by content anyway) or lie in one file for each shard.
- **Fine-tuning.** A pair costs {ratio} times the operations of embedding a text, in each of {epochs}
  epochs; few need so many pairs: `source_cap` takes a sample. Gradients of {gradients} go between the
  GPUs at each step, which is nothing. The dev score embeds train's own texts as candidates, in the first
  process, before training and after each epoch, while the others wait: a cap on the candidates would end
  that. `hard_negatives` compares every row of a language with every other: up to some hundred thousand
  rows.
- **Money.** Steps that the CPU binds cost the same on a machine without GPUs at a fraction of the price;
  only `embed` and `finetune` need them.
- **Crawling.** One request for each site at a time, and its delay: GPUs change nothing, more sites do.
"""


def _totals(steps: Sequence[Step]) -> dict[str, tuple[float, Step]]:
    """Return the seconds and the longest step without and with mining."""
    counted = [step for step in steps if step.is_counted]
    found = {}
    for name, chosen in (
        ("aligned", [step for step in counted if step.name != MINING]),
        ("aligned and mined", counted),
    ):
        longest = max(chosen, key=lambda step: step.seconds)
        found[name] = sum(step.seconds for step in chosen), longest
    return found


def _summary_table(costs: Mapping[str, Any]) -> list[str]:
    lines = [
        "| pairs | GPUs | aligned | USD | binds | aligned and mined | USD | binds | memory | disk |",
        "|---|---:|---:|---:|---|---:|---:|---|---|---|",
    ]
    for pairs in SIZES:
        for gpus in GPUS:
            steps = plan(costs, pairs, gpus)
            cells = []
            for seconds, longest in _totals(steps).values():
                price = seconds / 3600 * gpus * assumed("price")
                cells += [_time(seconds), _number(price), f"{longest.name} ({longest.limit})"]
            lacking = [step.name for step in steps if step.ram > assumed("main memory") * gpus]
            space = sum(disk(costs, pairs).values())
            cells.append("suffices" if not lacking else "**too little for " + " and ".join(lacking) + "**")
            cells.append(
                _bytes(space) if space <= assumed("disk") * gpus else f"**{_bytes(space)}: too much**"
            )
            lines.append(f"| {_size(pairs)} | {gpus} | " + " | ".join(cells) + " |")
    return lines


def _measured(costs: Mapping[str, Any]) -> list[str]:
    extract, embed, mine, tune, sizes = (
        costs[name] for name in ("extract", "embed", "mine", "finetune", "disk")
    )
    model = costs["model"]
    rows = [
        (
            "pages read",
            1 / extract["core_s_per_page"],
            "pages/s a core",
            f"{extract['n']} pages of the tests",
        ),
        ("sentences of a page", extract["sentences_per_page"], "", "the same"),
        ("a page, packed", extract["packed_bytes_per_page"], "bytes", "the same"),
        (f"embedding by {model}", 1 / embed["core_s_per_text"], "texts/s a core", f"{embed['n']:,} texts"),
        ("its tokeniser alone", 1 / embed["tokeniser_core_s_per_text"], "texts/s a core", "the same"),
        ("tokens of a text", embed["tokens_per_text"], "", "the same"),
        ("its operations", embed["flops_per_text"], "FLOP a text, counted", "the same"),
        ("LaBSE's operations", embed["labse_flops_per_text"], "FLOP a text, counted", "as many tokens"),
        (
            "aligning",
            1 / costs["align"]["core_s_per_sentence"],
            "sentences/s a core",
            "3,000 a side, made up",
        ),
        ("matrix product", mine["gemm_flops_per_core_s"], "FLOP/s a core", "float32"),
        ("exact search", mine["exact_flops_per_core_s"], "FLOP/s a core", f"{mine['n']:,} rows"),
        (
            "inverted lists",
            1 / mine["list_core_s_per_query_and_row"],
            "rows/s a core and query",
            f"{mine['shard']:,} rows",
        ),
        ("scoring", 1 / costs["score"]["core_s_per_pair"], "pairs/s a core", "against the background"),
    ]
    for name in ("clean", "split"):
        cost = costs[name]
        rows += [
            (name, 1 / cost["core_s_per_pair"], "pairs/s a core", f"{cost['n']:,} sentence pairs"),
            (f"{name}, memory", cost["ram_bytes_per_pair"], "bytes a pair", f"{cost['ram_n']:,} pairs"),
        ]
    rows += [
        (
            f"fine-tuning {model}",
            1 / tune["core_s_per_pair"],
            "pairs/s a core",
            f"{tune['n']} pairs, one batch",
        ),
        ("its operations", tune["flops_per_pair"], "FLOP a pair, counted", "the same"),
        ("a vector with its key", sizes["vector"], "bytes", "the extract"),
        ("a segment", sizes["segment"], "bytes", f"{sizes['segment_n']:,} sentences"),
        ("a pair", sizes["pair"], "bytes", f"{sizes['pair_n']:,} sentence pairs"),
        ("a pair of the corpus", sizes["corpus_pair"], "bytes", f"{sizes['corpus_pair_n']:,} sentence pairs"),
    ]
    return [f"| {what} | {_number(value)} | {unit} | {of} |" for what, value, unit, of in rows]


def _time_table(costs: Mapping[str, Any], gpus: int) -> list[str]:
    plans = [plan(costs, pairs, gpus) for pairs in SIZES]
    lines = [
        "| step | " + " | ".join(map(_size, SIZES)) + " |",
        "|---|" + "---|" * len(SIZES),
    ]
    for steps in zip(*plans, strict=True):
        name = steps[0].name if steps[0].is_counted else f"*{steps[0].name}*"
        cells = []
        for step in steps:
            has_room = step.ram <= assumed("main memory") * gpus
            cells.append(
                f"{_time(step.seconds)}, {step.limit}" + ("" if has_room else "; **memory does not suffice**")
            )
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    totals = [_totals(steps) for steps in plans]
    for name in totals[0]:
        lines.append(
            f"| **{name}** | " + " | ".join(f"**{_time(total[name][0])}**" for total in totals) + " |"
        )
    return lines


def _memory_table(costs: Mapping[str, Any]) -> list[str]:
    rooms = ", ".join(f"{_bytes(assumed('main memory') * gpus)} with {gpus}" for gpus in GPUS)
    lines = [
        f"Main memory is {rooms} GPU; one GPU has {_bytes(assumed('GPU memory'))}.",
        "",
        "| what | " + " | ".join(map(_size, SIZES)) + " |",
        "|---|" + "---:|" * len(SIZES),
    ]
    index = [pairs * costs["embed"]["dim"] * 2 for pairs in SIZES]
    wanted = {
        step.name: [
            next(one.ram for one in plan(costs, pairs, 1) if one.name == step.name) for pairs in SIZES
        ]
        for step in plan(costs, SIZES[0], 1)
        if step.ram
    }
    wanted["one side's vectors on GPUs (not built)"] = index
    return lines + [
        f"| {name} | " + " | ".join(map(_bytes, values)) + " |" for name, values in wanted.items()
    ]


def _disk_table(costs: Mapping[str, Any]) -> list[str]:
    tables = [disk(costs, pairs) for pairs in SIZES]
    lines = ["| what | " + " | ".join(map(_size, SIZES)) + " |", "|---|" + "---:|" * len(SIZES)]
    lines += [
        f"| {name} | " + " | ".join(_bytes(table[name]) for table in tables) + " |" for name in tables[0]
    ]
    totals = [sum(table.values()) for table in tables]
    lines.append("| **total** | " + " | ".join(f"**{_bytes(total)}**" for total in totals) + " |")
    for gpus in GPUS:
        room = assumed("disk") * gpus
        verdicts = ("fits" if total <= room else "**does not fit**" for total in totals)
        lines.append(f"| on {_bytes(room)}, {gpus} GPU | " + " | ".join(verdicts) + " |")
    return lines


def _machine(gpus: int) -> str:
    cores, ram = assumed("cores") * gpus, _bytes(assumed("main memory") * gpus)
    return f"{'One H200' if gpus == 1 else 'Eight H200'}: {cores:,.0f} cores, {ram}"


def _size(pairs: int) -> str:
    return f"{pairs // 10**6} M" if pairs < 10**9 else f"{pairs // 10**9} G"


def _time(seconds: float) -> str:
    """Return a time to two digits in the unit that suits."""
    for unit, length in (("years", 365 * 86400), ("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 1.5 * length:
            return f"{_number(seconds / length, 2)} {unit}"
    return f"{_number(seconds, 2)} s"


def _bytes(value: float) -> str:
    for unit, size in (("PB", 10**15), ("TB", 10**12), ("GB", 10**9), ("MB", 10**6)):
        if value >= size:
            return f"{_number(value / size)} {unit}"
    return f"{value:.0f} bytes"


def _number(value: float, digits: int = 3) -> str:
    """Return a number to so many significant digits, large ones with their power of ten."""
    rounded = float(f"{value:.{digits}g}")
    if rounded >= 1e7:
        return f"{rounded:.{digits - 1}e}".replace("e+", "e")
    return f"{rounded:,.0f}" if rounded >= 10 ** (digits - 1) else f"{rounded:,.{digits}g}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m commands.plan", description=__doc__.splitlines()[0])
    parser.add_argument("--costs", type=Path, default=Path("metrics/bench/costs.json"), help="measured costs")
    parser.add_argument("--out", type=Path, default=Path("docs/planning.md"), help="page to write")
    args = parser.parse_args()
    text = page(read_json(args.costs))
    with atomic_path(args.out) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    cli.run(main)
