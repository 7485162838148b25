from __future__ import annotations

import importlib
import json
from pathlib import Path

import pytest

from stages.collect.transports import collect
from stages.lib.core.errors import SourceError
from tests.stages.raw_tars import packed_files, source


def install(folder: Path, package: str, files: dict[str, bytes], version: str = "1.0") -> None:
    """Lay out an installed package as pip does, metadata and licence included."""
    info = folder / f"{package}-{version}.dist-info"
    written = {f"{package}/__init__.py": b"", f"{info.name}/licenses/LICENSE": b"MIT", **files}
    written[f"{info.name}/METADATA"] = (
        f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n".encode()
    )
    written[f"{info.name}/RECORD"] = "".join(f"{name},,\n" for name in written).encode()
    for name, content in written.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A folder of installed packages that Python finds."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    importlib.invalidate_caches()
    return folder


FILES = {
    f"kitap/{folder}locale/{name}/LC_MESSAGES/django.po": b'msgid ""'
    for folder in ("", "contrib/admin/")
    for name in ("ru", "tk", "de")
}


def test_the_catalogues_of_every_language_looked_for_are_packed_with_the_licence(site, tmp_path):
    install(site, "kitap", {**FILES, "kitap/locale/ru/LC_MESSAGES/django.mo": b""})
    assert collect("django", source("django", package="kitap", version="1.0"), tmp_path / "raw.tar") == 5
    assert list(packed_files(tmp_path / "raw.tar")) == [
        "contrib/admin/locale/ru/LC_MESSAGES/django.po",
        "contrib/admin/locale/tk/LC_MESSAGES/django.po",
        "licenses/LICENSE",
        "locale/ru/LC_MESSAGES/django.po",
        "locale/tk/LC_MESSAGES/django.po",
    ]


def test_babel_s_pickled_names_are_packed_as_json(tmp_path):
    collect("babel", source("babel", options={"sections": ["territories", "months"]}), tmp_path / "raw.tar")
    names = json.loads(packed_files(tmp_path / "raw.tar")["locale-data/tk.json"])
    assert set(names) == {"territories", "months"}
    assert names["territories"]["EG"] == "Müsür"
    assert names["months"]["format"]["wide"]["1"] == "ýanwar"


@pytest.mark.parametrize(
    ("package", "message"),
    [
        (
            "no-such-package-here",
            r"django: package no-such-package-here is not installed; expected version 1\.0; "
            r"run: pip install no-such-package-here==1\.0$",
        ),
        ("kitap", r"kitap has version 2\.0; expected 1\.0 .*pip install kitap==1\.0"),
        ("bosh", "django: package bosh holds no translation"),
    ],
)
def test_a_package_that_cannot_be_read_is_one_line(site, tmp_path, package, message):
    install(site, "kitap", FILES, version="2.0")
    install(site, "bosh", {})
    with pytest.raises(SourceError, match=message):
        collect("django", source("django", package=package, version="1.0"), tmp_path / "raw.tar")
    assert not (tmp_path / "raw.tar").exists()
