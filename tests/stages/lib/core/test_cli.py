from __future__ import annotations

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
