"""The DVC remote through which data is shared, and calls of DVC and git."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

from stages.lib.core.errors import DataError, ParamsError, redact

NAME = "share"
LOCAL = Path(".dvc/config.local")
# What DVC needs for each scheme; a folder has none. Those of requirements.txt come first.
PLUGINS = {
    "": "dvc", "file": "dvc", "http": "dvc_http", "https": "dvc_http", "s3": "dvc_s3", "ssh": "dvc_ssh",
    "gs": "dvc_gs", "azure": "dvc_azure", "webdav": "dvc_webdav", "webdavs": "dvc_webdav",
    "webhdfs": "dvc_webhdfs", "hdfs": "dvc_hdfs", "oss": "dvc_oss", "gdrive": "dvc_gdrive",
}  # fmt: skip
CREDENTIALS = {
    "s3": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or `dvc remote modify --local share access_key_id "
    "...` and `secret_access_key ...`",
    "ssh": "your SSH agent or key, or `dvc remote modify --local share keyfile ...` or `password ...`",
    "http": "`dvc remote modify --local share auth basic`, then `user ...` and `password ...`",
    "https": "`dvc remote modify --local share auth basic`, then `user ...` and `password ...`",
}


def run_dvc(*arguments: str) -> str:
    """Run DVC in the working folder and return its output; raise DataError with its last line if it fails."""
    done = subprocess.run(
        [sys.executable, "-m", "dvc", *arguments],
        env={**os.environ, "DVC_NO_ANALYTICS": "1"},
        text=True,
        capture_output=True,
        check=False,
    )
    if done.returncode != 0:
        lines = [line for line in (done.stderr + done.stdout).splitlines() if line.startswith("ERROR:")]
        reason = lines[-1].removeprefix("ERROR: ") if lines else done.stderr.strip()[-300:]
        raise DataError(f"dvc {' '.join(arguments[:2])} failed: {reason}")
    return done.stdout


def settings(url: str, endpoint: str | None) -> dict[str, str]:
    """Return the settings of the remote beside its URL.

    Raises ParamsError if the URL carries a password, if its scheme is unknown or needs a package that is not
    installed, or if an endpoint is given for anything but S3.
    """
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise ParamsError(f"--url: not an address ({error}); expected scheme://host/path") from None
    scheme = _scheme(url)
    if parts.password is not None or (endpoint and urlsplit(endpoint).password is not None):
        raise ParamsError(
            f"--{'url' if parts.password is not None else 'endpoint'}: carries a password, which would show "
            "in process lists and messages; leave it out, and give it by "
            f"{CREDENTIALS.get(scheme, '`dvc remote modify --local share password ...`')}"
        )
    known = ", ".join(f"{name}://" for name in PLUGINS if name)
    if scheme not in PLUGINS:
        raise ParamsError(f"--url: {url!r} is of no kind that DVC knows; expected a folder or one of {known}")
    if scheme in ("", "file"):
        folder = Path(url.removeprefix("file://"))
        if not folder.is_dir() and (folder.exists() or not folder.absolute().parent.is_dir()):
            raise ParamsError(
                f"--url: {url!r} is no folder and cannot become one; expected a folder or one of {known}"
            )
    if importlib.util.find_spec(PLUGINS[scheme]) is None:
        package = PLUGINS[scheme].replace("_", "-")
        raise ParamsError(f"--url: {scheme} needs {package}, not installed; run `pip install {package}`")
    if endpoint is not None and scheme != "s3":
        raise ParamsError(f"--endpoint: only S3 has one, and {url!r} is not S3; drop it")
    if scheme == "s3":
        return {"endpointurl": endpoint} if endpoint else {}
    # DVC's own default for uploads is POST, which hardly any file server takes.
    return {"method": "PUT"} if scheme in ("http", "https") else {}


def _scheme(url: str) -> str:
    """Return the scheme in lower case, "" for a path (also one with a drive letter)."""
    scheme = urlsplit(url).scheme.lower()
    return scheme if "://" in url else ""


def credentials_hint(url: str) -> str | None:
    """Say where the credentials of a remote go, None for one that needs none."""
    return CREDENTIALS.get(_scheme(url))


def set_remote(url: str, endpoint: str | None) -> None:
    """Write the remote into .dvc/config.local; credentials given for another place are forgotten."""
    wanted = settings(url, endpoint)
    if LOCAL.parent.is_dir():
        # It will hold credentials; DVC itself lets others read it.
        LOCAL.touch(mode=0o600)
        LOCAL.chmod(0o600)
    run_dvc("remote", "add", "--local", "--default", "--force", NAME, url)
    for key, value in wanted.items():
        run_dvc("remote", "modify", "--local", NAME, key, value)


def remote_url() -> str | None:
    """Return the URL of the default remote, wherever it is configured, None if there is none.

    A password or signature in it (DVC itself takes one) is left out: the URL is for messages.
    """
    name = run_dvc("config", "core.remote").strip()
    if not name:
        return None
    url = run_dvc("config", f"remote.{name}.url").strip()
    return redact(url)
