from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from commands.share.push import check_state, corpus_hash, mend_torn, tag_version
from stages.lib.core.errors import DataError

LOCK = """schema: '2.0'
stages:
  clean:
    cmd: python -m stages.clean
    outs:
    - path: data/corpus.parquet
      hash: md5
      md5: {md5}
"""
MD5 = "0123456789abcdef0123456789abcdef"


def git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], text=True, capture_output=True, check=True).stdout


def commit(message: str, date: str) -> None:
    git("add", "--all")
    author = ("-c", "user.name=aman", "-c", "user.email=aman@example.org")
    subprocess.run(
        ["git", *author, "commit", "--quiet", "--allow-empty", "-m", message],
        env={"PATH": "/usr/bin:/bin", "GIT_COMMITTER_DATE": date, "GIT_AUTHOR_DATE": date},
        check=True,
    )


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    git("init", "--quiet")
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc/config").write_text("[core]\n    analytics = false\n", encoding="utf-8")
    (tmp_path / ".dvc/.gitignore").write_text("/tmp\n/cache\n", encoding="utf-8")
    (tmp_path / "dvc.lock").write_text(LOCK.format(md5=MD5), encoding="utf-8")
    commit("first", "2026-03-04T12:00:00+00:00")
    return tmp_path


def test_a_corpus_is_tagged_once_by_its_commits_date_and_its_hash(repository: Path) -> None:
    assert tag_version(corpus_hash()) == ("corpus-2026-03-04-01234567", True)
    assert tag_version(corpus_hash()) == ("corpus-2026-03-04-01234567", False)
    commit("something else", "2026-05-06T12:00:00+00:00")
    assert tag_version(corpus_hash()) == ("corpus-2026-03-04-01234567", False)
    (repository / "dvc.lock").write_text(LOCK.format(md5=MD5[::-1]), encoding="utf-8")
    commit("another corpus", "2026-05-07T12:00:00+00:00")
    assert tag_version(corpus_hash()) == ("corpus-2026-05-07-fedcba98", True)
    assert git("tag").split() == ["corpus-2026-03-04-01234567", "corpus-2026-05-07-fedcba98"]


def test_a_changed_tree_is_refused_with_the_names(repository: Path) -> None:
    (repository / "dvc.lock").write_text("schema: '2.0'\n", encoding="utf-8")
    (repository / "täze.txt").write_text("täze", encoding="utf-8")
    with pytest.raises(DataError, match=r"not committed: dvc\.lock, .*; commit, then"):
        check_state()


def test_without_a_remote_it_says_how_to_set_one(repository: Path) -> None:
    with pytest.raises(DataError, match="no DVC remote is set; run `make remote URL="):
        check_state()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"dvc\.lock: not readable .*run dvc repro and commit it"),
        ("stages: [", "not readable"),
        ("schema: '2.0'\n", "not readable"),
        ("stages: {align: {outs: []}}\n", r"dvc\.lock: records no data/corpus\.parquet"),
    ],
)
def test_a_lock_without_a_corpus_is_one_line(repository: Path, content: str | None, message: str) -> None:
    if content is None:
        (repository / "dvc.lock").unlink()
    else:
        (repository / "dvc.lock").write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=message):
        corpus_hash()


@pytest.fixture
def pushed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A DVC repository whose file and folder are in a remote; returns the remote's folder of files."""
    from dvc.repo import Repo

    monkeypatch.chdir(tmp_path)
    with Repo.init(no_scm=True) as repo:
        (tmp_path / ".dvc/config").write_text(
            "[core]\n    no_scm = true\n    remote = share\n['remote \"share\"']\n    url = ../remote\n",
            encoding="utf-8",
        )
        repo.config.load()
        (tmp_path / "notes").mkdir()
        (tmp_path / "notes/a.txt").write_text("Bu gün howa gowy.", encoding="utf-8")
        (tmp_path / "corpus.txt").write_text("Сегодня хорошая погода.", encoding="utf-8")
        repo.add(["corpus.txt", "notes"])
        repo.push()
    return tmp_path / "remote/files/md5"


def halve(path: Path) -> None:
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def test_every_torn_file_of_the_remote_is_written_over_by_the_whole_one_here(pushed: Path) -> None:
    whole = {path: path.read_bytes() for path in pushed.rglob("*") if path.is_file()}
    assert len(whole) == 3
    for path in whole:  # the listing of the folder among them
        halve(path)
    assert mend_torn() == 3
    assert {path: path.read_bytes() for path in whole} == whole
    assert mend_torn() == 0


def test_a_whole_file_of_the_remote_is_never_written_over_by_a_damaged_one_here(pushed: Path) -> None:
    for path in [path for path in pushed.rglob("*") if path.is_file()]:
        here = Path(".dvc/cache/files/md5") / path.relative_to(pushed)
        whole = here.read_bytes()
        halve(here)
        with pytest.raises(DataError, match=rf"{here} is damaged: .*delete it and run dvc pull"):
            mend_torn()
        assert path.read_bytes() == whole
        here.write_bytes(whole)
