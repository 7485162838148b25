"""Clean pairs into a corpus: each row is kept, or dropped for one named reason.

What annotators rejected is dropped, what they edited replaces the pair; a judgement is of the cleaned texts,
since those are shown, and of what differs from them in capitals and punctuation only: such copies would else
take the place of the pair that they are duplicates of.
"""

from __future__ import annotations

import difflib
import logging
import sys
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from stages.lib.core.engine import LOCAL, Engine, cut
from stages.lib.core.errors import DataError
from stages.lib.core.params import CleanParams, Params
from stages.lib.core.tables import (
    CORPUS_SCHEMA,
    PAIR_SCHEMA,
    pair_id,
    table_from_rows,
)
from stages.lib.text.annotations import Merged, judged_table
from stages.lib.text.language import LanguageCheck, Verdict
from stages.lib.text.normalise import (
    SCRIPTS,
    align_case,
    count_letters,
    find_near_duplicates,
    find_templates,
    fold,
    group_id,
    has_leftover_markup,
    normalise,
    placeholders,
    repair_homoglyphs,
    repair_marks,
    script_share,
    without_placeholders,
)
from stages.lib.text.topics import is_religious

if TYPE_CHECKING:
    import polars as pl

logger = logging.getLogger("clean")

# Reasons for dropping, in the order of the checks; a row gets the first that applies.
REASONS = (
    "too_long",
    "markup",
    "placeholder",
    "too_short",
    "mixed_script",
    "script",
    "untranslated",
    "length_ratio",
    "src_language",
    "tgt_language",
    "rejected",
    "duplicate",
    "template",
    "near_duplicate",
    "source_cap",
)
DROPPED_SCHEMA = {**PAIR_SCHEMA, "reason": "String"}
# Rows that are judged together: a second or two of a core.
SHARD_ROWS = 2000


@dataclass(frozen=True)
class Cleaned:
    """The outcome: ``corpus`` has CORPUS_SCHEMA, ``dropped`` (texts as they came) DROPPED_SCHEMA.

    ``judged`` (JUDGED_SCHEMA) has the corpus's pairs that annotators kept or edited, by their pair_id in it;
    its texts and method are those that the annotators saw.
    """

    corpus: pl.DataFrame
    dropped: pl.DataFrame
    judged: pl.DataFrame
    stats: dict[str, Any]


class LettersFilter:
    """Letters of the side that has fewer."""

    def __init__(self, min_letters: int) -> None:
        self.min_letters = min_letters

    def score(self, src: str, tgt: str) -> int:
        return min(count_letters(src), count_letters(tgt))

    def accept(self, score: int) -> bool:
        return score >= self.min_letters


class ScriptFilter:
    """Share of letters in the script of the language, on the side that has less of it."""

    def __init__(self, min_share: float, src_lang: str, tgt_lang: str) -> None:
        self.min_share = min_share
        self.src_script = SCRIPTS.get(src_lang, "Latn")
        self.tgt_script = SCRIPTS.get(tgt_lang, "Latn")

    def score(self, src: str, tgt: str) -> float:
        return min(script_share(src, self.src_script), script_share(tgt, self.tgt_script))

    def accept(self, score: float) -> bool:
        return score >= self.min_share


class LengthRatioFilter:
    """Longer side over shorter side in characters, placeholders aside; 1 if both are short."""

    # Below this a ratio says little: "UI" and "Пользовательский интерфейс" are a pair.
    JUDGED_FROM_CHARS = 20

    def __init__(self, max_ratio: float) -> None:
        self.max_ratio = max_ratio

    def score(self, src: str, tgt: str) -> float:
        shorter, longer = sorted(len(without_placeholders(side)) for side in (src, tgt))
        return longer / max(1, shorter) if longer >= self.JUDGED_FROM_CHARS else 1.0

    def accept(self, score: float) -> bool:
        return score <= self.max_ratio


class UntranslatedFilter:
    """Whether the target side only repeats the source side or the English text of the same message.

    A Latin-script target that equals the English is no fault where the source side sounds the same: "Ангола"
    is "Angola" in both. Such names and loan words are told by spelling the source side in Latin letters.
    """

    MIN_LIKENESS = 0.7

    def score(self, src: str, src_lang: str, tgt: str, tgt_lang: str, english: frozenset[str]) -> bool:
        folded = fold(tgt, tgt_lang)
        if folded == fold(src, src_lang):
            return True
        if folded not in english:
            return False
        spelt = fold(src, src_lang).translate(_LATIN_SPELLING)
        return difflib.SequenceMatcher(None, spelt, folded, autojunk=False).ratio() < self.MIN_LIKENESS

    def accept(self, score: bool) -> bool:
        return not score


_LATIN_SPELLING = str.maketrans(
    dict(zip("абвгдеёжзийклмнопрстуфхцъыьэ", "abvgdeejziyklmnoprstufhs'y'e", strict=True))
    | {"ч": "ch", "ш": "sh", "щ": "sch", "ю": "yu", "я": "ya"}
)


class LanguageFilter:
    """Evidence that a text is not in the language it is filed under; see LanguageCheck."""

    def __init__(self, lang: str, max_evidence: float) -> None:
        self._check = LanguageCheck(lang, max_evidence)
        # The same target text stands in a row of each pivot language.
        self.score = lru_cache(maxsize=50_000)(self._check.score)

    def accept(self, verdict: Verdict) -> bool:
        return self._check.accept(verdict)


@dataclass
class _Row:
    """A pair on its way: the table's row as it came, the texts as they are now, and its fate."""

    given: dict[str, Any]
    src: str
    tgt: str
    reason: str | None = None
    judged: Merged | None = None
    new_id: str = ""
    src_group: str = ""
    tgt_group: str = ""


def clean_pairs(
    pairs: pl.DataFrame,
    params: Params,
    where: str = "pairs",
    judged: Iterable[Merged] = (),
    engine: Engine = LOCAL,
) -> Cleaned:
    """Clean a table of pairs and apply what annotators judged; ``where`` names the table in messages.

    What needs one row only is done by shards of rows; what compares rows is done here, on all of them.

    Rows are judged in the order of ``params.sources`` (then document, language, position), so of two equal
    pairs the one of the earlier source stays, and adding a source at the end takes nothing from the others.
    pair_id is made anew from the cleaned texts.

    Raises DataError if a text is not in NFC, if a row is of an unlisted source or another target language,
    if nothing is left, or if the counts do not balance.
    """
    rows = _ordered_rows(pairs, params, where)
    english = _english_texts(rows)
    changed: Counter[str] = Counter()
    said = list(judged)
    by_id = {one.pair_id: one for one in said}
    by_group = {_groups(one.task, one.task["src"], one.task["tgt"]): one for one in said}
    judge = _Judge(params.clean, params.pair.tgt)
    shards = cut(
        ((row.given["src_lang"], row.src, row.tgt, _english_of(row, english)) for row in rows), SHARD_ROWS
    )
    verdicts = _add_counts(engine.run(judge, shards), changed)
    for row, verdict in _progress(zip(rows, verdicts, strict=True), len(rows)):
        row.src, row.tgt, row.reason = verdict
        src_lang = row.given["src_lang"]
        if said and row.reason is None:
            exact = by_id.get(pair_id(src_lang, row.src, row.given["tgt_lang"], row.tgt))
            row.judged = exact or by_group.get(_groups(row.given, row.src, row.tgt))
            if row.judged and row.judged.decision == "reject":
                row.reason = "rejected"
            elif row.judged and row.judged.decision == "edit":
                edited = (src_lang, *row.judged.texts, _english_of(row, english))
                row.src, row.tgt, row.reason = judge.judge(*edited, changed)
    _drop_repeats(rows, params.clean)
    cleaned = _collect(rows, changed, where)
    if said:
        cleaned.stats["annotations"] = _count_judged(rows, said)
    return cleaned


def _groups(langs: Mapping[str, Any], src: str, tgt: str) -> tuple[str, str]:
    """Return the group of each text; ``langs`` has ``src_lang`` and ``tgt_lang``."""
    return group_id(src, langs["src_lang"]), group_id(tgt, langs["tgt_lang"])


def _ordered_rows(pairs: pl.DataFrame, params: Params, where: str) -> list[_Row]:
    priority = {name: position for position, name in enumerate(params.sources)}
    rows = []
    for number, given in enumerate(pairs.iter_rows(named=True)):
        at = f"{where}: row {number} ({given['doc']}, key {given['key']!r})"
        if given["source"] not in priority:
            raise DataError(f"{at}: source {given['source']!r} is not in params.sources; run align again")
        if given["tgt_lang"] != params.pair.tgt:
            raise DataError(
                f"{at}: tgt_lang is {given['tgt_lang']!r}, expected {params.pair.tgt!r}; run align again"
            )
        for side in ("src", "tgt"):
            if not unicodedata.is_normalized("NFC", given[side]):
                raise DataError(
                    f"{at}: {side} is not in Unicode form NFC, which extract writes; run extract again"
                )
        rows.append(_Row(given, given["src"], given["tgt"]))
    rows.sort(
        key=lambda row: (
            priority[row.given["source"]],
            row.given["doc"],
            row.given["src_lang"] != params.pair.src,
            row.given["src_lang"],
            # Rows that have no position (a pair written by hand) come last in their document.
            *((row.given[n] is None, row.given[n] or 0) for n in ("n_src", "n_tgt")),
            row.given["key"] or "",
            row.given["pair_id"],
        )
    )
    return rows


def _english_texts(rows: list[_Row]) -> dict[tuple[str, str, str], frozenset[str]]:
    """Folded English texts of each message, from the pivot rows, by source, document and key."""
    found: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for row in rows:
        if row.given["src_lang"] == "en" and row.given["key"] is not None:
            found[_message(row)].add(fold(normalise(row.src), "en"))
    return {message: frozenset(texts) for message, texts in found.items()}


def _message(row: _Row) -> tuple[str, str, str]:
    return row.given["source"], row.given["doc"], row.given["key"]


def _english_of(row: _Row, english: dict[tuple[str, str, str], frozenset[str]]) -> frozenset[str]:
    """Return the folded English texts of a row's message; none for a row whose source side is English."""
    return english.get(_message(row), frozenset()) if row.given["src_lang"] != "en" else frozenset()


def _progress(rows: Iterable[Any], total: int) -> Iterator[Any]:
    from tqdm import tqdm

    bar = {"desc": "clean", "unit": "pair", "disable": not sys.stderr.isatty(), "file": sys.stderr}
    yield from tqdm(rows, total=total, **bar)


def _add_counts(
    judged: Iterable[tuple[list[tuple[str, str, str | None]], Counter[str]]], changed: Counter[str]
) -> Iterator[tuple[str, str, str | None]]:
    """Yield the verdicts of all shards, and add their counts to ``changed``."""
    for verdicts, counts in judged:
        changed.update(counts)
        yield from verdicts


class _Judge:
    """The checks that need one row only, for a shard of rows; what a source language needs is made once."""

    def __init__(self, params: CleanParams, tgt_lang: str) -> None:
        self._params, self._tgt_lang = params, tgt_lang
        self._judges: dict[str, _RowJudge] = {}

    def __call__(self, rows: list[tuple]) -> tuple[list[tuple[str, str, str | None]], Counter[str]]:
        """Return what ``judge`` gives for each row, and how many were changed in each way."""
        changed: Counter[str] = Counter()
        return [self.judge(*row, changed) for row in rows], changed

    def judge(
        self, src_lang: str, src: str, tgt: str, english: frozenset[str], changed: Counter[str]
    ) -> tuple[str, str, str | None]:
        """Return the texts as they become, and the first reason to drop the row, or None."""
        if src_lang not in self._judges:
            self._judges[src_lang] = _RowJudge(self._params, src_lang, self._tgt_lang)
        return self._judges[src_lang].judge(src, tgt, english, changed)


class _RowJudge:
    """Those checks for one source language."""

    def __init__(self, params: CleanParams, src_lang: str, tgt_lang: str) -> None:
        self.params = params
        self.src_lang, self.tgt_lang = src_lang, tgt_lang
        self.letters = LettersFilter(params.min_letters)
        self.script = ScriptFilter(params.min_script_share, src_lang, tgt_lang)
        self.untranslated = UntranslatedFilter()
        self.length_ratio = LengthRatioFilter(params.max_length_ratio)
        self.src_language = LanguageFilter(src_lang, params.max_foreign_evidence)
        self.tgt_language = LanguageFilter(tgt_lang, params.max_foreign_evidence)

    def judge(
        self, src: str, tgt: str, english: frozenset[str], changed: Counter[str]
    ) -> tuple[str, str, str | None]:
        """Return the texts, rewritten unless an early check drops them, and the reason to drop them."""
        came = (src, tgt)
        if max(len(src), len(tgt)) > self.params.max_chars:
            return *came, "too_long"
        src = repair_marks(normalise(src), self.src_lang)
        tgt = repair_marks(normalise(tgt), self.tgt_lang)
        changed["normalised"] += (src, tgt) != came
        if has_leftover_markup(src) or has_leftover_markup(tgt):
            return *came, "markup"
        if placeholders(src) != placeholders(tgt):
            return *came, "placeholder"
        if not self.letters.accept(self.letters.score(src, tgt)):
            return *came, "too_short"
        (repaired_src, is_src_mixed), (repaired_tgt, is_tgt_mixed) = (
            repair_homoglyphs(src, self.src_lang),
            repair_homoglyphs(tgt, self.tgt_lang),
        )
        if is_src_mixed or is_tgt_mixed:
            return *came, "mixed_script"
        changed["homoglyphs"] += (src, tgt) != (repaired_src, repaired_tgt)
        if not self.script.accept(self.script.score(repaired_src, repaired_tgt)):
            return *came, "script"
        src, tgt = align_case(repaired_src, self.src_lang, repaired_tgt, self.tgt_lang)
        changed["capitals"] += (src, tgt) != (repaired_src, repaired_tgt)
        return src, tgt, self._fault(src, tgt, english)

    def _fault(self, src: str, tgt: str, english: frozenset[str]) -> str | None:
        if not self.untranslated.accept(
            self.untranslated.score(src, self.src_lang, tgt, self.tgt_lang, english)
        ):
            return "untranslated"
        if not self.length_ratio.accept(self.length_ratio.score(src, tgt)):
            return "length_ratio"
        if not self.src_language.accept(self.src_language.score(src)):
            return "src_language"
        if not self.tgt_language.accept(self.tgt_language.score(tgt)):
            return "tgt_language"
        return None


def _drop_repeats(rows: list[_Row], params: CleanParams) -> None:
    """Give a reason to the rows that repeat others: equal pairs anywhere, the rest within one source."""
    seen: set[tuple[str, str]] = set()
    blocks: dict[tuple[str, str], list[_Row]] = defaultdict(list)
    for row in rows:
        if row.reason is not None:
            continue
        src_lang, tgt_lang = row.given["src_lang"], row.given["tgt_lang"]
        row.new_id = pair_id(src_lang, row.src, tgt_lang, row.tgt)
        row.src_group, row.tgt_group = group_id(row.src, src_lang), group_id(row.tgt, tgt_lang)
        if (row.src_group, row.tgt_group) in seen:
            row.reason = "duplicate"
            continue
        seen.add((row.src_group, row.tgt_group))
        blocks[row.given["source"], src_lang].append(row)
    for (_, src_lang), block in blocks.items():
        folded = [(fold(row.src, src_lang), fold(row.tgt, row.given["tgt_lang"])) for row in block]
        _cap_templates(block, folded, params.max_per_template)
        left = [(row, pair) for row, pair in zip(block, folded, strict=True) if row.reason is None]
        repeats = find_near_duplicates(("\0".join(pair) for _, pair in left), params.near_duplicate)
        for (row, _), repeat in zip(left, repeats, strict=True):
            if repeat is not None:
                row.reason = "near_duplicate"
        left_rows = sorted((row for row in block if row.reason is None), key=lambda row: row.new_id)
        for row in left_rows[params.max_per_source :]:
            row.reason = "source_cap"


def _cap_templates(block: list[_Row], folded: list[tuple[str, str]], max_per_template: int) -> None:
    src_templates = find_templates([src for src, _ in folded], max_per_template)
    tgt_templates = find_templates([tgt for _, tgt in folded], max_per_template)
    members: dict[tuple[Any, Any], list[_Row]] = defaultdict(list)
    for row, src_template, tgt_template in zip(block, src_templates, tgt_templates, strict=True):
        if src_template is not None and tgt_template is not None:
            members[src_template, tgt_template].append(row)
    for group in members.values():
        for row in sorted(group, key=lambda row: row.new_id)[max_per_template:]:
            row.reason = "template"


def _collect(rows: list[_Row], changed: Counter[str], where: str) -> Cleaned:
    # A pair that an annotator wrote is as sure as a pair can be, whatever score its first form had.
    mended = {"method": "annotated", "score": 1.0}
    kept = [
        {
            **row.given,
            **(mended if row.judged and row.judged.decision == "edit" else {}),
            "src": row.src,
            "tgt": row.tgt,
            "pair_id": row.new_id,
            "src_group": row.src_group,
            "tgt_group": row.tgt_group,
        }
        for row in rows
        if row.reason is None
    ]
    dropped = [{**row.given, "reason": row.reason} for row in rows if row.reason is not None]
    stats = _count(rows, changed)
    if not kept:
        if not rows:
            raise DataError(
                f"{where}: no pairs at all, expected at least one; check params.sources and run align"
            )
        reason, n = Counter(row.reason for row in rows).most_common(1)[0]
        raise DataError(
            f"{where}: empty corpus after cleaning: all {len(rows):,} pairs dropped, "
            f"{n:,} of them as {reason!r}; check the clean block of params.yaml and the sources"
        )
    sure = sorted(
        (row.new_id, row.judged)
        for row in rows
        if row.reason is None and row.judged and row.judged.decision != "second_look"
    )
    return Cleaned(
        table_from_rows(kept, CORPUS_SCHEMA),
        table_from_rows(dropped, DROPPED_SCHEMA),
        judged_table([judged for _, judged in sure]).with_columns(
            pair_id=table_from_rows([(new_id,) for new_id, _ in sure], {"pair_id": "String"})["pair_id"]
        ),
        stats,
    )


def _count_judged(rows: list[_Row], judged: Iterable[Merged]) -> dict[str, int]:
    """Count judged pairs by decision; ``stale`` ones are of pairs that no longer come out of the checks."""
    met = {row.judged.pair_id for row in rows if row.judged}
    counts = Counter(one.decision if one.pair_id in met else "stale" for one in judged)
    return {"pairs": counts.total(), **dict(sorted(counts.items()))}


def _count(rows: list[_Row], changed: Counter[str]) -> dict[str, Any]:
    """Count rows by source, source language and fate, and check that nothing is lost."""
    fates: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    religious: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        source, src_lang = row.given["source"], row.given["src_lang"]
        fates[source, src_lang][row.reason or "kept"] += 1
        if row.reason is None and is_religious({src_lang: row.src, row.given["tgt_lang"]: row.tgt}):
            religious[source][src_lang] += 1
    by_source: dict[str, dict[str, Any]] = defaultdict(dict)
    for (source, src_lang), fate in fates.items():
        by_source[source][src_lang] = _balance(fate, sum(fate.values()), f"{source}, {src_lang}")
    total = sum(fates.values(), Counter())
    return {
        "checks": list(REASONS),
        "changed": {name: changed[name] for name in ("capitals", "homoglyphs", "normalised")},
        "by_source": dict(by_source),
        # Kept pairs with a word of religious text, where a source has any: what a web corpus leans to.
        "religious": {source: dict(sorted(found.items())) for source, found in religious.items()},
        "total": _balance(total, len(rows), "all sources"),
    }


def _balance(fate: Counter[str], n: int, where: str) -> dict[str, Any]:
    dropped = {reason: fate[reason] for reason in REASONS if fate[reason]}
    if fate["kept"] + sum(dropped.values()) != n:
        raise DataError(
            f"clean: {where}: {fate['kept']:,} rows kept and {sum(dropped.values()):,} dropped are not {n:,} "
            "rows that came in; a reason is missing from REASONS in stages/clean/corpus.py"
        )
    return {"in": n, "kept": fate["kept"], "dropped": dropped}
