"""The row that every exported format carries."""

from __future__ import annotations

from typing import TypedDict


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


def field_text(value: str | int | float | None) -> str:
    """Return a field for a format of text: None is empty."""
    return "" if value is None else str(value)
