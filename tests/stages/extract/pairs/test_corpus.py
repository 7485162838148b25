"""Corpora that come as pairs, from the file to the segments: Tatoeba Challenge, plain files, TMX, TSV."""

from __future__ import annotations

import gzip
import hashlib
import io
import logging
import tarfile
import tracemalloc
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from commands.exports.text import write_tsv
from commands.exports.tmx import write_tmx
from stages.align.keys import pair_by_key
from stages.collect.transports import collect
from stages.extract.pairs.corpus import BLOCK
from stages.extract.sources import extract
from stages.lib.core.errors import SourceError
from stages.lib.core.params import SourceConfig
from tests.commands.exports.corpus_rows import ROWS, TEXTS
from tests.phrases import PHRASES
from tests.stages.raw_tars import packed_files, source

URL = "https://object.example.org/Tatoeba-Challenge/rus-tuk.tar"
SCRIPTURE = ("Иисус сказал своим апостолам.", "Isa Mesih öz resullaryna aýtdy.")
RAW = Path("raw.tar")


def run(
    name: str, config: SourceConfig, report: Counter[str] | None = None, langs=("ru", "tk", "en")
) -> pl.DataFrame:
    collect(name, config, RAW)
    return extract(name, config, RAW, langs, report=report)


def pairs_of(table: pl.DataFrame, src: str = "ru", tgt: str = "tk") -> list[tuple[str, str]]:
    """The pairs as align joins them, in its order."""
    pairs = pair_by_key(table.with_row_index("row"), src, tgt)
    return list(zip(pairs["src"], pairs["tgt"], strict=True))


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


# ---------------------------------------------------------------------------------------------------------
# The Tatoeba Challenge
# ---------------------------------------------------------------------------------------------------------


def challenge_tar(pairs: list[tuple[str, str]], labels: list[str] | None = None, **changed: bytes) -> bytes:
    """A tar laid out as the challenge's, its files of benchmarks included."""
    src, tgt = ("".join(f"{pair[side]}\n" for pair in pairs) for side in (0, 1))
    files = {"train.src.gz": gzip.compress(src.encode()), "train.trg.gz": gzip.compress(tgt.encode())}
    if labels is not None:
        files["train.id.gz"] = gzip.compress("".join(f"{line}\n" for line in labels).encode())
    files |= {"test.src": "Проверка\n".encode(), "test.trg": b"Barlag\n", **changed}
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(f"data/release/v2023-09-26/rus-tuk/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


@pytest.fixture
def mirrored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., SourceConfig]:
    """Put a tar where a mirror has it, and return the source that pins it."""
    path = tmp_path / "mirror/object.example.org/Tatoeba-Challenge/rus-tuk.tar"
    path.parent.mkdir(parents=True)
    monkeypatch.setenv("KOPRI_MIRROR", str(tmp_path / "mirror"))

    def make(content: bytes) -> SourceConfig:
        path.write_bytes(content)
        return source("tatoeba", url=URL, checksum=hashlib.sha256(content).hexdigest())

    return make


def test_the_challenge_tar_becomes_pairs_that_align_joins_as_given(mirrored) -> None:
    labels = ["rus\ttuk\tQED-v2.0a", "QED-v2.0a\trus\ttuk_Latn", "wikimedia-v20230407\trus\ttuk", "rus\ttuk"]
    config = mirrored(challenge_tar(PHRASES[:4], labels))
    table = run("tatoeba", config)
    assert len(packed_files(RAW)) == 3
    assert sorted(pairs_of(table)) == sorted(PHRASES[:4])
    russian = table.filter(table["lang"] == "ru")
    assert dict(zip(russian["key"], russian["doc"], strict=True)) == {
        "1": "tatoeba/QED-v2.0a/0",
        "2": "tatoeba/QED-v2.0a/0",
        "3": "tatoeba/wikimedia-v20230407/0",
        "4": "tatoeba/train/0",
    }
    assert russian["url"][0] == f"{URL}#QED-v2.0a"
    assert set(table["license"]) == {"CC-BY-NC-SA-4.0"}
    first = RAW.read_bytes()
    collect("tatoeba", config, RAW)
    assert RAW.read_bytes() == first


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<html>404</html>", "tatoeba: .*rus-tuk.tar: not a whole tar archive"),
        (challenge_tar(PHRASES)[:900], "not a whole tar archive"),
        (challenge_tar(PHRASES, **{"more/train.src.gz": b""}), r"expected one each of .*train\.src\.gz"),
    ],
)
def test_a_broken_tar_is_one_line_and_leaves_nothing(content, message, mirrored) -> None:
    with pytest.raises(SourceError, match=message):
        collect("tatoeba", mirrored(content), RAW)
    assert not RAW.exists()


def test_damaged_training_files_are_one_line(mirrored) -> None:
    damaged = {"train.trg.gz": gzip.compress(b"Suw\n" * 24)[:-9]}
    with pytest.raises(SourceError, match=r"tatoeba: train.*: damaged after line"):
        run("tatoeba", mirrored(challenge_tar(PHRASES, **damaged)))


def test_cyrillic_is_converted_and_the_religious_share_is_logged(
    mirrored, caplog: pytest.LogCaptureFixture
) -> None:
    cyrillic = (PHRASES[2][0], "Биз улы шәхерде яшаярыс.")
    with caplog.at_level(logging.INFO):
        table = run(
            "tatoeba", mirrored(challenge_tar([cyrillic, *PHRASES[3:8], SCRIPTURE, (SCRIPTURE[0], "")]))
        )
    assert PHRASES[2] in pairs_of(table)
    assert caplog.messages[-1] == (
        "tatoeba: 7 of 8 pairs taken; 14.3 % religious by their words; dropped: text in one language only: 1"
        "; tk texts converted from Cyrillic: 1"
    )


# ---------------------------------------------------------------------------------------------------------
# The cap
# ---------------------------------------------------------------------------------------------------------


def numbered(count: int) -> list[tuple[str, str]]:
    return [
        (f"{src[:-1]} {n}.", f"{tgt[:-1]} {n}.")
        for n, (src, tgt) in ((n, PHRASES[n % len(PHRASES)]) for n in range(count))
    ]


def moses(pairs: list[tuple[str, str]], max_pairs: int = 1000) -> SourceConfig:
    for side, name in enumerate(("opus.ru", "opus.tk")):
        Path(name).write_text("".join(f"{pair[side]}\n" for pair in pairs), encoding="utf-8")
    return source("moses", files=["opus.ru", "opus.tk"], options={"max_pairs": max_pairs})


def taken(pairs: list[tuple[str, str]], most: int) -> list[tuple[str, str]]:
    return pairs_of(run("moses", moses(pairs, most)))


def test_the_cap_takes_the_same_pairs_in_whatever_order_they_come() -> None:
    pairs = numbered(500)
    some = taken(pairs * 2, 50)  # each counts once
    assert len(some) == 50
    assert set(taken(pairs[::-1], 50)) == set(some)
    assert set(some) < set(taken(pairs, 120))
    # Of a corpus that grew by a tenth, most of what was taken is taken again.
    assert len(set(some) & set(taken(numbered(550), 50))) >= 40


def test_a_run_of_pairs_is_one_document() -> None:
    table = run("moses", moses(numbered(3 * BLOCK)))
    places = [int(key) for key in table.filter(table["doc"] == "moses/opus.ru/1")["key"]]
    assert sorted(set(places)) == list(range(BLOCK, 2 * BLOCK))
    assert set(table["url"]) == {"file:opus.ru"}


def test_memory_grows_with_the_cap_and_not_with_the_corpus() -> None:
    def peak(count: int) -> int:
        config = moses(numbered(count), 100)
        tracemalloc.start()
        try:
            run("moses", config)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(100)  # imports
    assert peak(12_000) < peak(1_200) + 2**20


# ---------------------------------------------------------------------------------------------------------
# Files of one's own
# ---------------------------------------------------------------------------------------------------------


def test_plain_files_may_be_gzipped_and_unreadable_lines_are_counted() -> None:
    Path("a.gz").write_bytes(gzip.compress("Вода\nЧай\n\nХлеб\n".encode()))
    Path("b").write_bytes(b"Suw\n" + b"\xff\xfe\n" + "Boş\nÇörek\n".encode())
    report: Counter[str] = Counter()
    table = run("moses", source("moses", files=["a.gz", "b"]), report)
    assert pairs_of(table) == [("Вода", "Suw"), ("Хлеб", "Çörek")]
    assert report["dropped: not readable"] == 1
    assert report["dropped: text in one language only"] == 1


def test_our_own_exports_are_read_back_with_their_documents() -> None:
    write_tmx(ROWS, Path("memory.tmx"), "ru", "tk")
    write_tsv(ROWS, Path("pairs.tsv"))
    for name, file in (("tmx", "memory.tmx"), ("tsv", "pairs.tsv")):
        table = run(name, source(name, files=[file]))
        assert set(table["doc"]) == {f"{name}/{row['doc']}" for row in ROWS}
        assert sorted(pairs_of(table)) == sorted(TEXTS)


def test_a_corpus_without_one_whole_pair_or_without_its_file_is_one_line() -> None:
    with pytest.raises(SourceError, match="no text in any of ru, tk"):
        run("moses", moses([("Вода", " "), ("", "Suw")]), langs=["ru", "tk"])
    with pytest.raises(SourceError, match=r"moses: other is not in the raw tar; run the collect stage"):
        extract("moses", source("moses", files=["opus.ru", "other"]), RAW)
