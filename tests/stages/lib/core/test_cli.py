from __future__ import annotations

import pytest

from stages.lib.core import cli
from stages.lib.core.errors import DataError


def test_an_error_is_one_line_and_exit_code_1(capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        raise DataError("corpus.parquet: row 3:\n  expected text, found nothing")

    with pytest.raises(SystemExit) as stop:
        cli.run(fail)
    assert stop.value.code == 1
    assert capsys.readouterr().err == "error: corpus.parquet: row 3: expected text, found nothing\n"


def test_a_bug_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError):
        cli.run(lambda: 1 // 0)
