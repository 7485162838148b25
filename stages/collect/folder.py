"""Files that people put into a folder."""

from __future__ import annotations

import hashlib
import logging
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from stages.lib.core.archives import RawFile, on_disk
from stages.lib.core.errors import SourceError
from stages.lib.core.files import sha256_file
from stages.lib.core.params import SourceConfig

log = logging.getLogger(__name__)


def gather(name: str, config: SourceConfig) -> tuple[str, dict[str, RawFile]]:
    """Return the listed files by their names alone, and all files of listed folders by their paths in them.

    The version is a hash of names and contents.
    """
    paths: dict[str, Path] = {}
    for place in map(Path, config.files):
        if not place.exists():
            raise SourceError(
                f"{place}: not found; put it there, correct files in sources/{name}.yaml, "
                f"or take {name} off sources in params.yaml"
            )
        for path in _regular_files(place) if place.is_dir() else [place]:
            relative = path.relative_to(place).as_posix() if place.is_dir() else path.name
            member = f"files/{unicodedata.normalize('NFC', relative)}"
            if member in paths:
                raise SourceError(f"{paths[member]} and {path} have one name; rename one of them")
            paths[member] = path
    if not paths:
        raise SourceError(
            f"{', '.join(config.files)}: no file in it; put some in, "
            f"or take {name} off sources in params.yaml"
        )
    digest = hashlib.sha256()
    for member, path in sorted(paths.items()):
        digest.update(f"{member}\0{sha256_file(path)}\n".encode())
    return digest.hexdigest()[:16], {member: on_disk(path) for member, path in paths.items()}


def _regular_files(folder: Path) -> Iterator[Path]:
    """Yield the files below a folder; hidden ones are passed over, links with a warning."""
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if any(part.startswith((".", "~$")) for part in parts) or path.is_dir():
            continue
        below = [folder.joinpath(*parts[:depth]) for depth in range(1, len(parts) + 1)]
        if path.is_file() and not any(part.is_symlink() for part in below):
            yield path
        else:
            log.warning("%s: a link, not a file; left out", path)
