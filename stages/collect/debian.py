"""Debian packages, unpinned: Debian serves only the newest version."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from stages.collect.patterns import wanted_files
from stages.lib.core.archives import RawFile, in_memory, read_tar
from stages.lib.core.errors import SourceError
from stages.lib.core.params import SourceConfig

TIMEOUT_S = 600


def gather(name: str, config: SourceConfig) -> tuple[str, dict[str, RawFile]]:
    """Download the package with apt-get and return its version, the wanted files and its copyright file.

    apt-get checks the package's signature, so its links are passed over rather than refused.
    """
    package, wanted = config.package, wanted_files(config)
    with tempfile.TemporaryDirectory(prefix="kopri-deb-") as temporary:
        folder = Path(temporary)
        _run(name, ["apt-get", "download", str(package)], folder)
        archives = sorted(folder.glob("*.deb"))
        if len(archives) != 1:
            raise SourceError(f"{name}: apt-get download {package} left {len(archives)} packages, not 1")
        version = _run(name, ["dpkg-deb", "--field", str(archives[0]), "Version"], folder).strip()
        if config.version not in (None, version):
            raise SourceError(
                f"{name}: Debian has {package} {version}, expected {config.version} "
                f"(version in sources/{name}.yaml); change or drop the version"
            )
        tar = folder / "package.tar"
        with tar.open("wb") as out:
            _run(name, ["dpkg-deb", "--fsys-tarfile", str(archives[0])], folder, stdout=out)
        about = f"usr/share/doc/{package}/copyright"
        with tar.open("rb") as file:
            members = read_tar(
                file,
                f"{name}: {archives[0].name}",
                lambda member: member == about or wanted.fullmatch(member) is not None,
                links="skip",
            )
    if not set(members) - {about}:
        raise SourceError(f"{name}: package {package} {version} has no file like {config.files[0]}")
    return version, {member: in_memory(content) for member, content in members.items()}


def _run(name: str, command: list[str], folder: Path, stdout: object = subprocess.PIPE) -> str:
    advice = f"drop {name!r} from sources in params.yaml"
    if shutil.which(command[0]) is None:
        raise SourceError(
            f"{name}: {command[0]} is not on this machine, and this source is a Debian package; {advice}"
        )
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            stdout=stdout,  # type: ignore[arg-type]
            stderr=subprocess.PIPE,
            timeout=TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise SourceError(f"{name}: {command[0]} gave no answer within {TIMEOUT_S} s") from None
    if done.returncode != 0:
        errors = [line for line in done.stderr.decode("utf-8", "replace").splitlines() if line[:2] != "W:"]
        raise SourceError(
            f"{name}: {' '.join(command[:2])} failed: {'; '.join(errors)[:300]}; "
            f"run apt-get update, or {advice}"
        )
    return done.stdout.decode("utf-8", "replace") if done.stdout else ""
