"""The client against a small HTTP server; tests/commands/annotate/test_server.py has the real one."""

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

from commands.annotate.client import LabelStudioError, Server, connect, read_token
from commands.annotate.pull import pull_judgements
from commands.annotate.push import push_tasks
from stages.lib.core import cli
from stages.lib.core.errors import DataError
from stages.lib.core.params import load_params
from stages.lib.text.annotations import read_judgements
from tests.judgements import annotation, task, task_data
from tests.label_studio_double import label_studio_double

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

            do_GET = do_POST = do_PATCH = reply

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
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


def test_tasks_are_read_by_pieces_each_after_the_last_of_the_one_before(monkeypatch: Any) -> None:
    monkeypatch.setattr("commands.annotate.client._PAGE", 2)
    with label_studio_double() as double:
        double.tasks = {
            n: {"id": n, "data": {}, "total_annotations": 0, "project": 7 + (n == 4)} for n in (9, 1, 4, 2, 5)
        }
        asked = []
        double.halt = lambda method, path: asked.append(path)
        assert [task["id"] for task in Server(double.url, "abc").tasks(7)] == [1, 2, 5, 9]
    assert len(asked) == 2


def test_two_projects_of_one_title_are_an_error(serve: Any) -> None:
    projects = [{"id": number, "title": "Köpri ru-tk", "created_at": "2026-11-01"} for number in (5, 3)]
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


PARAMS = load_params(Path(__file__).parents[3] / "params.yaml")
PROJECT = {"id": 1, "title": "Köpri ru-tk", "created_at": "2026-11-01T10:00:00Z"}
EXPORTED = {"id": 7, **task(0, annotation(0, "exact") | {"completed_by": 3})}
ODD = ({}, [], 3, "x", [None], [[1]], [{}], {"detail": "throttled"}, {"results": {}}, {"results": [None]})


def answers(path: str, value: Any) -> Callable[[str, str, str], Answer]:
    """Answer as Label Studio does, but with ``value`` to a method and a path's beginning or end."""
    usual = {
        "GET /api/projects/?": {"results": [PROJECT], "next": None},
        "GET /api/projects/1/export": [EXPORTED],
        "GET /api/users/": [{"id": 3, "email": "ayna@example.org"}],
        "GET /api/tasks": {"tasks": [], "total": 0},
        "POST /api/projects/1/import": {"task_count": 1},
    }

    def answer(method: str, asked: str, token: str) -> Answer:
        place = next(one for one in {path: value, **usual} if f"{method} {asked}".startswith(one))
        return 200, {**usual, path: value}[place]

    return answer


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("path", ["projects/?", "projects/1/export", "users/"])
def test_a_pull_from_a_server_that_answers_something_else_is_one_line_and_writes_nothing(
    serve: Any, tmp_path: Path, path: str, odd: Any
) -> None:
    server = Server(serve(answers(f"GET /api/{path}", odd)), "abc")
    if odd == [] and path != "projects/?":  # nothing judged, or nobody's address to be seen
        pull_judgements(server, PARAMS.pair, tmp_path)
        return
    with pytest.raises((LabelStudioError, DataError), match=r"expected|no pair_id") as error:
        pull_judgements(server, PARAMS.pair, tmp_path)
    assert "\n" not in str(error.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize(
    "path", ["GET /api/projects/?", "POST /api/projects/", "GET /api/tasks", "POST /api/projects/1/import"]
)
def test_a_push_to_a_server_that_answers_something_else_is_one_line(
    serve: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, odd: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    answer = answers(path, odd)

    def without_projects(method: str, asked: str, token: str) -> Answer:
        if path == "POST /api/projects/" and (method, asked[:15]) == ("GET", "/api/projects/?"):
            return 200, {"results": [], "next": None}
        return (200, {}) if method == "PATCH" else answer(method, asked, token)

    with pytest.raises(LabelStudioError, match=r"expected (objects with|JSON)") as error:
        push_tasks(Server(serve(without_projects), "abc"), [{"data": task_data(0)}], PARAMS)
    assert "\n" not in str(error.value)


def test_a_server_that_tells_the_same_tasks_again_is_not_asked_for_ever(serve: Any) -> None:
    same = {"tasks": [{"id": 5, "data": {}, "total_annotations": 0}], "total": 9}
    told = Server(serve(answers("GET /api/tasks", same)), "abc").tasks(1)
    assert next(told)["id"] == 5
    with pytest.raises(LabelStudioError, match="expected tasks after 5 in their order"):
        next(told)


def test_pages_of_projects_without_end_are_one_line(serve: Any) -> None:
    server = Server(serve(answers("GET /api/projects/?", {"results": [PROJECT], "next": "more"})), "abc")
    with pytest.raises(LabelStudioError, match="page 2 of the projects brings none and names another"):
        server.projects("Köpri ru-tk")


def test_a_password_in_the_address_of_a_server_is_not_printed(capsys: Any) -> None:
    with pytest.raises(SystemExit):
        cli.run(lambda: Server("https://ayna:gizlin@example.org", "abc"))
    assert capsys.readouterr().err.startswith("error: 'https://…@example.org' is no address of a server")


def test_a_project_without_settings_gets_ours(
    serve: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    asked = []

    def answer(method: str, path: str, token: str) -> Answer:
        asked.append(method)
        return (200, {}) if method == "PATCH" else answers("-", None)(method, path, token)

    assert push_tasks(Server(serve(answer), "abc"), [{"data": task_data(0)}], PARAMS).added == 1
    assert "PATCH" in asked


def test_what_an_unexpected_answer_holds_is_not_repeated(serve: Any) -> None:
    server = Server(serve(answers("GET /api/users/", [{"id": 3, "name": "gizlin"}])), "abc")
    with pytest.raises(LabelStudioError, match="found dict with id, name; is this Label Studio") as error:
        server.emails()
    assert "gizlin" not in str(error.value)


def test_judgements_whose_tasks_the_server_has_no_more_stay_in_the_file(serve: Any, tmp_path: Path) -> None:
    other = {"id": 8, **task(1, annotation(1, "wrong", 1) | {"completed_by": 3})}
    now = [EXPORTED, other]
    server = Server(serve(lambda *asked: answers("GET /api/projects/1/export", now)(*asked)), "abc")
    first = pull_judgements(server, PARAMS.pair, tmp_path)
    assert (first.judgements, first.new, first.gone) == (2, 2, 0)
    before = first.path.read_bytes()
    for left in ([other], []):
        now[:] = left
        again = pull_judgements(server, PARAMS.pair, tmp_path)
        assert (again.judgements, again.new, again.gone) == (2, 0, 2 - len(left))
        assert again.path.read_bytes() == before
    # Judged anew after the task came back: both are there, and the later one counts.
    later = annotation(0, "wrong", 9) | {"completed_by": 3, "updated_at": "2026-11-05T10:00:00Z"}
    now[:] = [{"id": 9, **task(0, later)}]
    again = pull_judgements(server, PARAMS.pair, tmp_path)
    assert (again.judgements, again.new, again.gone) == (3, 1, 2)
    verdicts = {one.verdict for one in read_judgements(tmp_path, PARAMS.pair).rows}
    assert verdicts == {"wrong"}


def test_a_damaged_file_is_told_and_left_as_it_is(serve: Any, tmp_path: Path) -> None:
    server = Server(serve(answers("-", None)), "abc")
    path = pull_judgements(server, PARAMS.pair, tmp_path).path
    for content in ("[", "{}", "[1]", '[{"data": {}}]', json.dumps([task(0, {"unique_id": []})])):
        path.write_text(content, encoding="utf-8")
        with pytest.raises(DataError, match=path.name):
            pull_judgements(server, PARAMS.pair, tmp_path)
        assert path.read_text(encoding="utf-8") == content


def test_a_pair_that_was_there_twice_keeps_the_judgements_of_both_tasks(serve: Any, tmp_path: Path) -> None:
    twice = [EXPORTED, {"id": 8, **task(0, annotation(1, "wrong", 1) | {"completed_by": 4})}]
    found = pull_judgements(
        Server(serve(answers("GET /api/projects/1/export", twice)), "abc"), PARAMS.pair, tmp_path
    )
    assert found.judgements == 2
