"""The Makefile's routes, with programs in place of python and dvc that write down how they were called."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# Runs something, if anything that it passes through reads it as code: a shell, in quotes or not, or make.
HOSTILE = """a`touch ran`$(touch ran)"; touch ran; "'; touch ran; ' $(shell touch ran) ${HOME} * --help"""
# A word of lists, which are divided at spaces.
HOSTILE_WORD = "a`touch${IFS}ran`$(touch${IFS}ran);touch${IFS}ran;*"
OPTIONAL = ("requirements-demo.txt", "requirements-label-studio.txt")
INSTALLED = (".venv/.installed", ".venv/.demo-installed", ".cache/label-studio-venv/.installed")
RECORD = """#!/bin/bash
printf '%s\\0' "${0##*/}" "$@" $'\\n' >> "$CALLS"
printf '%s' "${LABEL_STUDIO_TOKEN-unset}" > "$CALLS.token"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A checkout in which everything is installed, with an empty environment."""
    (tmp_path / "Makefile").write_bytes((ROOT / "Makefile").read_bytes())
    (tmp_path / ".venv/bin").mkdir(parents=True)
    (tmp_path / ".cache/label-studio-venv").mkdir(parents=True)
    for name in ("requirements.txt", "constraints.txt", *OPTIONAL, *INSTALLED):
        (tmp_path / name).touch()
    for program in (tmp_path / ".venv/bin/python", tmp_path / ".venv/bin/dvc"):
        program.write_text(RECORD, encoding="utf-8")
        program.chmod(0o755)
    return tmp_path


def run_make(folder: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    own = {"PATH": os.environ["PATH"], "HOME": str(folder), "CALLS": str(folder / "calls")}
    return subprocess.run(
        ["make", *arguments], cwd=folder, env=own | env, capture_output=True, text=True, check=False
    )


def make(folder: Path, *arguments: str, **env: str) -> list[list[str]]:
    """Run make and return the command lines of the programs that it ran."""
    done = run_make(folder, *arguments, **env)
    assert done.returncode == 0, done.stdout + done.stderr
    calls = (folder / "calls").read_text(encoding="utf-8")
    return [call.split("\0") for call in calls.split("\0\n\0") if call]


# Each variable that a user gives, beside what its target needs.
ROUTES = [
    ("align-view", "DOC", ()),
    ("export", "FORMAT", ()),
    *(("export", name, ("FORMAT=tsv",)) for name in ("CORPUS", "OUT", "MIN_SCORE", "SOURCES", "LICENSES")),
    ("remote", "URL", ()),
    ("remote", "ENDPOINT", ("URL=s3://a/b",)),
    ("search", "TEXT", ()),
    *(("search", name, ("TEXT=Салам",)) for name in ("FROM", "K", "MODEL")),
    ("results", "FORMAT", ()),
    ("save-model", "MODEL", ()),
    ("save-model", "OUT", ("MODEL=use",)),
    *(("add", name, ("FILE=a.tsv",)) for name in ("NAME", "LICENSE", "HELD_OUT")),
    ("experiments", "MODEL", ()),
    ("demo", "PORT", ()),
    ("compare", "A", ("B=workspace",)),
    ("compare", "B", ("A=main",)),
    ("crawl", "SITE", ()),
    *(("crawl", name, ("SITE=orient",)) for name in ("CONTACT", "SINCE", "UNTIL", "MAX_PAGES")),
    ("label-studio", "PORT", ()),
    ("annotate-push", "URL", ()),
    ("annotate-pull", "URL", ()),
]


@pytest.mark.parametrize(("target", "name", "beside"), ROUTES)
def test_a_value_reaches_the_command_as_it_is_and_nothing_runs_it(
    folder: Path, target: str, name: str, beside: tuple[str, ...]
) -> None:
    first, *_ = make(folder, target, f"{name}={HOSTILE}", *beside)
    assert not (folder / "ran").exists()
    assert any(HOSTILE in part for part in first)
    # It cannot be taken for an option of its own either.
    assert sum(HOSTILE in part for part in first) == 1
    assert "--help" not in first


@pytest.mark.parametrize(
    ("target", "name", "option", "beside"),
    [
        ("crawl", "LANGS", "--langs", "SITE=orient"),
        ("trials", "MODELS", "--models", "NAME=rank"),
        ("trials", "NAME", "--", "MODELS=use"),
        ("add", "FILE", "--", "NAME=x"),
    ],
)
def test_a_list_is_divided_at_spaces_and_nothing_runs_it(
    folder: Path, target: str, name: str, option: str, beside: str
) -> None:
    first, *_ = make(folder, target, f"{name}={HOSTILE_WORD} b", beside)
    assert not (folder / "ran").exists()
    place = first.index(option)
    assert first[place : place + 3] == [option, HOSTILE_WORD, "b"]


@pytest.mark.parametrize(
    "missing",
    [
        *("add FILE", "align-view DOC", "compare A", "crawl SITE", "export FORMAT", "remote URL"),
        *("save-model MODEL", "search TEXT"),
    ],
)
def test_a_missing_variable_is_one_line_with_an_example_and_nothing_runs(folder: Path, missing: str) -> None:
    target, name = missing.split()
    done = run_make(folder, target)
    assert done.returncode == 2
    assert f"error: {name} is missing; example: make {target} {name}=" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (folder / "calls").exists()


@pytest.mark.parametrize("target", ["annotate-push", "annotate-pull"])
def test_a_token_reaches_the_command_by_the_environment_alone(folder: Path, target: str) -> None:
    token = "geheim`touch ran`$(touch ran)$(shell touch ran)"
    (call,) = make(folder, target, "URL=https://label.example.org", f"TOKEN={token}")
    assert not (folder / "ran").exists()
    assert call == ["python", "-m", "commands.annotate", target[9:], "--url=https://label.example.org"]
    assert (folder / "calls.token").read_text(encoding="utf-8") == token
    # Of the environment TOKEN may be anybody's.
    *_, call = make(folder, target, TOKEN="somebody's", URL="https://somebody.example.org")
    assert call == ["python", "-m", "commands.annotate", target[9:]]
    assert (folder / "calls.token").read_text(encoding="utf-8") == "unset"


def test_every_variable_that_a_recipe_takes_is_tried_here() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8").replace("\\\n", " ")
    given = re.search(r"^GIVEN := (.*)", makefile, re.MULTILINE)[1].split()
    tried = {name for _, name, _ in ROUTES} | {"SOURCES", "LICENSES", "LANGS", "MODELS", "NAME", "FILE"}
    assert set(given) == tried


def test_help_lists_every_target_that_the_documents_name(folder: Path) -> None:
    documents = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]
    text = "\n".join(path.read_text(encoding="utf-8") for path in documents)
    named = set(re.findall(r"(?:^|`)make ([a-z-]+)", text, re.MULTILINE))
    listed = re.findall(r"^  ([a-z-]+) +\S", run_make(folder).stdout, re.MULTILINE)
    assert named - {"help", "engine-install", "label-studio-install"} <= set(listed)
    assert len(named) > 15
