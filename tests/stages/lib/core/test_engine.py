from __future__ import annotations

import contextlib
import importlib.util
import json
import logging
import os
import pickle
import shutil
import socket
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from stages.collect.transports import collect
from stages.extract.sources import extract
from stages.lib.core import engine as engines
from stages.lib.core.archives import on_disk
from stages.lib.core.engine import AHEAD, LOCAL, EngineError, RayEngine, _facts, _run_shard, cut, open_engine
from stages.lib.core.errors import DataError
from tests.remote_servers import free_port, wait_for
from tests.stages.lib.core.ray_work import Work
from tests.stages.raw_tars import CONFIGS

ROOT = Path(__file__).parents[4]


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


def test_a_cluster_that_is_not_there_is_one_line_at_once(monkeypatch):
    monkeypatch.setattr(engines.importlib.util, "find_spec", lambda name: name)
    with socket.socket() as closed:  # bound, so that nobody else gets it, and listening to nobody
        closed.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{closed.getsockname()[1]}"
        monkeypatch.setenv("RAY_ADDRESS", address)
        with pytest.raises(
            EngineError, match=f"cannot connect to the Ray cluster at RAY_ADDRESS={address} .*refused"
        ):
            list(RayEngine().run(len, [[1], [2]]))


@pytest.mark.parametrize("name", ["commit", "Python", "set of packages", "processor"])
def test_a_machine_that_differs_is_refused_before_it_computes(name):
    assert set(_facts()) == {"commit", "Python", "set of packages", "processor"}
    assert "torch==" in _facts()["set of packages"]
    with pytest.raises(EngineError, match=f"differs in {name} from the one that asks"):
        _run_shard([None], {**_facts(), name: "another"}, 0, [])


def test_a_raw_file_takes_its_content_to_another_process(tmp_path):
    (tmp_path / "habar.txt").write_bytes("Täze habar".encode())
    sent = pickle.dumps(on_disk(tmp_path / "habar.txt"))
    (tmp_path / "habar.txt").unlink()
    received = pickle.loads(sent)
    assert (received.read().decode(), received.size) == ("Täze habar", 11)


# ---------------------------------------------------------------------------------------------------------
# With Ray
# ---------------------------------------------------------------------------------------------------------


def needs_ray(test: Callable[..., None]) -> Callable[..., None]:
    """Mark a test as slow and as one that needs Ray."""
    is_missing = importlib.util.find_spec("ray") is None
    skip = pytest.mark.skipif(is_missing, reason="Ray is not installed (make engine-install)")
    return pytest.mark.slow(skip(test))


@pytest.fixture(scope="module")
def ray_engine() -> Iterator[RayEngine]:
    engine = RayEngine(workers=2)
    yield engine
    engine.close()


def listening(processes: list[psutil.Process]) -> set[str]:
    return {
        connection.laddr.ip
        for process in processes
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }


@needs_ray
def test_a_killed_worker_is_replaced_and_its_shard_run_again(tmp_path, ray_engine, caplog):
    shards = [(n, {3: "log", 7: "die once"}.get(n, "")) for n in range(40)]
    results = list(ray_engine.run(Work(tmp_path), shards))
    assert [number for number, _, _ in results] == list(range(40))
    killed, again = (int(path.name.split("-")[2]) for path in sorted(tmp_path.glob("7-*")))
    assert not psutil.pid_exists(killed)
    assert results[7][1] == again != killed
    assert os.getpid() not in {pid for _, pid, _ in results}
    # Work is sent once and kept: a process counts on.
    assert max(calls for _, _, calls in results) > 5
    assert ("stages.lib.somewhere", logging.WARNING, "shard 3 logs") in caplog.record_tuples


@needs_ray
def test_an_error_of_a_shard_is_raised_at_once_and_one_that_kills_every_worker_is_given_up(
    tmp_path, ray_engine
):
    results = ray_engine.run(Work(tmp_path), [(0, ""), (1, ""), (2, "raise"), (3, "")])
    assert [next(results)[0], next(results)[0]] == [0, 1]
    with pytest.raises(DataError, match=r"^habar\.txt: not a text file; take it out of data/files$"):
        next(results)
    assert len(list(tmp_path.glob("2-*"))) == 1
    with pytest.raises(EngineError, match=r"shard 1: was run 3 times, and its worker died each time"):
        list(ray_engine.run(Work(tmp_path), [(4, ""), (5, "die"), (6, "")]))
    assert len(list(tmp_path.glob("5-*"))) == 3


@needs_ray
def test_few_shards_are_on_their_way_at_once(tmp_path, ray_engine):
    made = 0

    def shards() -> Iterator[tuple[int, str]]:
        nonlocal made
        for made in range(1, 61):
            yield made, ""

    ahead = [made - number for number, _, _ in ray_engine.run(Work(tmp_path), shards())]
    assert len(ahead) == 60
    assert max(ahead) <= 2 * AHEAD


RU = "Новая библиотека открылась, и в неё приходит много читателей. Там есть хорошие книги для всех."
TK = "Täze kitaphana açyldy we oňa köp okyjy gelýär. Onda hemmeler üçin gyzykly kitaplar bar."


@needs_ray
def test_files_are_read_by_workers_with_the_counts_and_warnings_of_local(
    tmp_path, ray_engine, monkeypatch, caplog
):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "data/files"
    folder.mkdir(parents=True)
    for number in range(3):
        (folder / f"habar{number}.ru.txt").write_text(f"{RU} {number}", encoding="utf-8")
        (folder / f"habar{number}.tk.html").write_text(f"<p>{TK}</p><p>{number} bar.</p>", encoding="utf-8")
    (folder / "torn.docx").write_bytes(b"PK\x03\x04")
    (folder / "torn.pdf").write_bytes(b"%PDF-1.7\n")
    outcomes = []
    for engine in (LOCAL, ray_engine):
        collect("files", CONFIGS["files"], tmp_path / "raw.tar")
        caplog.clear()
        report: Counter[str] = Counter()
        table = extract("files", CONFIGS["files"], tmp_path / "raw.tar", engine=engine, report=report)
        outcomes.append((table.rows(), report, caplog.messages))
    assert outcomes[0] == outcomes[1]
    rows, report, messages = outcomes[0]
    assert len(rows) > 10
    assert (report["files read"], report["files not read"]) == (6, 1)
    assert sum("torn" in message for message in messages) >= 2


CHECK_OWN_CLUSTER = """
import os, sys, psutil, json
from pathlib import Path
from stages.lib.core.engine import RayEngine
from tests.remote_servers import free_port, wait_for
from tests.stages.lib.core.ray_work import Work
from tests.stages.lib.core.test_engine import listening
engine = RayEngine(workers=2)
found = list(engine.run(Work(Path(sys.argv[1])), [(0, ""), (1, ""), (2, "")]))
processes = [psutil.Process(), *psutil.Process().children(recursive=True)]
folder = engine._folder
addresses = sorted(listening(processes))
unfinished = engine.run(Work(Path(sys.argv[1])), [(n, "") for n in range(9)])
next(unfinished)
engine.close()
del unfinished
import ray
assert not ray.is_initialized()
left = [process for process in processes[1:] if process.is_running() and process.status() != "zombie"]
print(json.dumps([found, addresses, folder and folder.exists(), len(processes), len(left)]))
"""


def check(folder: Path, **environment: str) -> list:
    folder.mkdir(exist_ok=True)
    done = subprocess.run(
        [sys.executable, "-c", CHECK_OWN_CLUSTER, str(folder)],
        cwd=ROOT,
        env={**{k: v for k, v in os.environ.items() if not k.startswith("RAY_")}, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


@needs_ray
def test_its_own_workers_listen_on_loopback_and_leave_nothing_behind(tmp_path):
    (tmp_path / "home").mkdir()
    found, addresses, is_folder_left, n, left = check(tmp_path / "work", HOME=str(tmp_path / "home"))
    assert [number for number, _, _ in found] == [0, 1, 2]
    assert n > 3
    assert addresses
    assert {address.removeprefix("::ffff:") for address in addresses} <= {"127.0.0.1", "::1"}
    assert (is_folder_left, left) == (False, 0)
    assert not list((tmp_path / "home").iterdir())


@needs_ray
def test_it_joins_the_cluster_that_is_named(tmp_path):
    port = free_port()
    environment = {
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": "0123456789abcdef" * 4,
    }
    folder = Path(tempfile.mkdtemp(prefix="kopri-head-", dir="/tmp"))
    head = subprocess.Popen(
        [
            str(Path(sys.executable).parent / "ray"), "start", "--head", "--block", "--num-cpus=2",
            f"--port={port}", "--include-dashboard=false", f"--temp-dir={folder}", "--disable-usage-stats",
        ],
        env={**os.environ, **environment},
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    try:
        wait_for(head, port)
        found, _, own_folder, n, _ = check(tmp_path / "work", RAY_ADDRESS=f"127.0.0.1:{port}", **environment)
        assert [number for number, _, _ in found] == [0, 1, 2]
        # It started nothing, so the workers were the cluster's, and the cluster is there still.
        assert (own_folder, n) == (None, 1)
        assert head.poll() is None
    finally:
        processes = psutil.Process(head.pid).children(recursive=True)
        for process in [*processes, head]:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        head.wait(30)
        psutil.wait_procs(processes, 30)
        shutil.rmtree(folder, ignore_errors=True)
