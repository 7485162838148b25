"""An archive on the web, pinned by its SHA-256, or its copy in the mirror."""

from __future__ import annotations

from pathlib import PurePosixPath

from stages.collect.patterns import wanted_files
from stages.lib.core.archives import RawFile, on_disk, unpack_tar
from stages.lib.core.errors import ParamsError, SourceError
from stages.lib.core.fetch import fetch
from stages.lib.core.files import atomic_path
from stages.lib.core.params import SourceConfig

MAX_BYTES = 20 * 2**30


def gather(name: str, config: SourceConfig) -> tuple[str, dict[str, RawFile]]:
    """Download the tar, unpack the wanted files beside it, and return them by their names alone.

    Raises ParamsError if no checksum is pinned, since unpinned files are not read, and SourceError if a name
    comes twice or no member is wanted.
    """
    if config.checksum is None:
        raise ParamsError(
            f"sources/{name}.yaml: checksum: not pinned yet, and nothing unpinned is read; "
            f"run `curl -fsSL {config.url} | sha256sum`, look at what came, and write the sum there"
        )
    where, wanted = f"{name}: {config.url}", wanted_files(config)
    archive = fetch(config.url or "", config.checksum, MAX_BYTES)
    folder = archive.with_name(f"{archive.name}-unpacked")
    with atomic_path(folder) as temporary, archive.open("rb") as file:
        temporary.mkdir()
        members = unpack_tar(
            file, where, lambda member: bool(wanted.fullmatch(member)), temporary, max_total_bytes=MAX_BYTES
        )
    files = {f"files/{PurePosixPath(member).name}": folder / path.name for member, path in members.items()}
    is_lacking = config.format == "moses" and len(files) < 2  # both sides of the text
    if len(files) < len(members) or not files or is_lacking:
        raise SourceError(
            f"{where}: expected one each of {', '.join(config.files)}, found {', '.join(members) or 'none'}; "
            f"check url and files in sources/{name}.yaml"
        )
    return config.version or config.checksum[:16], {file: on_disk(path) for file, path in files.items()}
