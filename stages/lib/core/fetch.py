"""Pinned downloads: what comes is what was pinned, or nothing comes."""

from __future__ import annotations

import hashlib
import http.client
import logging
import os
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import IO
from urllib.parse import unquote, urlsplit

from stages.lib.core.errors import DownloadError
from stages.lib.core.files import atomic_path, sha256_file

CACHE_DIR = Path(".cache/kopri/downloads")

_BLOCK = 1 << 16
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_MAX_REDIRECTS = 5
_RETRIED_STATUS = (408, 429, 500, 502, 503, 504)

logger = logging.getLogger(__name__)


class _RetryableError(Exception):
    """A fault that another attempt may not meet."""


def fetch(
    url: str,
    sha256: str,
    max_bytes: int,
    cache_dir: Path = CACHE_DIR,
    *,
    attempts: int = 4,
    pause_s: float = 1.0,
    timeout_s: float = 30.0,
) -> Path:
    """Return a file with exactly the pinned content, from the cache, the mirror or the web.

    The mirror is the folder named by the environment variable ``KOPRI_MIRROR``; a file lies in it under
    the host and path of its URL. A mirrored file of other content is an error: the web is not asked in
    its place. The URL, and what it redirects to, must be https; plain http is taken only when both are
    on the loopback interface. Server errors, timeouts and broken connections are tried ``attempts``
    times, with pauses of ``pause_s``, then twice that, and so on. Nothing appears in ``cache_dir`` under
    its final name before its size and its hash are checked.

    Raises DownloadError, one line: what, URL, expected, found, what to do.
    """
    _check_url(url, url)
    target = cache_dir / f"{sha256[:16]}-{Path(unquote(urlsplit(url).path)).name or 'index'}"
    if target.is_file():
        if sha256_file(target) == sha256:
            return target
        logger.warning("%s: changed since it was downloaded, fetched again", target)
        target.unlink()
    mirrored = _mirrored(url)
    if mirrored is not None:
        with mirrored.open("rb") as file:
            _store(file, url, sha256, max_bytes, target, f"mirror file {mirrored}", None)
        return target
    for attempt in range(attempts):
        try:
            _download(url, sha256, max_bytes, target, timeout_s)
        except _RetryableError as error:
            if attempt + 1 == attempts:
                raise DownloadError(
                    f"{url}: cannot be downloaded: {error} ({attempts} attempts); "
                    f"check the network, or put the file at {_mirror_hint(url)}"
                ) from None
            logger.info("%s: %s; trying again", url, error)
            time.sleep(pause_s * 2**attempt)
        else:
            break
    return target


def _check_url(url: str, origin: str) -> None:
    """Raise DownloadError unless ``url`` may be opened on behalf of ``origin``."""
    parts = urlsplit(url)
    if parts.scheme == "https" and parts.hostname:
        return
    if parts.scheme == "http" and parts.hostname in _LOOPBACK and urlsplit(origin).hostname in _LOOPBACK:
        return
    what = "is not https" if url == origin else f"redirects to {url}, which is not https"
    raise DownloadError(f"{origin}: {what}; expected an https address, give one in params.yaml")


def _mirror_path(url: str) -> Path:
    """The place of a URL below the mirror folder: host, then path."""
    parts = urlsplit(url)
    names = [name for name in unquote(parts.path).split("/") if name]
    if any(name in (".", "..") or "\0" in name for name in names):
        raise DownloadError(f"{url}: its path has a '.' or '..' part; give the plain address in params.yaml")
    return Path(parts.hostname or "", *names)


def _mirrored(url: str) -> Path | None:
    """The URL's file in the mirror folder, None if there is no mirror or it lacks the file."""
    root = os.environ.get("KOPRI_MIRROR")
    relative = _mirror_path(url)
    if not root:
        return None
    if not Path(root).is_dir():
        raise DownloadError(f"KOPRI_MIRROR: {root} is not a folder; correct or unset the variable")
    path = Path(root) / relative
    return path if path.is_file() else None


def _mirror_hint(url: str) -> str:
    return f"$KOPRI_MIRROR/{_mirror_path(url).as_posix()}"


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    """Follow few redirects, and none that leaves https."""

    max_redirections = _MAX_REDIRECTS

    def __init__(self, origin: str) -> None:
        self._origin = origin

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        _check_url(newurl, self._origin)
        return super().redirect_request(req, fp, code, msg, headers, newurl)

    def http_error_302(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
    ) -> IO[bytes] | None:
        # urllib itself refuses file: and the like, but as an HTTP error that hides where it was sent.
        location = headers.get("location") or headers.get("uri") or ""
        if urlsplit(location).scheme:
            _check_url(location, self._origin)
        return super().http_error_302(req, fp, code, msg, headers)

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302


def _opener(url: str) -> urllib.request.OpenerDirector:
    handlers: list[urllib.request.BaseHandler] = [_SafeRedirects(url)]
    if urlsplit(url).hostname in _LOOPBACK:
        handlers.append(urllib.request.ProxyHandler({}))  # a proxy cannot reach our own loopback
    return urllib.request.build_opener(*handlers)


def _download(url: str, sha256: str, max_bytes: int, target: Path, timeout_s: float) -> None:
    request = urllib.request.Request(url, headers={"User-Agent": "kopri", "Accept-Encoding": "identity"})
    try:
        with _opener(url).open(request, timeout=timeout_s) as response:
            length = response.headers.get("Content-Length", "")
            expected = int(length) if length.isdigit() else None
            _store(response, url, sha256, max_bytes, target, "the server", expected)
    except urllib.error.HTTPError as error:
        with error:
            reason = f"HTTP {error.code} {' '.join(str(error.reason).split())}"
        if error.code in _RETRIED_STATUS:
            raise _RetryableError(reason) from None
        raise DownloadError(
            f"{url}: expected the file, found {reason}; check the address in params.yaml, "
            f"or put the file at {_mirror_hint(url)}"
        ) from None
    except (urllib.error.URLError, TimeoutError, ConnectionError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise _RetryableError(f"{type(error).__name__}: {reason}") from None


def _store(
    stream: IO[bytes],
    url: str,
    sha256: str,
    max_bytes: int,
    target: Path,
    origin: str,
    expected_bytes: int | None,
) -> None:
    """Copy a stream to ``target`` under its final name only when its size and hash are right."""
    too_large = f"{url}: {origin} gives more than the {max_bytes:,} bytes allowed; the pinned file is smaller"
    if expected_bytes is not None and expected_bytes > max_bytes:
        raise DownloadError(f"{too_large} (it announces {expected_bytes:,})")
    with atomic_path(target) as temporary:
        digest, size = hashlib.sha256(), 0
        with temporary.open("wb") as file:
            for block in _blocks(stream):
                size += len(block)
                if size > max_bytes:
                    raise DownloadError(too_large)
                digest.update(block)
                file.write(block)
        if expected_bytes is not None and size < expected_bytes:
            raise _RetryableError(f"truncated, expected {expected_bytes:,} bytes, found {size:,}")
        if digest.hexdigest() != sha256:
            action = (
                "replace the mirror file by the original, or remove it"
                if origin.startswith("mirror")
                else "if the file was changed on purpose, pin its new sha256 in params.yaml"
            )
            raise DownloadError(
                f"{url}: {origin} gives other content: expected sha256 {sha256}, "
                f"found {digest.hexdigest()} ({size:,} bytes); {action}"
            )


def _blocks(stream: IO[bytes]) -> Iterator[bytes]:
    while block := stream.read(_BLOCK):
        yield block
