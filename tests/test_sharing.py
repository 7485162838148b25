"""Sharing a corpus between clones, through each kind of remote, with what goes wrong on the way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.remote_servers import PASSWORD, S3, USER, http_server, s3_server, ssh_server
from tests.small_run import ROOT, copy_run, make_repository
from tests.small_run import environment as base_environment

pytestmark = pytest.mark.slow

PUSH = [sys.executable, "-m", "commands.share", "push"]
PAIRS = 200_000
# So many that a slow machine, too, sees a push between its beginning and its end.
FILES = 400
# Makes a corpus of so many different pairs, and a folder of small files beside it.
MAKE_CORPUS = """
import sys
from pathlib import Path
from stages.lib.core.tables import CORPUS_SCHEMA, write_table
from tests.phrases import PHRASES, corpus
count, files = int(sys.argv[1]), int(sys.argv[2])
seed = Path("seed.txt").read_text().strip()
pairs = (PHRASES[n % len(PHRASES)] for n in range(count))
pairs = [(f"{src[:-1]} {seed} {n}.", f"{tgt[:-1]} {seed} {n}.") for n, (src, tgt) in enumerate(pairs)]
write_table(corpus(pairs), Path("data/corpus.parquet"), CORPUS_SCHEMA)
Path("data/notes").mkdir()
for n in range(files):
    Path(f"data/notes/{n}.txt").write_text(f"{seed} {n}")
"""
PIPELINE = """stages:
  clean:
    cmd: python make_corpus.py {pairs} {files}
    deps: [make_corpus.py, seed.txt]
    outs: [data/corpus.parquet, data/notes]
"""


def environment(**more: str) -> dict[str, str]:
    """The tests' own, with this repository's code to import."""
    return {**base_environment(), "PYTHONPATH": str(ROOT), **more}


def attempt(folder: Path, *command: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=folder, env=environment(**env), text=True, capture_output=True, timeout=600, check=False
    )


def run(folder: Path, *command: str, **env: str) -> str:
    done = attempt(folder, *command, **env)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout + done.stderr


def commit(folder: Path, message: str) -> None:
    run(folder, "git", "add", "--all")
    run(folder, "git", "commit", "--quiet", "-m", message)


def repository(folder: Path, pairs: int = 200, files: int = 3) -> Path:
    """A git and DVC repository with a corpus that its pipeline made, committed, as a colleague has it."""
    folder.mkdir()
    (folder / "make_corpus.py").write_text(MAKE_CORPUS, encoding="utf-8")
    (folder / "dvc.yaml").write_text(PIPELINE.format(pairs=pairs, files=files), encoding="utf-8")
    (folder / "seed.txt").write_text("1\n", encoding="utf-8")
    run(folder, "git", "init", "--quiet", "--initial-branch=main")
    run(folder, "dvc", "init", "--quiet")
    run(folder, "dvc", "repro", "--quiet")
    commit(folder, "first corpus")
    return folder


def share(folder: Path, **env: str) -> str:
    return run(folder, *PUSH, **env)


def name_remote(folder: Path, url: str, *more: str) -> None:
    run(folder, sys.executable, "-m", "commands.share", "remote", "--url", url, *more)


def log_in(folder: Path, password: str) -> None:
    run(folder, "dvc", "remote", "modify", "--local", "share", "password", password)


def clone(origin: Path, folder: Path) -> Path:
    run(origin.parent, "git", "clone", "--quiet", str(origin), str(folder))
    return folder


def check_same(origin: Path, copy: Path) -> None:
    """The data is the same, byte by byte, and neither DVC nor a run of the pipeline finds anything to do."""
    for name in ("data/corpus.parquet", "data/notes/0.txt"):
        assert (copy / name).read_bytes() == (origin / name).read_bytes()
    assert "Data and pipelines are up to date" in run(copy, "dvc", "status")
    assert "Running stage" not in run(copy, "dvc", "repro")
    assert not run(copy, "git", "status", "--porcelain")


def test_a_folder_carries_the_whole_pipeline_to_a_clone_that_then_has_nothing_to_run(
    finished_run: Path, tmp_path: Path
) -> None:
    origin = copy_run(finished_run, tmp_path / "origin")
    make_repository(origin)
    name_remote(origin, str(tmp_path / "remote"))
    message = share(origin)
    (tag,) = run(origin, "git", "tag").split()
    assert f"tagged {tag}; `git push origin {tag}` shows it to others" in message
    copy = clone(origin, tmp_path / "copy")
    assert run(copy, "git", "tag").split() == [tag]
    name_remote(copy, str(tmp_path / "remote"))
    run(copy, "dvc", "pull", "--run-cache")
    assert "Data and pipelines are up to date" in run(copy, "dvc", "status")
    assert "Running stage" not in run(copy, "dvc", "repro")
    assert not run(copy, "git", "status", "--porcelain")
    # What was run before comes out of the shared run cache, even if another state lies in between.
    (copy / "data/corpus.parquet").unlink()
    run(copy, "git", "rm", "--quiet", "dvc.lock")
    again = run(copy, "dvc", "repro", "split")
    assert "Running stage" not in again


def test_a_crawl_is_seen_by_dvc_and_travels_like_the_rest(tmp_path: Path) -> None:
    origin = repository(tmp_path / "origin")
    (origin / ".gitignore").write_bytes((ROOT / ".gitignore").read_bytes())
    crawl = Path("data/crawl/orient.jsonl.gz")
    (origin / crawl).parent.mkdir()
    (origin / crawl).write_bytes(b"a crawl")
    run(origin, "dvc", "add", str(crawl))
    commit(origin, "a crawl")
    run(origin, "dvc", "checkout")
    assert (origin / crawl).read_bytes() == b"a crawl"
    name_remote(origin, str(tmp_path / "remote"))
    share(origin)
    copy = clone(origin, tmp_path / "copy")
    name_remote(copy, str(tmp_path / "remote"))
    run(copy, "dvc", "pull")
    assert (copy / crawl).read_bytes() == b"a crawl"


def test_nothing_out_of_date_is_shared_and_twice_is_once(tmp_path: Path) -> None:
    origin = repository(tmp_path / "origin")
    name_remote(origin, str(tmp_path / "remote"))
    (origin / "seed.txt").write_text("2\n", encoding="utf-8")
    commit(origin, "another seed, not run")
    stale = attempt(origin, *PUSH)
    assert stale.returncode == 1
    assert stale.stderr.startswith("error: not what dvc.lock says: clean; run dvc repro, commit dvc.lock")
    assert not (tmp_path / "remote").exists()
    assert not run(origin, "git", "tag")
    run(origin, "dvc", "repro", "--quiet")
    commit(origin, "second corpus")
    assert "and tagged corpus-" in share(origin)
    (tag,) = run(origin, "git", "tag").split()
    assert f"this corpus is already tagged {tag}" in share(origin)


@pytest.fixture
def s3() -> Iterator[S3]:
    with s3_server() as server:
        yield server


def test_a_large_corpus_goes_through_s3_wrong_keys_and_a_killed_push_recover(tmp_path: Path, s3: S3) -> None:
    origin = repository(tmp_path / "origin", PAIRS, FILES)
    name_remote(origin, s3.url, "--endpoint", s3.endpoint)
    refused = attempt(origin, *PUSH, **s3.wrong)
    assert refused.returncode == 1
    assert f"error: dvc push to {s3.url} failed" in refused.stderr.splitlines()[-1]
    assert "AWS_ACCESS_KEY_ID" in refused.stderr.splitlines()[-1]
    assert not s3.sizes()
    with subprocess.Popen(
        PUSH,
        cwd=origin,
        env=environment(**s3.credentials),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        while len(s3.sizes()) < 20:
            assert process.poll() is None, "the push ended before it could be killed"
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGKILL)
    part = s3.sizes()
    assert 20 <= len(part) < FILES
    assert not run(origin, "git", "tag")
    share(origin, **s3.credentials)
    whole = s3.sizes()
    # What the killed push brought was whole, and was not sent again.
    assert {name: whole[name] for name in part} == part
    assert (origin / "data/corpus.parquet").stat().st_size in whole.values()
    copy = clone(origin, tmp_path / "copy")
    name_remote(copy, s3.url, "--endpoint", s3.endpoint)
    assert attempt(copy, "dvc", "pull", **s3.wrong).returncode != 0
    run(copy, "dvc", "pull", **s3.credentials)
    check_same(origin, copy)


def test_ssh_asks_for_the_password_that_is_kept_out_of_git(tmp_path: Path) -> None:
    origin = repository(tmp_path / "origin")
    (tmp_path / "served").mkdir()
    with ssh_server(tmp_path / "served") as url:
        name_remote(origin, url)
        log_in(origin, "nadogry")
        refused = attempt(origin, *PUSH)
        assert refused.returncode == 1
        assert f"error: dvc push to {url} failed" in refused.stderr.splitlines()[-1]
        log_in(origin, PASSWORD)
        share(origin)
        copy = clone(origin, tmp_path / "copy")
        name_remote(copy, url)
        log_in(copy, PASSWORD)
        run(copy, "dvc", "pull")
        check_same(origin, copy)
    assert not run(origin, "git", "status", "--porcelain")
    assert attempt(origin, "git", "grep", "--untracked", PASSWORD).returncode == 1


def test_http_takes_data_but_no_run_cache(tmp_path: Path) -> None:
    origin = repository(tmp_path / "origin")
    (tmp_path / "served").mkdir()
    with http_server(tmp_path / "served") as url:
        name_remote(origin, url)
        assert attempt(origin, *PUSH).returncode == 1  # 401
        for folder in (origin, clone(origin, tmp_path / "copy")):
            name_remote(folder, url)
            run(folder, "dvc", "remote", "modify", "--local", "share", "auth", "basic")
            run(folder, "dvc", "remote", "modify", "--local", "share", "user", USER)
            log_in(folder, PASSWORD)
        assert "over HTTP DVC keeps no run cache" in share(origin)
        run(tmp_path / "copy", "dvc", "pull")
        check_same(origin, tmp_path / "copy")


def test_experiments_go_to_a_second_repository_and_come_back(tmp_path: Path) -> None:
    origin = repository(tmp_path / "origin")
    name_remote(origin, str(tmp_path / "remote"))
    run(tmp_path, "git", "init", "--quiet", "--bare", "--initial-branch=main", "second.git")
    second = str(tmp_path / "second.git")
    run(origin, "git", "push", "--quiet", second, "main")
    (origin / "seed.txt").write_text("7\n", encoding="utf-8")
    run(origin, "dvc", "exp", "run", "--name", "seed-7")
    expected = (origin / "data/corpus.parquet").read_bytes()
    run(origin, "git", "remote", "add", "second", second)
    run(origin, "dvc", "exp", "push", "second", "seed-7")
    copy = clone(Path(second), tmp_path / "copy")
    name_remote(copy, str(tmp_path / "remote"))
    assert "seed-7" in run(copy, "dvc", "exp", "list", "origin")
    run(copy, "dvc", "exp", "pull", "origin", "seed-7")
    run(copy, "dvc", "exp", "apply", "seed-7")
    assert (copy / "data/corpus.parquet").read_bytes() == expected
    assert (copy / "seed.txt").read_text(encoding="utf-8") == "7\n"
