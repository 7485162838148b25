"""Mine translations among unordered sentences by margin (Artetxe & Schwenk 2019, P19-1309)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

Margin = Literal["ratio", "distance", "absolute"]
Retrieval = Literal["forward", "backward", "intersection", "max_weight"]


@dataclass(frozen=True)
class Mined:
    """Pairs of row numbers, best first: ``src`` and ``tgt`` int32 (n,), ``score`` float32 (n,)."""

    src: np.ndarray
    tgt: np.ndarray
    score: np.ndarray


def mine(
    src: np.ndarray,
    tgt: np.ndarray,
    *,
    k: int,
    margin: Margin,
    retrieval: Retrieval,
    memory_mb: int,
) -> Mined:
    """Find the pairs of rows that translate each other, each with its margin.

    ``src`` (n_src, dim) and ``tgt`` (n_tgt, dim) hold L2-normalised float32 rows.
    """
    raise NotImplementedError


def margin_scores(
    src: np.ndarray,
    tgt: np.ndarray,
    src_rows: np.ndarray,
    tgt_rows: np.ndarray,
    *,
    k: int,
    margin: Margin,
    memory_mb: int,
) -> np.ndarray:
    """Return float32 (n,): the margin of each named pair among all rows of ``src`` and ``tgt``."""
    raise NotImplementedError


def background_scores(
    src: np.ndarray,
    tgt: np.ndarray,
    *,
    src_background: np.ndarray,
    tgt_background: np.ndarray,
    k: int,
    memory_mb: int,
) -> np.ndarray:
    """Return float32 (n,): the margin ratio of each pair (src[i], tgt[i]) among a fixed background.

    The one feature that calibration compares pairs of every method by: cosine over the mean cosine of either
    side to its ``k`` nearest rows of the other language's background. A background row that is the pair's own
    partner is left out, so a pair scores the same whether its texts are in the background or not.
    """
    raise NotImplementedError
