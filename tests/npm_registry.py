"""A package registry on the loopback interface, and packages to put into it."""

from __future__ import annotations

import base64
import contextlib
import gzip
import hashlib
import io
import json
import tarfile
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def tarball(files: Mapping[str, str], *extra: tarfile.TarInfo) -> bytes:
    """Pack files below ``package/`` as npm does; ``extra`` members go in as they are.

    Same files, same bytes: gzip would put in the time, and a sum would change with the second.
    """
    buffer = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w") as tar,
    ):
        for name, text in files.items():
            content = text.encode()
            member = tarfile.TarInfo(f"package/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
        for member in extra:
            tar.addfile(member)
    return buffer.getvalue()


def integrity(content: bytes) -> str:
    return "sha512-" + base64.b64encode(hashlib.sha512(content).digest()).decode()


@contextlib.contextmanager
def serve(
    packages: Mapping[tuple[str, str], bytes], served: Mapping[tuple[str, str], bytes]
) -> Iterator[str]:
    """Serve packages by (name, version) and give the registry's address.

    What is announced is ``packages``; what is sent is in ``served`` where it differs.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = self.path.strip("/").split("/")
            versions = {version: body for (name, version), body in packages.items() if name == parts[0]}
            if not versions:
                self.send_error(404)
            elif len(parts) == 1:
                self.answer(json.dumps(self.description(parts[0], versions)).encode(), "application/json")
            else:
                key = (parts[0], parts[1])
                self.answer(served.get(key, packages[key]), "application/octet-stream")

        def description(self, name: str, versions: Mapping[str, bytes]) -> dict:
            address = f"http://127.0.0.1:{self.server.server_address[1]}"
            return {
                "name": name,
                "dist-tags": {"latest": max(versions)},
                "versions": {
                    version: {
                        "name": name,
                        "version": version,
                        "dist": {"tarball": f"{address}/{name}/{version}", "integrity": integrity(body)},
                    }
                    for version, body in versions.items()
                },
            }

        def answer(self, body: bytes, kind: str) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            """Say nothing on stderr."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
