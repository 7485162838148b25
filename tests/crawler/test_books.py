"""Books are stored whole and of one version, whatever a server does between their parts."""

from __future__ import annotations

import re
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from tests.crawler.harness import Bench
from tests.crawler.replica import Replica
from tests.crawler.sites import Page, make_etag


class ChangingBooks(Replica):
    """Answers for each book with its second version after ``changes_after`` answers."""

    def __init__(self, kind: str, changes_after: int) -> None:
        super().__init__("uzedu", 2)
        self.kind, self.changes_after = kind, changes_after
        self.answers: dict[str, int] = {}

    def versions(self, page: Page) -> tuple[bytes, bytes]:
        new = page.body[:200] + bytes(255 - byte for byte in page.body[200:])
        return page.body, new[:70_000] if self.kind == "shorter" else new

    def _respond(
        self, page: Page | None, handler: BaseHTTPRequestHandler
    ) -> tuple[int, bytes, dict[str, str]]:
        if page is None or page.kind != "pdf":
            return super()._respond(page, handler)
        self.answers[page.path] = count = self.answers.get(page.path, 0) + 1
        body = self.versions(page)[count > self.changes_after]
        etag = {"weak": f"W/{make_etag(body)}", "dated": None, "silent": None}.get(self.kind, make_etag(body))
        page = replace(page, body=body, etag=etag)
        if self.kind == "dated":
            page = replace(page, last_modified="Fri, 01 Nov 2024 10:00:00 GMT")
        if self.kind in ("ignores If-Range", "shorter", "longer body"):
            handler.headers["If-Range"] and handler.headers.replace_header("If-Range", etag)
        status, sent, headers = super()._respond(page, handler)
        if (
            self.kind == "longer body"
            and status == 206
            and not re.search(r"bytes 0-", headers["Content-Range"])
        ):
            sent += b"more"
        return status, sent, headers


@pytest.mark.parametrize(
    "kind", ["strong", "weak", "dated", "silent", "ignores If-Range", "shorter", "longer body"]
)
def test_a_book_that_changes_between_its_parts_is_one_version_of_it(kind: str, tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    with ChangingBooks(kind, changes_after=1) as replica:
        done = bench.crawl(replica)
        assert done.code == 0, done.stderr
        versions = {replica.base + path: replica.versions(page) for path, page in replica.pdfs().items()}
        records = bench.records("uzedu")
        for record in records:
            assert (bench.out / record["file"]).read_bytes() in versions[record["url"]]
        # Where the server gives nothing that can be trusted, nothing is stored.
        assert bool(records) == ("error:bad range" not in done.stats)
        assert records
