"""The round trip through a real Label Studio server: tasks there, three people's judgements back."""

from __future__ import annotations

import itertools
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import krippendorff
import numpy as np
import polars as pl
import psutil
import pytest
import requests

from commands.annotate.agreement import agreement_figures
from commands.annotate.client import LabelStudioError, Server
from commands.annotate.export import choose_pairs, make_tasks
from commands.annotate.pull import pseudonym, pull_judgements
from commands.annotate.push import LABELLING, push_tasks
from commands.annotate.server import PROGRAM, database_settings, free_port, read_access, running_server, stop
from stages.clean.corpus import clean_pairs
from stages.lib.core.params import Params, load_params
from stages.lib.core.tables import PAIR_SCHEMA, SEGMENT_SCHEMA, table_from_rows, write_table
from stages.lib.text.annotations import VERDICTS, merge, read_judgements, task_groups
from tests.browser import needs_chromium, open_browser
from tests.judgements import result, task_data
from tests.phrases import PHRASES, corpus
from tests.settings import write_settings

ROOT = Path(__file__).parents[3]
PEOPLE = ("ayna@example.org", "merdan@example.org", "sona@example.org")
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
PASSWORD = "uzyn-açar-sözi-1"


@pytest.mark.parametrize(
    "url", ["mysql://a@b/c", "postgresql://b/c", "postgresql://a@b", "postgresql://a@b:x/c"]
)
def test_an_address_that_is_no_database_is_told_without_repeating_it(url: str) -> None:
    with pytest.raises(LabelStudioError, match="expected postgresql://USER") as error:
        database_settings(url)
    assert url not in str(error.value)


def test_the_database_is_sqlite_unless_an_address_says_postgresql() -> None:
    assert database_settings(None) == {"DJANGO_DB": "sqlite"}
    settings = database_settings("postgresql://kopri:a%2Fb@db.example.org:6432/labels")
    assert settings == {
        "DJANGO_DB": "default",
        "POSTGRE_USER": "kopri",
        "POSTGRE_PASSWORD": "a/b",
        "POSTGRE_HOST": "db.example.org",
        "POSTGRE_PORT": "6432",
        "POSTGRE_NAME": "labels",
    }


def test_people_who_judge_on_servers_of_their_own_are_different_annotators(tmp_path: Path) -> None:
    names = {pseudonym(read_access(tmp_path / "access.json")["username"]) for _ in range(2)}
    assert len(names) == 2


@pytest.mark.parametrize(
    ("program", "message"),
    [
        (None, "make label-studio installs the server"),
        ("echo 'the port is taken' >&2\nexit 3", "ended at its start with code 3: the port is taken"),
    ],
)
def test_a_server_that_cannot_start_is_one_line(tmp_path: Path, program: str | None, message: str) -> None:
    path = tmp_path / "label-studio"
    if program:
        path.write_text(f"#!/bin/sh\n{program}\n", encoding="utf-8")
        path.chmod(0o755)
    with (
        pytest.raises(LabelStudioError, match=message),
        running_server(tmp_path / "data", 1, read_access(tmp_path / "access.json"), path),
    ):
        pass


@pytest.fixture
def command(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """`make label-studio`'s command, running, with a server that takes no time to start."""
    program = tmp_path / PROGRAM
    program.parent.mkdir(parents=True)
    program.write_text(
        f"#!{sys.executable}\n"
        "import signal, sys\n"
        "from tests.label_studio_double import label_studio_double\n"
        "with label_studio_double(int(sys.argv[sys.argv.index('--port') + 1])):\n"
        "    signal.pause()\n",
        encoding="utf-8",
    )
    program.chmod(0o755)
    write_settings(tmp_path)
    (tmp_path / "tasks.json").write_text(json.dumps([{"data": task_data(n)} for n in range(3)]))
    process = subprocess.Popen(
        [sys.executable, "-m", "commands.annotate", "server", "--tasks", "tasks.json"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # As a terminal gives it, whatever ran these tests.
        preexec_fn=lambda: [signal.signal(sign, signal.SIG_DFL) for sign in SIGNALS],
    )
    yield process
    if process.poll() is None:
        process.kill()
    process.communicate()


@pytest.mark.parametrize("sign", SIGNALS)
def test_the_server_ends_with_the_command_by_whatever_signal_and_by_several(
    command: subprocess.Popen[str], sign: signal.Signals
) -> None:
    while "Ctrl-C stops the server" not in (line := command.stderr.readline()):
        assert line, "the command ended before the server ran"
    (server,) = psutil.Process(command.pid).children()
    try:
        command.send_signal(sign)
        command.send_signal(signal.SIGHUP)
        command.wait(timeout=120)
        assert not server.is_running()
    finally:
        if server.is_running():
            server.kill()


def sign_in(url: str, form: str, email: str, password: str) -> requests.Session:
    """Send the log-in or sign-up form at path ``form``; return the session."""
    session = requests.Session()
    session.get(url + form, timeout=300)
    fields = {"email": email, "password": password, "csrfmiddlewaretoken": session.cookies["csrftoken"]}
    session.post(url + form, data=fields, timeout=300)
    assert "sessionid" in session.cookies, f"{email} could not sign in at {form}"
    return session


class Proxy:
    """What a program with proxies in its environment asks on its way out; nothing gets farther than here."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self.asked: list[bytes] = []
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while True:
            connection, _ = self._socket.accept()
            with connection:
                connection.settimeout(5)
                self.asked.append(connection.recv(200))

    @property
    def environment(self) -> dict[str, str]:
        names = ("http_proxy", "https_proxy", "all_proxy")
        return dict.fromkeys([*names, *map(str.upper, names)], self.url)


class RealServer:
    """A server that can be killed and started again on its database."""

    def __init__(self, folder: Path) -> None:
        self.proxy = Proxy()
        self.folder, self.port = folder, free_port()
        self.access = read_access(folder / "access.json")
        self.url = f"http://127.0.0.1:{self.port}"
        self.start()

    def start(self) -> None:
        self._running = running_server(self.folder, self.port, self.access, ROOT / PROGRAM)
        with pytest.MonkeyPatch.context() as patch:
            for name, value in {**self.proxy.environment, "no_proxy": "", "NO_PROXY": ""}.items():
                patch.setenv(name, value)
            self.process = self._running.__enter__()

    def kill(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        stop(self.process)

    def as_admin(self) -> Server:
        return Server(self.url, self.access["token"])

    def as_annotators(self) -> list[Server]:
        """Sign three people up by the invitation link, as annotators join, unless they are there."""
        known = self.as_admin().emails().values()
        invitation = self.as_admin().get("/api/invite")["invite_url"]
        servers = []
        for email in PEOPLE:
            form = "/user/login/" if email in known else invitation
            session = sign_in(self.url, form, email, PASSWORD)
            token = session.get(f"{self.url}/api/current-user/token", timeout=300).json()["token"]
            servers.append(Server(self.url, token))
        return servers


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealServer]:
    if not (ROOT / PROGRAM).is_file():
        pytest.skip("Label Studio is not installed: make label-studio-install")
    server = RealServer(tmp_path_factory.mktemp("label-studio"))
    yield server
    server.stop()


@pytest.fixture
def server(running: RealServer) -> RealServer:
    """The server without any project."""
    admin = running.as_admin()
    for project in admin.get("/api/projects/", page_size=100)["results"]:
        admin.request("DELETE", f"/api/projects/{project['id']}/")
    return running


@pytest.fixture(scope="module")
def params() -> Params:
    read = load_params(ROOT / "params.yaml")
    annotate = {"tasks": 50, "overlap": 0.3, "annotators": 3, "control_share": 0.2}
    return read.model_copy(
        update={
            "sources": ["phrases"],
            "annotate": read.annotate.model_copy(update=annotate),
            "split": read.split.model_copy(update={"min_words": 1}),
        }
    )


@pytest.fixture(scope="module")
def pairs() -> Any:
    """50 pairs with scores: the phrases, and phrases joined with the next or the third one."""
    joined = [zip(PHRASES, PHRASES[step:] + PHRASES[:step], strict=True) for step in (1, 3)]
    texts = [(f"{a[0]} {b[0]}", f"{a[1]} {b[1]}") for a, b in itertools.chain(*joined)]
    frame = corpus([*PHRASES, *texts][:50], docs=10).select(PAIR_SCHEMA.keys())
    scores = [round(n / 50, 4) for n in range(50)]
    return frame.with_columns(method=pl.lit("aligned"), score=pl.Series(scores, dtype=pl.Float32))


@pytest.fixture(scope="module")
def tasks(pairs: Any, params: Params, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The 50 tasks, exported from the cleaned corpus."""
    folder = tmp_path_factory.mktemp("segments")
    segments = [
        ("phrases", row["doc"], lang, row[f"n_{side}"], row[side], None, None, None, row["license"], None)
        for row in pairs.iter_rows(named=True)
        for side, lang in (("src", "ru"), ("tgt", "tk"))
    ]
    write_table(table_from_rows(segments, SEGMENT_SCHEMA), folder / "phrases.parquet", SEGMENT_SCHEMA)
    cleaned = clean_pairs(pairs, params).corpus
    assert cleaned.height == 50
    return make_tasks(choose_pairs(cleaned, cleaned[:0], [], 0.5, params), folder)


def _judge(people: list[Server], task_ids: dict[str, int], data: dict[str, Any], plan: list[Any]) -> None:
    """Give a task one annotation by each of the first people: a verdict, or one with an addition to tgt."""
    for person, planned in zip(people, plan, strict=False):
        verdict, addition = planned if isinstance(planned, tuple) else (planned, "")
        value = {
            "result": result(
                verdict, () if verdict == "exact" else ("meaning",), data["src"], data["tgt"] + addition
            ),
            # Judgements take some ten seconds; the third annotator clicked one task away.
            "lead_time": 0.3
            if person is people[-1] and verdict == "not_sentence"
            else 10 + len(data["src"]) % 5,
        }
        person.post(f"/api/tasks/{task_ids[data['pair_id']]}/annotations/", value)


def _plan(pair_ids: list[str]) -> dict[str, list[Any]]:
    """Plant what three people say of each pair: agreement, rejections, edits, ties, small differences."""
    plans: list[list[Any]] = [["exact"] * 3] * 30
    plans += [["wrong", "wrong", "exact"]] * 4 + [["not_sentence"] * 3]
    plans += [[("partial", " Hawa."), ("minor", " Hawa."), "minor"], [("minor", " Elbetde.")] * 3]
    plans += [["exact", "wrong"]] * 3
    plans += [["exact", "minor", "exact"]] * 10
    return dict(zip(pair_ids, plans, strict=True))


@pytest.mark.slow
def test_the_labelling_page_is_valid_to_the_sdk_of_the_server(running: RealServer) -> None:
    code = (
        "import sys; from label_studio_sdk.label_interface import LabelInterface\n"
        "page = LabelInterface(open(sys.argv[1], encoding='utf-8').read()); page.validate()\n"
        "print(*page.get_control('verdict').labels)"
    )
    python = (ROOT / PROGRAM).with_name("python")
    done = subprocess.run([python, "-c", code, LABELLING], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.split() == list(VERDICTS)


@pytest.mark.slow
def test_three_peoples_judgements_come_back_as_planted(
    server: RealServer, tasks: list[dict[str, Any]], pairs: Any, params: Params, tmp_path: Path
) -> None:
    admin = server.as_admin()
    pushed = push_tasks(admin, tasks, params)
    assert (pushed.added, pushed.known) == (50, 0)
    assert push_tasks(admin, tasks, params) == type(pushed)(pushed.project, 0, 50)
    listed = admin.get("/api/tasks", project=pushed.project, page_size=100)["tasks"]
    assert Counter(task["overlap"] for task in listed) == {3: 15, 1: 35}
    assert sorted(task["data"]["pair_id"] for task in listed) == sorted(t["data"]["pair_id"] for t in tasks)
    assert {task["total_predictions"] for task in listed} == {1}

    task_ids = {task["data"]["pair_id"]: task["id"] for task in admin.tasks(pushed.project)}
    plan = _plan(sorted(task_ids))
    data = {task["data"]["pair_id"]: task["data"] for task in tasks}
    people = server.as_annotators()
    for pair in task_ids:
        _judge(people, task_ids, data[pair], plan[pair])

    pulled = pull_judgements(admin, params.pair, tmp_path)
    assert (pulled.judgements, pulled.new, pulled.gone) == (147, 147, 0)
    before = pulled.path.read_bytes()
    again = pull_judgements(admin, params.pair, tmp_path)
    assert (again.new, again.gone, again.path.read_bytes()) == (0, 0, before)
    assert not any(part in before for part in (b"@", server.access["token"].encode()))

    judgements = read_judgements(tmp_path, params.pair)
    assert (len(judgements.rows), judgements.skipped) == (147, {})
    merged = merge(judgements.rows)
    decisions = Counter(one.decision for one in merged)
    assert decisions == {"keep": 40, "reject": 5, "edit": 2, "second_look": 3}

    cleaned = clean_pairs(pairs, params, "pairs", merged)
    rejected = sorted(
        pair
        for pair, verdicts in plan.items()
        if verdicts[0] == "not_sentence" or verdicts[:2] == ["wrong"] * 2
    )
    assert sorted(cleaned.dropped["pair_id"]) == rejected
    assert cleaned.dropped["reason"].to_list() == ["rejected"] * 5
    edited = [row for row in cleaned.corpus.iter_rows(named=True) if row["method"] == "annotated"]
    mended = {pair: verdicts[0][1] for pair, verdicts in plan.items() if isinstance(verdicts[0], tuple)}
    assert sorted(row["tgt"] for row in edited) == sorted(data[pair]["tgt"] + mended[pair] for pair in mended)
    assert set(cleaned.corpus["pair_id"]) - {row["pair_id"] for row in edited} == (
        set(plan) - set(mended) - set(rejected)
    )

    figures = agreement_figures(judgements.rows, merged, resamples=200, confidence=0.95, seed=1)
    codes = np.full((3, 50), np.nan)  # (annotators, pairs)
    for column, pair in enumerate(sorted(plan)):
        for row, planned in enumerate(plan[pair]):
            codes[row, column] = VERDICTS.index(planned[0] if isinstance(planned, tuple) else planned)
    planted = krippendorff.alpha(reliability_data=codes, level_of_measurement="nominal")
    assert figures["alpha_verdict"]["value"] == pytest.approx(planted, abs=1e-12)
    assert figures["alpha_verdict"]["low"] < planted < figures["alpha_verdict"]["high"]
    annotators = figures["annotators"]
    assert set(annotators) == {pseudonym(email) for email in PEOPLE}
    assert annotators[pseudonym(PEOPLE[2])]["too_fast"] == 1
    assert len(figures["alpha_keep_by_annotators"]) == 3

    judged = [task_groups(one.task) for one in merged]
    assert choose_pairs(cleaned.corpus, cleaned.corpus[:0], judged, 0.5, params) == []


@pytest.mark.slow
def test_the_server_talks_to_this_machine_only(
    server: RealServer, tasks: list[dict[str, Any]], params: Params
) -> None:
    # From its start on, through all that was asked of it: whatever would go out would come to the proxy.
    push_tasks(server.as_admin(), tasks, params)
    sign_in(server.url, "/user/login/", server.access["username"], server.access["password"])
    time.sleep(2)
    assert server.proxy.asked == []
    # It would have been seen, also from the server's own Python.
    code = "import requests; requests.get('http://label.example.org/version', timeout=5)"
    python = (ROOT / PROGRAM).with_name("python")
    env = {**os.environ, **server.proxy.environment, "no_proxy": "", "NO_PROXY": ""}
    subprocess.run([python, "-c", code], env=env, stderr=subprocess.DEVNULL, timeout=300, check=False)
    assert server.proxy.asked[0].startswith(b"GET http://label.example.org/version")
    server.proxy.asked.clear()
    main = psutil.Process(server.process.pid)
    connections = [
        connection
        for process in (main, *main.children(recursive=True))
        for connection in process.net_connections(kind="inet")
    ]
    listening = {connection.laddr for connection in connections if connection.status == psutil.CONN_LISTEN}
    assert {address.port for address in listening} == {server.port}
    assert {address.ip for address in listening} == {"127.0.0.1"}
    assert {connection.raddr.ip for connection in connections if connection.raddr} <= {"127.0.0.1"}


@pytest.mark.slow
def test_a_push_that_the_servers_death_cuts_off_is_finished_by_the_next(
    server: RealServer, tasks: list[dict[str, Any]], params: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    send, imports = Server._send, []
    death = threading.Timer(0.05, server.kill)

    def send_and_kill(self: Server, method: str, path: str, **options: Any) -> Any:
        if path.endswith("/import"):
            imports.append(path)
            if len(imports) == 3:  # in the middle of it
                death.start()
            elif len(imports) > 3:
                death.join()
        return send(self, method, path, **options)

    try:
        with monkeypatch.context() as patch:
            patch.setattr(Server, "_send", send_and_kill)
            with pytest.raises(
                LabelStudioError, match=r"no answer from .* \([23]0 of 50 tasks were sent; push again"
            ):
                push_tasks(server.as_admin(), tasks, params, batch=10)
    finally:  # the other tests' too
        server.process.wait()
        server.start()
    pushed = push_tasks(server.as_admin(), tasks, params, batch=10)
    # Of the batch that was under way the server had taken in what it had.
    assert pushed.added + pushed.known == 50
    assert 20 <= pushed.known <= 30
    held = Counter(task["data"]["pair_id"] for task in server.as_admin().tasks(pushed.project))
    assert len(held) == 50
    assert set(held.values()) == {1}


@pytest.mark.slow
def test_tasks_that_vanish_while_they_are_listed_hide_no_others(
    server: RealServer, tasks: list[dict[str, Any]], params: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("commands.annotate.client._PAGE", 20)
    admin = server.as_admin()
    project = push_tasks(admin, tasks, params).project
    numbers = [task["id"] for task in admin.tasks(project)]
    assert len(numbers) == 50
    listed = []
    for task in admin.tasks(project):
        listed.append(task["id"])
        if len(listed) == 20:  # a page further: eleven of it go, and the last task of all
            for number in [*numbers[:11], numbers[-1]]:
                admin.remove(f"/api/tasks/{number}/")
    assert listed == numbers[:-1]


@pytest.mark.slow
def test_a_deleted_project_loses_no_judgement(
    server: RealServer, tasks: list[dict[str, Any]], params: Params, tmp_path: Path
) -> None:
    admin = server.as_admin()
    (person, *_) = server.as_annotators()
    for n in range(2):
        pushed = push_tasks(admin, tasks, params)
        task_ids = {task["data"]["pair_id"]: task["id"] for task in admin.tasks(pushed.project)}
        _judge([person], task_ids, tasks[n]["data"], ["exact"])
        pull_judgements(admin, params.pair, tmp_path)
        admin.request("DELETE", f"/api/projects/{pushed.project}/")
        with pytest.raises(LabelStudioError, match=r"no project is called 'Köpri ru-tk' \(deleted"):
            pull_judgements(admin, params.pair, tmp_path)
    with pytest.raises(LabelStudioError, match=r"404.*is the project still there"):
        admin.export(pushed.project)
    kept = {one.pair_id for one in read_judgements(tmp_path, params.pair).rows}
    assert kept == {tasks[0]["data"]["pair_id"], tasks[1]["data"]["pair_id"]}


@pytest.mark.slow
@needs_chromium
def test_the_labelling_page_shows_both_texts_and_its_shortcuts_work(
    server: RealServer, tasks: list[dict[str, Any]], params: Params, tmp_path: Path
) -> None:
    pushed = push_tasks(server.as_admin(), tasks, params)
    task = next(iter(server.as_admin().tasks(pushed.project)))
    session = sign_in(server.url, "/user/login/", server.access["username"], server.access["password"])
    with open_browser() as browser:
        context = browser.new_context(viewport={"width": 1280, "height": 1100})
        context.add_cookies(
            [{"name": cookie.name, "value": cookie.value, "url": server.url} for cookie in session.cookies]
        )
        page = context.new_page()
        page.goto(f"{server.url}/projects/{pushed.project}/data?task={task['id']}", timeout=300_000)
        submit = page.locator("button").filter(has_text=re.compile(r"^\s*Submit\s*$"))  # its label is longer
        submit.wait_for(timeout=300_000)
        for text in (task["data"]["src"], task["data"]["tgt"], "Точный · Takyk", "[1]", "[5]", "[q]"):
            page.get_by_text(text).first.wait_for()
        # What an annotator does: 2 for the verdict, w for a kind of error.
        page.keyboard.press("2")
        page.keyboard.press("w")
        with page.expect_response(
            lambda answer: (
                answer.request.method == "POST" and "/annotations" in answer.url and answer.status == 201
            )
        ):
            submit.click()
    pull_judgements(server.as_admin(), params.pair, tmp_path / "annotations")
    (judgement,) = read_judgements(tmp_path / "annotations", params.pair).rows
    assert judgement.pair_id == task["data"]["pair_id"]
    assert (judgement.verdict, judgement.errors) == ("minor", ("omission",))
    # The fields for mending come filled in with the texts; left alone they are no edit.
    assert not judgement.is_edited
