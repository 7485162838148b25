"""A stand-in for Label Studio's API that can be halted between two requests, as a real server cannot.

tests/commands/annotate/test_server.py pushes to the real one.
"""

from __future__ import annotations

import itertools
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


class LabelStudioDouble:
    """Projects and tasks in memory; ``halt`` is called with method and path before each answer."""

    def __init__(self) -> None:
        self.projects: dict[int, dict[str, Any]] = {}
        self.tasks: dict[int, dict[str, Any]] = {}
        self.halt: Callable[[str, str], None] = lambda method, path: None
        self._numbers, self._lock = itertools.count(1), threading.Lock()
        self.url = ""

    def answer(self, method: str, path: str, value: Any) -> tuple[int, Any]:
        with self._lock:
            return self._answer(method, path, value)

    def _answer(self, method: str, path: str, value: Any) -> tuple[int, Any]:
        number = int((re.findall(r"\d+", urlsplit(path).path) or [0])[0])
        if method == "DELETE":
            held = self.projects if "/projects/" in path else self.tasks
            return (204, "") if held.pop(number, None) else (404, {})
        if path.endswith("/import"):
            for task in value:
                one = {**task, "id": next(self._numbers), "project": number, "total_annotations": 0}
                self.tasks[one["id"]] = one
            return 201, {"task_count": len(value)}
        if method == "POST":
            made = {**value, "id": next(self._numbers), "created_at": "2026-11-01T10:00:00Z"}
            self.projects[made["id"]] = made
            return 201, made
        if path.startswith("/api/tasks"):
            asked = {name: values[0] for name, values in parse_qs(urlsplit(path).query).items()}
            (after,) = json.loads(asked["query"])["filters"]["items"]
            found = [
                task
                for _, task in sorted(self.tasks.items())
                if task["project"] == int(asked["project"]) and task["id"] > after["value"]
            ]
            return 200, {"tasks": found[: int(asked["page_size"])], "total": len(found)}
        return 200, {"results": list(self.projects.values()), "next": None}


@contextmanager
def label_studio_double(port: int = 0) -> Iterator[LabelStudioDouble]:
    double = LabelStudioDouble()

    class Handler(BaseHTTPRequestHandler):
        def reply(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            double.halt(self.command, self.path)
            status, value = double.answer(self.command, self.path, json.loads(body or "null"))
            sent = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        do_GET = do_POST = do_PATCH = do_DELETE = reply

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    double.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield double
    finally:
        server.shutdown()
        server.server_close()
