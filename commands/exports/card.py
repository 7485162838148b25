"""The data card beside an exported corpus: what is in it, from where, under which licence, and its faults."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from commands.exports.rows import Row
from stages.lib.core.markdown import markdown_table
from stages.lib.text.topics import is_religious

# Below this many words on the source side a pair is a name or a label rather than a sentence.
SENTENCE_WORDS = 3


@dataclass
class SourceCounts:
    """What was written of one source."""

    pairs: int = 0
    src_words: int = 0
    tgt_words: int = 0
    religious: int = 0
    short: int = 0
    judged: int = 0
    licenses: Counter[str] = field(default_factory=Counter)
    methods: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Origin:
    """Where a source comes from, what it holds, and whether both sides are translations of a third text."""

    place: str
    domain: str
    translated: bool


class Counts:
    """Counts of the rows that pass through, by source; memory does not grow with the rows.

    ``judged`` names the pairs that people judged and kept, mended or not.
    """

    def __init__(self, src_lang: str, tgt_lang: str, judged: frozenset[str] = frozenset()) -> None:
        self.src_lang, self.tgt_lang = src_lang, tgt_lang
        self._judged = judged
        self.by_source: dict[str, SourceCounts] = defaultdict(SourceCounts)
        # Rows left out, by reason.
        self.left_out: Counter[str] = Counter()

    def watch(self, rows: Iterable[Row]) -> Iterator[Row]:
        """Yield the rows as they are, and count them."""
        for row in rows:
            counts = self.by_source[row["source"]]
            src_words = len(row["src"].split())
            counts.pairs += 1
            counts.src_words += src_words
            counts.tgt_words += len(row["tgt"].split())
            counts.short += src_words < SENTENCE_WORDS
            counts.religious += is_religious({self.src_lang: row["src"], self.tgt_lang: row["tgt"]})
            # A mended pair was judged, also where the names of the judged ones are not at hand.
            counts.judged += row["method"] == "annotated" or row["pair_id"] in self._judged
            counts.licenses[row["license"]] += 1
            counts.methods[row["method"]] += 1
            yield row

    def total(self, name: str) -> int:
        """Return the sum over the sources of one count."""
        return sum(getattr(counts, name) for counts in self.by_source.values())

    def sum_by(self, name: str) -> Counter[str]:
        """Return the sum over the sources of one counter."""
        return sum((getattr(counts, name) for counts in self.by_source.values()), Counter())


def card_text(
    counts: Counts,
    origins: Mapping[str, Origin],
    made_from: str,
    notes: Iterable[str],
    *,
    has_splits: bool = False,
) -> str:
    """Return the card in Markdown; ``notes`` are the format's own words on how to read it."""
    pair = f"{counts.src_lang}-{counts.tgt_lang}"
    parts = [
        f"# Parallel corpus {pair}",
        f"{counts.total('pairs'):,} sentence pairs, {counts.total('src_words'):,} words in {counts.src_lang} "
        f"and {counts.total('tgt_words'):,} in {counts.tgt_lang}, exported by Köpri from {made_from}.",
        "## Sources",
        _sources(counts, origins),
        "Each pair carries its source, document, position and licence. A document's name and the position in "
        "it (n_src, n_tgt; key where the source has keys) lead back to the text.",
        "## Licences",
        _licences(counts),
        "## Known faults",
        "\n".join(f"- {fault}" for fault in _faults(counts, origins, has_splits)),
        "## How to read it",
        "\n".join(f"- {note}" for note in notes),
    ]
    return "\n\n".join(parts) + "\n"


def _sources(counts: Counts, origins: Mapping[str, Origin]) -> str:
    rows = [["source", "domain", "from", "licence", "pairs", "religious by its words"]]
    for name, source in counts.by_source.items():
        origin = origins.get(name)
        what = (origin.domain, origin.place) if origin else ("unknown", "no file in sources/ any more")
        share = _percent(source.religious, source.pairs)
        rows.append([name, *what, ", ".join(sorted(source.licenses)), f"{source.pairs:,}", share])
    return markdown_table(rows, 4)


def _licences(counts: Counts) -> str:
    lines = ["Pairs keep the licence of their source; the whole has no licence of its own.", ""]
    lines += [f"- {name}: {n:,} pairs" for name, n in sorted(counts.sum_by("licenses").items())]
    restricted = sorted(name for name in counts.sum_by("licenses") if is_restricted(name))
    if restricted:
        lines += [
            "",
            f"**Not to be passed on**: {', '.join(restricted)} grant no right to redistribute; they are here "
            "because the export asked for them.",
        ]
    if counts.left_out:
        left_out = "; ".join(f"{n:,} {reason}" for reason, n in sorted(counts.left_out.items()))
        lines += ["", f"Left out: {left_out}."]
    return "\n".join(lines)


def _faults(counts: Counts, origins: Mapping[str, Origin], has_splits: bool) -> Iterator[str]:
    pairs, methods = counts.total("pairs"), counts.sum_by("methods")
    yield (
        f"Religious text: {_percent(counts.total('religious'), pairs)} of the pairs have a word of it, "
        "counted by a list of strong words: a lower bound. Web corpora of small languages hold much "
        "scripture (Tatoeba's training text above all), which is no model of everyday language."
    )
    translated = sum(
        source.pairs
        for name, source in counts.by_source.items()
        if name in origins and origins[name].translated
    )
    yield (
        f"Translationese: in {_percent(translated, pairs)} of the pairs both sides were translated from a "
        "third language, mostly English; in the others the original side is not marked. Neither side is a "
        "sample of what people write by themselves."
    )
    found_by_machine = methods["mined"] + methods["aligned"]
    yield (
        f"Errors of alignment: {found_by_machine:,} pairs were found by comparing vectors (method aligned or "
        f"mined; score is the model's confidence), {methods['given']:,} were paired by their source and "
        f"{methods['annotated']:,} were mended by people (method annotated). People judged "
        f"{counts.total('judged'):,} of all pairs; what nobody judged may be wrong."
    )
    yield (
        f"Short text: {_percent(counts.total('short'), pairs)} of the pairs have fewer than {SENTENCE_WORDS} "
        f"words in {counts.src_lang}: names and labels."
    )
    where = (
        "validation and test are" if has_splits else "unless it was made from train.parquet, the export holds"
    )
    yield (
        f"Held-out text: {where} the documents of this repository's dev and test sets. Who compares with its "
        "results must not train on them."
    )


def is_restricted(license: str) -> bool:
    """Tell whether a licence, as an SPDX expression, has a part that lets nobody pass the text on."""
    return "LicenseRef-" in license


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / max(1, whole):.1f} %"


def hub_header(counts: Counts, splits: Iterable[str]) -> str:
    """Return the YAML block that a model hub reads at the top of a dataset's card."""
    files = "".join(f"\n  - split: {split}\n    path: data/{split}-*.parquet" for split in splits)
    size = counts.total("pairs")
    bounds = (("n<1K", 1_000), ("1K<n<10K", 10_000), ("10K<n<100K", 100_000), ("100K<n<1M", 1_000_000))
    category = next((name for name, most in bounds if size < most), "1M<n<10M")
    licenses = sorted(counts.sum_by("licenses"))
    single = len(licenses) == 1 and " " not in licenses[0] and not is_restricted(licenses[0])
    license = licenses[0].lower() if single else "other"
    return (
        f"---\nlanguage:\n- {counts.src_lang}\n- {counts.tgt_lang}\nlicense: {license}\n"
        f"multilinguality: translation\ntask_categories:\n- translation\nsize_categories: {category}\n"
        f"configs:\n- config_name: default\n  data_files:{files}\n---\n\n"
    )
