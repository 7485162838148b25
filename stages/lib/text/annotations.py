"""Judgements of pairs by people: read from Label Studio's JSON exports, merged into one decision each.

``data/annotations/*.json`` are lists of tasks as ``commands.annotate.pull`` writes them, or as Label Studio's
own JSON export does. A task carries the pair in its ``data``; each of its annotations is one judgement.
"""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from stages.lib.core.errors import DataError
from stages.lib.core.files import read_json
from stages.lib.core.params import Pair
from stages.lib.core.tables import table_from_rows
from stages.lib.text.letters import group_id

if TYPE_CHECKING:
    import polars as pl

# From best to worst; the names are the aliases of the choices in assets/labelling.xml.
VERDICTS = ("exact", "minor", "partial", "wrong", "not_sentence")
GOOD_VERDICTS = ("exact", "minor")
ERROR_KINDS = ("meaning", "omission", "addition", "number", "name", "language", "grammar", "boundary")

# What a task's data must hold, as strings, for its pair to be found again.
TASK_FIELDS = ("pair_id", "src", "tgt", "src_lang", "tgt_lang", "source", "doc", "method")

# How a pair was picked: at random from the corpus, at random from the pairs below align's threshold, or for
# its score near the threshold. Only the random ones say anything about the others.
PICKS = ("control", "control_unsure", "uncertain")
BLIND_PICKS = ("control", "control_unsure")

# One row is one judged pair. src, tgt and the groups are of the texts as they were shown; verdict is about
# them too. For calibration: "exact" and "minor" are translations, the rest is not, second_look is unknown.
# pick is null where an export does not say it.
JUDGED_SCHEMA = {
    **dict.fromkeys(("pair_id", "src", "tgt", "src_group", "tgt_group", "source", "doc", "method"), "String"),
    **dict.fromkeys(("pick", "decision", "verdict"), "String"),
    "annotators": "Int32",
}

_REMEDY = "export the project again as JSON (make annotate-pull)"

Decision = Literal["keep", "edit", "reject", "second_look"]


@dataclass(frozen=True)
class Judgement:
    """One annotator's view of one pair; ``texts`` are src and tgt as this annotator would have them."""

    pair_id: str
    annotator: str
    verdict: str
    errors: tuple[str, ...]
    texts: tuple[str, str]
    seconds: float | None
    made: str
    task: Mapping[str, Any]

    @property
    def is_edited(self) -> bool:
        return self.texts != (tidy(self.task["src"]), tidy(self.task["tgt"]))

    @property
    def keeps(self) -> bool:
        """Tell whether the pair may stay: as it is, or as this annotator edited it."""
        return self.verdict in GOOD_VERDICTS or self.is_edited


@dataclass(frozen=True)
class Merged:
    """The annotators' merged judgement of a pair; ``texts`` are those to keep."""

    pair_id: str
    decision: Decision
    verdict: str
    texts: tuple[str, str]
    annotators: int
    task: Mapping[str, Any]


@dataclass(frozen=True)
class Judgements:
    """The judgements of the pair's languages, and how many annotations were passed over, by reason."""

    rows: list[Judgement]
    skipped: dict[str, int]


def tidy(text: str) -> str:
    """Return a text in NFC with single spaces, so that an edit that changes nothing is none."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def read_judgements(folder: Path, pair: Pair) -> Judgements:
    """Read every JSON file of a folder, in the order of their names.

    Passed over and counted: tasks of another language pair, skipped tasks (``cancelled``), annotations
    without a verdict (``no_verdict``), an annotation met before, and all but an annotator's last judgement of
    a pair (``repeated``). Raises DataError with file and task if a file is no export of a Köpri project.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: not found; it is in git, run: git checkout -- {folder}")
    skipped: Counter[str] = Counter()
    seen: set[str] = set()
    latest: dict[tuple[str, str], Judgement] = {}
    for path in sorted(folder.glob("*.json")):
        for where, task, annotation in _annotations(path):
            unique = annotation.get("unique_id")
            if not isinstance(unique, str | None):
                raise DataError(
                    f"{where}: unique_id of an annotation is {str(unique)[:40]}, expected a string; {_REMEDY}"
                )
            if unique in seen:
                skipped["repeated"] += 1
                continue
            if unique is not None:
                seen.add(unique)
            if (task["src_lang"], task["tgt_lang"]) != (pair.src, pair.tgt):
                skipped["other_pair"] += 1
            elif annotation.get("was_cancelled"):
                skipped["cancelled"] += 1
            elif (judgement := _read_judgement(where, task, annotation)) is None:
                skipped["no_verdict"] += 1
            else:
                place = (judgement.pair_id, judgement.annotator)
                skipped["repeated"] += place in latest
                latest[place] = max(latest.get(place, judgement), judgement, key=lambda item: item.made)
    rows = [latest[place] for place in sorted(latest)]
    return Judgements(rows, {reason: n for reason, n in sorted(skipped.items()) if n})


def check_task(data: Any, where: str) -> None:
    """Raise DataError unless ``data`` is that of a task made by ``make annotate-export``."""
    if not isinstance(data, dict) or "pair_id" not in data:
        raise DataError(
            f"{where}: no pair_id in its data, so this is no export of a Köpri project; remove the file"
        )
    for name in TASK_FIELDS:
        if not isinstance(data.get(name), str):
            raise DataError(f"{where}: {name} is {data.get(name)!r}, expected a string; {_REMEDY}")


def _annotations(path: Path) -> Iterable[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Yield place, task data and annotation for each annotation of an export."""
    try:
        tasks = read_json(path)
    except DataError:
        raise DataError(f"{path}: not a JSON file; {_REMEDY}") from None
    for number, task in enumerate(check_tasks(tasks, str(path))):
        where = f"{path}: task {number}"
        check_task(task.get("data"), where)
        annotations = task.get("annotations")
        if annotations is None and "completions" in task:
            raise DataError(f"{where}: completions, as before Label Studio 1.0, are not read; {_REMEDY}")
        if not isinstance(annotations, list) or not all(isinstance(item, dict) for item in annotations):
            raise DataError(f"{where}: annotations is no list of objects; {_REMEDY}")
        for annotation in annotations:
            yield where, task["data"], annotation


def check_tasks(tasks: Any, where: str) -> list[dict[str, Any]]:
    """Raise DataError unless ``tasks`` is a list of objects, as an export is; return it."""
    if not isinstance(tasks, list):
        raise DataError(f"{where}: expected a list of tasks, found {type(tasks).__name__}; {_REMEDY}")
    for number, task in enumerate(tasks):
        if not isinstance(task, dict):
            raise DataError(
                f"{where}: task {number}: expected an object, found {type(task).__name__}; {_REMEDY}"
            )
    return tasks


def _read_judgement(where: str, task: dict[str, Any], annotation: dict[str, Any]) -> Judgement | None:
    """Return the judgement of one annotation, or None where it gives no verdict."""
    try:
        regions = {region["from_name"]: region["value"] for region in annotation["result"]}
        verdicts, errors = (_strings(regions, name, "choices") for name in ("verdict", "errors"))
        # An emptied field is no edit: the verdict says what should go.
        src, tgt = (
            tidy("".join(_strings(regions, f"{side}_edit", "text"))) or tidy(task[side])
            for side in ("src", "tgt")
        )
        seconds = annotation.get("lead_time")
        seconds = None if seconds is None else float(seconds)
        if seconds is not None and not 0 <= seconds < float("inf"):
            raise ValueError(f"lead_time is {seconds}")
        annotator = _annotator(annotation, where)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise DataError(
            f"{where}: an annotation is not of the form of assets/labelling.xml "
            f"({type(error).__name__}: {error}); {_REMEDY}"
        ) from None
    for kind, given, known in (("verdict", verdicts, VERDICTS), ("error kind", errors, ERROR_KINDS)):
        if unknown := [name for name in given if name not in known]:
            raise DataError(
                f"{where}: unknown {kind} {unknown[0]!r}, expected one of {', '.join(known)}; "
                "was the labelling configuration changed on the server?"
            )
    if not verdicts:
        return None
    made = str(annotation.get("updated_at") or annotation.get("created_at") or "")
    return Judgement(
        task["pair_id"], annotator, verdicts[0], tuple(sorted(errors)), (src, tgt), seconds, made, task
    )


def _strings(regions: Mapping[str, Any], name: str, field: str) -> list[str]:
    """Return what a region of the labelling page holds, a list of strings or a single one; [] without it."""
    if name not in regions:
        return []
    value = regions[name][field]
    value = [value] if isinstance(value, str) else value
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise TypeError(f"{field} of {name} is {str(value)[:40]}, expected a list of strings")
    return value


def _annotator(annotation: Mapping[str, Any], where: str) -> str:
    """Name an annotator: a pulled file holds names, Label Studio's own exports user numbers.

    Of a deleted account nothing says which it was: each of its judgements counts as one annotator's.
    """
    completed_by = annotation["completed_by"]
    if isinstance(completed_by, dict):
        completed_by = completed_by["id"]
    if completed_by is None:
        return f"deleted-{annotation.get('unique_id') or annotation.get('id') or where}"
    return completed_by if isinstance(completed_by, str) else f"user-{int(completed_by)}"


def merge(judgements: Iterable[Judgement]) -> list[Merged]:
    """Merge the judgements of each pair by majority, in the order of pair_id.

    An annotator votes to keep the pair (by verdict, or by editing it) or to reject it; where it is kept, the
    texts that most keepers gave win. A tie at either step is ``second_look``. The verdict is the winning
    side's most common one, of equals the worse.
    """
    by_pair: dict[str, list[Judgement]] = defaultdict(list)
    for judgement in judgements:
        by_pair[judgement.pair_id].append(judgement)
    return [_merge_pair(by_pair[pair_id]) for pair_id in sorted(by_pair)]


def _merge_pair(votes: list[Judgement]) -> Merged:
    given = (tidy(votes[0].task["src"]), tidy(votes[0].task["tgt"]))
    keepers = [vote for vote in votes if vote.keeps]
    rejecters = [vote for vote in votes if not vote.keeps]
    decision: Decision = "second_look"
    texts, winners = given, votes
    if len(rejecters) > len(keepers):
        decision, winners = "reject", rejecters
    elif len(keepers) > len(rejecters):
        winners = keepers
        (best, count), *others = Counter(vote.texts for vote in keepers).most_common()
        if not others or others[0][1] < count:
            texts, decision = best, "keep" if best == given else "edit"
    counts = Counter(vote.verdict for vote in winners)
    verdict = max(counts, key=lambda name: (counts[name], VERDICTS.index(name)))
    return Merged(votes[0].pair_id, decision, verdict, texts, len(votes), votes[0].task)


def judged(folder: Path, pair: Pair) -> pl.DataFrame:
    """Return the merged judgements as a table of JUDGED_SCHEMA, in the order of pair_id.

    pair_id is of the cleaned texts (the corpus's); a table of texts before cleaning is joined by src_group
    and tgt_group, which ignore capitals and punctuation.
    """
    return judged_table(merge(read_judgements(folder, pair).rows))


def task_groups(task: Mapping[str, Any]) -> tuple[str, str]:
    """Return the group of each of a task's texts, which copies in other capitals or punctuation share."""
    return group_id(task["src"], task["src_lang"]), group_id(task["tgt"], task["tgt_lang"])


def judged_table(merged: Iterable[Merged]) -> pl.DataFrame:
    rows = [
        {
            **{name: item.task[name] for name in ("pair_id", "src", "tgt", "source", "doc", "method")},
            **dict(zip(("src_group", "tgt_group"), task_groups(item.task), strict=True)),
            "pick": item.task["pick"] if item.task.get("pick") in PICKS else None,
            "decision": item.decision,
            "verdict": item.verdict,
            "annotators": item.annotators,
        }
        for item in merged
    ]
    return table_from_rows(rows, JUDGED_SCHEMA)
