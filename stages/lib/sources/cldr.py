"""What the sources of CLDR names share."""

from __future__ import annotations

import re

_PLACEHOLDER = re.compile(r"\{\d+\}|%\(?\w*\)?s")
_WORD = re.compile(r"[^\W\d_]{2,}")


def is_name(text: str) -> bool:
    """Say whether a CLDR value is words: at least two letters in a row beside its placeholders."""
    return _WORD.search(_PLACEHOLDER.sub(" ", text)) is not None
