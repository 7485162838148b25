"""docs/troubleshooting.md quotes messages exactly: each is provoked here, and none stands there unprovoked.

A `…` in a quoted message stands for what differs between machines.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import commands.check
import commands.results
import stages.collect.__main__
import stages.extract.__main__
from commands.annotate.__main__ import commands as annotate
from commands.benchmarks.__main__ import commands as benchmarks
from commands.explore.__main__ import commands as explore
from commands.share.__main__ import commands as share
from stages.lib.core.errors import KopriError
from stages.lib.core.tables import CORPUS_SCHEMA, table_from_rows, write_table
from tests.commands.test_results import write_result
from tests.phrases import PHRASES, corpus
from tests.settings import write_settings

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "docs/troubleshooting.md").read_text(encoding="utf-8")
QUOTED = re.findall(r"^```text\n(.+?)\n```$", TEXT, re.MULTILINE)
PROVOKED: dict[str, Callable[[Place], str]] = {}


class Place:
    """A folder with the repository's parameters, to call commands in."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.monkeypatch = monkeypatch
        monkeypatch.chdir(folder)
        self.params(lambda raw: None)

    def params(self, change: Callable[[dict], object]) -> None:
        write_settings(self.folder, change)

    def say(self, main: Callable[[], None], *arguments: str) -> str:
        """Call a command's main; return its error as the command's frame prints it."""
        self.monkeypatch.setattr(sys, "argv", ["command", *arguments])
        with pytest.raises(KopriError) as error:
            main()
        return "error: " + " ".join(str(error.value).split())

    def run(self, *command: str, **more: str) -> str:
        """Run a program; return what it says last on stderr."""
        done = subprocess.run(
            command, cwd=self.folder, env={**os.environ, **more}, text=True, capture_output=True, check=False
        )
        assert done.returncode
        return done.stderr.strip().splitlines()[-1]

    def repository(self) -> None:
        """Make the folder a repository of git and DVC, with a commit."""
        (self.folder / ".gitignore").write_text("/results\n", encoding="utf-8")
        self.must("git", "init", "--quiet")
        self.must(sys.executable, "-m", "dvc", "init", "--quiet")
        self.commit()

    def must(self, *command: str) -> None:
        subprocess.run(command, cwd=self.folder, check=True, capture_output=True)

    def commit(self) -> None:
        self.must("git", "add", "--all")
        self.must(
            "git", "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "--quiet", "-m", "a"
        )


def provokes(first_words: str) -> Callable[[Callable[[Place], str]], Callable[[Place], str]]:
    """Mark what brings about the message that begins so."""

    def mark(function: Callable[[Place], str]) -> Callable[[Place], str]:
        PROVOKED[first_words] = function
        return function

    return mark


@provokes("error: Python 3.11 or newer")
def old_python(place: Place) -> str:
    shutil.copy(ROOT / "Makefile", place.folder)
    for name in ("requirements.txt", "constraints.txt"):
        shutil.copy(ROOT / name, place.folder)
    stub = place.folder / "python3.9"
    pretend = "import sys; sys.version_info = (3, 9, 2, 'final', 0); sys.executable = '/usr/bin/python3.9'"
    stub.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{pretend}; exec(sys.argv[1])" "$2"\n')
    stub.chmod(0o755)
    said = subprocess.run(
        ["make", "install", f"PYTHON={stub}"], cwd=place.folder, text=True, capture_output=True, check=False
    )
    return next(line for line in said.stderr.splitlines() if line.startswith("error:"))


@provokes("error: params.yaml: not found")
def another_folder(place: Place) -> str:
    (place.folder / "params.yaml").unlink()
    return place.say(commands.check.main)


@provokes("error: params.yaml: finetune.recipee")
def misspelt_key(place: Place) -> str:
    place.params(lambda raw: raw["finetune"].update(recipee="study"))
    return place.say(commands.check.main)


@provokes("error: params.yaml: sources: unknown")
def misspelt_source(place: Place) -> str:
    place.params(lambda raw: raw.update(sources=["djang"]))
    return place.say(commands.check.main)


@provokes("error: data/crawl/orient.jsonl.gz")
def no_crawl(place: Place) -> str:
    return place.say(stages.collect.__main__.main, "--source", "orient", "--out", "raw.tar")


@provokes("error: data/files: not found")
def no_files(place: Place) -> str:
    return place.say(stages.collect.__main__.main, "--source", "files", "--out", "raw.tar")


@provokes("error: data/corpus.parquet: not found")
def no_corpus(place: Place) -> str:
    return place.say(explore.main, "search", "Добро пожаловать")


@provokes("error: split: test has")
def small_test(place: Place) -> str:
    import stages.split.__main__
    from stages.lib.text.annotations import JUDGED_SCHEMA

    write_table(corpus(PHRASES), Path("corpus.parquet"), CORPUS_SCHEMA)
    write_table(table_from_rows([], JUDGED_SCHEMA), Path("judged.parquet"), JUDGED_SCHEMA)
    return place.say(
        stages.split.__main__.main,
        *("--corpus", "corpus.parquet", "--judged", "judged.parquet"),
        *("--fingerprints", str(ROOT / "assets/fingerprints.json.gz")),
        *("--out", "splits", "--stats", "split.json"),
    )


@provokes("error: model labse: config.json")
def no_hub(place: Place) -> str:
    from stages.lib.core.params import load_params
    from stages.lib.models import load_encoder

    place.monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    place.monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(place.folder / "hub"))
    return place.say(lambda: load_encoder("labse", load_params().models_config["labse"]))


@provokes("error: benchmarks: none of")
def no_benchmark(place: Place) -> str:
    Path("mirror").mkdir()
    place.monkeypatch.setenv("KOPRI_MIRROR", "mirror")
    place.params(
        lambda raw: [
            pinned.update(url=f"http://127.0.0.1:9/{name}")
            for name, pinned in raw["benchmarks_config"]["ntrex"]["files"].items()
        ]
    )
    return place.say(benchmarks.main, "evaluate", "--benchmarks", "ntrex")


@provokes("error: lr-1e-4: no experiment")
def unknown_experiment(place: Place) -> str:
    place.repository()
    return place.say(commands.results.main, "compare", "lr-1e-4", "workspace")


@provokes("error: use-finetuned: test_sha256")
def other_test_set(place: Place) -> str:
    from commands.results import compare_runs, read_runs
    from stages.lib.core.params import load_params

    for side, test in (("a", "098e0aac"), ("b", "5f3b11d0")):
        write_result(Path(side, "use-finetuned"), load_params(), misses=3, test=test)
    sides = read_runs(Path("a")), read_runs(Path("b"))
    return place.say(lambda: compare_runs(*sides, ("HEAD", "more-sources"), load_params()))


@provokes("error: not committed")
def not_committed(place: Place) -> str:
    place.repository()
    place.params(lambda raw: raw.update(seed=14))
    return place.say(share.main, "push")


@provokes("error: no server")
def no_server(place: Place) -> str:
    return place.say(annotate.main, "pull")


@provokes("error: data/annotations: no judgement")
def no_judgement(place: Place) -> str:
    Path("data/annotations").mkdir(parents=True)
    return place.say(annotate.main, "report")


@provokes("ERROR: Unable to acquire lock")
def dvc_runs(place: Place) -> str:
    from dvc.repo import Repo

    place.repository()
    with Repo(str(place.folder)).lock:
        done = subprocess.run(
            [sys.executable, "-m", "dvc", "gc", "--workspace", "--force"],
            cwd=place.folder,
            env={**os.environ, "DVC_NO_ANALYTICS": "1"},
            text=True,
            capture_output=True,
            check=False,
        )
    return next(line for line in done.stderr.splitlines() if line.startswith("ERROR"))


def dvc_says(place: Place, name: str, text: str) -> list[str]:
    """Return what a DVC command says over a file of its own with this text."""
    place.repository()
    (place.folder / "dvc.yaml").write_text("stages: {a: {cmd: touch a, outs: [a]}}\n", encoding="utf-8")
    (place.folder / name).write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "dvc", "repro"]
    done = subprocess.run(command, cwd=place.folder, text=True, capture_output=True, check=False)
    return done.stderr.splitlines()


@provokes("ERROR: failed to reproduce")
def table_of_locks_cut_off(place: Place) -> str:
    return next(line for line in dvc_says(place, ".dvc/tmp/rwlock", '{"wri') if line.startswith("ERROR"))


@pytest.mark.parametrize("first_words", list(PROVOKED))
def test_a_message_is_quoted_as_the_program_prints_it(
    first_words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = PROVOKED[first_words](Place(tmp_path, monkeypatch))
    patterns = [re.escape(message).replace("…", ".+") for message in QUOTED]
    assert any(re.fullmatch(pattern, said) for pattern in patterns), f"not quoted like this: {said}"


def test_no_message_is_quoted_that_nothing_here_provokes() -> None:
    unprovoked = [m for m in QUOTED if not any(m.startswith(first) for first in PROVOKED)]
    assert not unprovoked
    assert len(QUOTED) == len(PROVOKED)
