"""Fetch the judgements of a Label Studio project into data/annotations/, which is in git."""

from __future__ import annotations

import hashlib
import logging
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any

from commands.annotate.client import LabelStudioError, Server, project_title
from stages.lib.core.errors import DataError
from stages.lib.core.files import read_json, write_json
from stages.lib.core.params import Pair
from stages.lib.text.annotations import check_task, check_tasks, read_judgements

log = logging.getLogger("annotate-pull")

_ORDER = ("created_at", "unique_id")
# What is kept of an annotation; the rest changes with every export or says nothing.
_KEPT = ("unique_id", "result", "lead_time", "was_cancelled", "created_at", "updated_at")


@dataclass(frozen=True)
class Pulled:
    """The file, its number of judgements, how many of those are new, and how many the server has no more."""

    path: Path
    judgements: int
    new: int
    gone: int


def pseudonym(email: str) -> str:
    """Name an annotator without the address; the same person has the same name on every server."""
    return f"a-{hashlib.sha256(email.strip().lower().encode()).hexdigest()[:8]}"


def reduce_export(tasks: Any, emails: Mapping[int, str], where: str) -> list[dict[str, Any]]:
    """Return the annotated tasks in the order of their pairs, without what differs from export to export.

    Raises DataError if a task is not one of ours, or is not of the form that Label Studio exports.
    """
    reduced = []
    for task in check_tasks(tasks, where):
        place = f"{where}: task {task.get('id')}"
        check_task(task.get("data"), place)
        try:
            annotations = [
                {
                    **{name: annotation.get(name) for name in _KEPT},
                    "completed_by": _name(annotation["completed_by"], emails),
                }
                for annotation in _in_order(task.get("annotations"), place)
            ]
        except (KeyError, TypeError) as error:
            raise DataError(
                f"{place}: its annotations are not of the form that Label Studio exports "
                f"({type(error).__name__}: {error}); is the server of another version?"
            ) from None
        if annotations:
            reduced.append({"data": task["data"], "annotations": annotations})
    return sorted(reduced, key=lambda task: task["data"]["pair_id"])


def _in_order(annotations: Any, place: str) -> list[dict[str, Any]]:
    if not isinstance(annotations, list) or not all(
        isinstance(annotation, dict) and all(isinstance(annotation.get(name), str) for name in _ORDER)
        for annotation in annotations
    ):
        raise DataError(
            f"{place}: its annotations are not of the form that Label Studio exports "
            f"(objects with {' and '.join(_ORDER)}); is the server of another version, or the file damaged?"
        )
    return sorted(annotations, key=itemgetter(*_ORDER))


def _name(user: Any, emails: Mapping[int, str]) -> str | None:
    if isinstance(user, dict):  # as hosted servers of other editions say it
        user = user["id"]
    if user is None:  # a deleted account
        return None
    return pseudonym(emails[user]) if user in emails else f"user-{user}"


def read_pulled(path: Path) -> list[dict[str, Any]]:
    """Read what an earlier pull wrote. Raises DataError if it is of another form."""
    tasks = check_tasks(read_json(path), str(path))
    for number, task in enumerate(tasks):
        check_task(task.get("data"), f"{path}: task {number}")
        _in_order(task.get("annotations"), f"{path}: task {number}")
    return tasks


def keep_gone(before: Sequence[Mapping[str, Any]], now: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return a reduced export with the judgements added that only the file before has.

    A task that is deleted on the server takes its judgements along: the file is what remains of them.
    """
    kept: dict[str, dict[str, Any]] = {}
    seen: set[str] = set()
    for task in (*now, *before):
        new = [annotation for annotation in task["annotations"] if annotation["unique_id"] not in seen]
        seen |= {annotation["unique_id"] for annotation in new}
        if new:
            kept_task = kept.setdefault(task["data"]["pair_id"], {"data": task["data"], "annotations": []})
            kept_task["annotations"] = sorted([*kept_task["annotations"], *new], key=itemgetter(*_ORDER))
    return [kept[pair_id] for pair_id in sorted(kept)]


def pull_judgements(server: Server, pair: Pair, folder: Path) -> Pulled:
    """Write the project's judgements to a file of its own, which a second pull leaves as it is.

    What the file held and the server has no more stays in it.

    The file is named by the project's number and birth, so that a project made anew, or one of another
    server, never overwrites the judgements of a deleted one.
    """
    title = project_title(pair)
    project = server.find_project(title)
    if project is None:
        raise LabelStudioError(
            f"{server.url}: no project is called {title!r} (deleted, or of another account?); "
            "make annotate-push makes it, and what was pulled before is in data/annotations"
        )
    where = f"{server.url}/projects/{project['id']}"
    reduced = reduce_export(server.export(project["id"]), server.emails(), where)
    birth = re.sub(r"\D", "", project["created_at"])[:14]
    path = folder / f"{pair.src}-{pair.tgt}-{project['id']}-{birth}.json"
    before = read_pulled(path) if path.is_file() else []
    merged = keep_gone(before, reduced)
    with tempfile.TemporaryDirectory() as scratch:
        # A form that clean could not read must not reach the folder.
        write_json(Path(scratch) / path.name, merged)
        read_judgements(Path(scratch), pair)
    ids, before_ids = _unique_ids(merged), _unique_ids(before)
    if ids:
        write_json(path, merged)
    return Pulled(path, len(ids), len(ids - before_ids), len(before_ids - _unique_ids(reduced)))


def _unique_ids(tasks: Sequence[Mapping[str, Any]]) -> set[str]:
    return {annotation["unique_id"] for task in tasks for annotation in task["annotations"]}
