from __future__ import annotations

import hashlib
import http.server
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stages.lib.core.errors import DownloadError
from stages.lib.core.fetch import fetch

TEXT = "Ähli adamlar öz mertebesi boýunça deň doglan.\n".encode() * 50
SHA = hashlib.sha256(TEXT).hexdigest()

Answer = Callable[[http.server.BaseHTTPRequestHandler], None]


def _send(
    handler: http.server.BaseHTTPRequestHandler, status: int, body: bytes = b"", **headers: object
) -> None:
    handler.send_response(status)
    for name, value in {"Content_Length": len(body), **headers}.items():
        handler.send_header(name.replace("_", "-"), str(value))
    handler.end_headers()
    handler.wfile.write(body)


class Server:
    """A real server on the loopback interface; ``answers`` gives each path its answers in turn."""

    def __init__(self) -> None:
        self.answers: dict[str, list[Answer]] = {}
        self.asked: Counter[str] = Counter()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                turns = outer.answers[self.path]
                answer = turns[min(outer.asked[self.path], len(turns) - 1)]
                outer.asked[self.path] += 1
                answer(self)

            def log_message(self, format: str, *args: object) -> None:
                """Keep the test output quiet."""

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True

    def url(self, path: str, *answers: Answer) -> str:
        self.answers[path] = list(answers)
        return f"http://127.0.0.1:{self.http.server_port}{path}"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield server
    server.http.shutdown()
    server.http.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def _no_mirror(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KOPRI_MIRROR", raising=False)


def _good(handler: http.server.BaseHTTPRequestHandler) -> None:
    _send(handler, 200, TEXT)


def _failing(handler: http.server.BaseHTTPRequestHandler) -> None:
    _send(handler, 500, b"sorry")


def _to(location: str) -> Answer:
    return lambda handler: _send(handler, 302, b"", Location=location)


def _fetch(url: str, cache: Path, sha256: str = SHA, max_bytes: int = 10_000, timeout_s: float = 5) -> Path:
    return fetch(url, sha256, max_bytes, cache, attempts=3, pause_s=0.01, timeout_s=timeout_s)


def _files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_fetch_brings_the_pinned_file_once_and_replaces_a_changed_one(server: Server, tmp_path: Path) -> None:
    url = server.url("/data/tk.txt", _good)
    path = _fetch(url, tmp_path)
    assert path.read_bytes() == TEXT
    assert _files(tmp_path) == [path.name]
    assert _fetch(url, tmp_path) == path
    assert server.asked["/data/tk.txt"] == 1
    path.write_bytes(b"changed")
    assert _fetch(url, tmp_path).read_bytes() == TEXT
    assert server.asked["/data/tk.txt"] == 2


def test_fetch_tries_again_after_server_errors_and_a_timeout(server: Server, tmp_path: Path) -> None:
    url = server.url("/flaky.txt", _failing, lambda handler: time.sleep(3), _good)
    assert _fetch(url, tmp_path, timeout_s=1.0).read_bytes() == TEXT
    assert server.asked["/flaky.txt"] == 3


def _truncated(handler: http.server.BaseHTTPRequestHandler) -> None:
    _send(handler, 200, TEXT[:100], Content_Length=len(TEXT))


def _endless(handler: http.server.BaseHTTPRequestHandler) -> None:
    """Send more than allowed without saying so."""
    handler.send_response(200)
    handler.end_headers()
    handler.wfile.write(b"a" * 20_000)


@pytest.mark.parametrize(
    ("path", "answer", "message", "asked"),
    [
        ("/truncated.txt", _truncated, r"truncated: .*100 bytes read, .*more expected.*\(3 attempts", 3),
        ("/down.txt", _failing, r"HTTP 500 Internal Server Error \(3 attempts\).*\$KOPRI_MIRROR/127", 3),
        ("/gone.txt", lambda h: _send(h, 404), r"expected the file, found HTTP 404 Not Found", 1),
        ("/wrong.txt", lambda h: _send(h, 200, b"x"), rf"expected sha256 {SHA}, found 2d7.* \(1 byte", 1),
        ("/announced.txt", lambda h: _send(h, 200, b"a" * 20_000), r"10,000 .* \(it announces 20,000\)", 1),
        ("/endless.txt", _endless, r"more than the 10,000 bytes allowed", 1),
        ("/file.txt", _to("file:///etc/hostname"), r"redirects to file:///etc/hostname, which is not", 1),
        ("/plain.txt", _to("http://example.org/a"), r"redirects to http://example.org/a, which is not", 1),
        ("/loop.txt", _to("/loop.txt"), r"expected the file, found more than 5 redirects", 6),
    ],
)
def test_fetch_names_the_fault_and_leaves_nothing(
    server: Server, tmp_path: Path, path: str, answer: Answer, message: str, asked: int
) -> None:
    server.asked[path] = 0
    url = server.url(path, answer)
    with pytest.raises(DownloadError, match=message) as error:
        _fetch(url, tmp_path)
    assert str(error.value).startswith(url)
    assert "\n" not in str(error.value)
    assert _files(tmp_path) == []
    assert server.asked[path] == asked


def test_fetch_follows_a_redirect_on_the_same_loopback(server: Server, tmp_path: Path) -> None:
    server.url("/there.txt", _good)
    assert _fetch(server.url("/here.txt", _to("/there.txt")), tmp_path).read_bytes() == TEXT


@pytest.mark.parametrize("url", ["http://example.org/a.txt", "file:///etc/hostname", "ftp://example.org/a"])
def test_fetch_refuses_an_address_that_is_not_https(url: str, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="is not https"):
        _fetch(url, tmp_path)


def test_fetch_says_where_to_put_a_file_that_no_server_gives(tmp_path: Path) -> None:
    # Port 1 of the loopback interface: nothing listens there.
    with pytest.raises(
        DownloadError, match=r"cannot be downloaded: .*put the file at \$KOPRI_MIRROR/127.0.0.1/a"
    ):
        _fetch("http://127.0.0.1:1/a", tmp_path)


@pytest.fixture
def mirrored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file in a mirror: https://example.org/a%20b/tk.txt."""
    monkeypatch.setenv("KOPRI_MIRROR", str(tmp_path / "mirror"))
    path = tmp_path / "mirror/example.org/a b/tk.txt"
    path.parent.mkdir(parents=True)
    path.write_bytes(TEXT)
    return path


def test_fetch_takes_the_mirror_before_the_web(server: Server, tmp_path: Path, mirrored: Path) -> None:
    path = _fetch("https://example.org/a%20b/tk.txt", tmp_path / "cache")
    assert path.parent == tmp_path / "cache"
    assert path.read_bytes() == mirrored.read_bytes()
    # What the mirror lacks comes from the web.
    assert _fetch(server.url("/unmirrored.txt", _good), tmp_path / "other").read_bytes() == TEXT


@pytest.mark.parametrize(
    ("content", "message"),
    [(TEXT[:-1], "other content.*replace the mirror"), (b"a" * 20_000, "more than the 10,000 bytes")],
)
def test_fetch_refuses_a_corrupt_mirror_file(
    tmp_path: Path, mirrored: Path, content: bytes, message: str
) -> None:
    mirrored.write_bytes(content)
    with pytest.raises(DownloadError, match=rf"mirror file .*tk\.txt gives {message}"):
        _fetch("https://example.org/a%20b/tk.txt", tmp_path / "cache")
    assert _files(tmp_path / "cache") == []


def test_fetch_refuses_a_mirror_that_is_no_folder_and_a_path_that_climbs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(DownloadError, match=r"has a '\.' or '\.\.' part"):
        _fetch("https://example.org/a/%2e%2e/%2e%2e/secret", tmp_path)
    monkeypatch.setenv("KOPRI_MIRROR", str(tmp_path / "absent"))
    with pytest.raises(DownloadError, match=r"KOPRI_MIRROR: .* is not a folder"):
        _fetch("https://example.org/a", tmp_path)
