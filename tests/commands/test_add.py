"""make add: a corpus of every form, its columns told, nothing left of one that cannot be read."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from commands.add import corpus_name, find_columns, list_in_params
from stages.lib.core.errors import DataError, ParamsError
from stages.lib.core.params import load_params
from stages.lib.text.held_out import choose_split
from tests.phrases import PHRASES
from tests.small_run import copy_run, dvc, environment, git, make_repository

ROOT = Path(__file__).parents[2]
PARAMS = load_params(ROOT / "params.yaml")
ROWS = PHRASES[:8]


def table(folder: Path, header: str, rows: list[tuple[str, str]] = ROWS, name: str = "pairs.tsv") -> Path:
    lines = [header] if header else []
    text = "\n".join([*lines, *("\t".join(row) for row in rows)]) + "\n"
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("ru\ttk", {"ru": "ru", "tk": "tk"}),
        ("SRC\tTarget", {"ru": "SRC", "tk": "Target"}),
        ("", {"ru": 1, "tk": 2}),
        ("Russian text\tTurkmen text", {"ru": "Russian text", "tk": "Turkmen text"}),
    ],
)
def test_columns_are_told_by_their_names_else_by_what_is_in_them(
    tmp_path: Path, header: str, expected: dict[str, str | int]
) -> None:
    assert find_columns(table(tmp_path, header), PARAMS) == expected


def test_columns_of_a_spreadsheet_are_found_in_any_order(tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    lines = ["id;Перевод;Оригинал;doc", *(f'{n};"{tgt}";"{src}";d' for n, (src, tgt) in enumerate(ROWS))]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert find_columns(path, PARAMS) == {"ru": "Оригинал", "tk": "Перевод", "doc": "doc"}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([("only one",)], r"expected two columns or more, found 1 \(utf-8, columns"),
        ([("one", "two"), ("three", "four")], "cannot tell the columns of ru and tk; found one, two"),
    ],
)
def test_a_table_whose_columns_are_unclear_is_one_line(tmp_path: Path, rows: list, message: str) -> None:
    with pytest.raises(DataError, match=message):
        find_columns(table(tmp_path, "", rows), PARAMS)


def test_a_name_is_made_of_the_file_s_and_never_taken_twice(tmp_path: Path) -> None:
    assert corpus_name(table(tmp_path, "", name="Türkmen-Rus 2.tsv"), None) == "t_rkmen_rus_2"
    with pytest.raises(ParamsError, match=r"sources/udhr.yaml is there already; give another NAME="):
        corpus_name(table(tmp_path, ""), "udhr")
    with pytest.raises(ParamsError, match="name '2nd': expected small letters"):
        corpus_name(table(tmp_path, ""), "2nd")


def test_a_held_out_share_goes_to_test_and_the_rest_trains() -> None:
    split = PARAMS.split.model_copy(update={"held_out": {"own": 0.25}})
    splits = [choose_split("own", f"own/{n}", split) for n in range(400)]
    assert set(splits) == {"train", "test"}
    assert 70 < splits.count("test") < 130


def add(folder: Path, *arguments: str, code: int = 0) -> str:
    command = [sys.executable, "-m", "commands.add", *arguments]
    done = subprocess.run(
        command, cwd=folder, env=environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    assert done.returncode == code, done.stderr
    return done.stderr


@pytest.mark.slow
def test_an_added_table_trains_and_git_knows_its_pointer(finished_run: Path, tmp_path: Path) -> None:
    folder = copy_run(finished_run, tmp_path / "a")
    make_repository(folder)
    printed = add(folder, str(table(tmp_path, "ru\ttk", name="own.tsv")), "--license", "CC0-1.0")
    assert f"ru: {ROWS[0][0]}  |  tk: {ROWS[0][1]}" in printed
    assert "own: added; its pairs train" in printed
    config = yaml.safe_load((folder / "sources/own.yaml").read_text(encoding="utf-8"))
    assert (config["format"], config["license"], config["files"]) == ("tsv", "CC0-1.0", ["corpora/own.tsv"])
    tracked = git(folder, "ls-files", "-c", "-o", "--exclude-standard", "corpora")
    assert "corpora/own.tsv.dvc" in tracked.splitlines()
    assert "corpora/own.tsv" not in tracked.splitlines()
    dvc(folder, "repro", "split")
    import polars as pl

    train = pl.read_parquet(folder / "data/splits/train.parquet")
    test = pl.read_parquet(folder / "data/splits/test.parquet")
    assert len(train.filter(source="own")) >= len(ROWS) // 2
    assert test.filter(source="own").is_empty()


@pytest.mark.slow
def test_nothing_stays_of_a_corpus_that_cannot_be_read(finished_run: Path, tmp_path: Path) -> None:
    folder = copy_run(finished_run, tmp_path / "a")
    make_repository(folder)
    before = git(folder, "status", "--porcelain"), (folder / "params.yaml").read_bytes()
    empty = tmp_path / "bad.tmx"
    empty.write_text("<tmx><body></body></tmx>", encoding="utf-8")
    printed = add(folder, str(empty), code=1)
    assert printed.splitlines()[-1].startswith("error: ")
    assert (git(folder, "status", "--porcelain"), (folder / "params.yaml").read_bytes()) == before
    assert not (folder / "corpora/bad.tmx").exists()
    assert "not found; expected FILE=pairs.tsv" in add(folder, "no.tsv", code=1)
    assert "HELD_OUT: expected a share" in add(folder, str(table(tmp_path, "ru\ttk")), "--held-out=2", code=1)


def test_params_keep_their_comments(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_bytes((ROOT / "params.yaml").read_bytes())
    list_in_params("own", 0.0, path)
    list_in_params("other", 0.1, path)
    before, after = ((folder / "params.yaml").read_text(encoding="utf-8") for folder in (ROOT, tmp_path))
    lost = set(before.splitlines()) - set(after.splitlines())
    assert lost <= {"  held_out: {}"}
    assert yaml.safe_load(after)["split"]["held_out"] == {"other": 0.1}
    assert yaml.safe_load(after)["sources"][-2:] == ["own", "other"]
    assert yaml.safe_load(after)["split"]["train_sources"][-1] == "own"
