"""Add the tasks of `make annotate-export` to a Label Studio project; existing tasks are kept."""

from __future__ import annotations

import fcntl
import logging
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from commands.annotate.client import LabelStudioError, Server, project_title
from stages.lib.core.errors import DataError
from stages.lib.core.files import read_json
from stages.lib.core.params import Params
from stages.lib.text.annotations import check_task

log = logging.getLogger("annotate-push")

# Tasks in one request: a push that is cut off loses at most one of them, and the next push sends it again.
BATCH = 100
LOCK = Path(".cache/kopri/annotate-push.lock")

LABELLING = Path(__file__).resolve().parents[2] / "assets" / "labelling.xml"
INSTRUCTIONS = (
    "Сравните перевод с исходным текстом и выберите оценку (1–5). Если можно, исправьте перевод. "
    "Terjimäni asyl tekst bilen deňeşdiriň we baha beriň (1–5). Mümkin bolsa, terjimäni düzediň."
)


@dataclass(frozen=True)
class Pushed:
    """The project, and how many tasks were added and how many were there already."""

    project: int
    added: int
    known: int


def read_tasks(path: Path, params: Params) -> list[dict[str, Any]]:
    """Read a file of tasks. Raises DataError if it is of another form or another language pair."""
    if not path.is_file():
        raise DataError(f"{path}: not found; run make annotate-export")
    tasks = read_json(path)
    if not isinstance(tasks, list) or not all(isinstance(task, dict) for task in tasks):
        raise DataError(f"{path}: expected a list of tasks; run make annotate-export again")
    for number, task in enumerate(tasks):
        check_task(task.get("data"), f"{path}: task {number}")
        langs = (task["data"]["src_lang"], task["data"]["tgt_lang"])
        if langs != (params.pair.src, params.pair.tgt):
            raise DataError(
                f"{path}: task {number} is {'-'.join(langs)}, but pair in params.yaml is "
                f"{params.pair.src}-{params.pair.tgt}; run make annotate-export again"
            )
    return tasks


def push_tasks(server: Server, tasks: Sequence[dict[str, Any]], params: Params, batch: int = BATCH) -> Pushed:
    """Make the project if there is none, and add the tasks whose pair it does not hold.

    Every push asks the server what the project holds, so the next push finishes one that broke off, whatever
    the server had taken in. Pushes of this folder wait for one another. A push from another machine may come
    between a question and the action that follows: so projects and tasks are listed again afterwards, and
    duplicates are removed, by every push in the same way.
    """
    title = project_title(params.pair)
    with _exclusive_push():
        project, is_new = _find_or_make(server, title, params)
        while True:
            pushed = _fill(server, project, tasks, batch)
            first = _oldest(server, title)
            if first == project or not is_new:
                return pushed
            _give_way(server, project, first)
            project, is_new = first, False


@contextmanager
def _exclusive_push() -> Iterator[None]:
    """Wait until no other push of this folder runs."""
    LOCK.parent.mkdir(parents=True, exist_ok=True)
    with LOCK.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            log.info("another push is running; waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _find_or_make(server: Server, title: str, params: Params) -> tuple[int, bool]:
    """Return the project's number and whether it was made now; one that was there gets today's settings."""
    settings = {
        "label_config": LABELLING.read_text(encoding="utf-8"),
        "maximum_annotations": params.annotate.annotators,
        "overlap_cohort_percentage": round(100 * params.annotate.overlap),
    }
    project = server.find_project(title)
    if project is None:
        made = {
            "description": "Pairs of sentences to judge; tasks and judgements travel by make annotate-*.",
            "expert_instruction": INSTRUCTIONS,
            # The score is for sorting in the Data Manager; it must not look like an answer.
            "show_collab_predictions": False,
            "show_overlap_first": True,
            **settings,
        }
        number = server.make_project(title, made)
        first = _oldest(server, title)
        if first != number:
            _give_way(server, number, first)
        return first, first == number
    if {name: project.get(name) for name in settings} != settings:
        server.patch(f"/api/projects/{project['id']}/", settings)
    return project["id"], False


def _oldest(server: Server, title: str) -> int:
    """Return the first project of a title: where several pushes made one each, it stays."""
    projects = server.projects(title)
    if not projects:
        raise LabelStudioError(f"{server.url}: the project {title!r} was deleted meanwhile; push again")
    return projects[0]["id"]


def _give_way(server: Server, project: int, first: int) -> None:
    log.info("project %d was made at the same time as %d; going on in the first", project, first)
    server.remove(f"/api/projects/{project}/")


def _fill(server: Server, project: int, tasks: Sequence[dict[str, Any]], batch: int) -> Pushed:
    """Add the missing tasks to a project, and remove what is there twice."""
    from tqdm import tqdm

    known = {pair_id for pair_id, _ in _by_pair(server, project)}
    missing = [task for task in tasks if task["data"]["pair_id"] not in known]
    starts = range(0, len(missing), batch)
    for start in tqdm(starts, desc="push", disable=not sys.stderr.isatty(), file=sys.stderr):
        part = missing[start : start + batch]
        try:
            taken = server.add_tasks(project, part)
        except LabelStudioError as error:
            raise LabelStudioError(
                f"{error} ({start:,} of {len(missing):,} tasks were sent; push again to go on)"
            ) from None
        if taken != len(part):
            raise LabelStudioError(f"{server.url}: {len(part)} tasks were sent, {taken} taken in; push again")
    _remove_doubles(server, project)
    return Pushed(project, len(missing), len(tasks) - len(missing))


def _remove_doubles(server: Server, project: int) -> None:
    """Leave one task of each pair: the judged one, else the first; no judged one is ever removed."""
    by_pair: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for pair_id, task in _by_pair(server, project):
        by_pair[pair_id].append(task)
    for same in by_pair.values():
        first, *others = sorted(same, key=lambda task: (not task["total_annotations"], task["id"]))
        for task in others:
            if not task["total_annotations"]:
                log.info("task %d is of the same pair as task %d; removed", task["id"], first["id"])
                server.remove(f"/api/tasks/{task['id']}/")


def _by_pair(server: Server, project: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the pair and the task for each task of a project that has a pair."""
    for task in server.tasks(project):
        if isinstance(task["data"].get("pair_id"), str):
            yield task["data"]["pair_id"], task
