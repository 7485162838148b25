"""What a crawl knows, in SQLite: an index of the packed file, and the queue of requests.

Everything here can be lost: the index is rebuilt from the packed file, and a crawl without its queue starts
anew and asks only for what is new. SQLite's log survives a kill at any moment, which the files that Scrapy's
own JOBDIR queue writes at closing time do not.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crawler.errors import CrawlError, disk_message, is_of_damage, is_of_disk
from crawler.store import PackedFile, Span

_VERSION = "1"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT);
CREATE TABLE IF NOT EXISTS pages (
    key TEXT PRIMARY KEY, url TEXT, lang TEXT, id TEXT, title TEXT, published TEXT, doc TEXT, paired TEXT,
    content TEXT, etag TEXT, last_modified TEXT, lastmod TEXT, alternates TEXT, file TEXT, extra TEXT,
    offset INTEGER, length INTEGER
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS aliases (url TEXT PRIMARY KEY, key TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS seen (
    key TEXT PRIMARY KEY, published TEXT, lastmod TEXT, etag TEXT, last_modified TEXT, needs TEXT
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS files (file TEXT PRIMARY KEY, stamp TEXT, sha256 TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS frontier (
    seq INTEGER PRIMARY KEY, key TEXT UNIQUE, priority INTEGER, rank INTEGER, not_before REAL,
    state TEXT, token INTEGER, request TEXT, url TEXT, spare TEXT
);
CREATE INDEX IF NOT EXISTS frontier_next ON frontier (state, priority DESC, rank DESC, seq);
"""


@dataclass(frozen=True)
class Known:
    """What is known of a stored page."""

    key: str
    url: str
    lang: str | None
    id: str | None
    title: str | None
    published: str | None
    doc: str | None
    paired: str | None
    content: str | None
    etag: str | None
    last_modified: str | None
    lastmod: str | None
    alternates: tuple[str, ...]
    file: str | None
    isbn: str | None
    subject: str | None
    grade: int | None
    page: str | None
    span: Span


@dataclass(frozen=True)
class Seen:
    """A page that was fetched and not stored: out of range, or a page about files.

    ``needs`` are the keys of the records that the page led to.
    """

    published: str | None
    lastmod: str | None
    etag: str | None
    last_modified: str | None
    needs: tuple[str, ...]


class _Database(sqlite3.Connection):
    """Calls ``on_disk_error`` first where a statement fails because of the disk or of a damaged file."""

    on_disk_error: Callable[[sqlite3.Error], None] | None = None

    def execute(self, *arguments: Any) -> sqlite3.Cursor:
        try:
            return super().execute(*arguments)
        except sqlite3.Error as error:
            if self.on_disk_error and (is_of_disk(error) or is_of_damage(error)):
                self.on_disk_error(error)
            raise


class State:
    """Index and queue of one site's crawl."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        try:
            self._db = self._open()
        except sqlite3.Error as error:
            if is_of_disk(error):
                raise CrawlError(disk_message(error, path)) from error
            raise

    def _open(self) -> _Database:
        try:
            return self._connect()
        except sqlite3.DatabaseError as error:
            if is_of_disk(error):
                raise
            # A cache that cannot be read is no cache.
            for suffix in ("", "-wal", "-shm"):
                self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)
            return self._connect()

    def _connect(self) -> _Database:
        db = sqlite3.connect(self.path, isolation_level=None, factory=_Database)
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=NORMAL")
        db.executescript(_SCHEMA)
        if self._meta(db, "version") not in (None, _VERSION):
            for table in ("meta", "pages", "aliases", "seen", "files", "frontier"):
                db.execute(f"DROP TABLE {table}")
            db.executescript(_SCHEMA)
        db.execute("INSERT OR REPLACE INTO meta VALUES ('version', ?)", (_VERSION,))
        return db

    @staticmethod
    def _meta(db: sqlite3.Connection, name: str) -> str | None:
        row = db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return row[0] if row else None

    def when_disk_fails(self, call: Callable[[sqlite3.Error], None]) -> None:
        """Have a function called where the file cannot be written or read, before the error is raised."""
        self._db.on_disk_error = call

    def get(self, name: str) -> str | None:
        """Return a remembered value."""
        return self._meta(self._db, name)

    def set(self, name: str, value: str) -> None:
        """Remember a value."""
        self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))

    def count(self, name: str, by: int = 1) -> int:
        """Add to a remembered number, and return it."""
        self._db.execute(
            "INSERT INTO meta VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = value + ?",
            (name, by, by),
        )
        return int(self.get(name) or 0)

    def values(self, prefix: str) -> dict[str, str]:
        """Return the remembered values whose names start so, without the prefix."""
        rows = self._db.execute("SELECT name, value FROM meta ORDER BY name").fetchall()
        return {name[len(prefix) :]: value for name, value in rows if name.startswith(prefix)}

    def numbers(self, prefix: str) -> dict[str, int]:
        """Return the remembered numbers whose names start so, without the prefix."""
        return {name: int(value) for name, value in self.values(prefix).items()}

    def close(self) -> None:
        self._db.close()

    # --- the index of the packed file ---

    def sync(self, store: PackedFile) -> None:
        """Bring the index in line with the packed file: read what is new, or all if the file changed."""
        size = int(self.get("store_size") or 0)
        known = size <= store.size and self.get("store_tail") == store.tail(size).hex()
        if not known:
            size = 0
        with self._transaction():
            if not known:
                self._db.execute("DELETE FROM pages")
            for span, record in store.scan(size):
                if known:
                    # Stored, then killed before the queue knew: this page is not to be asked for again.
                    self._tally(record)
                    self._db.execute(
                        "UPDATE frontier SET state = 'done' WHERE key = ?",
                        (record.get("key") or record["url"],),
                    )
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
        self.set("store_size", str(store.size))
        self.set("store_tail", store.tail(store.size).hex())

    def _tally(self, record: dict[str, Any]) -> None:
        self.count("n:changed" if self.known(record.get("key") or record["url"]) else "n:new")

    def add(self, store: PackedFile, record: dict[str, Any], tally: bool = True) -> None:
        """Append a record to the packed file, then to the index; count it as new or changed."""
        span = store.append(record)
        with self._transaction():
            if tally:
                self._tally(record)
            self._index(record, span)
            self._mark(store)

    def _index(self, record: dict[str, Any], span: Span) -> None:
        key = record.get("key") or record["url"]
        extra = {name: record.get(name) for name in ("isbn", "subject", "grade", "page")}
        self._db.execute(
            "INSERT OR REPLACE INTO pages VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
            (
                key,
                record["url"],
                *(record.get(n) for n in ("lang", "id", "title", "published", "doc", "paired", "content")),
                *(record.get(n) for n in ("etag", "last_modified", "lastmod")),
                json.dumps(record.get("alternates") or []),
                record.get("file"),
                json.dumps(extra),
                span.offset,
                span.length,
            ),
        )
        for url in record.get("aliases") or ():
            self.add_alias(url, key)

    def compact(self, store: PackedFile) -> bool:
        """Drop superseded records from the packed file, if there are any."""
        rows = self._db.execute("SELECT offset, length FROM pages ORDER BY offset").fetchall()
        if sum(length for _, length in rows) == store.size:
            return False
        store.compact(Span(*row) for row in rows)
        with self._transaction():
            place = 0
            for offset, length in rows:
                self._db.execute(
                    "UPDATE pages SET offset = ? WHERE offset = ? AND length = ?", (place, offset, length)
                )
                place += length
            self._mark(store)
        return True

    @staticmethod
    def _known(row: tuple[Any, ...]) -> Known:
        (*plain, alternates, file, extra, offset, length) = row
        return Known(
            *plain, tuple(json.loads(alternates)), file, span=Span(offset, length), **json.loads(extra)
        )

    def known(self, key: str) -> Known | None:
        """Return what is stored under a key."""
        row = self._db.execute("SELECT * FROM pages WHERE key = ?", (key,)).fetchone()
        return self._known(row) if row else None

    def pages(self) -> Iterator[Known]:
        """Yield every stored page, by key."""
        rows = [("",)]
        while rows:
            # In portions, so that the caller may write in between and memory stays small.
            rows = self._db.execute(
                "SELECT * FROM pages WHERE key > ? ORDER BY key LIMIT 500", (rows[-1][0],)
            ).fetchall()
            yield from map(self._known, rows)

    def page_count(self) -> int:
        return self._db.execute("SELECT COUNT(*) FROM pages").fetchone()[0]

    def set_lastmod(self, key: str, lastmod: str | None) -> None:
        """Note the change date under which a stored page was found unchanged (in the index only)."""
        if lastmod:
            self._db.execute("UPDATE pages SET lastmod = ? WHERE key = ?", (lastmod, key))

    def add_alias(self, url: str, key: str) -> None:
        """Note that an address leads to a page."""
        self._db.execute("INSERT OR REPLACE INTO aliases VALUES (?, ?)", (url, key))

    def alias(self, url: str) -> str | None:
        """Return the key of the page that an address is known to lead to."""
        row = self._db.execute("SELECT key FROM aliases WHERE url = ?", (url,)).fetchone()
        return row[0] if row else None

    def set_seen(self, key: str, seen: Seen) -> None:
        """Remember a page that was fetched and not stored."""
        self._db.execute(
            "INSERT OR REPLACE INTO seen VALUES (?, ?, ?, ?, ?, ?)",
            (key, seen.published, seen.lastmod, seen.etag, seen.last_modified, json.dumps(seen.needs)),
        )

    def seen(self, key: str) -> Seen | None:
        """Return what is remembered of a page that was fetched and not stored."""
        row = self._db.execute("SELECT * FROM seen WHERE key = ?", (key,)).fetchone()
        return Seen(*row[1:5], tuple(json.loads(row[5]))) if row else None

    def file_sha256(self, file: str, stamp: str) -> str | None:
        """Return a file's checksum if it was taken when the file looked like this."""
        row = self._db.execute(
            "SELECT sha256 FROM files WHERE file = ? AND stamp = ?", (file, stamp)
        ).fetchone()
        return row[0] if row else None

    def set_file_sha256(self, file: str, stamp: str, sha256: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO files VALUES (?, ?, ?)", (file, stamp, sha256))

    # --- the queue ---

    def begin(self, signature: str) -> bool:
        """Open the queue; return whether it goes on with a crawl of the same signature that was cut short."""
        resumed = self.get("crawl") == signature
        if not resumed:
            self.end()
            self.set("crawl", signature)
        # What was in the air when the last process died is asked for again.
        self._db.execute("UPDATE frontier SET state = 'waiting' WHERE state = 'asked'")
        return resumed

    def end(self) -> None:
        """Forget the queue and the numbers of the crawl."""
        self._db.execute("DELETE FROM frontier")
        self._db.execute("DELETE FROM meta WHERE name = 'crawl' OR name LIKE 'n:%' OR name LIKE 'ended:%'")

    def push(self, key: str, request: dict[str, Any], priority: int, rank: int, not_before: float) -> bool:
        """Queue a request; False if its key has been queued in this crawl before.

        One that still waits takes the higher of both priorities.
        """
        done = self._db.execute(
            "INSERT OR IGNORE INTO frontier (key, priority, rank, not_before, state, token, request, url) "
            "VALUES (?, ?, ?, ?, 'waiting', 0, ?, ?)",
            (key, priority, rank, not_before, json.dumps(request), request["url"]),
        )
        if done.rowcount == 1:
            return True
        self._db.execute(
            "UPDATE frontier SET priority = MAX(priority, ?) WHERE key = ? AND state = 'waiting'",
            (priority, key),
        )
        self._db.execute(
            "UPDATE frontier SET spare = ? WHERE key = ? AND spare IS NULL AND url != ?",
            (request["url"], key, request["url"]),
        )
        return False

    def spare(self, key: str) -> str | None:
        """Return, once, the other address under which a page was offered: for when the first one fails."""
        row = self._db.execute("SELECT spare FROM frontier WHERE key = ? AND spare != ''", (key,)).fetchone()
        if row is None:
            return None
        self._db.execute("UPDATE frontier SET spare = '' WHERE key = ?", (key,))
        return row[0]

    def push_again(
        self, key: str, request: dict[str, Any], priority: int, rank: int, not_before: float
    ) -> None:
        """Queue a request in place of the one with its key: a retry, or the next part of a file."""
        self._db.execute(
            "INSERT INTO frontier (key, priority, rank, not_before, state, token, request, url) "
            "VALUES (?, ?, ?, ?, 'waiting', 0, ?, ?) ON CONFLICT (key) DO UPDATE SET state = 'waiting', "
            "priority = excluded.priority, not_before = excluded.not_before, request = excluded.request",
            (key, priority, rank, not_before, json.dumps(request), request["url"]),
        )

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
        """Note that the request handed out under this token is dealt with, unless it was queued again."""
        self._db.execute(
            "UPDATE frontier SET state = 'done', request = NULL "
            "WHERE key = ? AND state = 'asked' AND token = ?",
            (key, token),
        )

    def waiting(self) -> int:
        """Return how many requests wait."""
        return self._db.execute("SELECT COUNT(*) FROM frontier WHERE state = 'waiting'").fetchone()[0]

    def has_waiting(self) -> bool:
        return (
            self._db.execute("SELECT 1 FROM frontier WHERE state = 'waiting' LIMIT 1").fetchone() is not None
        )

    def next_time(self) -> float | None:
        """Return the earliest time at which a waiting request may be asked."""
        return self._db.execute("SELECT MIN(not_before) FROM frontier WHERE state = 'waiting'").fetchone()[0]
