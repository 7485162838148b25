"""Check params.yaml and dvc.lock before DVC reads them.

DVC reruns only what changed, so a key that no stage asks for would be ignored silently; it names an unknown
source without the nearest known one; and a language that no text can be recognised by is found minutes later.
A DVC that was killed while it wrote dvc.lock leaves a file that it refuses to read.
"""

from __future__ import annotations

import argparse
import logging
import subprocess
from pathlib import Path

from stages.lib.core.cli import run
from stages.lib.core.errors import DataError
from stages.lib.core.files import atomic_path
from stages.lib.core.params import load_params
from stages.lib.models.respell import tables_by_language
from stages.lib.text.language import check_known

log = logging.getLogger("check")
LOCK = Path("dvc.lock")
DVC_TEMPORARY = Path(".dvc/tmp")


def check_params() -> None:
    """Raise ParamsError on settings that the stages could not use."""
    params = load_params()
    for lang in (params.pair.src, params.pair.tgt):
        check_known(lang)
    for name in [*params.models, *params.baselines, params.align.model]:
        tables_by_language(params.models_config[name].respell)


def is_readable(text: str) -> bool:
    """Tell whether DVC can read the text of a dvc.lock, and its last line is complete."""
    from dvc.schema import COMPILED_LOCKFILE_SCHEMA
    from dvc.utils.serialize import YAMLFileCorruptedError, parse_yaml
    from voluptuous import Invalid

    try:
        COMPILED_LOCKFILE_SCHEMA(parse_yaml(text, LOCK))
    except (YAMLFileCorruptedError, Invalid):
        return False
    return text.endswith("\n")


def restore_lock() -> None:
    """Replace a dvc.lock that DVC cannot read by the committed one, unless another DVC is writing it.

    Stages that ran since that commit come back from DVC's run cache without running again. Raises DataError
    if git holds no readable one, or if a merge left its marks, between which only a person can choose.
    """
    from dvc.lock import LockError, make_lock

    if not LOCK.is_file():
        return
    DVC_TEMPORARY.mkdir(parents=True, exist_ok=True)
    try:
        with make_lock(str(DVC_TEMPORARY / "lock")):
            _restore_lock()
    except LockError:
        log.debug("another DVC is writing; nothing is touched")


def _restore_lock() -> None:
    text = LOCK.read_text(encoding="utf-8", errors="replace")
    if is_readable(text):
        return
    if "<<<<<<<" in text:
        raise DataError(f"{LOCK}: holds the marks of a merge; choose a side: git checkout --ours {LOCK}")
    done = subprocess.run(["git", "show", f"HEAD:./{LOCK}"], capture_output=True, check=False)
    committed = done.stdout.decode("utf-8", errors="replace")
    if done.returncode != 0 or not is_readable(committed):
        raise DataError(f"{LOCK}: DVC cannot read it and git has no readable one; delete it and run again")
    with atomic_path(LOCK) as temporary:
        temporary.write_bytes(done.stdout)
    log.warning(
        "%s was unreadable (was DVC killed?): restored from git; newer results come from DVC's run cache",
        LOCK,
    )


def main() -> None:
    """Parse the command line and check."""
    parser = argparse.ArgumentParser(prog="python -m commands.check", description=__doc__.splitlines()[0])
    parser.parse_args()
    check_params()
    restore_lock()


if __name__ == "__main__":
    run(main)
