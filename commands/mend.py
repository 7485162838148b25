"""Mend what a DVC that was killed left half-written or lying about, so that the next run goes on.

DVC writes its table of path locks and dvc.lock in place, the latter for a third of a second after each stage;
cut off there, it refuses every later command. Beside an output that it stores it makes temporary files, which
would count as part of a folder that a stage reads.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import re
from pathlib import Path

from stages.lib.core import cli
from stages.lib.core.errors import DataError
from stages.lib.core.files import atomic_path

log = logging.getLogger("mend")

DVC_TEMPORARY = Path(".dvc/tmp")
LOCK_FILE = Path("dvc.lock")
# As dvc_objects names them: 16 random bytes in base64.
TEMPORARY = re.compile(r"\.[A-Za-z0-9_-]{22}\.tmp")
STAGE = re.compile(r"^  \S", re.MULTILINE)
EMPTY = "schema: '2.0'\nstages: {}\n"


def is_whole(text: str) -> bool:
    """Tell whether DVC can read the text of a dvc.lock, and its last line has its end."""
    from dvc.schema import COMPILED_LOCKFILE_SCHEMA
    from dvc.utils.serialize import YAMLFileCorruptedError, parse_yaml
    from voluptuous import Invalid

    try:
        COMPILED_LOCKFILE_SCHEMA(parse_yaml(text, LOCK_FILE))
    except (YAMLFileCorruptedError, Invalid):
        return False
    return text.endswith("\n")


def whole_stages(text: str) -> str:
    """Return the stages of a dvc.lock whose writing was cut off that stand there whole.

    Raises DataError if it can't be read for another reason, such as the marks of a merge.
    """
    starts = [found.start() for found in STAGE.finditer(text)]
    kept = text[: starts[-1]] if len(starts) > 1 else EMPTY
    if "<<<<<<<" in text or not is_whole(kept):
        raise DataError(
            f"{LOCK_FILE}: DVC cannot read it; if a merge left marks in it, choose a side "
            f"(git checkout --ours {LOCK_FILE}), else take the committed one (git checkout {LOCK_FILE})"
        )
    return kept


def mend_path_locks(path: Path) -> None:
    """Remove DVC's table of path locks if its writing was cut off: those whose locks it held are dead."""
    if not path.is_file():
        return
    try:
        json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        path.unlink()
        log.info("%s was half-written by a DVC that was killed; removed", path)


def mend_lock_file(path: Path) -> None:
    """Cut dvc.lock, if its writing was cut off, back to the stages that are whole.

    Stages that were run here and are lost from it come back from DVC's run cache without being run.
    """
    if not path.is_file():
        return
    text = path.read_text(encoding="utf-8", errors="replace")
    if is_whole(text):
        return
    kept = whole_stages(text)
    with atomic_path(path) as temporary:
        temporary.write_text(kept, encoding="utf-8")
    log.info(
        "%s was half-written by a DVC that was killed; %d stages stand in it whole, "
        "and what else was run here comes back from DVC's run cache",
        *(path, len(STAGE.findall(kept))),
    )


def remove_temporaries(folder: Path) -> None:
    """Remove DVC's temporary files from a repository, its hidden folders left out."""
    removed = 0
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in filter(TEMPORARY.fullmatch, names):
            Path(place, name).unlink(missing_ok=True)
            removed += 1
    if removed:
        log.info("%d temporary files of a DVC that was killed; removed", removed)


def main() -> None:
    argparse.ArgumentParser(prog="python -m commands.mend", description=__doc__).parse_args()
    if not DVC_TEMPORARY.is_dir():
        return
    from dvc.lock import LockError, make_lock

    try:
        with make_lock(str(DVC_TEMPORARY / "lock")), make_lock(str(DVC_TEMPORARY / "rwlock.lock")):
            mend_path_locks(DVC_TEMPORARY / "rwlock")
            mend_lock_file(LOCK_FILE)
            remove_temporaries(Path())
    except LockError:
        log.debug("another DVC is writing; nothing is touched")


if __name__ == "__main__":
    cli.run(main)
