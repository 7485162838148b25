from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from stages.lib.core.errors import DataError
from stages.lib.core.files import atomic_path, read_json, write_json


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("старый", encoding="utf-8")

    def fail() -> None:
        with atomic_path(target) as temporary:
            temporary.write_text("новый", encoding="utf-8")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert target.read_text(encoding="utf-8") == "старый"
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_a_folder_is_replaced_whole(tmp_path: Path) -> None:
    target = tmp_path / "folder"
    (target / "old").mkdir(parents=True)
    with atomic_path(target) as temporary:
        temporary.mkdir()
        (temporary / "new").write_text("täze", encoding="utf-8")
    assert [path.name for path in target.iterdir()] == ["new"]


def test_what_a_killed_process_left_is_removed_and_a_running_one_is_spared(tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    stale, alive = (tmp_path / f".a[1].json.{pid}.part" for pid in (dead.pid, 1))
    stale.touch()
    alive.touch()
    write_json(tmp_path / "a[1].json", {"б": 1, "a": 2})
    assert not stale.exists()
    assert alive.exists()
    assert (tmp_path / "a[1].json").read_bytes() == '{\n  "a": 2,\n  "б": 1\n}\n'.encode()


def test_broken_json_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    with pytest.raises(DataError, match=r"a\.json: not found"):
        read_json(path)
    path.write_text("[" * 100_000, encoding="utf-8")
    with pytest.raises(DataError, match=r"a\.json: not a JSON file .*recursion"):
        read_json(path)
    path.write_text("{", encoding="utf-8")
    with pytest.raises(DataError, match=r"a\.json: not a JSON file"):
        read_json(path)
