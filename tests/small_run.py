"""The pipeline in small: sources that pip brings, one model, one short epoch, in a folder of a test's own.

``tests/conftest.py`` runs it once for all tests; a test that goes on from there works in a copy.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from stages.lib.core.params import read_settings
from tests.settings import write_raw

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ("django", "babel")
CODE = (
    *("stages", "commands", "crawler", "assets", "data/annotations", "metrics/interpolation.json"),
    "corpora",
    *("dvc.yaml", ".dvcignore", ".gitignore"),
)
AUTHOR = {
    f"GIT_{who}_{what}": "aman@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
}


def small_params(sources: tuple[str, ...] = SOURCES) -> dict[str, Any]:
    """Return the repository's settings and pins with few sources, one model and one short epoch."""
    raw = read_settings(ROOT / "params.yaml")
    raw["sources"] = list(sources)
    raw["models"], raw["baselines"] = ["use"], []
    raw["split"] |= {"test_sources": [], "train_sources": ["babel"], "min_test": 5, "min_dev": 5}
    quick = {"epochs": 1, "min_words": 5, "pivots": [], "batch_size": 32}
    raw["recipes"]["default"] = {"all": raw["recipes"]["default"]["all"] | quick, "use": {}}
    raw["evaluate"] |= {"bootstrap": 200, "permutations": 200}
    raw["align"] |= {"pivots": [], "background": 256}
    return raw


def environment() -> dict[str, str]:
    """Return this process's environment, with an author for git and with no credentials."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SSH_", "GIT_"))}
    path = f"{Path(sys.executable).parent}{os.pathsep}{env['PATH']}"
    return {**env, **AUTHOR, "PATH": path, "OMP_NUM_THREADS": "2", "DVC_NO_ANALYTICS": "1"}


def run(folder: Path, *command: str) -> str:
    """Run ``python COMMAND`` in the folder; return what it printed on both streams."""
    done = subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env=environment(),
        text=True,
        capture_output=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout + done.stderr


def dvc(folder: Path, *arguments: str) -> str:
    return run(folder, "-m", "dvc", *arguments)


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=folder, env=environment(), text=True, capture_output=True, check=True
    )
    return done.stdout.strip()


def make_workspace(folder: Path, raw: dict[str, Any]) -> Path:
    """Lay out the code with the given settings under DVC, without git and without a run."""
    folder.mkdir()
    for name in CODE:
        source = ROOT / name
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / name)
    write_raw(folder, raw)
    dvc(folder, "init", "--no-scm", "--quiet")
    return folder


def copy_run(finished: Path, folder: Path) -> Path:
    """Copy a finished run with DVC's cache: DVC finds nothing to do in the copy."""
    shutil.copytree(finished, folder, symlinks=True)
    return folder


def make_repository(folder: Path) -> None:
    """Put a workspace under git, all that belongs there committed, so that experiments can run in it."""
    (folder / ".dvc/config").write_text("[core]\n    analytics = false\n", encoding="utf-8")
    (folder / ".dvc/.gitignore").write_text("/config.local\n/tmp\n/cache\n", encoding="utf-8")
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "config", "user.email", "aman@example.org")
    git(folder, "config", "user.name", "aman")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "start")


def outputs(folder: Path) -> dict[str, str]:
    """Return the sha256 of every file that the stages wrote, by its path."""
    names = ("data", "models", "results", "metrics", "report")
    files = sorted(path for name in names for path in (folder / name).rglob("*") if path.is_file())
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
        if path.name != ".gitignore"
    }
