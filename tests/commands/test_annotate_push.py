from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from commands.annotate_push import read_tasks
from stages.lib.errors import DataError
from stages.lib.params import load_params
from tests.judgements import task_data

PARAMS = load_params(Path(__file__).parents[2] / "params.yaml")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "tasks.json: not found; run make annotate-export"),
        ({}, "expected a list of tasks"),
        ([{"data": {"src": "a"}}], "task 0: no pair_id"),
        ([{"data": task_data(0, tgt_lang="uz")}], "task 0 is ru-uz, but pair in params.yaml is ru-tk"),
    ],
)
def test_a_file_that_holds_no_tasks_of_ours_is_one_line(tmp_path: Path, value: Any, said: str) -> None:
    path = tmp_path / "tasks.json"
    if value is not None:
        path.write_text(json.dumps(value), encoding="utf-8")
    with pytest.raises(DataError, match=said):
        read_tasks(path, PARAMS)


def test_tasks_are_read_as_they_were_written(tmp_path: Path) -> None:
    tasks = [{"data": task_data(n)} for n in range(3)]
    (tmp_path / "tasks.json").write_text(json.dumps(tasks), encoding="utf-8")
    assert read_tasks(tmp_path / "tasks.json", PARAMS) == tasks
