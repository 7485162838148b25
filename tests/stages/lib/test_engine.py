from __future__ import annotations

import pickle
import sys
from collections.abc import Iterator

import pytest

from stages.lib import engine as engines
from stages.lib.engine import LOCAL, EngineError, RayEngine, _facts, _run_shard, cut, open_engine
from stages.lib.sources.raw import files_on_disk


def test_local_yields_in_order_and_reads_no_shard_ahead():
    read = []

    def shards() -> Iterator[int]:
        for number in range(5):
            read.append(number)
            yield number

    results = LOCAL.run(lambda shard: shard * 2, shards())
    assert (next(results), next(results), read) == (0, 2, [0, 1])
    assert list(results) == [4, 6, 8]


@pytest.mark.parametrize(
    ("items", "limit", "expected"),
    [
        ([], 3, []),
        ([1, 1, 1, 1], 2, [[1, 1], [1, 1]]),
        ([2, 9, 1, 2, 3], 4, [[2], [9], [1, 2], [3]]),  # one over the limit is alone
        ([0, 0, 5], 5, [[0, 0, 5]]),
    ],
)
def test_shards_are_cut_by_weight_and_lose_nothing(items, limit, expected):
    assert list(cut(items, limit, int)) == expected


def test_a_shard_without_weights_is_cut_by_count():
    assert list(cut("abcde", 2)) == [["a", "b"], ["c", "d"], ["e"]]


def test_without_ray_the_error_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with (
        pytest.raises(EngineError, match="run `make engine-install`, or set engine: local"),
        open_engine("ray"),
    ):
        raise AssertionError
    with open_engine("local") as engine:
        assert engine is LOCAL


def test_one_shard_starts_no_worker(monkeypatch):
    monkeypatch.setattr(engines.importlib.util, "find_spec", lambda name: name)
    engine = RayEngine()
    monkeypatch.setattr(engine, "_start", lambda: pytest.fail("it was started"))
    assert list(engine.run(len, [[1, 2]])) == [2]
    assert list(engine.run(len, [])) == []


@pytest.mark.parametrize("name", ["commit", "Python", "set of packages", "processor"])
def test_a_machine_that_differs_is_refused_before_it_computes(name):
    assert set(_facts()) == {"commit", "Python", "set of packages", "processor"}
    assert "torch==" in _facts()["set of packages"]
    with pytest.raises(EngineError, match=f"has another {name} than the one that asks"):
        _run_shard([None], {**_facts(), name: "another"}, 0, [])


def test_a_raw_file_takes_its_content_to_another_process(tmp_path):
    (tmp_path / "habar.txt").write_bytes("Täze habar".encode())
    files = files_on_disk({"files/habar.txt": tmp_path / "habar.txt"})
    sent = pickle.dumps(files.file("files/habar.txt"))
    (tmp_path / "habar.txt").unlink()
    received = pickle.loads(sent)
    assert (received.read().decode(), received.size) == ("Täze habar", 11)
