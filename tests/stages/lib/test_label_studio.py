"""The client against a small HTTP server; tests/commands/test_label_studio.py has the real one."""

from __future__ import annotations

import base64
import json
import logging
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests

from stages.lib.label_studio import LabelStudioError, Server, connect, read_token

Answer = tuple[int, Any]


@pytest.fixture
def serve() -> Iterator[Callable[[Callable[[str, str, str], Answer]], str]]:
    """Return a function that serves answers, by method, path and Authorization, and tells the address."""
    servers = []

    def start(answer: Callable[[str, str, str], Answer]) -> str:
        class Handler(BaseHTTPRequestHandler):
            def reply(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                status, value = answer(self.command, self.path, self.headers.get("Authorization", ""))
                body = value.encode() if isinstance(value, str) else json.dumps(value).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = reply

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_address[1]}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def jwt(**payload: Any) -> str:
    middle = base64.urlsafe_b64encode(json.dumps(payload).encode()).decode().rstrip("=")
    return f"eyJhbGciOiJIUzI1NiJ9.{middle}.c2lnbmF0dXJl"


def test_a_legacy_token_is_sent_as_it_is(serve: Any) -> None:
    url = serve(lambda method, path, token: (200, {"path": path, "token": token}))
    assert Server(url, "abc").get("/api/x", page=2) == {"path": "/api/x?page=2", "token": "Token abc"}


def test_a_personal_token_is_changed_for_a_short_one_and_renewed_when_that_runs_out(serve: Any) -> None:
    given = []

    def answer(method: str, path: str, token: str) -> Answer:
        if path == "/api/token/refresh/":
            assert token == ""
            given.append(f"short-{len(given)}")
            return 200, {"access": given[-1]}
        return (200, {"token": token}) if token == f"Bearer {given[-1]}" and len(given) > 1 else (401, {})

    assert Server(serve(answer), jwt(token_type="refresh")).get("/api/x") == {"token": "Bearer short-1"}
    assert given == ["short-0", "short-1"]


@pytest.mark.parametrize(
    ("status", "value", "said"),
    [
        (401, {"detail": "Invalid token."}, r"the token is refused \(HTTP 401\)"),
        (403, "no", r"the token is refused \(HTTP 403\)"),
        (404, {"detail": "No Project matches the given query."}, "HTTP 404, No Project matches"),
        (404, "<html>Not found</html>", "expected JSON from Label Studio, found HTTP 404; is the address"),
        (302, "", "expected JSON from Label Studio, found HTTP 302"),
        (200, "<html>Welcome</html>", "expected JSON from Label Studio, found HTTP 200"),
        (500, {"detail": "database is locked"}, "HTTP 500, database is locked"),
    ],
)
def test_an_unexpected_answer_is_one_line_without_the_token(
    serve: Any, status: int, value: Any, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(LabelStudioError, match=said) as error:
        Server(serve(lambda *_: (status, value)), "geheimnis").get("/api/x")
    assert "\n" not in str(error.value)
    assert "geheimnis" not in str(error.value) + caplog.text


def test_a_server_that_is_not_there_is_one_line() -> None:
    with pytest.raises(LabelStudioError, match=r"no answer from Label Studio .*is the server running"):
        Server("http://127.0.0.1:9", "abc").get("/api/x")


@pytest.mark.parametrize(
    "url", ["label.example.org", "ftp://label.example.org", "http://me:pw@label.example.org"]
)
def test_an_address_of_another_form_is_refused(url: str) -> None:
    with pytest.raises(LabelStudioError, match="expected http"):
        Server(url, "abc")


def test_a_password_in_netrc_does_not_take_the_tokens_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text(
        "machine label.example.org login ayna password gizlin\n", encoding="utf-8"
    )
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    session = Server("https://label.example.org", "abc")._session
    request = session.prepare_request(requests.Request("GET", "https://label.example.org/api/x"))
    assert request.headers["Authorization"] == "Token abc"


def test_tasks_are_read_page_by_page(serve: Any) -> None:
    def answer(method: str, path: str, token: str) -> Answer:
        page = int(path.split("page=")[1].split("&")[0])
        return 200, {"total": 3, "tasks": [[{"id": 1}, {"id": 2}], [{"id": 3}]][page - 1]}

    assert [task["id"] for task in Server(serve(answer), "abc").tasks(7)] == [1, 2, 3]


def test_two_projects_of_one_title_are_an_error(serve: Any) -> None:
    projects = [{"id": 3, "title": "Köpri ru-tk"}, {"id": 5, "title": "Köpri ru-tk"}]
    server = Server(serve(lambda *_: (200, {"results": projects, "next": None})), "abc")
    with pytest.raises(LabelStudioError, match=r"2 projects are called 'Köpri ru-tk' \(3, 5\)"):
        server.find_project("Köpri ru-tk")
    assert server.find_project("Köpri ru-uz") is None


def test_the_token_comes_from_the_environment_then_from_the_file(tmp_path: Path) -> None:
    path = tmp_path / "token"
    with pytest.raises(LabelStudioError, match="no token: put"):
        read_token({}, path)
    path.write_text("of-the-file\n", encoding="utf-8")
    assert read_token({}, path) == "of-the-file"
    assert read_token({"LABEL_STUDIO_TOKEN": " of-the-environment "}, path) == "of-the-environment"
    with pytest.raises(LabelStudioError, match="spaces or letters") as error:
        read_token({"LABEL_STUDIO_TOKEN": "kein Wort"}, path)
    assert "kein" not in str(error.value)


def test_without_an_address_the_local_server_is_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LabelStudioError, match=r"make label-studio\), or name a hosted one"):
        connect(None)
