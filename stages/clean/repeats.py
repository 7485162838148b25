"""Find repeated pairs: duplicates across sources; templates, near-duplicates and the cap per source."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

from stages.lib.core.params import CleanParams
from stages.lib.core.tables import pair_id
from stages.lib.text.annotations import Merged
from stages.lib.text.letters import fold, group_id
from stages.lib.text.near_duplicates import find_near_duplicates

# Reasons of drop_repeats, in its order.
REPEAT_REASONS = ("duplicate", "template", "near_duplicate", "source_cap")


@dataclass
class Row:
    """A pair in the pass: the table's row as it came, its texts now, and the reason to drop it, if any."""

    given: dict[str, Any]
    src: str
    tgt: str
    reason: str | None = None
    judged: Merged | None = None
    new_id: str = ""
    src_group: str = ""
    tgt_group: str = ""
    folded: tuple[str, str] = ("", "")


def drop_repeats(rows: list[Row], params: CleanParams) -> None:
    """Give a reason to the rows that repeat an earlier one; kept rows get their pair_id and groups."""
    seen: set[tuple[str, str]] = set()
    blocks: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        if row.reason is not None:
            continue
        src_lang, tgt_lang = row.given["src_lang"], row.given["tgt_lang"]
        row.new_id = pair_id(src_lang, row.src, tgt_lang, row.tgt)
        row.src_group, row.tgt_group = group_id(row.src, src_lang), group_id(row.tgt, tgt_lang)
        row.folded = fold(row.src, src_lang), fold(row.tgt, tgt_lang)
        if (row.src_group, row.tgt_group) in seen:
            row.reason = "duplicate"
            continue
        seen.add((row.src_group, row.tgt_group))
        blocks[row.given["source"], src_lang].append(row)
    for block in blocks.values():
        _cap_templates(block, params.max_per_template)
        remaining = [row for row in block if row.reason is None]
        repeats = find_near_duplicates(("\0".join(row.folded) for row in remaining), params.near_duplicate)
        for row, repeat in zip(remaining, repeats, strict=True):
            if repeat is not None:
                row.reason = "near_duplicate"
        remaining = sorted((row for row in block if row.reason is None), key=lambda row: row.new_id)
        for row in remaining[params.max_per_source :]:
            row.reason = "source_cap"


def _cap_templates(block: list[Row], max_per_template: int) -> None:
    """Drop what a template gives beyond its share, the last by pair_id."""
    src_texts, tgt_texts = zip(*(row.folded for row in block), strict=True)
    templates = zip(
        find_templates(src_texts, max_per_template), find_templates(tgt_texts, max_per_template), strict=True
    )
    members: dict[tuple[Any, Any], list[Row]] = defaultdict(list)
    for row, template in zip(block, templates, strict=True):
        if None not in template:
            members[template].append(row)
    for group in members.values():
        for row in sorted(group, key=lambda row: row.new_id)[max_per_template:]:
            row.reason = "template"


_DIGITS = re.compile(r"\d+")
# Templates are short; longer texts that share this much are left to the near-duplicate check.
_TEMPLATE_MAX_WORDS = 12
_TEMPLATE_MAX_GAP = 3


def _frames(words: Sequence[int]) -> list[int]:
    """Hash each way of leaving out 1-3 neighbouring words so that at least two, and half of all, stay."""
    n = len(words)
    if n > _TEMPLATE_MAX_WORDS:
        return []
    widest = min(_TEMPLATE_MAX_GAP, n - max(2, (n + 1) // 2))
    return [
        hash((n - gap, *words[:at], -1, *words[at + gap :]))
        for gap in range(1, widest + 1)
        for at in range(n - gap + 1)
    ]


def find_templates(texts: Sequence[str], min_count: int) -> list[Hashable]:
    """Return for each text a name of the template it is made from, or None.

    Texts that differ in numbers only, or in up to three neighbouring words of at most twelve ("* : light skin
    tone"), share a template if more than ``min_count`` distinct texts do; of several the commonest is taken.
    Linear in the number of texts.
    """
    import numpy as np

    vocabulary: dict[str, int] = defaultdict(lambda: len(vocabulary))
    masked = [_DIGITS.sub("0", text) for text in texts]
    words = [tuple(vocabulary[word] for word in text.split()) for text in masked]
    distinct = set(words)
    hashes = np.fromiter((frame for sequence in distinct for frame in _frames(sequence)), dtype=np.int64)
    values, counts = np.unique(hashes, return_counts=True)
    del hashes
    is_common = counts > min_count
    common = dict(zip(values[is_common].tolist(), counts[is_common].tolist(), strict=True))
    same_mask: dict[str, set[str]] = defaultdict(set)
    for text, mask in zip(texts, masked, strict=True):
        if _DIGITS.search(text):
            same_mask[mask].add(text)
    templates: list[Hashable] = []
    for mask, sequence in zip(masked, words, strict=True):
        shared = [(common[frame], frame) for frame in _frames(sequence) if frame in common] if common else []
        if shared:
            templates.append(max(shared)[1])
        else:
            templates.append(mask if len(same_mask.get(mask, ())) > min_count else None)
    return templates
