"""Markdown tables, and texts as a reader can see them."""

from __future__ import annotations

import re
from collections.abc import Sequence

_FORMAT_SIGN = re.compile(
    "[\u00ad\u061c\u180e\u200b\u200c\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]"
)


def show_invisible(text: str) -> str:
    """Write invisible characters and direction overrides as ``[U+202E]``; the joiner of emoji stays."""
    return _FORMAT_SIGN.sub(lambda match: f"[U+{ord(match[0]):04X}]", text)


def markdown_table(rows: Sequence[Sequence[str]], words: int = 2) -> str:
    """Write rows, the header first, as a Markdown table; columns after the first ``words`` hold numbers."""
    marks = ["---"] * words + ["---:"] * (len(rows[0]) - words)
    return "\n".join(f"| {' | '.join(row)} |" for row in [rows[0], marks, *rows[1:]])
