"""What every format carries of a pair, and how text gets through formats of lines."""

from __future__ import annotations

import re
from typing import TypedDict

# The longest line that is read, in bytes: no sentence, and no bomb either.
MAX_LINE_BYTES = 1 << 20


class Row(TypedDict):
    """One pair with its provenance: columns of the corpus table, in this order in every format.

    ``n_src`` and ``n_tgt`` are positions in the document; ``score`` may be None.
    """

    pair_id: str
    src: str
    tgt: str
    source: str
    doc: str
    key: str | None
    n_src: int | None
    n_tgt: int | None
    method: str
    score: float | None
    license: str


FIELDS = tuple(Row.__annotations__)
# The columns beside the two texts.
PROVENANCE = tuple(name for name in FIELDS if name not in ("src", "tgt"))

_ESCAPES = {"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"}
_ESCAPED = re.compile(r"[\\\t\n\r]")
_SEQUENCE = re.compile(r"\\([\\tnr])")
_PLAIN = {escaped[1]: char for char, escaped in _ESCAPES.items()}


def escape_line(text: str) -> str:
    r"""Write tab, line feed, carriage return and backslash as ``\t \n \r \\``; all else stays as it is."""
    return _ESCAPED.sub(lambda found: _ESCAPES[found[0]], text)


def unescape_line(text: str) -> str:
    """Undo :func:`escape_line`; a backslash before any other character is left alone."""
    return _SEQUENCE.sub(lambda found: _PLAIN[found[1]], text)


def field_text(value: str | int | float | None) -> str:
    """Return a field for a format of text: None is empty."""
    return "" if value is None else str(value)
