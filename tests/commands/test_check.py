from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.settings import copy_pins

ROOT = Path(__file__).parents[2]
ORIGINAL = (ROOT / "params.yaml").read_text(encoding="utf-8")


def check(
    folder: Path, text: str, *arguments: str, pins: tuple[str, str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    copy_pins(folder)
    if pins:
        file, old, new = pins
        content = (folder / file).read_text(encoding="utf-8")
        assert old in content
        (folder / file).write_text(content.replace(old, new, 1), encoding="utf-8")
    (folder / "params.yaml").write_text(text, encoding="utf-8")
    return subprocess.run(
        [sys.executable, "-m", "commands.check", *arguments],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_committed_params_pass_in_silence(tmp_path: Path) -> None:
    done = check(tmp_path, ORIGINAL)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("  - django\n", "  - djanog\n", "sources: unknown name 'djanog'; did you mean 'django'?"),
        ("  - use_tr\n", "  - use_rt\n", "models: unknown name 'use_rt'; did you mean 'use_tr'?"),
        ("seed: 13\n", "seed: 13\nsed: 13\n", "sed: unknown key 'sed'; did you mean 'seed'?"),
        ("margin_k: 4", "margin_k: four", "evaluate.margin_k: input should be a valid integer, found 'four'"),
        ("  tgt: tk\n", "  tgt: tm\n", "language 'tm': nothing to tell it by, known are az, en, kk, ky, ru,"),
    ],
)
def test_a_fault_is_one_line_and_exit_code_1(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in ORIGINAL
    done = check(tmp_path, ORIGINAL.replace(old, new, 1))
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        (
            "sources/udhr.yaml",
            "format: udhr",
            "format: uhdr",
            "sources/udhr.yaml: format: unknown format 'uhdr'; did you mean 'udhr'?",
        ),
        ("assets/models/use_tr.yaml", "tk-tr", "tm-tr", "respell table: expected one of tk-tr, uz-tr, found"),
    ],
)
def test_a_wrong_pin_is_one_line(tmp_path: Path, file: str, old: str, new: str, said: str) -> None:
    done = check(tmp_path, ORIGINAL, pins=(file, old, new))
    assert done.returncode == 1
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_model_that_is_not_there_is_said_with_those_that_are(tmp_path: Path) -> None:
    assert check(tmp_path, ORIGINAL, "--model", "use_tr").returncode == 0
    done = check(tmp_path, ORIGINAL, "--model", "use_rt")
    assert done.returncode == 1
    assert done.stderr.startswith("error: MODEL: unknown model 'use_rt'; did you mean 'use_tr'?")
