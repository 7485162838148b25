"""Crawl state in SQLite: an index of the packed file, and the queue of requests.

Everything here can be lost: the index is rebuilt from the packed file, and a crawl without its queue starts
anew and asks only for what is new. SQLite's log survives a kill at any moment, which the files that Scrapy's
own JOBDIR queue writes at closing time do not.
"""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from crawler.errors import CrawlError, file_message, stop_at_file_error
from crawler.items import Article, Book, record_from
from crawler.store import PackedFile, Span

_SCHEMA = """
CREATE TABLE IF NOT EXISTS notes (kind TEXT, name TEXT, value TEXT, PRIMARY KEY (kind, name)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS pages (
    key TEXT PRIMARY KEY, record TEXT, offset INTEGER, length INTEGER
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS frontier (
    seq INTEGER PRIMARY KEY, key TEXT UNIQUE, priority INTEGER, rank INTEGER, not_before REAL,
    state TEXT, token INTEGER, request TEXT, url TEXT, spare TEXT
);
CREATE INDEX IF NOT EXISTS frontier_next ON frontier (state, priority DESC, rank DESC, seq);
"""
# A state of other tables, written by other code, is dropped.
_VERSION = zlib.crc32(_SCHEMA.encode()) >> 1  # SQLite keeps 31 bits


@dataclass(frozen=True)
class Seen:
    """A page that was fetched and not stored: out of range, or a page about files.

    ``needs`` are the keys of the records that the page led to.
    """

    published: str | None = None
    lastmod: str | None = None
    etag: str | None = None
    last_modified: str | None = None
    needs: tuple[str, ...] = ()


class _Database(sqlite3.Connection):
    """Once ``path`` is set, ends the crawl where a statement fails because of the file."""

    path: Path | None = None

    def execute(self, *arguments: Any) -> sqlite3.Cursor:
        try:
            return super().execute(*arguments)
        except sqlite3.Error as error:
            if self.path:
                stop_at_file_error(error, self.path)
            raise


class State:
    """Index and queue of one site's crawl.

    Raises CrawlError if its file cannot be opened. A corrupt file is begun anew; from then on an error of the
    file ends the process.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._db = _connect(path)
        except sqlite3.OperationalError as error:
            raise CrawlError(file_message(error, path)) from error
        except sqlite3.DatabaseError:
            for suffix in ("", "-wal", "-shm"):
                path.with_name(path.name + suffix).unlink(missing_ok=True)
            self._db = _connect(path)
        self._db.path = path

    def close(self) -> None:
        self._db.close()

    # --- notes: small values by kind and name ---

    def get(self, kind: str, name: str = "") -> str | None:
        """Return a note."""
        return self._value("SELECT value FROM notes WHERE kind = ? AND name = ?", kind, name)

    def set(self, kind: str, name: str, value: str) -> None:
        """Write a note."""
        self._db.execute("INSERT OR REPLACE INTO notes VALUES (?, ?, ?)", (kind, name, value))

    def count(self, name: str, by: int = 1) -> int:
        """Add to a number of this crawl, and return it."""
        self._db.execute(
            "INSERT INTO notes VALUES ('number', ?, ?) "
            "ON CONFLICT (kind, name) DO UPDATE SET value = value + ?",
            (name, by, by),
        )
        return int(self.get("number", name) or 0)

    def all(self, kind: str) -> dict[str, str]:
        """Return the notes of a kind by name."""
        return dict(self._db.execute("SELECT name, value FROM notes WHERE kind = ? ORDER BY name", (kind,)))

    def numbers(self) -> dict[str, int]:
        """Return the numbers of this crawl."""
        return {name: int(value) for name, value in self.all("number").items()}

    def set_seen(self, key: str, seen: Seen) -> None:
        """Remember a page that was fetched and not stored."""
        self.set("seen", key, json.dumps(asdict(seen)))

    def seen(self, key: str) -> Seen | None:
        """Return what is remembered of a page that was fetched and not stored."""
        value = self.get("seen", key)
        return Seen(**json.loads(value)) if value else None

    def _value(self, statement: str, *arguments: Any) -> Any:
        row = self._db.execute(statement, arguments).fetchone()
        return row[0] if row else None

    # --- the index of the packed file ---

    def sync(self, store: PackedFile) -> None:
        """Bring the index in line with the packed file: read what is new, or all if the file changed."""
        size = int(self.get("store", "size") or 0)
        is_known = size <= store.size and self.get("store", "tail") == store.tail(size).hex()
        with self._transaction():
            if not is_known:
                self._db.execute("DELETE FROM pages")
            for span, record in store.scan(size if is_known else 0):
                key = _key(record)
                if is_known:
                    # Stored, then killed before the queue knew: do not ask for this page again.
                    self._tally(key)
                    self._db.execute("UPDATE frontier SET state = 'done' WHERE key = ?", (key,))
                self._index(record, span)
            self._mark(store)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN")
        try:
            yield
        except BaseException:
            self._db.rollback()
            raise
        self._db.execute("COMMIT")

    def _mark(self, store: PackedFile) -> None:
        self.set("store", "size", str(store.size))
        self.set("store", "tail", store.tail(store.size).hex())

    def _tally(self, key: str) -> None:
        self.count("changed" if self.known(key) else "new")

    def add(self, store: PackedFile, record: dict[str, Any], tally: bool = True) -> None:
        """Append a record to the packed file, then to the index; count it as new or changed."""
        span = store.append(record)
        with self._transaction():
            if tally:
                self._tally(_key(record))
            self._index(record, span)
            self._mark(store)

    def _index(self, record: dict[str, Any], span: Span) -> None:
        key = _key(record)
        kept = json.dumps({name: value for name, value in record.items() if name != "html"})
        self._db.execute(
            "INSERT OR REPLACE INTO pages VALUES (?, ?, ?, ?)", (key, kept, span.offset, span.length)
        )
        for url in record.get("aliases") or ():
            self.set("alias", url, key)

    def compact(self, store: PackedFile) -> bool:
        """Drop superseded records from the packed file, if there are any."""
        rows = self._db.execute("SELECT offset, length, key FROM pages ORDER BY offset").fetchall()
        if sum(length for _, length, _ in rows) == store.size:
            return False
        store.compact(Span(offset, length) for offset, length, _ in rows)
        with self._transaction():
            place = 0
            for _, length, key in rows:
                self._db.execute("UPDATE pages SET offset = ? WHERE key = ?", (place, key))
                place += length
            self._mark(store)
        return True

    def known(self, key: str) -> Article | Book | None:
        """Return the record stored under a key, without its markup."""
        record = self._value("SELECT record FROM pages WHERE key = ?", key)
        return record_from(json.loads(record)) if record else None

    def span(self, key: str) -> Span:
        """Return where the record of a key lies in the packed file."""
        return Span(*self._db.execute("SELECT offset, length FROM pages WHERE key = ?", (key,)).fetchone())

    def pages(self) -> Iterator[Article | Book]:
        """Yield the record of every stored page without its markup, by key."""
        rows = [("", "")]
        while rows:
            # In portions, so that the caller may write in between and memory stays small.
            rows = self._db.execute(
                "SELECT key, record FROM pages WHERE key > ? ORDER BY key LIMIT 500", (rows[-1][0],)
            ).fetchall()
            for _, record in rows:
                yield record_from(json.loads(record))

    def page_count(self) -> int:
        return self._value("SELECT COUNT(*) FROM pages")

    def set_lastmod(self, key: str, lastmod: str | None) -> None:
        """Note the change date under which a stored page was found unchanged (in the index only)."""
        if lastmod:
            self._db.execute(
                "UPDATE pages SET record = json_set(record, '$.lastmod', ?) WHERE key = ?", (lastmod, key)
            )

    # --- the queue ---

    def begin(self, signature: str) -> bool:
        """Open the queue; return whether it continues a crawl of the same signature that was cut short."""
        is_resumed = self.get("crawl") == signature
        if not is_resumed:
            self.end()
            self.set("crawl", "", signature)
        # What was in the air when the last process died is asked for again.
        self._db.execute("UPDATE frontier SET state = 'waiting' WHERE state = 'asked'")
        return is_resumed

    def end(self) -> None:
        """Forget the queue and the numbers of the crawl."""
        self._db.execute("DELETE FROM frontier")
        self._db.execute("DELETE FROM notes WHERE kind IN ('crawl', 'number', 'ended')")

    def push(
        self,
        key: str,
        request: dict[str, Any],
        priority: int,
        rank: int,
        not_before: float,
        again: bool = False,
    ) -> bool:
        """Queue a request; False if its key has been queued in this crawl before.

        One that still waits takes the higher of both priorities. ``again`` replaces the one with its key: a
        retry, or the next part of a file.
        """
        insert = (
            "INTO frontier (key, priority, rank, not_before, state, token, request, url) "
            "VALUES (?, ?, ?, ?, 'waiting', 0, ?, ?)"
        )
        url = request["url"]
        values = (key, priority, rank, not_before, json.dumps(request), url)
        if again:
            self._db.execute(
                f"INSERT {insert} ON CONFLICT (key) DO UPDATE SET state = 'waiting', priority = "
                "excluded.priority, not_before = excluded.not_before, request = excluded.request",
                values,
            )
            return True
        if self._db.execute(f"INSERT OR IGNORE {insert}", values).rowcount == 1:
            return True
        self._db.execute(
            "UPDATE frontier SET priority = MAX(priority, ?) WHERE key = ? AND state = 'waiting'",
            (priority, key),
        )
        self._db.execute(
            "UPDATE frontier SET spare = ? WHERE key = ? AND spare IS NULL AND url != ?", (url, key, url)
        )
        return False

    def spare(self, key: str) -> str | None:
        """Return, once, the other address under which a page was offered: for when the first one fails."""
        url = self._value("SELECT spare FROM frontier WHERE key = ? AND spare != ''", key)
        if url:
            self._db.execute("UPDATE frontier SET spare = '' WHERE key = ?", (key,))
        return url

    def settle(self, key: str) -> bool:
        """Note that a page needs no request in this crawl; False if that is known already."""
        done = self._db.execute("INSERT OR IGNORE INTO frontier (key, state) VALUES (?, 'done')", (key,))
        return done.rowcount == 1

    def pop(self, now: float, token: int) -> tuple[str, dict[str, Any]] | None:
        """Take the next request that may be asked now: by priority, then rank, then age."""
        row = self._db.execute(
            "SELECT key, request FROM frontier WHERE state = 'waiting' AND not_before <= ? "
            "ORDER BY priority DESC, rank DESC, seq LIMIT 1",
            (now,),
        ).fetchone()
        if row is None:
            return None
        self._db.execute("UPDATE frontier SET state = 'asked', token = ? WHERE key = ?", (token, row[0]))
        return row[0], json.loads(row[1])

    def finish(self, key: str, token: int) -> None:
        """Note that the request handed out under this token is done, unless it was queued again."""
        self._db.execute(
            "UPDATE frontier SET state = 'done', request = NULL "
            "WHERE key = ? AND state = 'asked' AND token = ?",
            (key, token),
        )

    def waiting(self) -> int:
        """Return how many requests wait."""
        return self._value("SELECT COUNT(*) FROM frontier WHERE state = 'waiting'")

    def next_time(self) -> float | None:
        """Return the earliest time at which a waiting request may be asked; None if none waits."""
        return self._value("SELECT MIN(not_before) FROM frontier WHERE state = 'waiting'")


def _key(record: dict[str, Any]) -> str:
    return record.get("key") or record["url"]


def _connect(path: Path) -> _Database:
    db = sqlite3.connect(path, isolation_level=None, factory=_Database)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=NORMAL")
    if db.execute("PRAGMA user_version").fetchone()[0] != _VERSION:
        for (table,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            db.execute(f"DROP TABLE {table}")  # the crawl is indexed again from the packed file
        db.execute(f"PRAGMA user_version = {_VERSION}")
    db.executescript(_SCHEMA)
    return db
