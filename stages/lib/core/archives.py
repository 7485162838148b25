"""Tar archives: foreign ones, read with checks, and the raw tars that collect packs and extract reads."""

from __future__ import annotations

import io
import json
import lzma
import shutil
import tarfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO, Literal

from stages.lib.core.errors import SourceError
from stages.lib.core.files import atomic_path

MAX_MEMBER_BYTES = 64 * 2**20
MAX_TOTAL_BYTES = 2 * 2**30
MAX_MEMBERS = 50_000
MAX_RAW_MEMBERS = 200_000
# Names and comments of members, which the library reads into memory before anything else.
MAX_HEADER_BYTES = 1 << 20
# The member of a raw tar that says where the others come from.
ORIGIN = "kopri.json"


def read_tar(
    file: BinaryIO,
    where: str,
    is_wanted: Callable[[str], bool],
    *,
    links: Literal["refuse", "skip"] = "refuse",
    max_member_bytes: int = MAX_MEMBER_BYTES,
    max_total_bytes: int = MAX_TOTAL_BYTES,
    max_members: int = MAX_MEMBERS,
) -> dict[str, bytes]:
    """Return the wanted regular files of a tar stream, by name, sorted; nothing is unpacked to disk.

    ``file`` need not be seekable and may be compressed. Every member is checked, wanted or not: absolute
    names, names with ``..``, devices and members over the size limits are refused, and so are links
    (``links="skip"`` passes over them, for archives whose signature was checked already). The sizes that
    count are those after decompression.

    Raises SourceError, in one line with ``where`` in front.
    """
    files: dict[str, bytes] = {}

    def take(name: str, content: IO[bytes]) -> None:
        files[name] = content.read()

    _walk_tar(file, where, is_wanted, links, (max_member_bytes, max_total_bytes, max_members), take)
    return dict(sorted(files.items()))


def unpack_tar(
    file: BinaryIO,
    where: str,
    is_wanted: Callable[[str], bool],
    folder: Path,
    *,
    max_total_bytes: int,
) -> dict[str, Path]:
    """Copy the wanted files of a tar stream into a folder, in blocks, under the rules of :func:`read_tar`.

    One member may be as large as all together. The files are numbered, so nothing of the archive becomes a
    path. Returns them by member name, sorted.
    """
    paths: dict[str, Path] = {}

    def take(name: str, content: IO[bytes]) -> None:
        paths[name] = folder / str(len(paths))
        with paths[name].open("wb") as out:
            shutil.copyfileobj(content, out)

    _walk_tar(file, where, is_wanted, "refuse", (max_total_bytes, max_total_bytes, MAX_MEMBERS), take)
    return dict(sorted(paths.items()))


class _Member(tarfile.TarInfo):
    """A member whose headers have a size limit, and whose malformed ones are the library's own error."""

    def _proc_member(self, tar: tarfile.TarFile) -> tarfile.TarInfo:
        if self.type in _HEADERS and self.size > MAX_HEADER_BYTES:
            raise tarfile.ReadError(f"a header of {self.size:,} bytes")
        try:
            return super()._proc_member(tar)
        except (ValueError, IndexError, OverflowError, RecursionError) as error:
            raise tarfile.ReadError(f"a malformed header ({error})") from None


# Members that say something about the next one: pax records, long names.
_HEADERS = (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE, b"L", b"K")


def _walk_tar(
    file: BinaryIO,
    where: str,
    is_wanted: Callable[[str], bool],
    links: Literal["refuse", "skip"],
    limits: tuple[int, int, int],
    take: Callable[[str, IO[bytes]], None],
) -> None:
    """Check every member, and give name and content of each wanted file to ``take``."""
    max_member_bytes, max_total_bytes, max_members = limits
    seen: set[str] = set()
    total = 0
    try:
        with tarfile.open(fileobj=file, mode="r|*", tarinfo=_Member) as tar:
            for count, member in enumerate(tar, start=1):
                tar.members.clear()  # the library would keep them all
                name = _checked_name(member, where)
                if count > max_members:
                    raise SourceError(f"{where}: more than {max_members:,} members; refusing to read it")
                if member.isdir():
                    continue
                if member.issym() or member.islnk():
                    if links == "skip":
                        continue
                    raise SourceError(f"{where}: member {name!r} is a link; refusing to read it")
                if not member.isreg():
                    raise SourceError(f"{where}: member {name!r} is a device or pipe; refusing to read it")
                if member.size < 0:  # a pax header can say so, and take it off the sum below
                    raise SourceError(
                        f"{where}: member {name!r} has {member.size} bytes; refusing to read it"
                    )
                total += member.size
                if member.size > max_member_bytes or total > max_total_bytes:
                    raise SourceError(
                        f"{where}: member {name!r} has {member.size:,} bytes ({total:,} in all so far), "
                        f"over the limit of {max_member_bytes:,} a member and {max_total_bytes:,} in all"
                    )
                if is_wanted(name):
                    if name in seen:
                        raise SourceError(f"{where}: member {name!r} comes twice; refusing to read it")
                    seen.add(name)
                    take(name, tar.extractfile(member) or io.BytesIO())
    except (tarfile.TarError, EOFError, OSError, zlib.error, lzma.LZMAError) as error:
        raise SourceError(f"{where}: not a whole tar archive ({error})") from None


def _checked_name(member: tarfile.TarInfo, where: str) -> str:
    """Return the member's name without a leading ``./``."""
    path = PurePosixPath(member.name)
    if path.is_absolute() or "\\" in member.name or member.name[1:2] == ":":
        raise SourceError(
            f"{where}: member {member.name!r} has an absolute or foreign path; refusing to read it"
        )
    if ".." in path.parts:
        raise SourceError(f"{where}: member {member.name!r} leaves its folder; refusing to read it")
    return str(path)


@dataclass(frozen=True)
class RawFile:
    """One raw file, opened on demand; pickled for another process, it takes its content along."""

    open: Callable[[], IO[bytes]]
    size: int

    def read(self) -> bytes:
        with self.open() as file:
            return file.read()

    def __reduce__(self) -> tuple[Callable[[bytes], RawFile], tuple[bytes]]:
        return in_memory, (self.read(),)


def in_memory(content: bytes) -> RawFile:
    """Return a raw file that is not on disk."""
    return RawFile(lambda: io.BytesIO(content), len(content))


def on_disk(path: Path) -> RawFile:
    """Return a file on disk as a raw file."""
    return RawFile(lambda: path.open("rb"), path.stat().st_size)


@dataclass(frozen=True)
class Origin:
    """Where raw files come from; kept inside the raw tar."""

    transport: str
    package: str
    version: str

    def __str__(self) -> str:
        return f"{self.transport} {self.package} {self.version}"


def pack_raw(out: Path, origin: Origin, files: Mapping[str, RawFile]) -> None:
    """Stream files into one uncompressed tar, the origin first; same files, same bytes on any machine."""
    head = in_memory((json.dumps(asdict(origin), indent=2, sort_keys=True) + "\n").encode())
    with atomic_path(out) as temporary, tarfile.open(temporary, "w", format=tarfile.PAX_FORMAT) as tar:
        for name, content in [(ORIGIN, head), *sorted(files.items())]:
            member = tarfile.TarInfo(name)
            member.size, member.mode = content.size, 0o644
            with content.open() as file:
                tar.addfile(member, file)


@contextmanager
def open_raw(raw: Path) -> Iterator[tuple[Origin, dict[str, RawFile]]]:
    """Open a raw tar for reading member by member, without unpacking it; members are sorted by name.

    Raises SourceError if it is absent, broken, or not a tar that :func:`pack_raw` writes.
    """
    if not raw.is_file():
        raise SourceError(f"{raw}: not found; run the collect stage that writes it (dvc repro) or dvc pull")
    try:
        with tarfile.open(raw, "r:", tarinfo=_Member) as tar:
            files: dict[str, RawFile] = {}
            for count, member in enumerate(tar, start=1):
                path = PurePosixPath(member.name)
                is_outside = path.is_absolute() or ".." in path.parts
                if not member.isreg() or is_outside or count > MAX_RAW_MEMBERS or member.name in files:
                    raise SourceError(f"{raw}: member {member.name!r} is not one that collect packs")
                files[member.name] = RawFile(lambda member=member: tar.extractfile(member), member.size)
            yield _read_origin(files, raw), dict(sorted(files.items()))
    except (tarfile.TarError, EOFError) as error:
        raise SourceError(f"{raw}: not a whole tar archive ({error})") from None


def _read_origin(files: dict[str, RawFile], raw: Path) -> Origin:
    try:
        return Origin(**json.loads(files.pop(ORIGIN).read()))
    except (KeyError, TypeError, ValueError, RecursionError):
        raise SourceError(f"{raw}: has no readable {ORIGIN}; delete it and run the collect stage") from None
