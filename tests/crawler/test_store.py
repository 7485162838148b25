"""The packed file survives kills, links into a cache, and second writers."""

from __future__ import annotations

import errno
import gzip
import json
import os
import socket
import sqlite3
import ssl
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from crawler.errors import CrawlError, is_file_error
from crawler.items import Article, Book, record_from
from crawler.state import State
from crawler.store import PackedFile, Span, pack, unpack


def record(number: int, text: str = "Türkmen halysy") -> dict[str, object]:
    return {"url": f"https://site/{number}", "key": f"tk:{number}", "lang": "tk", "html": text * 20}


def filled(path: Path, count: int = 3) -> list[Span]:
    store = PackedFile(path)
    spans = [store.append(record(number)) for number in range(count)]
    store.close()
    return spans


@contextmanager
def opened(folder: Path) -> Iterator[tuple[PackedFile, State]]:
    """A packed file and its index, as a crawl opens them."""
    with (
        closing(PackedFile(folder / "site.jsonl.gz")) as store,
        closing(State(folder / "state.sqlite")) as state,
    ):
        state.sync(store)
        yield store, state


def test_any_reader_of_gzip_reads_the_file(tmp_path: Path) -> None:
    filled(tmp_path / "site.jsonl.gz")
    with gzip.open(tmp_path / "site.jsonl.gz", "rt", encoding="utf-8") as file:
        assert [json.loads(line) for line in file] == [record(number) for number in range(3)]
    odd = {"url": "u", "html": 'строка\n"ýazgy" \ud800 конец'}
    assert pack(odd) == pack(dict(odd))
    assert unpack(pack(odd)) == odd


def test_a_tail_torn_at_any_byte_is_cut_and_nothing_else_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "site.jsonl.gz"
    spans = filled(path)
    whole = path.read_bytes()
    kept = whole[: spans[2].offset]
    # The last one: zeros after a power cut.
    for torn in [whole[:end] for end in range(len(kept) + 1, len(whole))] + [kept + b"\0" * 500]:
        path.write_bytes(torn)
        store = PackedFile(path)
        assert len(list(store.scan())) == 2
        assert path.read_bytes() == kept
        store.append(record(2))
        store.close()
        assert path.read_bytes() == whole


def test_damage_before_whole_records_is_refused_and_nothing_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "site.jsonl.gz"
    spans = filled(path)
    data = bytearray(path.read_bytes())
    data[spans[1].offset + 12] ^= 0xFF
    path.write_bytes(data)
    store = PackedFile(path)
    with pytest.raises(CrawlError, match=f"damaged at byte {spans[1].offset}, whole records follow"):
        list(store.scan())
    store.close()
    assert path.read_bytes() == bytes(data)


def test_a_file_that_is_no_crawl_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "site.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"text": "no url"}\n'))
    store = PackedFile(path)
    with pytest.raises(CrawlError, match="byte 0: a record without url"):
        list(store.scan())
    store.close()


def test_a_second_writer_is_refused(tmp_path: Path) -> None:
    store = PackedFile(tmp_path / "site.jsonl.gz")
    with pytest.raises(CrawlError, match="another crawl is writing it"):
        PackedFile(tmp_path / "site.jsonl.gz")
    store.close()


@pytest.mark.parametrize("link", [os.link, os.symlink])
def test_appending_spares_the_cache_that_the_file_is_a_link_to(link: object, tmp_path: Path) -> None:
    cached = tmp_path / "cached"
    filled(cached)
    before = cached.read_bytes()
    link(cached, tmp_path / "site.jsonl.gz")  # type: ignore[operator]
    store = PackedFile(tmp_path / "site.jsonl.gz")
    store.append(record(9))
    store.close()
    assert cached.read_bytes() == before
    assert (tmp_path / "site.jsonl.gz").read_bytes().startswith(before)


def test_a_newer_record_of_a_page_replaces_the_older_when_the_file_is_packed(tmp_path: Path) -> None:
    with opened(tmp_path) as (store, state):
        for number in range(4):
            state.add(store, record(number))
        state.add(store, record(1, "täze"))
        assert state.numbers() == {"new": 4, "changed": 1}
        assert state.compact(store)
        assert not state.compact(store)
        kept = {found["key"]: (span, found) for span, found in store.scan()}
        assert sorted(kept) == ["tk:0", "tk:1", "tk:2", "tk:3"]
        assert kept["tk:1"][1]["html"].startswith("täze")
        assert all(store.read(state.span(key)) == found for key, (_, found) in kept.items())
        store.append(record(7))


def test_the_index_follows_the_file_whatever_happened_to_it(tmp_path: Path) -> None:
    path = tmp_path / "site.jsonl.gz"
    filled(path, 3)

    def keys() -> list[str]:
        with opened(tmp_path) as (_, state):
            return [known.key for known in state.pages()]

    assert keys() == ["tk:0", "tk:1", "tk:2"]
    with closing(PackedFile(path)) as store:
        store.append(record(3))  # as by a process that died before it could note it
    assert keys() == ["tk:0", "tk:1", "tk:2", "tk:3"]
    path.unlink()
    filled(path, 1)  # as by a checkout of an older version
    assert keys() == ["tk:0"]
    (tmp_path / "state.sqlite").write_bytes(b"not a database at all, and long enough to be looked at" * 50)
    assert keys() == ["tk:0"]


def test_a_page_stored_before_a_kill_is_not_asked_for_again(tmp_path: Path) -> None:
    with opened(tmp_path) as (store, state):
        assert not state.begin("one crawl")
        assert state.push("tk:5", {"url": "https://site/5"}, 1, 0, 0.0)
        assert state.pop(1.0, 1) is not None
        store.append(record(5))  # and now the kill: neither index nor queue know
    with opened(tmp_path) as (store, state):
        assert state.begin("one crawl")
        assert state.pop(1.0, 1) is None
        assert state.numbers() == {"new": 1}


def test_the_queue_gives_each_page_once_by_priority_rank_and_age(tmp_path: Path) -> None:
    state = State(tmp_path / "state.sqlite")
    state.begin("a")
    for key, priority, rank in (("old", 1, 5), ("list", 9, 0), ("new", 1, 7), ("new2", 1, 7)):
        assert state.push(key, {"url": key}, priority, rank, 0.0)
    assert not state.push("old", {"url": "other"}, 0, 0, 0.0)
    assert not state.push("new2", {"url": "new2"}, 5, 0, 0.0)  # a higher priority counts
    assert [state.pop(1.0, 1)[0] for _ in range(4)] == ["list", "new2", "new", "old"]
    assert state.pop(1.0, 1) is None
    assert state.spare("old") == "other"
    assert state.spare("old") is None


def test_a_retry_waits_for_its_time_and_what_was_in_the_air_is_asked_again(tmp_path: Path) -> None:
    state = State(tmp_path / "state.sqlite")
    state.begin("a")
    state.push("page", {"url": "1"}, 1, 0, 0.0)
    assert state.pop(1.0, 1)[0] == "page"
    state.push("page", {"url": "1"}, 1, 0, 50.0, again=True)
    state.finish("page", 1)  # of the first attempt; the second still waits
    assert state.pop(49.0, 2) is None
    assert state.next_time() == 50.0
    assert state.pop(51.0, 3)[0] == "page"
    state.close()
    state = State(tmp_path / "state.sqlite")
    assert state.begin("a")
    assert state.pop(51.0, 1)[0] == "page"
    state.finish("page", 1)
    assert not state.begin("another crawl")
    assert state.next_time() is None
    state.close()


def test_a_queue_that_is_corrupt_in_the_middle_ends_the_crawl_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "state.sqlite"
    state = State(path)
    for number in range(500):
        state.push(f"page {number}", {"url": "u" * 200}, 0, 0, 0.0)
    state.close()
    content = bytearray(path.read_bytes())
    content[len(content) // 2 :] = os.urandom(len(content) - len(content) // 2)
    path.write_bytes(content)
    state = State(path)
    codes: list[int] = []
    monkeypatch.setattr(os, "_exit", codes.append)
    with pytest.raises(sqlite3.DatabaseError):
        list(map(state.pop, [1.0] * 500, range(500)))
    state.close()
    assert codes == [1]
    assert capsys.readouterr().err == (
        f"error: {path}: database disk image is malformed; "
        "delete it, the same command then continues from the stored pages\n"
    )


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OSError(errno.ENOSPC, "full"), True),
        (sqlite3.OperationalError("unable to open database file"), True),
        (sqlite3.ProgrammingError("type 'list' is not supported"), False),
        (ConnectionResetError(errno.ECONNRESET, "reset"), False),
        (PermissionError(errno.EPERM, "by a firewall"), False),
        # These have numbers of their own: 1 is not EPERM here.
        (ssl.SSLError(1, "handshake"), False),
        (socket.gaierror(2, "no such host"), False),
        (OSError("could not get source code"), False),
    ],
)
def test_only_errors_of_files_end_a_crawl(error: Exception, expected: bool) -> None:
    assert is_file_error(error) == expected


def test_records_come_back_as_what_they_were() -> None:
    article = Article(url="u", lang="tk", alternates=("hreflang ru:1",), html="<p>")
    book = Book(url="u", lang="uz", file="uzedu/a.pdf", grade=5)
    assert record_from(json.loads(json.dumps(article.to_dict()))) == article
    assert record_from({**book.to_dict(), "later": 1}) == book


def test_a_state_of_other_tables_is_dropped_and_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite"
    with closing(sqlite3.connect(path)) as old:
        old.execute("CREATE TABLE pages (key TEXT PRIMARY KEY, lastmod TEXT)")
        old.execute("INSERT INTO pages VALUES ('ru:1', '2024-01-01')")
        old.commit()
    state = State(path)
    assert state.waiting() == 0
    state.close()
