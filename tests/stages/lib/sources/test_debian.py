from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from stages.lib.core.archives import read_own_tar, write_tar
from stages.lib.core.errors import ParamsError, SourceError
from stages.lib.core.params import SourceConfig
from stages.lib.sources.base import ORIGIN, Source
from stages.lib.sources.debian import Goldendict, Mediawiki
from tests.stages.lib.sources.test_qt import qm_file

needs_dpkg = pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="dpkg-deb exists on Debian alone")


def source(kind: type[Source], version: str | None = None) -> Source:
    return kind(
        kind.kind,
        SourceConfig(kind=kind.kind, package=kind.kind, version=version, license="GPL-2.0-or-later"),
    )


def extract(kind: type[Source], files: dict[str, bytes], folder: Path) -> list[dict]:
    origin = {"kind": kind.kind, "registry": "deb/debian", "package": kind.kind, "version": "1:1.39"}
    write_tar(folder / "raw.tar", {**files, ORIGIN: json.dumps(origin).encode()})
    return source(kind).extract(folder / "raw.tar").to_dicts()


def texts(rows: list[dict], lang: str) -> dict[str, str]:
    return {f"{row['doc']}|{row['key']}": row["text"] for row in rows if row["lang"] == lang}


def test_mediawiki_messages_are_told_apart_by_module(tmp_path):
    def messages(**values: str) -> bytes:
        return json.dumps({"@metadata": {"authors": ["x"]}, **values}).encode()

    base = "usr/share/mediawiki"
    files = {
        f"{base}/languages/i18n/tk.json": messages(save="Ýatda sakla"),
        f"{base}/languages/i18n/exif/tk.json": messages(save="Ini"),
        f"{base}/languages/i18n/kk-cyrl.json": messages(save="Сақтау"),
        f"{base}/extensions-core/Cite/i18n/tk.json": messages(note="Çykgyt"),
        f"{base}/extensions-core/Cite/modules/ve-cite/i18n/tk.json": messages(note="Bellik"),
        f"{base}/skins/Vector/i18n/tk.json": messages(menu="Menýu"),
        f"{base}/includes/installer/i18n/tk.json": messages(step="Ädim"),
        f"{base}/resources/lib/ooui/i18n/tk.json": messages(ok="Bolýar"),
        f"{base}/vendor/oojs/oojs-ui/i18n/tk.json": messages(ok="Bolýar"),
    }
    rows = extract(Mediawiki, files, tmp_path)
    assert texts(rows, "tk") == {
        "mediawiki/core|save": "Ýatda sakla",
        "mediawiki/core|exif:save": "Ini",
        "mediawiki/Cite|note": "Çykgyt",
        "mediawiki/Cite|modules/ve-cite:note": "Bellik",
        "mediawiki/Vector|menu": "Menýu",
        "mediawiki/installer|step": "Ädim",
        "mediawiki/ooui|ok": "Bolýar",
    }
    assert texts(rows, "kk") == {"mediawiki/core|save": "Сақтау"}


def test_mediawiki_names_a_file_that_is_no_json(tmp_path):
    with pytest.raises(
        SourceError, match=r"mediawiki: usr/share/mediawiki/languages/i18n/tk\.json is not JSON"
    ):
        extract(Mediawiki, {"usr/share/mediawiki/languages/i18n/tk.json": b"{"}, tmp_path)


def test_goldendict_takes_english_from_the_texts_translated(tmp_path):
    messages = [
        ("Preferences", "&Clear", "", ["&Arassala"]),
        ("Main", "%n word(s)", "", ["%n söz", "%n sözler"]),
    ]
    files = {"usr/share/goldendict/locale/tk_TM.qm": qm_file(messages)}
    rows = extract(Goldendict, files, tmp_path)
    assert texts(rows, "tk") == {
        "goldendict/Preferences|&Clear": "&Arassala",
        "goldendict/Main|%n word(s)#one": "%n söz",
        "goldendict/Main|%n word(s)#other": "%n sözler",
    }
    assert texts(rows, "en")["goldendict/Main|%n word(s)"] == "%n word(s)"


def test_without_apt_get_the_error_names_the_source_to_drop(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SourceError, match=r"apt-get is not on this machine.*drop 'mediawiki' from sources"):
        source(Mediawiki).collect(tmp_path / "raw.tar")
    assert not (tmp_path / "raw.tar").exists()


def test_a_debian_source_needs_a_package():
    with pytest.raises(ParamsError, match=r"sources_config\.mediawiki: kind 'mediawiki' needs package"):
        Mediawiki("mediawiki", SourceConfig(kind="mediawiki", license="GPL-2.0-or-later"))


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
    source(Mediawiki).collect(tmp_path / "raw.tar")
    files = read_own_tar(tmp_path / "raw.tar")
    assert list(files) == ["kopri.json", "usr/share/mediawiki/languages/i18n/tk.json"]
    assert json.loads(files["kopri.json"])["version"] == "1:1.39-1"
    rows = source(Mediawiki).extract(tmp_path / "raw.tar").to_dicts()
    assert rows[0]["url"].startswith("pkg:deb/debian/mediawiki@1:1.39-1#usr/share")


@needs_dpkg
def test_another_debian_version_than_the_pinned_one_is_refused(apt, tmp_path):
    with pytest.raises(SourceError, match=r"Debian has mediawiki 1:1\.39-1, expected 2\.0"):
        source(Mediawiki, "2.0").collect(tmp_path / "raw.tar")
    assert not (tmp_path / "raw.tar").exists()


@needs_dpkg
def test_apt_get_s_own_words_are_passed_on(apt, tmp_path):
    with pytest.raises(
        SourceError, match="goldendict: apt-get download failed: E: no goldendict; run apt-get update"
    ):
        source(Goldendict).collect(tmp_path / "raw.tar")
