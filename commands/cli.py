"""The frame of commands with subcommands: ``python -m commands.PACKAGE NAME --option ...``."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from stages.lib.core.errors import redact
from stages.lib.core.params import unknown

# An option's flags and the keyword arguments of ``add_argument``.
Argument = tuple[tuple[str, ...], dict[str, Any]]
Handler = Callable[[argparse.Namespace], None]


def argument(*flags: str, **options: Any) -> Argument:
    """Describe one argument of a subcommand, as ``ArgumentParser.add_argument`` takes it."""
    return flags, options


def path_argument(flag: str, default: str, help_text: str) -> Argument:
    """Describe an option that is a path with a default, which its help names."""
    return argument(flag, type=Path, default=Path(default), help=f"{help_text} (default: {default})")


def words(text: str) -> list[str]:
    """Split the value of a list option at spaces; quotes keep a name with spaces together."""
    return shlex.split(text)


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line, with the valid value nearest to a wrong one."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"error: {redact(message)}; see {self.prog} --help\n")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            raise argparse.ArgumentError(action, unknown("value", str(value), map(str, action.choices)))


def port(text: str) -> int:
    """Read a port to listen on: 0 for a free one, else 1 to 65535."""
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"expected a port from 1 to 65535 (or 0), found {text!r}")
    return int(text)


class Commands:
    """The subcommands of a package: ``python -m PACKAGE NAME --option ...`` calls the function NAME.

    The function's docstring is the subcommand's help; ``_`` in its name is ``-`` on the command line.
    """

    def __init__(self, package: str, description: str) -> None:
        self._parser = Parser(prog=f"python -m {package}", description=description.splitlines()[0])
        self._subparsers = self._parser.add_subparsers(required=True, metavar="COMMAND", title="commands")

    def add(self, *arguments: Argument) -> Callable[[Handler], Handler]:
        """Register the decorated function as a subcommand with these arguments."""

        def register(handler: Handler) -> Handler:
            text = handler.__doc__ or ""
            parser = self._subparsers.add_parser(
                handler.__name__.rstrip("_").replace("_", "-"), help=text.splitlines()[0], description=text
            )
            for flags, options in arguments:
                parser.add_argument(*flags, **options)
            parser.set_defaults(handler=handler)
            return handler

        return register

    def main(self, argv: Sequence[str] | None = None) -> None:
        """Parse the command line and call the subcommand; argparse exits with code 2 on a wrong one."""
        args = self._parser.parse_args(argv)
        args.handler(args)


def print_text(text: str) -> None:
    """Write a command's product to stdout in UTF-8, whatever the terminal's encoding is."""
    sys.stdout.reconfigure(encoding="utf-8")
    print(text, flush=True)
