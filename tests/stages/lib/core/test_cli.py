from __future__ import annotations

import logging
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from stages.lib.core import cli
from stages.lib.core.errors import DataError
from stages.lib.core.files import write_json

ROOT = Path(__file__).parents[4]


def failing(error: BaseException) -> Callable[[], None]:
    def main() -> None:
        raise error

    return main


def test_an_error_is_one_line_and_exit_code_1(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        cli.run(failing(DataError("corpus.parquet: row 3:\n  expected text, found nothing")))
    assert stop.value.code == 1
    assert capsys.readouterr().err == "error: corpus.parquet: row 3: expected text, found nothing\n"


def test_a_file_that_cannot_be_written_is_one_line_with_its_path(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "metrics").touch()
    with pytest.raises(SystemExit) as stop:
        cli.run(lambda: write_json(tmp_path / "metrics/a.json", {}))
    assert stop.value.code == 1
    err = capsys.readouterr().err
    assert err.startswith(f"error: {tmp_path / 'metrics'}: File exists; check that the disk has room")
    assert err.count("\n") == 1


@pytest.mark.parametrize("error", [ZeroDivisionError(), OSError("no source code"), ConnectionResetError()])
def test_a_bug_keeps_its_traceback(error: Exception) -> None:
    with pytest.raises(type(error)):
        cli.run(failing(error))


@pytest.mark.parametrize(
    ("error", "start"),
    [
        (MemoryError(), "error: too little memory"),
        (
            RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"),
            "error: too little memory",
        ),
        (
            RuntimeError("I/O error: No space left on device (os error 28)"),
            "error: a file of this command: No sp",
        ),
        (
            OSError(28, "No space left on device", "a.parquet"),
            "error: a.parquet: No space left on device; check",
        ),
    ],
)
def test_too_little_memory_or_room_is_one_line_whatever_library_meets_it(
    error: Exception, start: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="1"):
        cli.run(failing(error))
    err = capsys.readouterr().err
    assert err.startswith(start)
    assert err.count("\n") == 1


def test_an_abort_of_a_library_is_one_line_and_exit_code_1() -> None:
    code = "import os; from stages.lib.core import cli; cli.run(os.abort)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, f"error: {cli.MEMORY_MESSAGE}\n")


@pytest.mark.parametrize(
    ("secret", "shown"),
    [
        ("https://ayna:giz@lin@example.org/a", "https://…@example.org/a"),
        ("https://gizlin@example.org", "https://…@example.org"),
        ("ssh://aman:gizlin@example.org:22/srv", "ssh://…@example.org:22/srv"),
        ("ssh://aman@example.org/srv", "ssh://aman@example.org/srv"),
        ("https://a.org/b?sv=1&sig=gizlin&page=2", "https://a.org/b?sv=1&sig=…&page=2"),
        (
            "s3://b/c?X-Amz-Signature=gizlin&X-Amz-Credential=giz/lin",
            "s3://b/c?X-Amz-Signature=…&X-Amz-Credential=…",
        ),
        ("'https://a.org#access_token=gizlin'", "'https://a.org#access_token=…'"),
    ],
)
def test_passwords_and_signatures_are_in_no_message_and_no_log(
    secret: str, shown: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.root, "handlers", [])

    def main() -> None:
        logging.getLogger("a").warning("pushed to %s", secret)
        raise DataError(f"{secret}: not found")

    with pytest.raises(SystemExit):
        cli.run(main)
    assert capsys.readouterr().err == f"a: pushed to {shown}\nerror: {shown}: not found\n"


def test_an_interrupt_that_a_library_swallows_is_no_success() -> None:
    code = (
        "import os, signal\nfrom stages.lib.core import cli\ndef main():\n    try:\n"
        "        os.kill(os.getpid(), signal.SIGINT)\n    except BaseException:\n        pass\ncli.run(main)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr.partition(";")[0]) == (130, "interrupted")


def test_a_reader_of_the_output_that_goes_away_is_no_traceback() -> None:
    main = "lambda: [frame.print_text('слово ' * 99) for _ in range(9999)]"
    code = f"from commands import cli as frame; from stages.lib.core import cli; cli.run({main})"
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == 1


@pytest.mark.parametrize("wait", ["time.sleep(60)", "cli.run(lambda: time.sleep(60))"], ids=["import", "run"])
def test_an_interrupt_is_one_line_and_exit_code_130(wait: str) -> None:
    code = f"import time; from stages.lib.core import cli; print(1, flush=True); {wait}"
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        process.stdout.readline()
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
        assert process.stderr.read().startswith("interrupted; finished work is kept")
