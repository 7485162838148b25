from __future__ import annotations

from pathlib import Path

import pytest

from bench.tmx import make_rows, measure, write_ours, write_peer
from stages.extract.pairs.tmx import read_tmx


def test_both_sides_write_the_same_texts(tmp_path: Path) -> None:
    write_ours(30, tmp_path / "ours.tmx")
    write_peer(30, tmp_path / "peer.tmx")
    for name in ("ours.tmx", "peer.tmx"):
        with (tmp_path / name).open("rb") as file:
            texts = [unit.texts for unit in read_tmx(file, name)]
        assert texts == [{"ru": row["src"], "tk": row["tgt"]} for row in make_rows(30)]


@pytest.mark.slow
def test_the_bench_gives_its_figures() -> None:
    figures = measure(4_000, 1)
    assert figures["speed_over_peer"] > 0
    assert figures["peer_memory_over_ours"] > 1
