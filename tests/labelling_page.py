"""Sign in to a Label Studio server by its forms, and look at its pages with headless Chromium.

Chromium's command line can take no cookie, so it is shown the server through a small proxy on the loopback
address that adds the session's cookies to every request, and a script to pages where a test wants keys
pressed.
"""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import requests

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
_DROPPED = {"connection", "content-encoding", "content-length", "keep-alive", "transfer-encoding"}


def sign_in(url: str, form: str, email: str, password: str) -> requests.Session:
    """Send the log-in or sign-up form at path ``form``; return the session."""
    session = requests.Session()
    session.get(url + form, timeout=60)
    fields = {"email": email, "password": password, "csrfmiddlewaretoken": session.cookies["csrftoken"]}
    session.post(url + form, data=fields, timeout=60)
    assert "sessionid" in session.cookies, f"{email} could not sign in at {form}"
    return session


@contextmanager
def pages_of(url: str, session: requests.Session, script: str = "") -> Iterator[str]:
    """Serve the server's pages as the session's account sees them, with a script; yield the address."""
    cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in session.cookies)
    identity = {"Cookie": cookies, "X-CSRFToken": session.cookies["csrftoken"], "Referer": url}

    class Proxy(BaseHTTPRequestHandler):
        def forward(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = identity | {
                name: self.headers[name] for name in ("Accept", "Content-Type") if name in self.headers
            }
            answer = requests.request(
                self.command, url + self.path, data=body, headers=headers, allow_redirects=False, timeout=60
            )
            self.send_response(answer.status_code)
            for name, value in answer.headers.items():
                if name.lower() not in _DROPPED:
                    self.send_header(name, value)
            content = answer.content
            if script and "text/html" in answer.headers.get("Content-Type", ""):
                content = content.replace(b"</body>", f"<script>{script}</script></body>".encode())
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = forward

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Proxy) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()


def chromium(address: str, profile: Path, *options: str, wait_ms: int = 30_000) -> str:
    """Open an address in headless Chromium, give its scripts time, and return what it prints."""
    command = [
        str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
        "--disable-background-networking", "--window-size=1280,1100", f"--user-data-dir={profile}",
        f"--virtual-time-budget={wait_ms}", *options, address,
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout
