"""The installer: which torch it keeps, and that a complete environment stays as it is."""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from commands.install import fits, installed_torch, version_tuple, without_torch

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("2.13.0+cpu", True),
        ("2.13.0", True),
        ("2.9.1+cu128", True),  # an older build with CUDA, as rented machines have
        ("2.6.0", True),
        ("2.10", True),
        ("2.5.1+cu121", False),
        ("1.13.1", False),
        ("3.0.0", False),
    ],
)
def test_a_torch_that_the_libraries_accept_stays(version: str, expected: bool) -> None:
    assert fits(version) is expected


def test_the_oldest_torch_is_the_one_that_transformers_asks_for() -> None:
    asked = next(line for line in metadata.requires("transformers") if line.startswith("torch>="))
    oldest = asked.split(";")[0].removeprefix("torch>=")
    assert fits(oldest)
    assert not fits(f"{version_tuple(oldest)[0]}.{version_tuple(oldest)[1] - 1}.9")


def test_only_torch_leaves_the_lists() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    assert {*lines} - {*without_torch(ROOT / "constraints.txt")} <= {"torch==2.13.0"}
    assert (
        len(without_torch(ROOT / "requirements.txt"))
        == len((ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()) - 1
    )


def test_an_environment_that_is_complete_stays_as_it_is(tmp_path: Path) -> None:
    for name in ("requirements.txt", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path / name)
    command = [sys.executable, str(ROOT / "commands/install.py"), "--work", "lists"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"torch {installed_torch()} is installed and stays\n"
    assert f"torch=={installed_torch()}\n" in (tmp_path / "lists/requirements.txt").read_text(
        encoding="utf-8"
    )
