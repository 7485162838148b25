from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from commands.annotate.client import TOKEN_VARIABLE
from commands.annotate.push import read_tasks
from stages.lib.core.errors import DataError
from stages.lib.core.params import load_params
from tests.judgements import task_data
from tests.label_studio_double import LabelStudioDouble, label_studio_double
from tests.settings import write_settings

ROOT = Path(__file__).parents[3]
PARAMS = load_params(ROOT / "params.yaml")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, "tasks.json: not found; run make annotate-export"),
        ({}, "expected a list of tasks"),
        ([{"data": {"src": "a"}}], "task 0: no pair_id"),
        ([{"data": task_data(0, tgt_lang="uz")}], "task 0 is ru-uz, but pair in params.yaml is ru-tk"),
    ],
)
def test_a_file_that_holds_no_tasks_of_ours_is_one_line(tmp_path: Path, value: Any, message: str) -> None:
    path = tmp_path / "tasks.json"
    if value is not None:
        path.write_text(json.dumps(value), encoding="utf-8")
    with pytest.raises(DataError, match=message):
        read_tasks(path, PARAMS)


@pytest.fixture
def server() -> Iterator[LabelStudioDouble]:
    with label_studio_double() as double:
        yield double


def start_push(folder: Path, server: LabelStudioDouble) -> subprocess.Popen[str]:
    """Start the command in a folder of its own, as on a machine of its own, with ten tasks."""
    folder.mkdir(exist_ok=True)
    write_settings(folder)
    (folder / "tasks.json").write_text(json.dumps([{"data": task_data(n)} for n in range(10)]))
    return subprocess.Popen(
        [sys.executable, "-m", "commands.annotate", "push", "--url", server.url, "--tasks", "tasks.json"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), TOKEN_VARIABLE: "abc"},
        stderr=subprocess.PIPE,
        text=True,
    )


def ends(*pushes: subprocess.Popen[str]) -> str:
    log = "".join(push.communicate(timeout=300)[1] for push in pushes)
    assert [push.returncode for push in pushes] == [0] * len(pushes), log
    return log


@pytest.mark.parametrize("path", ["/api/projects/", "/api/tasks"])
def test_two_machines_that_push_at_once_end_with_one_project_and_each_pair_once(
    tmp_path: Path, server: LabelStudioDouble, path: str
) -> None:
    if path == "/api/tasks":
        ends(start_push(tmp_path / "before", server))
        server.tasks.clear()
    # Both have their answer, that nothing is there, before either goes on.
    both, met = threading.Barrier(2), itertools.count()

    def halt(method: str, asked: str) -> None:
        if method == "GET" and asked.startswith(path) and next(met) < 2:
            both.wait(timeout=300)

    server.halt = halt
    ends(start_push(tmp_path / "a", server), start_push(tmp_path / "b", server))
    assert len(server.projects) == 1
    held = Counter(
        task["data"]["pair_id"] for task in server.tasks.values() if task["project"] in server.projects
    )
    assert held == {task_data(n)["pair_id"]: 1 for n in range(10)}


def test_two_pushes_of_one_folder_wait_for_one_another(tmp_path: Path, server: LabelStudioDouble) -> None:
    arrived, go_on = threading.Event(), threading.Event()

    def halt(method: str, asked: str) -> None:
        arrived.set()
        go_on.wait(timeout=300)

    server.halt = halt
    first = start_push(tmp_path / "a", server)
    assert arrived.wait(timeout=300)
    second = start_push(tmp_path / "a", server)
    assert "another push is running; waiting for it" in second.stderr.readline()
    go_on.set()
    assert "10 tasks added, 0 were there" in ends(first)
    assert "0 tasks added, 10 were there" in ends(second)


def test_pairs_that_are_there_twice_become_one_task_and_no_judged_one_goes(
    tmp_path: Path, server: LabelStudioDouble
) -> None:
    ends(start_push(tmp_path / "a", server))
    (project,) = server.projects
    for number, n, judged in ((101, 0, 0), (102, 1, 1), (103, 2, 1)):
        data = task_data(n)
        server.tasks[number] = {"id": number, "data": data, "project": project, "total_annotations": judged}
    of_third = next(task for task in server.tasks.values() if task["data"] == task_data(2))
    of_third["total_annotations"] = 1
    ends(start_push(tmp_path / "a", server))
    left = Counter(task["data"]["pair_id"] for task in server.tasks.values())
    assert left == {task_data(n)["pair_id"]: 1 + (n == 2) for n in range(10)}  # the third was judged in both
    assert {102, 103} <= set(server.tasks)
    assert 101 not in server.tasks
