"""Push to the DVC remote what a commit describes, and tag the version of its corpus."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import subprocess
import sys
from pathlib import Path

from commands.share.remote import credentials_hint, remote_url, run_dvc
from stages.lib.core.errors import DataError

log = logging.getLogger("share")

CORPUS = "data/corpus.parquet"


def run_git(*arguments: str) -> str:
    """Run git in the working folder and return its output; raise DataError with its last line if it fails."""
    done = subprocess.run(["git", *arguments], text=True, capture_output=True, check=False)
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or ["no message"]
        raise DataError(f"git {arguments[0]} failed: {lines[-1].removeprefix('fatal: ')}")
    return done.stdout


def corpus_hash(lock: Path = Path("dvc.lock"), corpus: str = CORPUS) -> str:
    """Return the content hash of the corpus that dvc.lock records; raise DataError if it records none."""
    import yaml

    try:
        stages = yaml.safe_load(lock.read_text(encoding="utf-8"))["stages"]
    except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
        raise DataError(f"{lock}: not readable ({error}); run dvc repro and commit it") from None
    for stage in stages.values():
        for out in stage.get("outs", []):
            if out["path"] == corpus and "md5" in out:
                return out["md5"]
    raise DataError(f"{lock}: records no {corpus}; run dvc repro and commit it")


def check_state() -> str:
    """Return the remote's URL; raise DataError unless a commit, its data and a remote are at hand.

    The tag names a commit: what is pushed must be what that commit describes.
    """
    changed = run_git("status", "--porcelain").splitlines()
    if changed:
        names = ", ".join(line[3:] for line in changed[:3])
        more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
        raise DataError(f"not committed: {names}{more}; commit, then run make share again")
    url = remote_url()
    if url is None:
        raise DataError("no DVC remote is set; run `make remote URL=...`")
    stale = json.loads(run_dvc("status", "--json"))
    if stale:
        names = ", ".join(list(stale)[:3])
        raise DataError(f"not what dvc.lock says: {names}; run dvc repro, commit dvc.lock, then share")
    return url


def push_data(url: str) -> None:
    """Push data and run cache, and send again what lies torn in the remote from a push that was interrupted.

    Raises DataError if anything was not pushed; what was stays, and another push sends the rest.
    """
    _push_once(url)
    if url.startswith(("http://", "https://")):
        log.info("%s: over HTTP DVC keeps no run cache, and files cannot be listed to be checked", url)
    elif torn := mend_torn():
        log.info("%s: %d files were torn by an interrupted push; sent again", url, torn)


def mend_torn() -> int:
    """Send the remote's files that have another size than here once more, and return how many there were.

    SFTP writes a file under its name from the first byte on, and DVC takes any file of that name for whole.
    They are written over, not removed: of a folder that it has pushed DVC looks for no file again.
    Raises DataError, and leaves the remote's file, where the file here is the damaged one.
    """
    from dvc.repo import Repo

    torn = 0
    with Repo() as repo:
        remote, cache = repo.cloud.get_remote_odb(), repo.cache.local
        for path in list(remote.fs.find(remote.path)):
            oid = "".join(path.split("/")[-2:])
            here = Path(cache.oid_to_path(oid))
            if here.is_file() and here.stat().st_size != remote.fs.info(path)["size"]:
                with here.open("rb") as file:
                    found = hashlib.file_digest(file, "md5").hexdigest()
                if found != oid.removesuffix(".dir"):
                    raise DataError(
                        f"local cache file {here} is damaged: expected md5 {oid}, found {found}; "
                        "delete it and run dvc pull (or dvc repro), then share"
                    )
                remote.fs.put_file(str(here), path)
                torn += 1
    return torn


def _push_once(url: str) -> None:
    """Run dvc push, which shows its progress and its errors itself."""
    done = subprocess.run(
        [sys.executable, "-m", "dvc", "push", "--run-cache"],
        env={**os.environ, "DVC_NO_ANALYTICS": "1"},
        check=False,
    )
    if done.returncode != 0:
        how = credentials_hint(url) or "its permissions"
        raise DataError(
            f"dvc push to {url} failed, see above; check the network and the credentials ({how}), "
            "then run make share again: what was pushed stays"
        )


def tag_version(digest: str) -> tuple[str, bool]:
    """Return the tag of this corpus, and whether it is new; a corpus that has one gets no other."""
    tags = run_git("tag", "--list", f"corpus-*-{digest[:8]}").split()
    if tags:
        return tags[0], False
    date = run_git("log", "-1", "--format=%cs").strip()
    name = f"corpus-{date}-{digest[:8]}"
    run_git("tag", name)
    return name, True
