"""Exports of annotated pairs, made of the tests' phrases in the form of Label Studio's JSON export."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from stages.lib.core.files import write_json
from stages.lib.core.tables import pair_id
from tests.phrases import PHRASES


def task_data(n: int, **values: Any) -> dict[str, Any]:
    """The data of a task: the n-th phrase, in a document of its own for every fourth of them."""
    src, tgt = PHRASES[n % len(PHRASES)]
    return {
        "pair_id": pair_id("ru", src, "tk", tgt),
        "src": src,
        "tgt": tgt,
        "src_lang": "ru",
        "tgt_lang": "tk",
        "source": "phrases",
        "doc": f"phrases/{n % 4}",
        "method": "aligned",
        "pick": "control",
        **values,
    }


def result(verdict: str, errors: tuple[str, ...] = (), src: str | None = None, tgt: str | None = None) -> Any:
    """What an annotator filled in on the labelling page."""
    filled = [("verdict", "tgt", "choices", {"choices": [verdict]})]
    if errors:
        filled.append(("errors", "tgt", "choices", {"choices": list(errors)}))
    filled += [
        (f"{side}_edit", side, "textarea", {"text": [text]})
        for side, text in (("src", src), ("tgt", tgt))
        if text is not None
    ]
    return [
        {"from_name": name, "to_name": to, "type": kind, "value": value} for name, to, kind, value in filled
    ]


def annotation(annotator: int, verdict: str, n: int = 0, seconds: float = 10.0, **filled: Any) -> dict:
    return {
        "unique_id": f"{annotator}-{n}",
        "completed_by": f"a-{annotator}",
        "result": result(verdict, **filled),
        "lead_time": seconds,
        "was_cancelled": False,
        "created_at": "2026-11-01T10:00:00Z",
        "updated_at": "2026-11-01T10:00:00Z",
    }


def task(n: int, *annotations: dict[str, Any]) -> dict[str, Any]:
    return {"data": task_data(n), "annotations": list(annotations)}


def write_export(path: Path, tasks: list[dict[str, Any]]) -> None:
    write_json(path, tasks)
