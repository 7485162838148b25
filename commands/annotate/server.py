"""Run a Label Studio server on this machine, for this machine, and put the exported tasks into it.

It listens on the loopback address, keeps its database in data/label-studio/ and tells nobody that it runs.
With LABEL_STUDIO_POSTGRES=postgresql://USER[:PASSWORD]@HOST[:PORT]/NAME it uses that PostgreSQL database.
"""

from __future__ import annotations

import logging
import os
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from commands.annotate.client import LabelStudioError
from stages.lib.core.files import read_json, write_json

log = logging.getLogger("label-studio")

PROGRAM = Path(".cache/label-studio-venv/bin/label-studio")
# The first start makes some 300 tables: 50 s on two cores, three minutes where others use them too.
START_S = 600
_ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
POSTGRES_VARIABLE = "LABEL_STUDIO_POSTGRES"

QUIET = {
    "COLLECT_ANALYTICS": "false",
    "LATEST_VERSION_CHECK": "false",
    "SENTRY_DSN": "",
    "FRONTEND_SENTRY_DSN": "",
    "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true",
    # Annotators join by the link that the first account finds under Organization.
    "LABEL_STUDIO_DISABLE_SIGNUP_WITHOUT_LINK": "true",
}


def database_settings(url: str | None) -> dict[str, str]:
    """Return the environment that chooses the database: sqlite, or the PostgreSQL server of a URL.

    Raises LabelStudioError, without the URL (it may hold a password), if it is not of that form.
    """
    if not url:
        return {"DJANGO_DB": "sqlite"}
    parts = urlsplit(url)
    try:
        port = parts.port or 5432
    except ValueError:
        port = None
    name = parts.path.lstrip("/")
    if parts.scheme not in ("postgres", "postgresql") or not (
        parts.username and parts.hostname and name and port
    ):
        raise LabelStudioError(
            f"{POSTGRES_VARIABLE} is no address of a database; "
            "expected postgresql://USER[:PASSWORD]@HOST[:PORT]/NAME"
        )
    return {
        "DJANGO_DB": "default",
        "POSTGRE_USER": unquote(parts.username),
        "POSTGRE_PASSWORD": unquote(parts.password or os.environ.get("PGPASSWORD", "")),
        "POSTGRE_HOST": parts.hostname,
        "POSTGRE_PORT": str(port),
        "POSTGRE_NAME": name,
    }


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def read_access(path: Path) -> dict[str, Any]:
    """Return the first account of the server, made up at the first start and kept in a file for its owner.

    No two servers have the same: an address stands for a person, and each server has its own.
    """
    if path.is_file():
        return read_json(path)
    return {
        "username": f"kopri-{secrets.token_hex(4)}@localhost.localdomain",
        "password": secrets.token_urlsafe(12),
        "token": secrets.token_hex(20),
    }


def write_access(path: Path, access: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    # The temporary file of write_json would be readable by all for a moment: keep others out of the folder.
    path.parent.chmod(0o700)
    write_json(path, access)
    path.chmod(0o600)


@contextmanager
def running_server(
    folder: Path, port: int, access: Mapping[str, Any], program: Path = PROGRAM
) -> Iterator[subprocess.Popen[bytes]]:
    """Start the server, wait until it answers, and stop it at the end.

    Raises LabelStudioError, with the last line of its log, if it ends or does not answer in ``START_S``.
    """
    if not program.is_file():
        raise LabelStudioError(f"{program}: not found; make label-studio installs the server")
    folder.mkdir(parents=True, exist_ok=True)
    environment = {
        **os.environ,
        **QUIET,
        **database_settings(os.environ.get(POSTGRES_VARIABLE)),
        # By the environment: a command line can be read by every user of the machine.
        "LABEL_STUDIO_USERNAME": access["username"],
        "LABEL_STUDIO_PASSWORD": access["password"],
        "LABEL_STUDIO_USER_TOKEN": access["token"],
    }
    command = [
        str(program.absolute()), "start", "--no-browser", "--data-dir", str(folder.absolute()),
        "--internal-host", "127.0.0.1", "--port", str(port), "--enable-legacy-api-token",
    ]  # fmt: skip
    log_file = folder / "server.log"
    with log_file.open("wb") as out:
        process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
        )
    try:
        _wait(process, port, log_file)
        yield process
    finally:
        stop(process)


def _wait(process: subprocess.Popen[bytes], port: int, log_file: Path) -> None:
    import requests

    session = requests.Session()
    session.trust_env = False  # no proxy between this machine and itself
    ends = time.monotonic() + START_S
    while time.monotonic() < ends:
        if process.poll() is not None:
            lines = log_file.read_text(encoding="utf-8", errors="replace").split("\n")
            last = next((line for line in reversed(lines) if line.strip()), "it wrote nothing")
            raise LabelStudioError(
                f"Label Studio ended at its start with code {process.returncode}: {last.strip()} "
                f"(see {log_file})"
            )
        try:
            if session.get(f"http://127.0.0.1:{port}/health", timeout=5).ok:
                return
        except requests.RequestException:
            pass
        time.sleep(0.5)
    raise LabelStudioError(f"Label Studio did not answer within {START_S} s; see {log_file}")


def stop(process: subprocess.Popen[bytes]) -> None:
    """End the server and what it started."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            return
        os.killpg(process.pid, sign)
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            continue


def end_by_signals() -> None:
    """Have the server end with this command, however that ends: Ctrl-C, kill, or a closed terminal.

    The first signal begins the end and the others are passed over, so that none cuts it short. One that is
    ignored (SIGHUP by nohup) stays so.
    """

    is_ending = False

    def end(*_: object) -> None:
        nonlocal is_ending
        if not is_ending:
            is_ending = True
            raise KeyboardInterrupt

    for sign in _ENDS:
        if signal.getsignal(sign) is not signal.SIG_IGN:
            signal.signal(sign, end)
