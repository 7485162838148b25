from __future__ import annotations

from pathlib import Path

from commands.exports.moses import write_moses
from commands.exports.rows import PROVENANCE, field_text
from stages.extract.pairs.lines import unescape_line
from stages.extract.pairs.moses import read_moses
from stages.extract.pairs.tsv import read_tsv
from tests.commands.exports.corpus_rows import ROWS, TEXTS


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
