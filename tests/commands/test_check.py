from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from commands import check as command
from stages.lib.core.errors import DataError
from tests.run_command import ROOT, run_command
from tests.settings import copy_pins

PARAMS, UDHR = "params.yaml", "sources/udhr.yaml"


def check(folder: Path, file: str, old: str, new: str) -> subprocess.CompletedProcess[str]:
    """Run the command on the repository's settings with one piece of one file replaced."""
    copy_pins(folder)
    shutil.copy(ROOT / PARAMS, folder)
    content = (folder / file).read_text(encoding="utf-8")
    assert old in content
    (folder / file).write_text(content.replace(old, new, 1), encoding="utf-8")
    return run_command(folder, "commands.check")


def test_the_committed_params_pass_in_silence(tmp_path: Path) -> None:
    done = check(tmp_path, "params.yaml", "", "")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        (PARAMS, "  - django\n", "  - djanog\n", "sources: unknown name 'djanog'; did you mean 'django'?"),
        (PARAMS, "  - use_tr\n", "  - use_rt\n", "models: unknown name 'use_rt'; did you mean 'use_tr'?"),
        (PARAMS, "seed: 13\n", "seed: 13\nsed: 13\n", "sed: unknown key 'sed'; did you mean 'seed'?"),
        (
            PARAMS,
            "margin_k: 4",
            "margin_k: x",
            "evaluate.margin_k: input should be a valid integer, found",
        ),
        (PARAMS, "  tgt: tk\n", "  tgt: tm\n", "language 'tm': nothing to tell it by, known are az, en, kk,"),
        (
            UDHR,
            "format: udhr",
            "format: uhdr",
            f"{UDHR}: format: unknown format 'uhdr'; did you mean",
        ),
        ("assets/models/use_tr.yaml", "tk-tr", "tm-tr", "respell table: expected one of tk-tr, uz-tr, found"),
    ],
)
def test_a_fault_is_one_line_and_exit_code_1(
    tmp_path: Path, file: str, old: str, new: str, message: str
) -> None:
    done = check(tmp_path, file, old, new)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


LOCK = """schema: '2.0'
stages:
  a:
    cmd: touch a
    outs:
    - path: a
      hash: md5
      md5: d41d8cd98f00b204e9800998ecf8427e
      size: 0
"""


@pytest.fixture
def lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A committed dvc.lock, in a folder below the top of a git repository."""
    folder = tmp_path / "kopri"
    folder.mkdir()
    monkeypatch.chdir(folder)
    (folder / "dvc.lock").write_text(LOCK, encoding="utf-8")
    who = ("-c", "user.name=aman", "-c", "user.email=aman@example.org")
    for arguments in (("init", "--quiet", ".."), ("add", "."), (*who, "commit", "--quiet", "-m", "a")):
        subprocess.run(["git", *arguments], check=True)
    return folder / "dvc.lock"


@pytest.mark.parametrize("length", [0, 20, 60, len(LOCK) - 30, len(LOCK) - 1])
def test_a_lock_that_was_cut_off_comes_back_from_git_with_a_line(
    lock: Path, length: int, caplog: pytest.LogCaptureFixture
) -> None:
    lock.write_text(LOCK[:length], encoding="utf-8")
    command.restore_lock()
    assert lock.read_text(encoding="utf-8") == LOCK
    assert "dvc.lock was unreadable (was DVC killed?): restored from git" in caplog.text


def test_a_readable_lock_stays_as_it_is_and_none_is_made(
    lock: Path, caplog: pytest.LogCaptureFixture
) -> None:
    newer = LOCK.replace("size: 0", "size: 12")
    lock.write_text(newer, encoding="utf-8")
    command.restore_lock()
    assert lock.read_text(encoding="utf-8") == newer
    lock.unlink()
    command.restore_lock()
    assert not lock.exists()
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("text", "is_in_git", "message"),
    [
        ("<<<<<<< HEAD\n" + LOCK, True, "holds the marks of a merge; choose a side: git checkout --ours"),
        ("stages: [", False, "DVC cannot read it and git has no readable one"),
    ],
)
def test_a_lock_that_git_cannot_restore_is_one_line_and_stays(
    lock: Path, text: str, is_in_git: bool, message: str
) -> None:
    if not is_in_git:
        subprocess.run(["git", "update-ref", "-d", "HEAD"], check=True)
    lock.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=message):
        command.restore_lock()
    assert lock.read_text(encoding="utf-8") == text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("models=labse", "models: expected a list, such as [labse], found 'labse'"),
        ("models=[LaBSE]", "models: unknown name 'LaBSE'; did you mean 'labse'?"),
        ("sources=[Django]", "sources: unknown name 'Django'; did you mean 'django'?"),
        ("finetune.recip=study", "finetune.recip: unknown key 'recip'; did you mean 'recipe'?"),
        ("finetune.recipe=stdy", "finetune.recipe: unknown recipe 'stdy'; did you mean 'study'?"),
        ("recipes.default.all.l=1", "unknown key 'l'; did you mean"),
        ("finetune.seeds=[1,2", "-S finetune.seeds=[1,2: no viable alternative"),
        ("pair.tgt", "-S pair.tgt: Error parsing override"),
    ],
)
def test_a_change_that_dvc_exp_run_would_refuse_is_explained_in_one_line(
    tmp_path: Path, change: str, message: str
) -> None:
    copy_pins(tmp_path)
    shutil.copy(ROOT / PARAMS, tmp_path)
    before = (tmp_path / PARAMS).read_bytes()
    done = run_command(tmp_path, "commands.check", "-S", change)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert message in done.stderr
    assert str(tmp_path) not in done.stderr
    assert (tmp_path / PARAMS).read_bytes() == before


def test_a_change_that_dvc_exp_run_takes_passes_in_silence(tmp_path: Path) -> None:
    copy_pins(tmp_path)
    shutil.copy(ROOT / PARAMS, tmp_path)
    changes = (
        "-S",
        "models=[use]",
        "-S",
        "++recipes.default.use.lr=2e-5",
        "-S",
        "+recipes.default.use.scale=30",
    )
    done = run_command(tmp_path, "commands.check", *changes, "--temp")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_folder_in_which_dvc_s_temporary_runs_fail_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "köpri"
    folder.mkdir()
    copy_pins(folder)
    shutil.copy(ROOT / PARAMS, folder)
    assert run_command(folder, "commands.check").returncode == 0
    done = run_command(folder, "commands.check", "--temp")
    assert done.returncode == 1
    assert "has letters outside ASCII, in which `dvc exp run --temp` and `--queue` fail" in done.stderr
