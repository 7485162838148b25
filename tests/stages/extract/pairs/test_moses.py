from __future__ import annotations

import gzip
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


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_utf_16_is_read_as_what_it_is(encoding: str, pack) -> None:
    src = [f"Вода номер {n}, и чай\u2028тоже" for n in range(40)]
    tgt = [f"Suw {n} we çaý" for n in range(40)]
    files = [
        io.BytesIO(pack("".join(f"{line}\r\n" for line in lines).encode(encoding))) for lines in (src, tgt)
    ]
    assert [texts for _, texts in read_moses(*files, "a")] == list(zip(src, tgt, strict=True))


def test_a_half_character_of_utf_16_costs_its_line_only() -> None:
    src = "Вода\n".encode("utf-16") + b"\x00\xd8\x0a\x00" + "Чай\n".encode("utf-16-le")
    pairs = read_moses(io.BytesIO(src), io.BytesIO("Suw\nNan\nÇaý\n".encode()), "a")
    assert [texts for _, texts in pairs] == [("Вода", "Suw"), (None, "Nan"), ("Чай", "Çaý")]
