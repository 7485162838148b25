"""Download files and verify their SHA-256."""

from __future__ import annotations

import hashlib
import logging
import os
import time
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter

from stages.lib.core.errors import DownloadError
from stages.lib.core.files import atomic_path, sha256_file

CACHE_DIR = Path(".cache/kopri/downloads")

_BLOCK = 1 << 16
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_MAX_REDIRECTS = 5
_MAX_PAUSE_S = 60
_RETRIED_STATUS = (408, 429, 500, 502, 503, 504)

logger = logging.getLogger(__name__)


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
    """Return the path of a file with the pinned SHA-256, from the cache, the mirror or the web.

    The mirror is the folder named by the environment variable ``KOPRI_MIRROR``; it holds a file under the
    host and path of its URL. A mirrored file with another SHA-256 is an error, and the web is not asked. The
    URL and every redirect must be https; plain http is accepted only when both are on the loopback interface.
    Server errors, timeouts and broken connections are tried ``attempts`` times, with pauses that double from
    ``pause_s`` on. A file gets its final name in ``cache_dir`` after its size and its SHA-256 are verified.

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
            blocks = iter(lambda: file.read(_BLOCK), b"")
            _store(blocks, url, sha256, max_bytes, target, f"mirror file {mirrored}")
        return target
    for attempt in range(1, attempts + 1):
        try:
            _download(url, sha256, max_bytes, target, attempts, pause_s, timeout_s)
            break
        except urllib3.exceptions.HTTPError as error:  # within the body, which urllib3 does not retry itself
            if attempt == attempts:
                raise _unreachable(url, f"truncated: {error}", attempts) from None
            logger.info("%s: %s; trying again", url, error)
            time.sleep(pause_s * 2 ** (attempt - 1))
    return target


def _check_url(url: str, origin: str) -> None:
    """Raise DownloadError unless ``url`` may be opened on behalf of ``origin``."""
    parts = urlsplit(url)
    if parts.scheme == "https" and parts.hostname:
        return
    if parts.scheme == "http" and parts.hostname in _LOOPBACK and urlsplit(origin).hostname in _LOOPBACK:
        return
    what = "is not https" if url == origin else f"redirects to {url}, which is not https"
    raise DownloadError(f"{origin}: {what}; expected an https address")


def _mirror_path(url: str) -> Path:
    """The place of a URL below the mirror folder: host, then path."""
    parts = urlsplit(url)
    names = [name for name in unquote(parts.path).split("/") if name]
    if any(name in (".", "..") or "\0" in name for name in names):
        raise DownloadError(f"{url}: its path has a '.' or '..' part; give the plain address")
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


def _unreachable(url: str, reason: str, attempts: int) -> DownloadError:
    return DownloadError(
        f"{url}: cannot be downloaded: {reason} ({attempts} attempts); "
        f"check the network, or put the file at {_mirror_hint(url)}"
    )


def _session(url: str, attempts: int, pause_s: float) -> requests.Session:
    """Make a session that retries, and that follows few redirects and none that leaves https."""
    retry = urllib3.Retry(
        attempts - 1,
        backoff_factor=pause_s,
        backoff_max=_MAX_PAUSE_S,
        retry_after_max=_MAX_PAUSE_S,
        status_forcelist=_RETRIED_STATUS,
        raise_on_status=False,
    )

    def check_redirect(response: requests.Response, **_: object) -> None:
        if response.is_redirect:
            _check_url(urljoin(response.url, response.headers["location"]), url)

    session = requests.Session()
    session.max_redirects = _MAX_REDIRECTS
    session.hooks["response"].append(check_redirect)
    session.headers.update({"User-Agent": "kopri", "Accept-Encoding": "identity"})
    # A proxy cannot reach our own loopback interface.
    session.trust_env = urlsplit(url).hostname not in _LOOPBACK
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(max_retries=retry))
    return session


def _download(
    url: str, sha256: str, max_bytes: int, target: Path, attempts: int, pause_s: float, timeout_s: float
) -> None:
    refused = (
        f"{url}: expected the file, found {{}}; check the address, or put the file at {_mirror_hint(url)}"
    )
    try:
        with (
            _session(url, attempts, pause_s) as session,
            session.get(url, timeout=timeout_s, stream=True) as response,
        ):
            status = f"HTTP {response.status_code} {response.reason}"
            if response.status_code in _RETRIED_STATUS:
                raise _unreachable(url, status, attempts)
            if not response.ok:
                raise DownloadError(refused.format(status))
            length = response.headers.get("Content-Length", "")
            if length.isdigit() and int(length) > max_bytes:
                raise DownloadError(
                    f"{_too_large(url, 'the server', max_bytes)} (it announces {int(length):,})"
                )
            blocks = response.raw.stream(_BLOCK, decode_content=False)
            _store(blocks, url, sha256, max_bytes, target, "the server")
    except requests.TooManyRedirects:
        raise DownloadError(refused.format(f"more than {_MAX_REDIRECTS} redirects")) from None
    except requests.RequestException as error:
        cause = error.args[0] if error.args else error
        raise _unreachable(url, str(getattr(cause, "reason", cause)), attempts) from None


def _too_large(url: str, origin: str, max_bytes: int) -> str:
    return f"{url}: {origin} gives more than the {max_bytes:,} bytes allowed; the pinned file is smaller"


def _store(blocks: Iterable[bytes], url: str, sha256: str, max_bytes: int, target: Path, origin: str) -> None:
    """Write blocks to ``target``; it gets this name only when its size and SHA-256 are right."""
    with atomic_path(target) as temporary:
        digest, size = hashlib.sha256(), 0
        with temporary.open("wb") as file:
            for block in blocks:
                size += len(block)
                if size > max_bytes:
                    raise DownloadError(_too_large(url, origin, max_bytes))
                digest.update(block)
                file.write(block)
        if digest.hexdigest() != sha256:
            action = (
                "replace the mirror file by the original, or remove it"
                if origin.startswith("mirror")
                else "if the file was changed on purpose, pin its new sha256"
            )
            raise DownloadError(
                f"{url}: {origin} gives other content: expected sha256 {sha256}, "
                f"found {digest.hexdigest()} ({size:,} bytes); {action}"
            )
