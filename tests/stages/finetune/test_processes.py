from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.distributed.elastic.multiprocessing.errors import ProcessFailure

from stages.finetune import processes
from stages.lib.core.errors import ParamsError


def failure(folder: Path, rank: int, exitcode: int, message: str | None = None) -> ProcessFailure:
    path = folder / f"{rank}.json"
    if message is not None:
        extra = {"py_callstack": "", "timestamp": "1"}
        path.write_text(json.dumps({"message": {"message": message, "extraInfo": extra}}), encoding="utf-8")
    return ProcessFailure(local_rank=rank, pid=1000 + rank, exitcode=exitcode, error_file=str(path))


def test_the_cause_is_never_a_process_that_lost_the_others(tmp_path: Path) -> None:
    lost = failure(tmp_path, 0, 1, "LostProcessError: process 1 lost the others: connection closed")
    killed = failure(tmp_path, 1, -9)
    assert processes.cause({0: lost, 1: killed}, 2).startswith(
        "finetune: process 2 of 2 was ended by SIGKILL"
    )
    # Ended by the launcher before it noticed that the other was gone; that one alone ended by SIGTERM.
    ended = failure(tmp_path, 9, -15)
    assert "process 2 of 2 was ended by SIGKILL" in processes.cause({0: ended, 1: killed}, 2)
    assert "process 1 of 2 was ended by SIGTERM" in processes.cause({0: ended, 1: lost}, 2)
    told = failure(tmp_path, 2, 1, "DataError: train.parquet: not found; run split: now")
    assert processes.cause({0: lost, 2: told}, 3) == "train.parquet: not found; run split: now"
    assert processes.cause({0: ended, 2: told}, 3) == "train.parquet: not found; run split: now"
    broken = failure(tmp_path, 3, 1)
    assert (
        processes.cause({0: lost, 3: broken}, 4) == "finetune: process 4 of 4 failed; its own words are above"
    )


def test_alone_nothing_is_changed() -> None:
    weight = torch.nn.Parameter(torch.ones(3))
    processes.add_up_gradients([weight])
    assert weight.grad is None
    values = torch.arange(3.0)
    assert processes.add_up(values) is values
    np.testing.assert_array_equal(values, [0, 1, 2])
    assert processes.by_first(lambda: {"score": 0.5})() == {"score": 0.5}
    assert (processes.count(), processes.index(), processes.is_first()) == (1, 0, True)
    with processes.joined():
        assert not processes.is_launched()


def test_more_processes_than_gpus_are_refused_before_anything_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(ParamsError, match=r"^finetune.processes: 8 processes and 2 GPUs"):
        processes.launch("stages.finetune", [], 8)
