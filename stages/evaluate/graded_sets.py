"""Graded sentence pairs (STS): the sets, the repository's own one, and the table of similarities."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from stages.lib.core.errors import DataError
from stages.lib.core.files import sha256_file

if TYPE_CHECKING:
    import polars as pl

MAX_GRADE = 5.0

# The small set of the repository's own, read from assets/sts_ru.tsv.
SMOKE = "ru_smoke"


@dataclass(frozen=True)
class StsSet:
    """Graded pairs: ``grades[i]``, 0 (unrelated) to 5 (the same), says how alike left[i] and right[i] are.

    ``sha256`` names the content: that of the files it was read from, by key.
    """

    name: str
    left_lang: str
    right_lang: str
    left: tuple[str, ...]
    right: tuple[str, ...]
    grades: tuple[float, ...]
    sha256: Mapping[str, str]

    def __post_init__(self) -> None:
        counts = len(self.left), len(self.right), len(self.grades)
        if len(set(counts)) > 1 or counts[0] < 3 or len(set(self.grades)) < 2:
            raise DataError(
                f"STS set {self.name}: expected at least 3 pairs with as many grades, not all the same, "
                f"found {counts[0]} and {counts[1]} sentences and {counts[2]} grades; correct its pin"
            )
        for n, grade in enumerate(self.grades, start=1):
            if not 0.0 <= grade <= MAX_GRADE:
                raise DataError(
                    f"STS set {self.name}: pair {n}: expected a grade of 0 to 5, found {grade:g}; "
                    "correct its pin"
                )
        for side in (self.left, self.right):
            if "" in side:
                raise DataError(
                    f"STS set {self.name}: pair {side.index('') + 1} has an empty sentence; correct its pin"
                )


def read_smoke_set(path: Path) -> StsSet:
    """Read the repository's own Russian set: a header, then grade, domain, sentence and sentence by tabs.

    Raises DataError, with the line, on another form.
    """
    columns = ["grade", "domain", "left", "right"]
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    except FileNotFoundError:
        raise DataError(f"{path}: not found; restore it from git") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: expected UTF-8, found byte {error.start} not to be; save it so") from None
    if not rows or rows[0] != columns:
        raise DataError(f"{path}: line 1: expected the columns {', '.join(columns)}, parted by tabs")
    grades = []
    for number, row in enumerate(rows[1:], start=2):
        try:
            grades.append(float(row[0]))
            if len(row) != len(columns):
                raise ValueError
        except (ValueError, IndexError):
            raise DataError(
                f"{path}: line {number}: expected a grade and 3 texts parted by tabs, found {row!r}"
            ) from None
    return StsSet(
        name=SMOKE,
        left_lang="ru",
        right_lang="ru",
        left=tuple(row[2] for row in rows[1:]),
        right=tuple(row[3] for row in rows[1:]),
        grades=tuple(grades),
        sha256={path.name: sha256_file(path)},
    )


def similarity_table(sts: StsSet, left: np.ndarray, right: np.ndarray, seed: int) -> pl.DataFrame:
    """Return a set's table: the cosine of each pair, from L2-normalised (n, dim) vectors of both sides."""
    import polars as pl

    cosines = np.einsum("nd,nd->n", left.astype(np.float64), right.astype(np.float64))
    if not np.isfinite(cosines).all():
        row = int(np.argmin(np.isfinite(cosines)))
        raise DataError(f"STS set {sts.name}: the vectors of pair {row + 1} are not finite")
    count = len(cosines)
    return pl.DataFrame(
        {
            "set": [sts.name] * count,
            "seed": np.full(count, seed, dtype=np.int32),
            "n": np.arange(count, dtype=np.int32),
            # The sixth digit is the least that does not depend on a batch.
            "similarity": np.round(cosines, 6).astype(np.float32),
            "grade": np.asarray(sts.grades, dtype=np.float32),
        }
    )
