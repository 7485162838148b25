from __future__ import annotations

import io

import pytest

from stages.extract.pairs.moses import read_moses
from stages.lib.core.errors import DataError


@pytest.mark.parametrize(
    ("src", "tgt", "counts"),
    [
        ("а\nб\nв\n", "a\n", "3 lines on the first side, 1 on"),
        ("а\n", "a\nb\nd\n", "1 lines on the first side, 3"),
    ],
)
def test_files_out_of_step_are_one_line_with_both_counts(src: str, tgt: str, counts: str) -> None:
    with pytest.raises(DataError, match=counts):
        list(read_moses(io.BytesIO(src.encode()), io.BytesIO(tgt.encode()), "opus.ru and opus.tk"))
