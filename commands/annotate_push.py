"""Put the tasks of `make annotate-export` into a project of a Label Studio server; what is there stays."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages.lib import cli
from stages.lib.annotations import check_task
from stages.lib.errors import DataError
from stages.lib.files import read_json
from stages.lib.label_studio import LabelStudioError, Server, connect, project_title
from stages.lib.params import Params, load_params

log = logging.getLogger("annotate-push")

# Tasks in one request: a push that is cut off loses at most one of them, and the next push sends it again.
BATCH = 100

LABELLING = Path(__file__).resolve().parent.parent / "assets" / "labelling.xml"
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
        found = (task["data"]["src_lang"], task["data"]["tgt_lang"])
        if found != (params.pair.src, params.pair.tgt):
            raise DataError(
                f"{path}: task {number} is {'-'.join(found)}, but pair in params.yaml is "
                f"{params.pair.src}-{params.pair.tgt}; run make annotate-export again"
            )
    return tasks


def push(server: Server, tasks: Sequence[dict[str, Any]], params: Params, batch: int = BATCH) -> Pushed:
    """Make the project if there is none, and add the tasks whose pair it does not hold.

    What the project holds is asked of the server each time, so a push that broke off is finished by the next,
    whatever the server had taken in.
    """
    from tqdm import tqdm

    config = LABELLING.read_text(encoding="utf-8")
    settings = {
        "label_config": config,
        "maximum_annotations": params.annotate.annotators,
        "overlap_cohort_percentage": round(100 * params.annotate.overlap),
    }
    title = project_title(params.pair)
    project = server.find_project(title)
    if project is None:
        project = server.post(
            "/api/projects/",
            {
                "title": title,
                "description": "Pairs of sentences to judge; tasks and judgements travel by make annotate-*.",
                "expert_instruction": INSTRUCTIONS,
                # The score is for sorting in the Data Manager; it must not look like an answer.
                "show_collab_predictions": False,
                "show_overlap_first": True,
                **settings,
            },
        )
    elif {name: project[name] for name in settings} != settings:
        server.patch(f"/api/projects/{project['id']}/", settings)
    known = {task["data"].get("pair_id") for task in server.tasks(project["id"])}
    missing = [task for task in tasks if task["data"]["pair_id"] not in known]
    starts = range(0, len(missing), batch)
    for start in tqdm(starts, desc="push", disable=not sys.stderr.isatty(), file=sys.stderr):
        part = missing[start : start + batch]
        try:
            answer = server.post(f"/api/projects/{project['id']}/import", part)
        except LabelStudioError as error:
            raise LabelStudioError(
                f"{error} ({start:,} of {len(missing):,} tasks were sent; push again to go on)"
            ) from None
        if answer.get("task_count") != len(part):
            raise LabelStudioError(
                f"{server.url}: {len(part)} tasks were sent, {answer.get('task_count')} taken in; push again"
            )
    return Pushed(project["id"], len(missing), len(tasks) - len(missing))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m commands.annotate_push", description=__doc__)
    parser.add_argument("--url", help="the server (default: the one of make label-studio)")
    parser.add_argument(
        "--tasks", type=Path, default=Path("data/annotation-tasks.json"),
        help="tasks to push (default: data/annotation-tasks.json)",
    )  # fmt: skip
    args = parser.parse_args()
    params = load_params()
    tasks = read_tasks(args.tasks, params)
    server = connect(args.url)
    pushed = push(server, tasks, params)
    log.info(
        "%d tasks added, %d were there: %s/projects/%d",
        *(pushed.added, pushed.known, server.url, pushed.project),
    )


if __name__ == "__main__":
    cli.run(main)
