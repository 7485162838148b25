"""Find which documents of two languages are versions of each other."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Document:
    """A document of one language: L2-normalised float32 sentence ``vectors`` (n, dim) beside their ``texts``.

    ``date`` is the day of publication where the source tells it.
    """

    id: str
    vectors: np.ndarray
    texts: Sequence[str]
    date: dt.date | None = None


@dataclass(frozen=True)
class DocumentPair:
    """Two versions of one document by id, and how sure that is (0 to 1)."""

    src: str
    tgt: str
    score: float


def pair_documents(
    src_docs: Sequence[Document], tgt_docs: Sequence[Document], *, min_score: float
) -> list[DocumentPair]:
    """Pair documents one to one, in the order of ``src_docs``; leave out pairs that score below ``min_score``.

    The result does not depend on the order of either list beyond that.
    """
    raise NotImplementedError
