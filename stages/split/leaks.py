"""Leaks: rows whose text, on either side, is that of an evaluated pair or of a benchmark, or nearly."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stages.lib.core.params import SplitParams
from stages.lib.text.fingerprints import Fingerprint, match_texts
from stages.lib.text.near_duplicates import TextMatcher
from stages.split.rows import Rows

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class Cause:
    """Why a row was removed: what it matched, how, and on the side(s) of which language."""

    reference: str
    kind: str
    langs: str


def protected_texts(rows: Rows, split: str, evaluated: list[int]) -> frozenset[str]:
    """Return the folded texts of the evaluated rows, and those of the same messages in other languages."""
    texts = {text for row in evaluated for text in (rows.src_folded[row], rows.tgt_folded[row])}
    keys = {(rows.doc[row], rows.key[row]) for row in evaluated if rows.key[row] is not None}
    targets = {(rows.doc[row], rows.tgt_folded[row]) for row in evaluated}
    for row, name in enumerate(rows.split):
        if name == split and not rows.is_own[row]:
            doc = rows.doc[row]
            if (doc, rows.key[row]) in keys or (doc, rows.tgt_folded[row]) in targets:
                texts |= {rows.src_folded[row], rows.tgt_folded[row]}
    return frozenset(filter(None, texts))


class LeakFinder:
    """Finds the rows that match protected texts or benchmarks."""

    def __init__(self, rows: Rows, fingerprints: Sequence[Fingerprint], params: SplitParams) -> None:
        self._rows, self._fingerprints = rows, fingerprints
        texts = {*rows.src_folded, *rows.tgt_folded}
        self._matcher = TextMatcher(texts, params.near_duplicate, params.containment)

    def find(self, checked: list[int], protected: Mapping[str, frozenset[str]]) -> dict[int, Cause]:
        """Return the cause for each checked row that matches a reference.

        ``protected`` has the texts of each reference by its name. An exact match goes before a near one, then
        references count in their order, benchmarks last.
        """
        rows = self._rows
        texts = sorted({text for row in checked for text in (rows.src_folded[row], rows.tgt_folded[row])})
        matches = [(name, self._matcher.match(texts, reference)) for name, reference in protected.items()]
        names = [f"benchmark {fingerprint.name}" for fingerprint in self._fingerprints]
        matches += zip(names, match_texts(self._fingerprints, texts), strict=True)
        causes = ((row, self._first_cause(row, matches)) for row in checked)
        return {row: cause for row, cause in causes if cause is not None}

    def _first_cause(self, row: int, matches: list[tuple[str, dict[str, str]]]) -> Cause | None:
        sides = self._rows.sides(row)
        for kind in ("exact", "near"):
            for name, kinds in matches:
                if langs := [lang for lang, _, folded in sides if kinds.get(folded) == kind]:
                    return Cause(name, kind, "+".join(langs))
        return None


def report_leaks(corpus: pl.DataFrame, causes: Mapping[int, Cause]) -> dict[str, Any]:
    """Count removed rows by reference, then kind, then the language(s) of the side(s) that matched."""
    counts: dict[str, dict[str, dict[str, int]]] = {}
    for cause in causes.values():
        by_lang = counts.setdefault(cause.reference, {}).setdefault(cause.kind, {})
        by_lang[cause.langs] = by_lang.get(cause.langs, 0) + 1
    sources = corpus["source"].to_list()
    return {
        "removed": len(causes),
        "by_reference": counts,
        "by_source": dict(Counter(sources[row] for row in causes)),
    }
