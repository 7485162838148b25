"""Check params.yaml, the changes of `dvc exp run -S ...` and dvc.lock before DVC reads them.

DVC reruns only what changed, so a key that no stage asks for would be ignored silently; it names an unknown
source or key without the nearest known one; and a language that no text can be recognised by is found minutes
later. A DVC that was killed while it wrote dvc.lock leaves a file that it refuses to read.
"""

from __future__ import annotations

import logging
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from commands.cli import Parser
from stages.lib.core.cli import run
from stages.lib.core.errors import DataError, ParamsError
from stages.lib.core.files import atomic_path
from stages.lib.core.params import PINS, Params, load_params
from stages.lib.models.respell import tables_by_language
from stages.lib.text.language import check_known

log = logging.getLogger("check")
PARAMS = Path("params.yaml")
LOCK = Path("dvc.lock")
DVC_TEMPORARY = Path(".dvc/tmp")


def load_changed(changes: Sequence[str], path: Path = PARAMS) -> Params:
    """Return the settings after the changes of ``dvc exp run -S``, in DVC's own reading of them.

    Raises ParamsError for a change that DVC cannot apply, or settings that the stages could not use.
    """
    from dvc.exceptions import DvcException
    from dvc.utils.hydra import apply_overrides

    if not changes:
        return load_params(path)
    with tempfile.TemporaryDirectory() as scratch:
        for place in PINS.values():
            (Path(scratch) / place).parent.mkdir(parents=True, exist_ok=True)
            (Path(scratch) / place).symlink_to((path.parent / place).resolve())
        changed = Path(scratch) / path.name
        shutil.copy(path, changed)
        for change in changes:
            try:
                apply_overrides(changed, [change])
            except DvcException as error:
                reason = str(error.__cause__ or error).splitlines()[0]
                if reason.startswith("Could not override"):
                    # There is no such key: validation finds the nearest.
                    apply_overrides(changed, [f"++{change}"])
                    continue
                raise ParamsError(
                    f"-S {change}: {reason}; expected key.key=value, a list as '[a,b]' in shell quotes"
                ) from None
        try:
            return load_params(changed)
        except ParamsError as error:
            raise ParamsError(str(error).replace(f"{scratch}/", "")) from None


def check_params(changes: Sequence[str] = ()) -> None:
    """Raise ParamsError on settings that the stages could not use."""
    params = load_changed(changes)
    for lang in (params.pair.src, params.pair.tgt):
        check_known(lang)
    for name in [*params.models, *params.baselines, params.align.model]:
        tables_by_language(params.models_config[name].respell)


def check_folder(folder: Path) -> None:
    """Raise DataError where ``dvc exp run --temp`` and ``--queue`` fail: on a path beyond ASCII."""
    if not str(folder).isascii():
        raise DataError(
            f"{folder}: has letters outside ASCII, in which `dvc exp run --temp` and `--queue` fail; "
            "move the repository, or run `dvc exp run` without them"
        )


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
    parser = Parser(prog="python -m commands.check", description=__doc__.splitlines()[0])
    parser.add_argument(
        *("-S", "--set-param"),
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="a change as dvc exp run takes it; nothing is written",
    )
    for flag in ("--temp", "--queue"):
        parser.add_argument(flag, action="store_true", help=f"check also what dvc exp run {flag} needs")
    args = parser.parse_args()
    check_params(args.set_param)
    if args.temp or args.queue:
        check_folder(Path.cwd())
    restore_lock()


if __name__ == "__main__":
    run(main)
