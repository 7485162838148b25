from __future__ import annotations

import shutil
import subprocess

import pytest

from stages.collect.transports import collect
from stages.lib.core.archives import open_raw
from stages.lib.core.errors import SourceError
from tests.stages.raw_tars import source

needs_dpkg = pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="dpkg-deb exists on Debian alone")


@pytest.fixture
def apt(tmp_path, monkeypatch):
    """An apt-get that delivers one package, built here with dpkg-deb; its archive holds a link as well."""
    tree = tmp_path / "tree"
    folder = tree / "usr/share/mediawiki/languages/i18n"
    folder.mkdir(parents=True)
    (folder / "tk.json").write_text('{"save": "Ýatda sakla"}', encoding="utf-8")
    (tree / "usr/share/mediawiki/config").symlink_to("/etc/mediawiki")
    (tree / "DEBIAN").mkdir()
    (tree / "DEBIAN/control").write_text(
        "Package: mediawiki\nVersion: 1:1.39-1\nArchitecture: all\nMaintainer: none <none@example.org>\n"
        "Description: messages\n",
        encoding="utf-8",
    )
    package = tmp_path / "mediawiki.deb"
    subprocess.run(["dpkg-deb", "--build", str(tree), str(package)], check=True, capture_output=True)
    commands = tmp_path / "bin"
    commands.mkdir()
    script = commands / "apt-get"
    script.write_text(
        f'#!/bin/sh\nif [ "$2" = mediawiki ]; then cp {package} .; else echo "E: no $2" >&2; exit 100; fi\n',
        encoding="utf-8",
    )
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(commands), prepend=":")


@needs_dpkg
def test_a_debian_package_is_packed_with_its_version(apt, tmp_path):
    collect("mediawiki", source("mediawiki"), tmp_path / "raw.tar")
    with open_raw(tmp_path / "raw.tar") as (origin, files):
        assert str(origin) == "debian mediawiki 1:1.39-1"
        assert list(files) == ["usr/share/mediawiki/languages/i18n/tk.json"]


@needs_dpkg
@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("mediawiki", {"version": "2.0"}, r"Debian has mediawiki 1:1\.39-1, expected 2\.0"),
        ("mediawiki", {"files": ["usr/**/*.po"]}, r"mediawiki 1:1\.39-1 has no file like usr/\*\*/\*\.po"),
        ("goldendict", {}, "goldendict: apt-get download failed: E: no goldendict; run apt-get update"),
    ],
)
def test_a_package_that_is_not_as_expected_is_one_line(apt, tmp_path, name, changes, message):
    with pytest.raises(SourceError, match=message):
        collect(name, source(name, **changes), tmp_path / "raw.tar")
    assert not (tmp_path / "raw.tar").exists()
