from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from commands import cli


def sample_commands() -> tuple[cli.Commands, list[dict]]:
    commands, calls = cli.Commands("commands.sample", "Try things.\n\nMore."), []

    @commands.add(
        cli.argument("--count", type=int, required=True, help="how many"),
        cli.path_argument("--out", "data/out", "folder to write"),
        cli.argument("--format", choices=("tsv", "moses"), default="tsv"),
        cli.argument("--port", type=cli.port, default=0),
    )
    def take_some(args: argparse.Namespace) -> None:
        """Take some of it."""
        calls.append({"count": args.count, "out": args.out})

    return commands, calls


def test_a_subcommand_gets_its_arguments_and_their_defaults() -> None:
    commands, calls = sample_commands()
    commands.main(["take-some", "--count=3"])
    assert calls == [{"count": 3, "out": Path("data/out")}]


@pytest.mark.parametrize(
    ("argv", "code", "expected"),
    [
        (["--help"], 0, "take-some Take some of it."),
        (["take-some", "--help"], 0, "folder to write (default: data/out)"),
        (["take-some"], 2, "error: the following arguments are required: --count; see python -m commands.s"),
        (["take-all"], 2, "argument COMMAND: unknown value 'take-all'; did you mean 'take-some'?"),
        (["take-some", "--count=1", "--format=TSV"], 2, "--format: unknown value 'TSV'; did you mean 'tsv'?"),
        (["take-some", "--count=1", "--format=x"], 2, "unknown value 'x'; known: moses, tsv"),
        (
            ["take-some", "--count=1", "--port=70000"],
            2,
            "expected a port from 1 to 65535 (or 0), found '70000'",
        ),
        (["take-some", "--count=1", "--port=-1"], 2, "found '-1'"),
        (["take-some", "--count=1", "--port=http"], 2, "found 'http'"),
    ],
)
def test_a_wrong_command_line_is_one_line_and_names_the_nearest_value(
    argv: list[str], code: int, expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    commands, calls = sample_commands()
    with pytest.raises(SystemExit) as stop:
        commands.main(argv)
    captured = capsys.readouterr()
    assert (stop.value.code, calls) == (code, [])
    assert expected in " ".join((captured.out + captured.err).split())
    assert code == 0 or captured.err.count("\n") == 1


def test_a_list_is_divided_at_spaces_and_quotes_keep_a_name_together() -> None:
    assert cli.words("MIT 'BSD-3-Clause AND Unicode-3.0'") == ["MIT", "BSD-3-Clause AND Unicode-3.0"]
