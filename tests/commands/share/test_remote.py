from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from commands.share.remote import remote_url, set_remote, settings
from stages.lib.core.errors import DataError, ParamsError

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    ("url", "endpoint", "expected"),
    [
        ("/srv/köpri", None, {}),
        ("../shared", None, {}),
        ("s3://kopri/data", None, {}),
        ("s3://kopri/data", "http://127.0.0.1:9000", {"endpointurl": "http://127.0.0.1:9000"}),
        ("ssh://aman@example.org/srv/kopri", None, {}),
        ("HTTPS://example.org/kopri", None, {"method": "PUT"}),
    ],
)
def test_each_kind_of_place_has_the_settings_it_needs(url, endpoint, expected) -> None:
    assert settings(url, endpoint) == expected


@pytest.mark.parametrize(
    ("url", "endpoint", "message"),
    [
        ("ftp://example.org/x", None, r"--url: 'ftp://example\.org/x' is of no kind that DVC knows"),
        ("gs://kopri/data", None, "gs needs dvc-gs, not installed; run `pip install dvc-gs`"),
        ("/srv/kopri", "http://127.0.0.1:1", "--endpoint: only S3 has one"),
        ("ssh://[example.org/srv", None, "--url: not an address"),
        ("/etc/passwd", None, "--url: '/etc/passwd' is no folder"),
        ("file:///etc/passwd", None, "is no folder"),
        ("example.org/kopri", None, "is no folder and cannot become one"),
        ("s3://kopri/data", "http://aman:gizlin@127.0.0.1:9000", "--endpoint: carries a password"),
    ],
)
def test_what_cannot_work_is_one_line(url, endpoint, message) -> None:
    with pytest.raises(ParamsError, match=message):
        settings(url, endpoint)


@pytest.mark.parametrize("scheme", ["ssh", "ftp"])
def test_a_password_in_the_address_is_refused_and_not_repeated(scheme: str) -> None:
    with pytest.raises(ParamsError, match="--url: carries a password") as raised:
        settings(f"{scheme}://aman:gizlin@example.org/srv", None)
    assert "gizlin" not in str(raised.value)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    subprocess.run(["git", "init", "--quiet"], check=True)
    (tmp_path / ".dvc").mkdir()
    for name in (".dvc/config", ".dvc/.gitignore"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    return tmp_path


def test_the_remote_and_its_credentials_stay_out_of_git(repository: Path) -> None:
    set_remote("s3://kopri/data", "http://127.0.0.1:9000")
    assert (repository / ".dvc/config.local").stat().st_mode & 0o777 == 0o600
    with (repository / ".dvc/config.local").open("a", encoding="utf-8") as file:
        file.write("    secret_access_key = gizlin\n")
    subprocess.run(["git", "add", "--all"], check=True)
    listed = subprocess.run(["git", "ls-files"], text=True, capture_output=True, check=True).stdout
    assert set(listed.split()) == {".dvc/config", ".dvc/.gitignore"}
    assert remote_url() == "s3://kopri/data"
    assert (repository / ".dvc/config").read_bytes() == (ROOT / ".dvc/config").read_bytes()
    # What DVC was told without us may hold a password, which no message repeats.
    subprocess.run(
        ["dvc", "remote", "add", "--local", "-f", "share", "ssh://aman:giz@lin@example.org/srv"], check=True
    )
    assert remote_url() == "ssh://…@example.org/srv"
    # Another place gets nothing of the first one's settings.
    set_remote("/srv/kopri", None)
    local = (repository / ".dvc/config.local").read_text(encoding="utf-8")
    assert "gizlin" not in local
    assert "endpointurl" not in local


def test_outside_of_a_dvc_repository_it_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=r"dvc remote add failed: .*ot inside"):
        set_remote("/srv/kopri", None)


def test_this_repository_has_no_remote_and_no_credential_in_git() -> None:
    config = (ROOT / ".dvc/config").read_text(encoding="utf-8")
    assert "remote" not in config
    for word in ("password", "secret", "access_key", "token", "url"):
        assert word not in config
    ignored = subprocess.run(
        ["git", "check-ignore", "--no-index", ".dvc/config.local"], cwd=ROOT, capture_output=True
    )
    assert ignored.returncode == 0
