from __future__ import annotations

import io
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from stages.extract.sources import extract
from stages.lib.core.archives import Origin, in_memory, pack_raw
from stages.lib.core.errors import SourceError
from stages.lib.core.tables import SEGMENT_SCHEMA, read_table
from tests.settings import write_settings
from tests.stages.raw_tars import CONFIGS, extract_files, pack

ROOT = Path(__file__).parents[3]

# Letters and combining marks, which extract joins.
TURKMEN = "Adamlaryn\u030c hemmesi azat duruy\u0301ar."
UDHR = {
    "declaration/rus.html": '<article data-number="1"><p>Все люди рождаются свободными.</p></article>',
    "declaration/tuk_latn.html": f'<article data-number="1"><p>{TURKMEN}</p></article>',
}


def run(folder: Path, stage: str, *arguments: str) -> subprocess.CompletedProcess:
    write_settings(folder)
    return subprocess.run(
        [sys.executable, "-m", f"stages.{stage}", *arguments],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PATH": "", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_raw_tar_becomes_rows_with_keys_licences_and_addresses(tmp_path):
    rows = extract_files("udhr", UDHR, tmp_path).to_dicts()
    assert [(row["lang"], row["n"], row["key"]) for row in rows] == [
        ("ru", 0, "text/1-of-1"),
        ("tk", 0, "text/1-of-1"),
    ]
    assert rows[1]["text"] == "Adamlaryň hemmesi azat duruýar."
    assert rows[1]["license"] == CONFIGS["udhr"].license
    assert rows[1]["url"] == f"pkg:npm/udhr@{CONFIGS['udhr'].version}#declaration/tuk_latn.html"


def test_a_missing_raw_file_is_one_line(tmp_path):
    done = run(tmp_path, "extract", "--source", "udhr", "--raw", "udhr.tar", "--out", "a.parquet")
    assert done.returncode == 1
    assert done.stderr.startswith("error: udhr.tar: not found; run the collect stage")
    assert not list(tmp_path.glob("*.parquet"))


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (dict.fromkeys(UDHR, "<p></p>"), "no text in any of ru, tk"),
        (
            {"declaration/rus.html": '<article data-number="1"><p>Да</p></article>' * 2},
            r"rus\.html: key 'text/1-of-1' comes twice in article-01 \(ru\)",
        ),
        ({"declaration/rus.html": "Да".encode("cp1251")}, r"udhr: declaration/rus\.html is not UTF-8"),
    ],
    ids=["no text", "a key twice", "not UTF-8"],
)
def test_raw_files_that_cannot_be_right_are_refused(tmp_path, files, message):
    with pytest.raises(SourceError, match=message):
        extract_files("udhr", files, tmp_path)


def test_a_raw_tar_that_was_collected_for_other_settings_is_refused(tmp_path):
    for values in (("npm", "udhr", "1.0"), ("pypi", "udhr", "6.0.0"), ("npm", "zod", "6.0.0")):
        origin = Origin(*values)
        pack_raw(tmp_path / "udhr.tar", origin, {name: in_memory(b"<p></p>") for name in UDHR})
        with pytest.raises(
            SourceError, match=f"collected from {origin}, but sources/udhr.yaml asks for npm udhr"
        ):
            extract("udhr", CONFIGS["udhr"], tmp_path / "udhr.tar")


def tar(*members: tuple[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, content in members:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not a whole tar archive"),
        (b"no tar at all" * 100, "not a whole tar archive"),
        (tar(("a.html", b"")), r"has no readable kopri\.json"),
        (tar(("a.html", b"a" * 5000))[:3000], "not a whole tar archive"),
        (tar(("kopri.json", b"{}")), r"has no readable kopri\.json"),
        (tar(("../evil", b"")), r"'\.\./evil' is not one that collect packs"),
        (tar(("/evil", b"")), "'/evil' is not one that collect packs"),
    ],
)
def test_a_raw_file_that_is_no_tar_of_ours_is_one_line(data: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "raw.tar").write_bytes(data)
    with pytest.raises(SourceError, match=message):
        extract("udhr", CONFIGS["udhr"], tmp_path / "raw.tar")


def test_only_the_languages_asked_for_are_read(tmp_path):
    pack(tmp_path / "udhr.tar", "udhr", UDHR)
    assert set(extract("udhr", CONFIGS["udhr"], tmp_path / "udhr.tar", ["tk"])["lang"]) == {"tk"}


def test_files_of_one_s_own_go_through_the_commands_to_the_same_bytes_twice(tmp_path: Path) -> None:
    pairs = [("Дети читают книгу.", "Çagalar kitap okaýarlar."), ("Вода холодная.", "Suw sowuk.")]
    texts = {lang: " ".join(pair[side] for pair in pairs) for side, lang in enumerate(("ru", "tk"))}
    (tmp_path / "corpora").mkdir()
    lines = ["src\ttgt\tdoc", *(f"{src}\t{tgt}\ta" for src, tgt in pairs)]
    (tmp_path / "corpora/pairs.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (tmp_path / "data/files").mkdir(parents=True)
    for lang, text in texts.items():
        (tmp_path / f"data/files/suw.{lang}.txt").write_text(text, encoding="utf-8")
    for source in ("tsv", "files"):
        outputs = []
        for _ in range(2):
            steps = ("collect", "--out=raw.tar"), ("extract", "--raw=raw.tar", "--out=a.parquet")
            for stage, *arguments in steps:
                done = run(tmp_path, stage, f"--source={source}", *arguments)
                assert done.returncode == 0, done.stderr
            outputs.append([(tmp_path / name).read_bytes() for name in ("raw.tar", "a.parquet")])
        assert outputs[0] == outputs[1]
        table = read_table(tmp_path / "a.parquet", SEGMENT_SCHEMA)
        assert set(table["text"]) == {text for pair in pairs for text in pair}
