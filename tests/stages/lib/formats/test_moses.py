from __future__ import annotations

import io
from pathlib import Path

import pytest

from stages.lib.core.errors import DataError
from stages.lib.formats.moses import read_moses, write_moses
from stages.lib.formats.rows import PROVENANCE, field_text, unescape_line
from stages.lib.formats.tsv import read_tsv
from tests.stages.lib.formats.corpus_rows import ROWS, TEXTS


def test_texts_and_provenance_come_back_unchanged_line_by_line(tmp_path: Path) -> None:
    write_moses(ROWS, tmp_path / "corpus.ru-tk", "ru", "tk")
    names = [tmp_path / f"corpus.ru-tk.{name}" for name in ("ru", "tk", "meta.tsv")]
    assert sorted(tmp_path.iterdir()) == sorted(names)
    with names[0].open("rb") as src, names[1].open("rb") as tgt, names[2].open("rb") as meta:
        texts = [tuple(map(unescape_line, pair)) for _, pair in read_moses(src, tgt, "corpus")]
        columns = {name: name for name in PROVENANCE}
        provenance = [values for _, values in read_tsv(meta, columns, "meta", is_escaped=True)]
    assert texts == TEXTS
    assert provenance == [{name: field_text(row[name]) for name in PROVENANCE} for row in ROWS]
    assert names[0].read_text(encoding="utf-8").split("\n")[0] == "Сегодня хорошая погода."


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
