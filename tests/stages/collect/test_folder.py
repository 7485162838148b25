"""Files that people put into a folder, and crawls."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from stages.collect.transports import collect
from stages.lib.core.archives import open_raw
from stages.lib.core.errors import SourceError
from tests.stages.raw_tars import packed_files, source


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(*paths: str) -> None:
    for path in map(Path, paths):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(path.name, encoding="utf-8")


def test_a_folder_is_packed_without_hidden_files_and_links(caplog: pytest.LogCaptureFixture) -> None:
    write(
        "data/files/kitap.ru.txt", "data/files/sub/tk/makala.html", "data/files/.hidden.txt", "beside/a.txt"
    )
    Path("data/files/link.txt").symlink_to("/etc/hostname")
    Path("data/files/sub/linked").symlink_to(Path("beside").absolute())
    with caplog.at_level(logging.WARNING):
        assert collect("files", source("files"), Path("raw.tar")) == 2
    assert packed_files(Path("raw.tar")) == {
        "files/kitap.ru.txt": b"kitap.ru.txt",
        "files/sub/tk/makala.html": b"makala.html",
    }
    assert caplog.messages == ["data/files/link.txt: a link, not a file; left out"]


def test_the_version_of_a_folder_is_that_of_its_contents() -> None:
    versions = []
    for name in ("a.txt", "b.txt"):
        write(f"data/files/{name}")
        collect("files", source("files"), Path("raw.tar"))
        with open_raw(Path("raw.tar")) as (origin, _):
            versions.append(origin.version)
    assert len(set(versions)) == 2


def test_an_empty_folder_and_two_files_of_one_name_are_refused() -> None:
    Path("data/files").mkdir(parents=True)
    with pytest.raises(
        SourceError, match="data/files: no file in it; put some in, or take files off sources"
    ):
        collect("files", source("files"), Path("raw.tar"))
    write("a/opus", "b/opus")
    with pytest.raises(SourceError, match="a/opus and b/opus have one name"):
        collect("moses", source("moses", files=["a/opus", "b/opus"]), Path("raw.tar"))
    assert not Path("raw.tar").exists()


def test_a_crawl_is_packed_with_the_books_beside_it() -> None:
    book = f"{'0a' * 32}.pdf"
    write("data/crawl/uzedu.jsonl.gz", f"data/crawl/uzedu/{book}", "data/crawl/uzedu/half.pdf")
    assert collect("uzedu", source("uzedu"), Path("raw.tar")) == 2
    assert list(packed_files(Path("raw.tar"))) == [f"books/{book}", "records.jsonl.gz"]
