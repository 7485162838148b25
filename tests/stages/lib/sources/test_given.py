"""Corpora that come as pairs: the Tatoeba Challenge, plain files, TMX and TSV."""

from __future__ import annotations

import gzip
import hashlib
import io
import logging
import tarfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from stages.align.keys import pair_by_key
from stages.lib.core.errors import ParamsError, SourceError
from stages.lib.core.params import SourceConfig
from stages.lib.formats.tmx import write_tmx
from stages.lib.formats.tsv import write_tsv
from stages.lib.sources.given import BLOCK, GivenSource
from stages.lib.sources.moses import Moses
from stages.lib.sources.tatoeba import Tatoeba
from stages.lib.sources.tmx import Tmx
from stages.lib.sources.tsv import Tsv
from tests.phrases import PHRASES
from tests.stages.lib.formats.corpus_rows import ROWS, TEXTS

URL = "https://object.example.org/Tatoeba-Challenge/rus-tuk.tar"
SCRIPTURE = ("Иисус сказал своим апостолам.", "Isa Mesih öz resullaryna aýtdy.")


def config(kind: str, options: dict, license: str = "CC-BY-NC-SA-4.0") -> SourceConfig:
    return SourceConfig(kind=kind, license=license, options={"max_pairs": 1000, **options})


def pairs_of(source: GivenSource, raw: Path) -> list[tuple[str, str]]:
    """The pairs as align joins them, in its order."""
    table = pair_by_key(source.extract(raw).with_row_index("row"), "ru", "tk")
    return list(zip(table["src"], table["tgt"], strict=True))


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
def mirrored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Tatoeba]:
    """Put a tar where a mirror has it, and return the source that pins it."""
    path = tmp_path / "mirror/object.example.org/Tatoeba-Challenge/rus-tuk.tar"
    path.parent.mkdir(parents=True)
    monkeypatch.setenv("KOPRI_MIRROR", str(tmp_path / "mirror"))

    def make(content: bytes, **options) -> Tatoeba:
        path.write_bytes(content)
        pinned = {"url": URL, "sha256": hashlib.sha256(content).hexdigest(), "langs": ["ru", "tk"]}
        return Tatoeba("tatoeba", config("tatoeba", {**pinned, **options}))

    return make


def test_the_challenge_tar_becomes_pairs_that_align_joins_as_given(mirrored, tmp_path: Path) -> None:
    labels = ["rus\ttuk\tQED-v2.0a", "QED-v2.0a\trus\ttuk_Latn", "wikimedia-v20230407\trus\ttuk", "rus\ttuk"]
    source = mirrored(challenge_tar(PHRASES[:4], labels))
    assert source.collect(tmp_path / "raw.tar") == 3
    table = source.extract(tmp_path / "raw.tar")
    assert sorted(pairs_of(source, tmp_path / "raw.tar")) == sorted(PHRASES[:4])
    russian = table.filter(table["lang"] == "ru")
    assert dict(zip(russian["key"], russian["doc"], strict=True)) == {
        "1": "tatoeba/QED-v2.0a/0",
        "2": "tatoeba/QED-v2.0a/0",
        "3": "tatoeba/wikimedia-v20230407/0",
        "4": "tatoeba/train/0",
    }
    assert russian["url"][0] == f"{URL}#QED-v2.0a"
    assert set(table["license"]) == {"CC-BY-NC-SA-4.0"}
    source.collect(tmp_path / "again.tar")
    assert (tmp_path / "again.tar").read_bytes() == (tmp_path / "raw.tar").read_bytes()


def test_without_a_pinned_sum_nothing_is_read_and_the_line_says_how_to_pin(mirrored, tmp_path: Path) -> None:
    source = mirrored(challenge_tar(PHRASES), sha256=None)
    with pytest.raises(ParamsError, match=rf"sources_config\.tatoeba\.options\.sha256: .*`curl -fsSL {URL}"):
        source.collect(tmp_path / "raw.tar")
    assert not (tmp_path / "raw.tar").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<html>404</html>", "tatoeba: .*rus-tuk.tar: not a whole tar archive"),
        (challenge_tar(PHRASES)[:900], "not a whole tar archive"),
        (
            challenge_tar(PHRASES, **{"more/train.src.gz": b""}),
            "expected one train.src.gz and one train.trg.gz",
        ),
    ],
)
def test_a_broken_tar_is_one_line_and_leaves_nothing(content, message, mirrored, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=message):
        mirrored(content).collect(tmp_path / "raw.tar")
    assert not (tmp_path / "raw.tar").exists()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"train.trg.gz": gzip.compress(b"Suw\n")}, "tatoeba: train.*: 24 lines on the first side, 1 on the"),
        ({"train.trg.gz": gzip.compress(b"Suw\n" * 24)[:-9]}, "tatoeba: train.*: damaged after line"),
    ],
)
def test_damaged_training_files_are_one_line(changed, message, mirrored, tmp_path: Path) -> None:
    source = mirrored(challenge_tar(PHRASES, **changed))
    source.collect(tmp_path / "raw.tar")
    with pytest.raises(SourceError, match=message):
        source.extract(tmp_path / "raw.tar")


def test_cyrillic_turkmen_is_written_in_latin_letters(mirrored, tmp_path: Path) -> None:
    source = mirrored(challenge_tar([("Мы живём в большом городе.", "Биз улы шәхерде яшаярыс.")]))
    source.collect(tmp_path / "raw.tar")
    assert pairs_of(source, tmp_path / "raw.tar") == [
        ("Мы живём в большом городе.", "Biz uly şäherde ýaşaýarys.")
    ]
    assert source.report["tk texts converted from Cyrillic"] == 1


def test_the_religious_share_is_said(mirrored, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    source = mirrored(challenge_tar([*PHRASES[:6], SCRIPTURE, (SCRIPTURE[0], "")]))
    source.collect(tmp_path / "raw.tar")
    with caplog.at_level(logging.INFO):
        source.extract(tmp_path / "raw.tar")
    assert caplog.messages[-1] == (
        "tatoeba: 7 of 8 pairs taken; 14.3 % religious by their words; dropped: text in one language only: 1"
    )


# ---------------------------------------------------------------------------------------------------------
# The cap
# ---------------------------------------------------------------------------------------------------------


def numbered(count: int) -> list[tuple[str, str]]:
    return [
        (f"{src[:-1]} {n}.", f"{tgt[:-1]} {n}.")
        for n, (src, tgt) in ((n, PHRASES[n % len(PHRASES)]) for n in range(count))
    ]


def moses(pairs: list[tuple[str, str]], **options) -> Moses:
    Path("opus.ru").write_text("".join(f"{src}\n" for src, _ in pairs), encoding="utf-8")
    Path("opus.tk").write_text("".join(f"{tgt}\n" for _, tgt in pairs), encoding="utf-8")
    files = {"ru": "opus.ru", "tk": "opus.tk"}
    return Moses("opus_moses", config("moses", {"files": files, **options}))


def taken(pairs: list[tuple[str, str]], tmp_path: Path, most: int) -> list[tuple[str, str]]:
    source = moses(pairs, max_pairs=most)
    source.collect(tmp_path / "raw.tar")
    return pairs_of(source, tmp_path / "raw.tar")


def test_the_cap_takes_the_same_pairs_in_whatever_order_they_come(tmp_path: Path) -> None:
    pairs = numbered(500)
    some = taken(pairs, tmp_path, 50)
    assert len(some) == 50
    assert set(taken(pairs[::-1], tmp_path, 50)) == set(some)
    assert set(some) < set(taken(pairs, tmp_path, 120))
    # Of a corpus that grew by a tenth, most of what was taken is taken again.
    assert len(set(some) & set(taken(numbered(550), tmp_path, 50))) >= 40


def test_repeated_pairs_count_once_against_the_cap(tmp_path: Path) -> None:
    assert sorted(taken(numbered(40) * 5, tmp_path, 40)) == sorted(numbered(40))


def test_a_run_of_pairs_is_one_document(tmp_path: Path) -> None:
    source = moses(numbered(3 * BLOCK))
    source.collect(tmp_path / "raw.tar")
    table = source.extract(tmp_path / "raw.tar")
    places = [int(key) for key in table.filter(table["doc"] == "opus_moses/opus.ru/1")["key"]]
    assert sorted(set(places)) == list(range(BLOCK, 2 * BLOCK))


def test_memory_grows_with_the_cap_and_not_with_the_corpus(tmp_path: Path) -> None:
    def peak(count: int) -> int:
        source = moses(numbered(count), max_pairs=100)
        tracemalloc.start()
        try:
            source.collect(tmp_path / "raw.tar")
            source.extract(tmp_path / "raw.tar")
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(100)  # imports
    assert peak(12_000) < peak(1_200) + 2**20


# ---------------------------------------------------------------------------------------------------------
# Files of one's own
# ---------------------------------------------------------------------------------------------------------


def test_plain_files_may_be_gzipped_and_unreadable_lines_are_counted(tmp_path: Path) -> None:
    Path("a.gz").write_bytes(gzip.compress("Вода\nЧай\n\nХлеб\n".encode()))
    Path("b").write_bytes(b"Suw\n" + b"\xff\xfe\n" + "Boş\nÇörek\n".encode())
    source = Moses("opus_moses", config("moses", {"files": {"ru": "a.gz", "tk": "b"}}))
    source.collect(tmp_path / "raw.tar")
    assert pairs_of(source, tmp_path / "raw.tar") == [("Вода", "Suw"), ("Хлеб", "Çörek")]
    assert source.report["dropped: not readable"] == 1
    assert source.report["dropped: text in one language only"] == 1


def test_our_own_exports_are_read_back_with_their_documents(tmp_path: Path) -> None:
    write_tmx(ROWS, Path("memory.tmx"), "ru", "tk")
    write_tsv(ROWS, Path("pairs.tsv"))
    columns = {"ru": "src", "tk": "tgt", "doc": "doc"}
    for source in (
        Tmx("tmx", config("tmx", {"file": "memory.tmx"})),
        Tsv("tsv", config("tsv", {"file": "pairs.tsv", "columns": columns, "escapes": True})),
    ):
        source.collect(tmp_path / "raw.tar")
        table = source.extract(tmp_path / "raw.tar")
        assert set(table["doc"]) == {f"{source.name}/{row['doc']}" for row in ROWS}
        assert sorted(pairs_of(source, tmp_path / "raw.tar")) == sorted(TEXTS)


def test_a_table_goes_by_number_and_by_pivots_too(tmp_path: Path) -> None:
    Path("pairs.tsv").write_text("Suw\tWater\tВода\nÇaý\tTea\tЧай\n", encoding="utf-8")
    options = {"file": "pairs.tsv", "columns": {"tk": 1, "en": 2, "ru": 3}}
    source = Tsv("tsv", config("tsv", options))
    source.collect(tmp_path / "raw.tar")
    table = source.extract(tmp_path / "raw.tar").with_row_index("row")
    assert pair_by_key(table, "ru", "tk")["src"].to_list() == ["Вода", "Чай"]
    assert pair_by_key(table, "en", "tk")["src"].to_list() == ["Water", "Tea"]


def test_an_absent_file_is_one_line_with_what_to_do() -> None:
    Path("opus.ru").write_text("Вода\n", encoding="utf-8")
    source = Moses("opus_moses", config("moses", {"files": {"ru": "opus.ru", "tk": "corpora/opus.tk"}}))
    with pytest.raises(SourceError, match=r"corpora/opus\.tk: not found; .*take opus_moses off sources"):
        source.collect(Path("raw.tar"))


def test_a_corpus_without_one_whole_pair_is_one_line(tmp_path: Path) -> None:
    source = moses([("Вода", " "), ("", "Suw")])
    source.collect(tmp_path / "raw.tar")
    with pytest.raises(SourceError, match="no pair with text in two of ru, tk"):
        source.extract(tmp_path / "raw.tar", ["ru", "tk"])


@pytest.mark.parametrize(
    ("make", "options", "message"),
    [
        (
            Tatoeba,
            {"url": URL, "sha256": "12ab", "langs": ["ru", "tk"]},
            r"options\.sha256: .*64 hexadecimal",
        ),
        (Tatoeba, {"sha256": None, "langs": ["ru", "tk"]}, r"options\.url: expected the address of the tar"),
        (Tatoeba, {"url": URL, "langs": ["rus", "tuk"]}, r"options\.langs: .*found \['rus', 'tuk'\]"),
        (Tatoeba, {"url": URL, "langs": ["ru", "tk"], "max_pairs": 0}, r"options\.max_pairs: .*found 0"),
        (Moses, {"files": {"ru": "a"}}, r"options\.files: expected two languages"),
        (Moses, {"files": {"ru": "a", "tk": 5}}, r"options\.files\.tk: expected the path"),
        (Moses, {"files": {"ru": "a", "tk": "b"}, "escapes": "yes"}, r"options\.escapes: expected true or"),
        (Tmx, {}, r"options\.file: expected the path of a file, found None"),
        (Tmx, {"file": "a.tmx", "columns": {}}, r"options: unknown columns; known: file, max_pairs"),
        (Tsv, {"file": "a", "columns": {"ru": 1}}, r"options\.columns: expected languages"),
        (
            Tsv,
            {"file": "a", "columns": {"ru": 1, "tk": "tgt"}},
            r"options\.columns: .*all names or all numbers",
        ),
        (Tsv, {"file": "a", "columns": {"ru": 0, "tk": 1}}, r"options\.columns: .*the number from 1"),
    ],
)
def test_a_wrong_option_is_one_line_with_its_key(make, options, message) -> None:
    with pytest.raises(ParamsError, match=rf"sources_config\.x\.{message}"):
        make("x", config(make.kind, options))
