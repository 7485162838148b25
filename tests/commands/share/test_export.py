from __future__ import annotations

import csv
import json
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest

from commands.exports.hf import split_file
from commands.share.export import FORMATS, Selection, export_corpus, read_judged, read_splits
from stages.extract.pairs.lines import unescape_line
from stages.extract.pairs.moses import read_moses
from stages.extract.pairs.tmx import read_tmx
from stages.lib.core.errors import DataError, ParamsError
from stages.lib.core.params import Params, load_params
from stages.lib.core.tables import CORPUS_SCHEMA, table_from_rows, write_table
from tests.commands.exports.corpus_rows import NASTY, Row, make_rows
from tests.phrases import PHRASES
from tests.run_command import ROOT, run_command
from tests.settings import write_settings

SCRIPTURE = ("Иисус сказал своим апостолам.", "Isa Mesih öz resullaryna aýtdy.")


@pytest.fixture(scope="module")
def params() -> Params:
    return load_params(ROOT / "params.yaml")


def corpus_table(rows: list[Row], src_lang: str = "ru") -> pl.DataFrame:
    """Rows as a corpus table; the columns that an export does not carry are filled with anything."""
    return table_from_rows(
        [{**row, "src_lang": src_lang, "tgt_lang": "tk", "src_group": "0", "tgt_group": "0"} for row in rows],
        CORPUS_SCHEMA,
    )


def as_source(rows: list[Row], source: str, license: str, **fields) -> list[Row]:
    return [{**row, "source": source, "license": license, **fields} for row in rows]


ZOD = as_source(make_rows([*PHRASES[:10], *NASTY]), "zod", "MIT")
NEWS = as_source(make_rows(PHRASES[10:16]), "turkmenportal", "LicenseRef-turkmenportal", method="mined")
TATOEBA = as_source(make_rows([SCRIPTURE, PHRASES[17]]), "tatoeba", "CC-BY-NC-SA-4.0")
TATOEBA = [{**row, "method": "aligned", "score": 0.25} for row in TATOEBA]
GIVEN = as_source(make_rows([PHRASES[18]]), "tatoeba", "CC-BY-NC-SA-4.0", score=0.1)
PIVOTS = as_source(make_rows([("Water", "Suw")]), "zod", "MIT")
FREE = [*ZOD, *TATOEBA, *GIVEN]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("corpus") / "corpus.parquet"
    table = pl.concat([corpus_table([*ZOD, *NEWS, *TATOEBA, *GIVEN]), corpus_table(PIVOTS, "en")])
    write_table(table, path, CORPUS_SCHEMA)
    return path


def texts_of(format_name: str, folder: Path) -> list[tuple[str, str]]:
    """The texts of an export, by the format's own reader and our documented escapes."""
    if format_name == "tsv":
        with (folder / "kopri.ru-tk.tsv").open(encoding="utf-8", newline="\n") as file:
            header, *lines = file.read().removesuffix("\n").split("\n")
        rows = [dict(zip(header.split("\t"), line.split("\t"), strict=True)) for line in lines]
        return [(unescape_line(row["src"]), unescape_line(row["tgt"])) for row in rows]
    if format_name == "moses":
        with (folder / "kopri.ru-tk.ru").open("rb") as src, (folder / "kopri.ru-tk.tk").open("rb") as tgt:
            return [tuple(map(unescape_line, texts)) for _, texts in read_moses(src, tgt, "moses")]
    if format_name == "tmx":
        with (folder / "kopri.ru-tk.tmx").open("rb") as file:
            return [(unit.texts["ru"], unit.texts["tk"]) for unit in read_tmx(file, "tmx")]
    if format_name == "jsonl":
        with (folder / "kopri.ru-tk.jsonl").open(encoding="utf-8", newline="\n") as file:
            return [(row["src"], row["tgt"]) for row in map(json.loads, file)]
    return [
        (row["ru"], row["tk"])
        for row in pq.read_table(folder / split_file("train"))["translation"].to_pylist()
    ]


@pytest.mark.parametrize("format_name", FORMATS)
def test_every_format_brings_every_character_and_no_restricted_text(
    format_name: str, corpus: Path, params: Params, tmp_path: Path
) -> None:
    counts = export_corpus(corpus, tmp_path / "out", format_name, Selection(), params)
    assert texts_of(format_name, tmp_path / "out") == [(row["src"], row["tgt"]) for row in FREE]
    assert counts.left_out == {
        "in other languages (pivots)": 1,
        "under LicenseRef-turkmenportal, which does not allow redistribution": 6,
    }
    card = (tmp_path / "out" / FORMATS[format_name].card).read_text(encoding="utf-8")
    assert "6 under LicenseRef-turkmenportal, which does not allow redistribution" in card
    assert "Not to be passed on" not in card


def test_the_card_counts_the_judged_pairs_beside_the_mended_ones(params: Params, tmp_path: Path) -> None:
    rows = [{**row, "method": "annotated"} if n == 0 else row for n, row in enumerate(ZOD)]
    write_table(corpus_table(rows), tmp_path / "corpus.parquet", CORPUS_SCHEMA)
    # The mended one, two that were kept as they were, and one of another corpus.
    pl.DataFrame({"pair_id": [*(row["pair_id"] for row in rows[:3]), "f" * 16]}).write_parquet(
        tmp_path / "judged.parquet"
    )
    judged = read_judged(tmp_path / "judged.parquet")
    export_corpus(tmp_path / "corpus.parquet", tmp_path / "out", "tsv", Selection(), params, judged)
    card = (tmp_path / "out/CARD.md").read_text(encoding="utf-8")
    assert "1 were mended by people (method annotated). People judged 3 of all pairs;" in card


def test_without_the_table_of_judged_pairs_it_is_said_and_one_that_is_none_is_one_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert read_judged(tmp_path / "judged.parquet") == frozenset()
    assert "the card counts mended pairs as judged and no others" in caplog.text
    (tmp_path / "judged.parquet").write_text("torn", encoding="utf-8")
    with pytest.raises(DataError, match=r"judged\.parquet: not a table of judged pairs"):
        read_judged(tmp_path / "judged.parquet")


@pytest.mark.parametrize("format_name", FORMATS)
def test_exporting_twice_gives_the_same_bytes(
    format_name: str, corpus: Path, params: Params, tmp_path: Path
) -> None:
    for name in ("a", "b", "b"):  # the second time over an export that is there
        export_corpus(corpus, tmp_path / name, format_name, Selection(), params)
    files = {
        name: {path.relative_to(tmp_path / name): path.read_bytes()
               for path in (tmp_path / name).rglob("*") if path.is_file()}
        for name in ("a", "b")
    }  # fmt: skip
    assert files["a"] == files["b"]


def exported(corpus: Path, params: Params, tmp_path: Path, **selection) -> list[dict]:
    export_corpus(corpus, tmp_path / "out", "jsonl", Selection(**selection), params)
    with (tmp_path / "out/kopri.ru-tk.jsonl").open(encoding="utf-8", newline="\n") as file:
        return [json.loads(line) for line in file]


def test_rows_keep_source_document_position_score_and_licence(
    corpus: Path, params: Params, tmp_path: Path
) -> None:
    assert exported(corpus, params, tmp_path) == FREE


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        ({"sources": ("tatoeba",)}, [*TATOEBA, *GIVEN]),
        ({"licenses": ("MIT",)}, ZOD),
        # Pairs without a score were given by their source and stay.
        ({"sources": ("tatoeba",), "min_score": 0.5}, GIVEN),
        ({"sources": ("tatoeba",), "min_score": 0.25}, [*TATOEBA, *GIVEN]),
        ({"with_restricted": True}, [*ZOD, *NEWS, *TATOEBA, *GIVEN]),
        # A licence that is named is asked for.
        ({"licenses": ("LicenseRef-turkmenportal",)}, NEWS),
    ],
)
def test_filters_choose(selection, expected, corpus: Path, params: Params, tmp_path: Path) -> None:
    assert exported(corpus, params, tmp_path, **selection) == expected


@pytest.mark.parametrize(
    ("selection", "error", "message"),
    [
        ({"sources": ("tatoba",)}, ParamsError, "--sources: unknown source 'tatoba'; did you mean 'tatoeba'"),
        ({"sources": ("django",)}, DataError, "--sources: no pair of django to export"),
        (
            {"sources": ("turkmenportal",)},
            DataError,
            "6 pairs under LicenseRef-turkmenportal, which does not",
        ),
        ({"licenses": ("Unicode-3.0",)}, DataError, "--licenses: no pair of Unicode-3.0 to export"),
    ],
)
def test_a_selection_of_nothing_is_one_line_and_leaves_nothing(
    selection, error, message, corpus: Path, params: Params, tmp_path: Path
) -> None:
    with pytest.raises(error, match=message):
        export_corpus(corpus, tmp_path / "out", "tsv", Selection(**selection), params)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("beside", [(), ("README.md",), ("CARD.md", "kopri.ru-tk.tsv")])
def test_a_folder_that_holds_anything_else_is_not_overwritten(
    beside: tuple[str, ...], corpus: Path, params: Params, tmp_path: Path
) -> None:
    for name in ("diplom.txt", *beside):
        (tmp_path / name).write_text("Моя работа", encoding="utf-8")
    with pytest.raises(DataError, match="exists and is no export"):
        export_corpus(corpus, tmp_path, "tsv", Selection(), params)
    assert len(list(tmp_path.iterdir())) == 1 + len(beside)


def test_the_card_tells_sources_licences_and_faults(corpus: Path, params: Params, tmp_path: Path) -> None:
    export_corpus(corpus, tmp_path / "out", "hf", Selection(with_restricted=True), params)
    card = (tmp_path / "out/README.md").read_text(encoding="utf-8")
    assert card.startswith("---\nlanguage:\n- ru\n- tk\nlicense: other\n")
    assert "size_categories: n<1K" in card
    version = params.sources_config["zod"].version
    assert f"| zod | interface messages | npm zod {version} | MIT | {len(ZOD)} | 0.0 % |" in card
    assert "| 3 | 33.3 % |" in card  # one pair of scripture in three of Tatoeba
    assert "- LicenseRef-turkmenportal: 6 pairs" in card
    assert "**Not to be passed on**: LicenseRef-turkmenportal grant no right" in card
    mined = sum(row["method"] in ("mined", "aligned") for row in [*ZOD, *NEWS, *TATOEBA, *GIVEN])
    assert f"{mined} pairs were found by comparing vectors" in card
    assert "Translationese: in 71.0 % of the pairs" in card  # the 22 of zod in 31


@pytest.mark.parametrize("score", ["-0.1", "1.5", "80", "nan"])
def test_a_score_outside_its_range_is_one_line(score: str, corpus: Path, tmp_path: Path) -> None:
    write_settings(tmp_path)
    done = run_command(
        tmp_path, "commands.share", "export", "--format=tsv", f"--corpus={corpus}", f"--min-score={score}"
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == f"error: --min-score: expected a number from 0 to 1, found {score}"
    assert not (tmp_path / "data/export").exists()


def test_an_export_for_the_hub_has_the_splits_and_no_pair_outside_them(corpus: Path, tmp_path: Path) -> None:
    write_settings(tmp_path)
    parts = {"train": ZOD[:8], "dev": ZOD[8:12], "test": [*TATOEBA], "gold": TATOEBA[:1]}
    export = ("commands.share", "export", "--format=hf", f"--corpus={corpus}")
    done = run_command(tmp_path, *export)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(
        "error: data/splits/train.parquet: not found; run dvc repro"
    )
    for name, rows in parts.items():
        write_table(corpus_table(rows), tmp_path / f"data/splits/{name}.parquet", CORPUS_SCHEMA)
    assert set(read_splits(tmp_path / "data/splits").values()) == {"train", "validation", "test"}
    done = run_command(tmp_path, *export)
    assert done.returncode == 0, done.stderr
    left_out = len(FREE) - 14
    assert f"left out: {left_out} pairs in no split (repeated, or too near to held-out text)" in done.stderr
    for split, name in (("train", "train"), ("validation", "dev"), ("test", "test")):
        table = pq.read_table(tmp_path / "data/export/hf" / split_file(split))
        assert table["pair_id"].to_pylist() == [row["pair_id"] for row in parts[name]]
    card = (tmp_path / "data/export/hf/README.md").read_text(encoding="utf-8")
    assert "  - split: validation\n    path: data/validation-*.parquet\n" in card
    assert "Held-out text: validation and test are the documents" in card


@pytest.mark.parametrize("damage", ["absent", "text", "segments"])
def test_what_is_no_corpus_is_one_line(damage: str, params: Params, tmp_path: Path) -> None:
    path = tmp_path / "corpus.parquet"
    if damage == "text":
        path.write_text("Suw\tВода\n", encoding="utf-8")
    elif damage == "segments":
        pl.DataFrame({"text": ["Вода"]}).write_parquet(path)
    message = {
        "absent": "not found; run dvc repro",
        "text": "not a readable Parquet file",
        "segments": "lacks column",
    }
    with pytest.raises(DataError, match=message[damage]):
        export_corpus(path, tmp_path / "out", "tsv", Selection(), params)


def test_the_command_says_what_it_wrote_and_what_it_left_out(corpus: Path, tmp_path: Path) -> None:
    write_settings(tmp_path)
    done = run_command(tmp_path, "commands.share", "export", "--format", "tsv", "--corpus", str(corpus))
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[-2:] == [
        "share: left out: 6 pairs under LicenseRef-turkmenportal, which does not allow redistribution",
        f"share: data/export/tsv: {len(FREE)} pairs of 2 sources",
    ]
    with (tmp_path / "data/export/tsv/kopri.ru-tk.tsv").open(encoding="utf-8", newline="") as file:
        table = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE, lineterminator="\n")
        assert next(table)["src"] == PHRASES[0][0]
    again = run_command(tmp_path, "commands.share", "export", "--format", "tsv", "--corpus", "nirede.parquet")
    assert again.returncode == 1
    assert again.stderr.splitlines()[-1] == "error: nirede.parquet: not found; run dvc repro or dvc pull"
