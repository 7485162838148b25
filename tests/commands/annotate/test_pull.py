from __future__ import annotations

from typing import Any

import pytest

from commands.annotate.pull import pseudonym, reduce_export
from stages.lib.core.errors import DataError
from tests.judgements import annotation, task_data


def exported(n: int, *annotations: dict) -> dict:
    """A task as Label Studio exports it: with counters and dates that change from export to export."""
    return {"id": n, "updated_at": f"2026-11-0{n + 1}", "data": task_data(n), "annotations": [*annotations]}


def test_an_export_is_reduced_to_what_does_not_change() -> None:
    one = annotation(0, "exact") | {"completed_by": 3, "prediction": {"created_ago": "0 minutes"}}
    other = annotation(1, "wrong") | {"completed_by": 4, "prediction": {"created_ago": "5 minutes"}}
    emails = {3: "Ayna@Example.org"}
    reduced = reduce_export([exported(0, other, one), exported(1)], emails, "x")
    assert reduced == reduce_export([exported(1), exported(0, one, other)], emails, "x")
    (task,) = reduced
    assert set(task) == {"data", "annotations"}
    assert [one["completed_by"] for one in task["annotations"]] == [pseudonym("ayna@example.org"), "user-4"]
    assert all("prediction" not in one for one in task["annotations"])


def test_a_task_of_another_project_is_refused() -> None:
    with pytest.raises(DataError, match="x: task 5: no pair_id in its data"):
        reduce_export([{"id": 5, "data": {"text": "Salam"}, "annotations": []}], {}, "x")


def test_an_annotator_told_with_the_address_is_reduced_to_the_same_name() -> None:
    one = annotation(0, "exact") | {"completed_by": {"id": 3, "email": "ayna@example.org"}}
    (task,) = reduce_export([exported(0, one)], {3: "ayna@example.org"}, "x")
    assert task["annotations"][0]["completed_by"] == pseudonym("ayna@example.org")


def test_annotators_of_deleted_accounts_are_not_joined_into_one() -> None:
    gone = annotation(0, "exact") | {"completed_by": None}
    (task,) = reduce_export([exported(0, gone)], {}, "x")
    assert task["annotations"][0]["completed_by"] is None


@pytest.mark.parametrize(
    "annotations",
    [None, ["exact"], [{"unique_id": "a", "result": []}], [annotation(0, "exact") | {"completed_by": []}]],
)
def test_annotations_of_another_form_are_one_line(annotations: Any) -> None:
    with pytest.raises(DataError, match="x: task 0: its annotations are not of the form"):
        reduce_export([exported(0) | {"annotations": annotations}], {}, "x")


def test_a_pseudonym_does_not_show_the_address() -> None:
    assert pseudonym("ayna@example.org") == pseudonym(" AYNA@example.org")
    assert "ayna" not in pseudonym("ayna@example.org")
