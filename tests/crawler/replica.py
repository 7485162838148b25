"""Serve a replica of a site over HTTP on 127.0.0.1."""

from __future__ import annotations

import re
import threading
import time
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from urllib.parse import parse_qs, urlsplit

from tests.crawler.sites import HTML, Page, make_etag, make_site


@dataclass(frozen=True)
class Hit:
    """One request as the server saw it."""

    at: float  # monotonic seconds
    path: str  # with the query
    status: int
    headers: dict[str, str]
    sent: int  # body bytes


class Replica:
    """Serve a site on a free port of 127.0.0.1, and keep a log of every request.

    ``drop_after`` cuts the connection of each PDF once, after that many bytes.
    """

    def __init__(
        self, name: str, n: int = 36, *, redesign: bool = False, slow_s: float = 0.6, drop_after: int = 0
    ) -> None:
        self.name = name
        self.hits: list[Hit] = []
        self._lock = threading.Lock()
        self._failures: dict[str, int] = {}
        self._dropped: set[str] = set()
        self.drop_after = drop_after
        replica = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # Headers and body leave in two writes; without this each answer waits 40 ms for an ACK.
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                replica._answer(self)

            def log_message(self, *_: object) -> None:
                """Keep stderr for the tests; the log is ``hits``."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        self.base = f"http://127.0.0.1:{self.port}"
        self.pages = make_site(name, n, base=self.base, redesign=redesign, slow_s=slow_s)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Replica:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=5)

    def articles(self) -> dict[str, Page]:
        return {path: page for path, page in self.pages.items() if page.kind == "article"}

    def pdfs(self) -> dict[str, Page]:
        return {path: page for path, page in self.pages.items() if page.kind == "pdf"}

    def edit(self, path: str, old: str, new: str) -> None:
        """Replace text of a page, as an editor would."""
        page = self.pages[path]
        body = page.body.replace(old.encode(), new.encode(), 1)
        self.pages[path] = replace(page, body=body, etag=page.etag and make_etag(body))

    def paths(self, status: int | None = None) -> list[str]:
        with self._lock:
            return [hit.path for hit in self.hits if status is None or hit.status == status]

    def forget(self) -> None:
        """Empty the log; later requests are a new visit."""
        with self._lock:
            self.hits.clear()

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        at = time.monotonic()
        page = self._find(handler.path)
        status, body, headers = self._respond(page, handler)
        with self._lock:
            self.hits.append(Hit(at, handler.path, status, dict(handler.headers), len(body)))
        if page and page.delay_s:
            time.sleep(page.delay_s)
        handler.send_response(status)
        for key, value in headers.items():
            handler.send_header(key, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        if status == 304:
            return
        if page and page.kind == "pdf" and self.drop_after and handler.path not in self._dropped:
            self._dropped.add(handler.path)
            handler.wfile.write(body[: self.drop_after])
            handler.close_connection = True
            return
        handler.wfile.write(body)

    def _find(self, target: str) -> Page | None:
        page = self.pages.get(target)
        if page:
            return page
        parts = urlsplit(target)
        if re.search(r"/(archive|day|calendar)/", parts.path):
            return self._calendar(parts.path)
        number = parse_qs(parts.query).get("page", [""])[0]
        if number.isdigit() and parts.path in self.pages:
            # A page number past the end shows the last page again, under a link to one more.
            last = max(
                int(path.rpartition("=")[2]) if "?page=" in path else 1
                for path in self.pages
                if path.partition("?")[0] == parts.path
            )
            end = self.pages[f"{parts.path}?page={last}" if last > 1 else parts.path]
            text = re.sub(r"\?page=\d+", f"?page={int(number) + 1}", end.body.decode())
            return replace(end, path=target, body=text.encode())
        return None

    def _calendar(self, path: str) -> Page:
        """Any day answers, and links to the next: there is no end to follow."""
        head, _, day = path.rpartition("/")
        steps = [f"{head}/{day}.{step}" if len(day) < 400 else f"{head}/0" for step in (1, 2)]
        links = "".join(f'<a href="{step}">→</a>' for step in steps)
        return Page(path, "trap", f"<html><body><nav>{links}</nav></body></html>".encode())

    def _respond(
        self, page: Page | None, handler: BaseHTTPRequestHandler
    ) -> tuple[int, bytes, dict[str, str]]:
        if page is None:
            return 404, b"<html><body><h1>404</h1></body></html>", {"Content-Type": HTML}
        if page.location:
            return page.status, b"", {"Location": page.location}
        headers = {"Content-Type": page.content_type}
        if page.encoding:
            headers["Content-Encoding"] = page.encoding
        if page.fail_times:
            with self._lock:
                self._failures[page.path] = self._failures.get(page.path, 0) + 1
                failing = self._failures[page.path] <= page.fail_times
            if failing and page.retry_after:
                return 503, b"<html><body>503</body></html>", {"Retry-After": page.retry_after}
            if failing:
                return 500, b"<html><body>500</body></html>", {"Content-Type": HTML}
        if page.etag:
            headers["ETag"] = page.etag
            if handler.headers.get("If-None-Match") == page.etag:
                return 304, b"", headers
        if page.last_modified:
            headers["Last-Modified"] = page.last_modified
            since = handler.headers.get("If-Modified-Since")
            if since and parsedate_to_datetime(since) >= parsedate_to_datetime(page.last_modified):
                return 304, b"", headers
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", handler.headers.get("Range", ""))
        if page.kind == "pdf" and wanted and handler.headers.get("If-Range") in (None, page.etag):
            start = int(wanted[1])
            end = min(int(wanted[2] or len(page.body) - 1), len(page.body) - 1)
            if start >= len(page.body):
                return 416, b"", {"Content-Range": f"bytes */{len(page.body)}"}
            headers["Content-Range"] = f"bytes {start}-{end}/{len(page.body)}"
            return 206, page.body[start : end + 1], headers
        return page.status, page.body, headers
