from __future__ import annotations

import json
import logging
import subprocess
import sys
from pathlib import Path

import pytest
from dvc.exceptions import DvcException
from dvc.repo import Repo

from commands.mend import EMPTY, is_whole, main, whole_stages
from stages.lib.core.errors import DataError

PIPELINE = """stages:
  a: {cmd: echo a >> ran && cat word > a, outs: [a], deps: [word]}
  b: {cmd: echo b >> ran && cat a > b, deps: [a], outs: [b]}
  c: {cmd: echo c >> ran && cat b > c, deps: [b], outs: [c]}
"""
HOLD = """
import sys
from dvc.lock import make_lock
lock = make_lock(sys.argv[1])
lock.lock()
print(flush=True)
sys.stdin.read()
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository whose pipeline has run."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DVC_NO_ANALYTICS", "1")
    monkeypatch.setattr(sys, "argv", ["mend"])
    (tmp_path / "dvc.yaml").write_text(PIPELINE, encoding="utf-8")
    (tmp_path / "word").write_text("a\n", encoding="utf-8")
    dvc("init", "--no-scm", "--quiet")
    dvc("repro", "--quiet")
    return tmp_path


def dvc(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "dvc", *arguments], check=True)


def test_what_is_whole_stays_as_it_is(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    before = (folder / "dvc.lock").read_bytes()
    with caplog.at_level(logging.INFO):
        main()
    assert (folder / "dvc.lock").read_bytes() == before
    assert not caplog.records
    assert (folder / ".dvc/tmp/rwlock").is_file()


def test_where_dvc_never_ran_there_is_nothing_to_mend(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["mend"])
    main()
    assert list(tmp_path.iterdir()) == []


def test_wherever_the_writing_was_cut_off_what_is_kept_can_be_read(folder: Path) -> None:
    text = (folder / "dvc.lock").read_text(encoding="utf-8")
    assert is_whole(text)
    for length in range(len(text)):
        cut = text[:length]
        if is_whole(cut):  # at the end of a line: of another file, but a readable one
            continue
        kept = whole_stages(cut)
        assert kept == EMPTY or text.startswith(kept)
        assert is_whole(kept)
        # All stages but the last begun, and no more is given up.
        assert kept.count("cmd:") >= cut.count("cmd:") - 1


@pytest.mark.parametrize("share", [0.0, 0.02, 0.1, 0.3, 0.5, 0.7, 0.9])
def test_after_the_mending_nothing_that_was_finished_runs_again(folder: Path, share: float) -> None:
    path = folder / "dvc.lock"
    text = path.read_text(encoding="utf-8")
    path.write_text(text[: int(share * len(text))], encoding="utf-8")
    (folder / ".dvc/tmp/rwlock").write_text('{"wri', encoding="utf-8")
    with pytest.raises(DvcException), Repo(".") as repo:
        repo.reproduce()
    main()
    dvc("repro", "--quiet")
    assert path.read_text(encoding="utf-8") == text
    assert (folder / "ran").read_text(encoding="utf-8") == "a\nb\nc\n"


def test_the_table_of_locks_is_left_to_a_dvc_that_is_writing_it(folder: Path) -> None:
    table = folder / ".dvc/tmp/rwlock"
    for name, path, text in (
        ("rwlock.lock", table, '{"wri'),
        ("lock", folder / "dvc.lock", "schema: '2.0'\nst"),
    ):
        path.write_text(text, encoding="utf-8")
        with subprocess.Popen(
            [sys.executable, "-c", HOLD, str(folder / ".dvc/tmp" / name)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as writer:
            writer.stdout.readline()
            main()
            assert path.read_text(encoding="utf-8") == text
            writer.stdin.close()
        main()
        assert not path.is_file() or path.read_text(encoding="utf-8") == EMPTY
    assert not table.is_file()


def test_temporaries_beside_outputs_are_removed_and_nothing_else(folder: Path) -> None:
    from dvc_objects.fs.utils import tmp_fname

    (folder / "data").mkdir()
    (folder / ".venv").mkdir()
    litter = [folder / tmp_fname(), folder / "data" / tmp_fname()]
    others = [folder / "data/.a.tmp", folder / "data" / f"{tmp_fname()[1:]}", folder / ".venv" / tmp_fname()]
    for path in (*litter, *others):
        path.touch()
    main()
    assert [path for path in litter if path.exists()] == []
    assert [path for path in others if not path.exists()] == []


def test_a_lock_of_a_running_dvc_stays(folder: Path) -> None:
    table = folder / ".dvc/tmp/rwlock"
    held = {"write": {str(folder / "a"): {"pid": 1, "cmd": "dvc repro"}}, "read": {}}
    table.write_text(json.dumps(held), encoding="utf-8")
    main()
    assert json.loads(table.read_text(encoding="utf-8")) == held


@pytest.mark.parametrize(
    ("old", "new"), [("  b:\n", "<<<<<<< HEAD\n  b:\n=======\n>>>>>>> x\n"), ("  b:\n", "  d: 3\n  b:\n")]
)
def test_what_no_kill_has_done_is_not_mended(folder: Path, old: str, new: str) -> None:
    path = folder / "dvc.lock"
    broken = path.read_text(encoding="utf-8").replace(old, new)
    path.write_text(broken, encoding="utf-8")
    with pytest.raises(DataError, match=r"dvc.lock: DVC cannot read it; if a merge .*git checkout dvc.lock"):
        main()
    assert path.read_text(encoding="utf-8") == broken
