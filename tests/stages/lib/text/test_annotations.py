from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from stages.lib.core.errors import DataError
from stages.lib.core.params import Pair
from stages.lib.core.tables import check_columns, pair_id
from stages.lib.text.annotations import JUDGED_SCHEMA, judged, merge, read_judgements
from tests.cases import read_cases
from tests.judgements import annotation, task, write_export
from tests.phrases import PHRASES

CASES = read_cases(__file__)

PAIR = Pair(src="ru", tgt="tk")
SRC, TGT = PHRASES[0]
MENDED = "Şu gün howa gowy."


def decide(folder: Path, *annotations: dict[str, Any]) -> tuple[str, str, tuple[str, str]]:
    write_export(folder / "a.json", [task(0, *annotations)])
    (merged,) = merge(read_judgements(folder, PAIR).rows)
    return merged.decision, merged.verdict, merged.texts


@pytest.mark.parametrize(("verdicts", "decision", "verdict"), CASES["majorities"])
def test_the_majority_decides_and_a_tie_asks_for_a_second_look(
    tmp_path: Path, verdicts: list[str], decision: str, verdict: str
) -> None:
    given = [annotation(n, verdict) for n, verdict in enumerate(verdicts)]
    assert decide(tmp_path, *given)[:2] == (decision, verdict)


def test_an_edit_keeps_a_pair_that_the_verdict_alone_would_reject(tmp_path: Path) -> None:
    edits = [annotation(n, "partial", tgt=MENDED) for n in (0, 1)]
    assert decide(tmp_path, *edits, annotation(2, "wrong")) == ("edit", "partial", (SRC, MENDED))


@pytest.mark.parametrize(
    ("texts", "decision"),
    [
        ([MENDED, MENDED, TGT], "edit"),
        ([MENDED, TGT, TGT], "keep"),
        ([MENDED, TGT], "second_look"),
        ([MENDED, "Bu gün howa ajaýyp."], "second_look"),
    ],
)
def test_the_text_that_most_keepers_gave_wins(tmp_path: Path, texts: list[str], decision: str) -> None:
    given = [annotation(n, "minor", tgt=text) for n, text in enumerate(texts)]
    assert decide(tmp_path, *given)[0] == decision


@pytest.mark.parametrize("same", [TGT, f" {TGT.replace(' ', '  ')}\n", "Bu gu\u0308n howa gowy.", ""])
def test_an_edit_that_changes_nothing_is_none(tmp_path: Path, same: str) -> None:
    assert decide(tmp_path, annotation(0, "exact", tgt=same)) == ("keep", "exact", (SRC, TGT))


def test_the_table_of_judged_pairs_is_found_again_by_texts(tmp_path: Path) -> None:
    write_export(tmp_path / "a.json", [task(1, annotation(0, "exact")), task(0, annotation(1, "wrong"))])
    table = judged(tmp_path, PAIR)
    check_columns(table, JUDGED_SCHEMA, "judged")
    found = {row["pair_id"]: (row["decision"], row["src"]) for row in table.iter_rows(named=True)}
    assert found == {
        pair_id("ru", PHRASES[0][0], "tk", PHRASES[0][1]): ("reject", PHRASES[0][0]),
        pair_id("ru", PHRASES[1][0], "tk", PHRASES[1][1]): ("keep", PHRASES[1][0]),
    }
    assert table["pair_id"].is_sorted()


def test_what_says_nothing_is_passed_over_and_counted(tmp_path: Path) -> None:
    skipped = annotation(1, "exact") | {"was_cancelled": True}
    empty = annotation(2, "exact") | {"result": []}
    uzbek = task(1, annotation(3, "exact"))
    uzbek["data"]["tgt_lang"] = "uz"
    write_export(tmp_path / "a.json", [task(0, annotation(0, "exact"), skipped, empty), uzbek])
    found = read_judgements(tmp_path, PAIR)
    assert len(found.rows) == 1
    assert found.skipped == {"cancelled": 1, "no_verdict": 1, "other_pair": 1}


def test_an_export_that_is_there_twice_counts_once(tmp_path: Path) -> None:
    tasks = [task(n, annotation(0, "exact", n), annotation(1, "wrong", n)) for n in range(3)]
    write_export(tmp_path / "a.json", tasks)
    once = read_judgements(tmp_path, PAIR).rows
    write_export(tmp_path / "b.json", tasks)
    twice = read_judgements(tmp_path, PAIR)
    assert twice.rows == once
    assert twice.skipped == {"repeated": 6}


def test_of_an_annotators_judgements_of_a_pair_the_last_counts(tmp_path: Path) -> None:
    first = annotation(0, "wrong") | {"updated_at": "2026-11-01T10:00:00Z", "unique_id": "one"}
    later = annotation(0, "exact") | {"updated_at": "2026-11-02T10:00:00Z", "unique_id": "two"}
    write_export(tmp_path / "a.json", [task(0, later)])
    write_export(tmp_path / "b.json", [task(0, first)])
    (row,) = read_judgements(tmp_path, PAIR).rows
    assert row.verdict == "exact"


def test_label_studios_own_export_is_read_as_well(tmp_path: Path) -> None:
    own = annotation(0, "minor") | {"completed_by": {"id": 7, "email": "sapar@example.org"}}
    by_number = annotation(1, "minor") | {"completed_by": 8}
    write_export(tmp_path / "a.json", [{"id": 4, "predictions": [], **task(0, own, by_number)}])
    assert [row.annotator for row in read_judgements(tmp_path, PAIR).rows] == ["user-7", "user-8"]


def test_judgements_of_deleted_accounts_count_as_one_annotators_each(tmp_path: Path) -> None:
    gone = [annotation(n, "minor") | {"completed_by": None, "unique_id": f"u{n}"} for n in range(2)]
    write_export(tmp_path / "a.json", [task(0, *gone)])
    assert [row.annotator for row in read_judgements(tmp_path, PAIR).rows] == ["deleted-u0", "deleted-u1"]


def _without(name: str) -> list[dict[str, Any]]:
    one = task(0, annotation(0, "exact"))
    del one["data"][name]
    return [one]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", r"a\.json: not a JSON file"),
        ({"tasks": []}, r"a\.json: expected a list of tasks, found dict"),
        ([1], r"a\.json: task 0: expected an object, found int"),
        ([{"id": 1, "data": {"image": "cat.png"}, "annotations": []}], "no export of a Köpri project"),
        (_without("tgt"), r"a\.json: task 0: tgt is None, expected a string"),
        ([task(0) | {"annotations": {}}], "annotations is no list"),
        (
            [{"data": task(0)["data"], "completions": []}],
            "completions, as before Label Studio 1.0, are not read",
        ),
        ([task(0, {"result": [{"value": 1}], "completed_by": 1})], "not of the form of assets/labelling.xml"),
        ([task(0, annotation(0, "good"))], "unknown verdict 'good', expected one of exact, minor"),
    ],
)
def test_a_malformed_export_is_one_line_with_file_and_task(tmp_path: Path, content: Any, said: str) -> None:
    text = content if isinstance(content, str) else json.dumps(content)
    (tmp_path / "a.json").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=said) as error:
        read_judgements(tmp_path, PAIR)
    assert "\n" not in str(error.value)


def test_a_folder_that_is_not_there_is_told_from_an_empty_one(tmp_path: Path) -> None:
    assert read_judgements(tmp_path, PAIR).rows == []
    with pytest.raises(DataError, match="annotations: not found"):
        read_judgements(tmp_path / "annotations", PAIR)


def _filled(name: str, value: Any) -> dict[str, Any]:
    """A judgement in which one region of the labelling page holds something else."""
    one = annotation(0, "exact")
    others = [region for region in one["result"] if region["from_name"] != name]
    return one | {"result": [*others, {"from_name": name, "value": value}]}


ODD = (None, 3, True, "x", [], {}, [1], [None], [["exact"]], {"exact": 1}, float("nan"), float("inf"))


@pytest.mark.parametrize(
    "given",
    [
        *(
            annotation(0, "exact") | {name: odd}
            for name in ("unique_id", "result", "lead_time")
            for odd in ODD
        ),
        *(annotation(0, "exact") | {"completed_by": odd} for odd in ODD),
        *(annotation(0, "exact") | {"result": [odd]} for odd in ODD),
        *(_filled(name, odd) for name in ("verdict", "errors", "tgt_edit") for odd in ODD),
        *(_filled(name, {"choices": odd}) for name in ("verdict", "errors") for odd in ODD),
        *(_filled("tgt_edit", {"text": odd}) for odd in ODD),
    ],
)
def test_a_judgement_with_a_field_of_another_kind_is_read_or_is_one_line(
    tmp_path: Path, given: dict[str, Any]
) -> None:
    (tmp_path / "a.json").write_text(json.dumps([task(0, given)]), encoding="utf-8")
    told, rows, skipped = "", [], {}
    try:
        found = read_judgements(tmp_path, PAIR)
        rows, skipped = found.rows, found.skipped
    except DataError as error:
        told = str(error)
    # What is read has a verdict of ours and strings for texts; without a verdict it is counted.
    assert bool(told) + len(rows) + skipped.get("no_verdict", 0) == 1
    assert not told or told.startswith(f"{tmp_path}/a.json: task 0: ")
    assert "\n" not in told
    assert all(one.verdict == "exact" and all(one.texts) for one in rows)
