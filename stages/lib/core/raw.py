"""Raw tars that are streamed: packed from files on disk and read member by member, whatever their size."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from stages.lib.core.archives import MAX_MEMBERS
from stages.lib.core.errors import SourceError
from stages.lib.core.files import atomic_path


@dataclass(frozen=True)
class RawFile:
    """One raw file, opened when it is asked for; sent to another process, it takes its content along."""

    open: Callable[[], IO[bytes]]
    size: int

    def read(self) -> bytes:
        with self.open() as file:
            return file.read()

    def __reduce__(self) -> tuple[Callable[[bytes], RawFile], tuple[bytes]]:
        return in_memory, (self.read(),)


def in_memory(content: bytes) -> RawFile:
    """Return a file that is not on disk."""
    return RawFile(lambda: io.BytesIO(content), len(content))


class RawFiles(Mapping[str, bytes]):
    """Raw files by name, each opened when it is asked for."""

    def __init__(self, openers: Mapping[str, tuple[Callable[[], IO[bytes]], int]]) -> None:
        self._openers = dict(sorted(openers.items()))

    def __getitem__(self, name: str) -> bytes:
        with self.open(name) as file:
            return file.read()

    def __iter__(self) -> Iterator[str]:
        return iter(self._openers)

    def __len__(self) -> int:
        return len(self._openers)

    def open(self, name: str) -> IO[bytes]:
        """Open one file for reading from its beginning."""
        return self._openers[name][0]()

    def size(self, name: str) -> int:
        """Return a file's size in bytes."""
        return self._openers[name][1]

    def file(self, name: str) -> RawFile:
        """Return one file by itself."""
        return RawFile(*self._openers[name])


def files_on_disk(paths: Mapping[str, Path]) -> RawFiles:
    """Return files on disk under the names that they shall have in a raw tar."""
    return RawFiles(
        {name: ((lambda path=path: path.open("rb")), path.stat().st_size) for name, path in paths.items()}
    )


def pack_raw(out: Path, origin: tuple[str, bytes], files: RawFiles) -> None:
    """Stream files into one tar, the name and content of ``origin`` first; same files, same bytes."""
    with atomic_path(out) as temporary, tarfile.open(temporary, "w", format=tarfile.PAX_FORMAT) as tar:
        name, content = origin
        _add(tar, name, io.BytesIO(content), len(content))
        for name in files:
            with files.open(name) as file:
                _add(tar, name, file, files.size(name))


def _add(tar: tarfile.TarFile, name: str, file: IO[bytes], size: int) -> None:
    member = tarfile.TarInfo(name)
    member.size = size
    member.mode = 0o644
    tar.addfile(member, file)


@contextmanager
def open_raw(raw: Path) -> Iterator[RawFiles]:
    """Open a raw tar for reading member by member; nothing is unpacked.

    Raises SourceError if it is absent, broken, or not one that :func:`pack_raw` writes.
    """
    if not raw.is_file():
        raise SourceError(f"{raw}: not found; run the collect stage that writes it (dvc repro) or dvc pull")
    try:
        tar = tarfile.open(raw, "r:")  # noqa: SIM115 (closed below; the error must be ours)
    except (tarfile.TarError, OSError, EOFError) as error:
        raise SourceError(f"{raw}: not a whole tar archive ({error})") from None
    with tar:
        openers: dict[str, tuple[Callable[[], IO[bytes]], int]] = {}
        try:
            for count, member in enumerate(tar, start=1):
                path = PurePosixPath(member.name)
                if not member.isreg() or path.is_absolute() or ".." in path.parts or count > MAX_MEMBERS:
                    raise SourceError(f"{raw}: member {member.name!r} is not one that collect packs")
                openers[member.name] = ((lambda member=member: tar.extractfile(member)), member.size)
        except (tarfile.TarError, OSError, EOFError) as error:
            raise SourceError(f"{raw}: not a whole tar archive ({error})") from None
        try:
            yield RawFiles(openers)
        except tarfile.TarError as error:
            raise SourceError(f"{raw}: not a whole tar archive ({error})") from None
