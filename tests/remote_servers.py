"""Servers on loopback that a DVC remote can be: S3 (moto), SFTP (asyncssh) and HTTP with uploads.

Each is a process of its own, so that a slow or killed client never shares an interpreter with it.
"""

from __future__ import annotations

import base64
import http.server
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# DVC writes its configuration in ASCII, passwords too.
USER, PASSWORD = "aman", "gizlin-acar"


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_for(process: subprocess.Popen[bytes], port: int) -> None:
    """Wait until a server process answers at its port."""
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        assert process.poll() is None, f"{process.args}: ended with {process.returncode}"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise TimeoutError(f"{process.args}: no answer on port {port}")


@contextmanager
def serving(*arguments: str, port: int) -> Iterator[None]:
    """Run a Python server until its port answers, and end it afterwards."""
    with subprocess.Popen(
        [sys.executable, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            wait_for(process, port)
            yield
        finally:
            process.kill()


class S3:
    """A bucket on moto that checks credentials: the one key pair may do everything, any other nothing."""

    BUCKET = "kopri"

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.url = f"s3://{self.BUCKET}/remote"
        self._client("s3").create_bucket(Bucket=self.BUCKET)
        iam = self._client("iam")
        iam.create_user(UserName=USER)
        policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
        iam.put_user_policy(UserName=USER, PolicyName="all", PolicyDocument=json.dumps(policy))
        key = iam.create_access_key(UserName=USER)["AccessKey"]
        self.credentials = {
            "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        self.wrong = {**self.credentials, "AWS_ACCESS_KEY_ID": "AKIANADOGRYACARSOZI0"}
        # From now on, every request is checked.
        headers = {"Content-Type": "text/plain"}
        check = urllib.request.Request(f"{endpoint}/moto-api/reset-auth", data=b"0", headers=headers)
        urllib.request.urlopen(check).close()

    def _client(self, service: str, **credentials: str):
        import boto3

        keys = {
            "aws_access_key_id": credentials.get("AWS_ACCESS_KEY_ID", "testing"),
            "aws_secret_access_key": credentials.get("AWS_SECRET_ACCESS_KEY", "testing"),
        }
        return boto3.client(service, endpoint_url=self.endpoint, region_name="us-east-1", **keys)

    def sizes(self) -> dict[str, int]:
        """Return the size of every object in the bucket, by key."""
        pages = self._client("s3", **self.credentials).get_paginator("list_objects_v2")
        return {
            item["Key"]: item["Size"]
            for page in pages.paginate(Bucket=self.BUCKET)
            for item in page.get("Contents", [])
        }


@contextmanager
def s3_server() -> Iterator[S3]:
    port = free_port()
    with serving("-m", "moto.server", "-H", "127.0.0.1", "-p", str(port), port=port):
        yield S3(f"http://127.0.0.1:{port}")


@contextmanager
def ssh_server(folder: Path) -> Iterator[str]:
    """Serve a folder by SFTP to USER with PASSWORD; gives the remote's URL."""
    port = free_port()
    with serving("-m", "tests.remote_servers", "ssh", str(port), str(folder), port=port):
        yield f"ssh://{USER}@127.0.0.1:{port}/remote"


@contextmanager
def http_server(folder: Path) -> Iterator[str]:
    """Serve a folder by HTTP, uploads by PUT, to USER with PASSWORD; gives the remote's URL."""
    port = free_port()
    with serving("-m", "tests.remote_servers", "http", str(port), str(folder), port=port):
        yield f"http://127.0.0.1:{port}/remote"


def _serve_ssh(port: int, folder: str) -> None:
    import asyncio

    import asyncssh

    class Server(asyncssh.SSHServer):
        def begin_auth(self, username: str) -> bool:
            return True

        def password_auth_supported(self) -> bool:
            return True

        def validate_password(self, username: str, password: str) -> bool:
            return (username, password) == (USER, PASSWORD)

    async def serve() -> None:
        key = asyncssh.generate_private_key("ssh-ed25519")
        await asyncssh.listen(
            "127.0.0.1",
            port,
            server_factory=Server,
            server_host_keys=[key],
            sftp_factory=lambda channel: asyncssh.SFTPServer(channel, chroot=folder.encode()),
        )
        await asyncio.Event().wait()

    asyncio.run(serve())


_TOKEN = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()


class _Uploads(http.server.SimpleHTTPRequestHandler):
    """A file server that takes PUT, for one user."""

    protocol_version = "HTTP/1.1"

    def _is_known(self) -> bool:
        if self.headers.get("Authorization") == f"Basic {_TOKEN}":
            return True
        self._answer(401)
        return False

    def _answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def do_GET(self) -> None:
        if self._is_known():
            super().do_GET()

    def do_HEAD(self) -> None:
        if self._is_known():
            super().do_HEAD()

    def do_PUT(self) -> None:
        body = self._body()
        if self._is_known():
            path = Path(self.translate_path(self.path))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(body)
            self._answer(201)


def _serve_http(port: int, folder: str) -> None:
    os.chdir(folder)
    http.server.ThreadingHTTPServer(("127.0.0.1", port), _Uploads).serve_forever()


if __name__ == "__main__":
    {"ssh": _serve_ssh, "http": _serve_http}[sys.argv[1]](int(sys.argv[2]), sys.argv[3])
