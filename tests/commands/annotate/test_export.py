from __future__ import annotations

import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from commands.annotate.export import Context, choose_pairs, clean_below_threshold, make_task, make_tasks
from stages.align.calibration import Calibration
from stages.lib.core.files import read_json, write_json
from stages.lib.core.params import Params, load_params
from stages.lib.core.tables import CORPUS_SCHEMA, PAIR_SCHEMA, SEGMENT_SCHEMA, table_from_rows, write_table
from stages.lib.text.annotations import BLIND_PICKS, task_groups
from stages.lib.text.held_out import choose_split
from tests.judgements import annotation, task_data, write_export
from tests.phrases import PHRASES, corpus
from tests.run_command import ROOT, run_command


def params(**annotate: Any) -> Params:
    read = load_params(ROOT / "params.yaml")
    values = {"tasks": 20, "control_share": 0.25, **annotate}
    split = {"test_sources": [], "train_sources": ["babel"], "test_share": 0.3, "min_words": 2}
    return read.model_copy(
        update={
            "annotate": read.annotate.model_copy(update=values),
            "split": read.split.model_copy(update=split),
        }
    )


def scored() -> pl.DataFrame:
    """48 pairs of two sources, three to one, with scores from 0 to 1."""
    many = [(f"{src} {n}", f"{tgt} {n}") for n in range(2) for src, tgt in PHRASES]
    frame = pl.concat([corpus(many[:36], "django"), corpus(many[36:], "babel")])
    return frame.with_columns(score=pl.int_range(len(frame)).cast(pl.Float32) / len(frame))


NOTHING = table_from_rows([], CORPUS_SCHEMA)


def choose(frame: pl.DataFrame, settings: Params, judged: Any = (), threshold: float = 0.5) -> Any:
    return choose_pairs(frame, NOTHING, judged, threshold, settings)


def groups(frame: pl.DataFrame) -> list[tuple[str, str]]:
    return frame.select("src_group", "tgt_group").rows()


def test_a_batch_has_controls_by_size_and_uncertain_pairs_evenly() -> None:
    picked = choose(scored(), params(tasks=16))
    assert Counter((pick, row["source"]) for pick, row in picked) == {
        ("control", "django"): 3,
        ("control", "babel"): 1,
        ("uncertain", "django"): 6,
        ("uncertain", "babel"): 6,
    }
    assert len({row["pair_id"] for _, row in picked}) == 16


def test_uncertain_pairs_come_from_both_sides_of_the_threshold_the_lower_one_from_what_was_not_kept() -> None:
    frame = scored().filter(source="django")
    threshold = 30 / 48
    is_kept = frame["score"] >= threshold
    kept, below_threshold = frame.filter(is_kept), frame.filter(~is_kept)
    picked = choose_pairs(kept, below_threshold, [], threshold, params(tasks=8, control_share=0.0))
    found = sorted(round(row["score"] * 48) for _, row in picked)
    assert found == [*range(26, 30), *range(30, 34)]


def test_blind_ones_are_drawn_from_both_tables_alike_and_say_from_which() -> None:
    frame = scored().filter(source="django")
    kept, below_threshold = frame[:24], frame[24:]
    picked = choose_pairs(kept, below_threshold, [], 0.5, params(tasks=18, control_share=1.0))
    other = choose_pairs(frame, NOTHING, [], 0.5, params(tasks=18, control_share=1.0))
    assert [row for _, row in picked] == [row for _, row in other]
    names = {row["pair_id"]: pick for pick, row in picked}
    assert set(names.values()) == {"control", "control_unsure"}
    assert {one for one, pick in names.items() if pick == "control"} == {*names} & {*kept["pair_id"]}


def test_a_respelt_copy_of_a_judged_pair_is_not_shown_and_of_two_copies_one() -> None:
    src, tgt = PHRASES[0]
    copies = [(src, tgt), (src.upper(), tgt), (src.rstrip("."), tgt.upper() + "!")]
    frame = corpus([*copies, PHRASES[1]])
    assert len(choose(frame, params())) == 2
    shown = choose(frame, params(), [task_groups(task_data(0))])
    assert [row["src"] for _, row in shown] == [PHRASES[1][0]]


def test_what_clean_would_drop_is_not_shown_and_nothing_left_is_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    settings = params().model_copy(update={"sources": ["phrases"]})
    below_threshold = corpus([*PHRASES[:2], ("Файл %s открыт", "Faýl açyk")]).select(PAIR_SCHEMA.keys())
    cleaned = clean_below_threshold(below_threshold, settings, "below_threshold")
    assert cleaned["src"].to_list() == [src for src, _ in PHRASES[:2]]
    assert clean_below_threshold(below_threshold[2:], settings, "below_threshold").is_empty()
    assert "no pair below the threshold is shown" in caplog.text


def test_judging_batch_after_batch_leaves_the_threshold_where_it_is() -> None:
    """With the real choice and the real calibration; judging what is near the threshold moves it otherwise.

    Two in three of 3,000 found pairs are right; gold and planted pairs are 300 each.
    """
    rng = np.random.default_rng(1)
    gold, planted = rng.normal(1.05, 0.08, 300), rng.normal(0.9, 0.08, 300)
    n = 3_000
    is_right = rng.random(n) < 2 / 3
    raw = np.where(is_right, rng.normal(1.05, 0.08, n), rng.normal(0.9, 0.08, n))
    texts = [(f"Страница {k} из {n}", f"Sahypa {k} jemi {n}") for k in range(n)]
    found = corpus(texts, "django", docs=60)
    place = {one: k for k, one in enumerate(found["pair_id"])}

    def judge_batches(enters: Any, from_corpus_only: bool) -> tuple[np.ndarray, np.ndarray]:
        judged: dict[str, tuple[str, tuple[str, str]]] = {}
        thresholds, recalls = [], []
        for _ in range(8):
            fitted = [place[one] for one, (pick, _) in judged.items() if enters(pick)]
            sides = {kind: raw[[k for k in fitted if is_right[k] == kind]] for kind in (True, False)}
            calibration = Calibration.from_scores(
                np.concatenate([gold, sides[True]]), np.concatenate([planted, sides[False]])
            )
            cut = calibration.threshold(0.9).value
            thresholds.append(cut)
            recalls.append(float((raw[is_right] >= cut).mean()))
            frame = found.with_columns(score=pl.Series(calibration.probability(raw)))
            kept, below_threshold = frame.filter(pl.Series(raw >= cut)), frame.filter(pl.Series(raw < cut))
            score = float(calibration.probability(np.array(cut)))
            settings = params(tasks=200)
            picked = choose_pairs(
                kept,
                NOTHING if from_corpus_only else below_threshold,
                [g for _, g in judged.values()],
                score,
                settings,
            )
            judged |= {row["pair_id"]: (pick, (row["src_group"], row["tgt_group"])) for pick, row in picked}
        return np.array(thresholds), np.array(recalls)

    thresholds, recalls = judge_batches(BLIND_PICKS.__contains__, from_corpus_only=False)
    assert np.abs(thresholds - thresholds[0]).max() < 0.015
    assert np.abs(recalls - recalls[0]).max() < 0.06
    ratchet, lost = judge_batches(lambda pick: True, from_corpus_only=True)
    assert ratchet[-1] > ratchet[0] + 0.03
    assert lost[-1] < lost[0] - 0.15


def test_a_source_with_few_pairs_of_test_documents_gives_its_whole_share_all_the_same() -> None:
    settings = params(tasks=40, control_share=0.5)
    is_test = [
        choose_split(row["source"], row["doc"], settings.split) == "test"
        for row in scored().iter_rows(named=True)
    ]
    seen = pl.Series(is_test).cum_sum()
    frame = scored().filter(~pl.Series(is_test) | (seen <= 2))  # two of test are left
    picked = choose(frame, settings)
    controls = [row for pick, row in picked if pick == "control"]
    share = len(frame.filter(source="django")) / len(frame)
    assert len(controls) == round(0.5 * len(picked))
    assert sum(row["source"] == "django" for row in controls) == pytest.approx(share * len(controls), abs=1)
    found = [choose_split(row["source"], row["doc"], settings.split) for row in controls]
    assert found.count("test") == 2


def test_judged_pairs_annotators_texts_pivots_and_single_words_are_never_shown() -> None:
    frame = scored()
    judged = groups(frame[:10])
    marks = pl.int_range(len(frame))
    frame = frame.with_columns(
        method=pl.when(marks == 10).then(pl.lit("annotated")).otherwise("method"),
        src_lang=pl.when(marks == 11).then(pl.lit("en")).otherwise("src_lang"),
        src=pl.when(marks == 12).then(pl.lit("Хлеб")).otherwise("src"),
    )
    picked = choose(frame, params(tasks=100), judged)
    assert {row["pair_id"] for _, row in picked} == set(frame["pair_id"][13:])
    assert choose(frame, params(), groups(frame)) == []


def test_without_scores_the_whole_batch_is_drawn_blindly() -> None:
    frame = scored().with_columns(score=pl.lit(None, pl.Float32))
    assert Counter(pick for pick, _ in choose(frame, params())) == {"control": 20}


def test_the_same_corpus_gives_the_same_batch_in_any_order() -> None:
    frame = scored()
    one, other = choose(frame, params()), choose(frame.reverse(), params())
    assert one == other


@pytest.fixture
def segments(tmp_path: Path) -> Path:
    rows = [
        ("phrases", "phrases/0", lang, n, pair[side], None, f"https://example.org/{lang}", None, "MIT", None)
        for n, pair in enumerate(PHRASES[:6])
        for side, lang in enumerate(("ru", "tk"))
    ]
    write_table(table_from_rows(rows, SEGMENT_SCHEMA), tmp_path / "phrases.parquet", SEGMENT_SCHEMA)
    return tmp_path


def test_a_task_has_both_texts_their_neighbours_and_the_score(segments: Path) -> None:
    row = corpus(PHRASES[:6], docs=1).row(2, named=True) | {"score": 0.71234567}
    (task,) = make_tasks([("uncertain", row)], segments)
    data = task["data"]
    assert (data["src"], data["tgt"]) == PHRASES[2]
    assert (data["src_before"], data["tgt_before"]) == PHRASES[1]
    assert (data["src_after"], data["tgt_after"]) == PHRASES[3]
    assert data["origin"] == "phrases/0 · https://example.org/ru"
    assert (data["pair_id"], data["pick"]) == (row["pair_id"], "uncertain")
    assert task["predictions"] == [{"model_version": "align", "score": 0.7123, "result": []}]


def test_the_sentences_that_a_text_is_joined_from_are_no_neighbours(segments: Path) -> None:
    context = Context(pl.read_parquet(segments / "phrases.parquet"))
    joined = f"{PHRASES[2][0]} {PHRASES[3][0]}"
    assert context.around("phrases/0", "ru", 2, joined)[:2] == (PHRASES[1][0], PHRASES[4][0])
    assert context.around("phrases/0", "ru", 0, PHRASES[0][0])[:2] == ("", PHRASES[1][0])
    assert context.around("phrases/0", "ru", 5, PHRASES[5][0])[:2] == (PHRASES[4][0], "")
    assert context.around("phrases/1", "ru", 5, "")[:2] == ("", "")


def test_a_pair_without_score_or_place_is_a_task_all_the_same(segments: Path) -> None:
    row = corpus(PHRASES[:1]).row(0, named=True) | {"n_src": None, "n_tgt": None}
    task = make_task("control", row, Context(pl.read_parquet(segments / "phrases.parquet")))
    assert "predictions" not in task
    assert (task["data"]["src_before"], task["data"]["origin"]) == ("", "phrases/0")


def export(folder: Path) -> subprocess.CompletedProcess[str]:
    write_table(table_from_rows([], PAIR_SCHEMA), folder / "below_threshold.parquet", PAIR_SCHEMA)
    (folder / "stats").mkdir(exist_ok=True)
    write_json(folder / "stats/alignment.json", {"threshold_score": None})
    names = {"corpus": "corpus.parquet", "below-threshold": "below_threshold.parquet"}
    names |= {"quality": "stats/alignment.json", "segments": "", "annotations": "", "out": "tasks.json"}
    arguments = [part for name, file in names.items() for part in (f"--{name}", folder / file)]
    return run_command(ROOT, "commands.annotate", "export", *arguments)


def test_the_command_leaves_out_what_is_judged_and_writes_the_same_bytes_twice(segments: Path) -> None:
    write_table(corpus(PHRASES[:6]), segments / "corpus.parquet", CORPUS_SCHEMA)
    write_export(segments / "judged.json", [{"data": task_data(3), "annotations": [annotation(0, "exact")]}])
    done = export(segments)
    assert done.returncode == 0, done.stderr
    assert "1 pairs were judged before" in done.stderr
    found = {task["data"]["pair_id"] for task in read_json(segments / "tasks.json")}
    assert found <= set(corpus(PHRASES[:6])["pair_id"]) - {task_data(3)["pair_id"]}
    before = (segments / "tasks.json").read_bytes()
    export(segments)
    assert (segments / "tasks.json").read_bytes() == before


def test_nothing_left_to_judge_is_one_line_and_writes_nothing(segments: Path) -> None:
    write_table(corpus(PHRASES[:1]), segments / "corpus.parquet", CORPUS_SCHEMA)
    write_export(segments / "judged.json", [{"data": task_data(0), "annotations": [annotation(0, "exact")]}])
    done = export(segments)
    assert done.returncode == 1
    assert "no pair remains to judge (1 are judged)" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (segments / "tasks.json").exists()
