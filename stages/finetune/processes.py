"""Several processes, one training run: started by accelerate's launcher, kept in step by torch.distributed.

Alone, every function here but :func:`launch` does nothing, so that a run of one process is what it was.
"""

from __future__ import annotations

import contextlib
import datetime
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from stages.lib.core.errors import KopriError, ParamsError

if TYPE_CHECKING:
    import torch
    from torch.distributed.elastic.multiprocessing.errors import ProcessFailure

T = TypeVar("T")

# The first process measures dev while the others wait, for hours where dev is large. A dead process is not
# found by this but by the launcher, in a tenth of a second.
_PATIENCE = datetime.timedelta(days=1)


class LostProcessError(KopriError):
    """Another process of the run has ended; its own error is the one to read."""


def is_launched() -> bool:
    """Tell whether this process is one of several that a launcher started."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def launch(module: str, arguments: Sequence[str], processes: int) -> None:
    """Run ``python -m module`` in so many processes of this machine, each with a GPU where there is one.

    Raises ParamsError where the machine has fewer GPUs, KopriError with the cause when a process fails: the
    others are ended then.
    """
    import torch
    from accelerate.commands.launch import launch_command, launch_command_parser
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

    cards = torch.cuda.device_count()
    if 0 < cards < processes:
        raise ParamsError(
            f"finetune.processes: {processes} processes and {cards} GPUs; each process needs one of its own"
        )
    threads = os.environ.get("OMP_NUM_THREADS") or str(max(1, (os.cpu_count() or 1) // processes))
    # On a CPU as well: --cpu would start a single process, the others being left to mpirun.
    given = ["--multi_gpu", "--num_processes", str(processes), "--num_machines", "1"]
    given += ["--main_process_port", "0", "--num_cpu_threads_per_process", threads]
    given += ["--mixed_precision", "no", "--dynamo_backend", "no", "--module", module, *arguments]
    # What they have to say of a failure is a page; the cause is in one line below.
    for wordy in ("torch.distributed.elastic", "torch.distributed.elastic.agent.server.api"):
        logging.getLogger(wordy).setLevel(logging.CRITICAL)
    try:
        launch_command(launch_command_parser().parse_args(given))
    except ChildFailedError as error:
        raise KopriError(cause(error.failures, processes)) from None
    except SignalException as stop:
        if stop.sigval == signal.SIGINT:
            raise KeyboardInterrupt from None
        sys.exit(128 + stop.sigval)


def cause(failures: Mapping[int, ProcessFailure], processes: int) -> str:
    """Say in one line why a run of several processes failed: by the process that did not fail for another."""

    def told(failure: ProcessFailure) -> str:
        return failure.message["message"] if isinstance(failure.message, dict) else ""

    def is_consequence(failure: ProcessFailure) -> bool:
        # The launcher ends the others by SIGTERM, and notes failures in the order in which it sees them.
        return told(failure).startswith(LostProcessError.__name__) or failure.exitcode == -signal.SIGTERM

    number, failure = min(failures.items(), key=lambda item: is_consequence(item[1]))
    if told(failure):
        return told(failure).partition(": ")[2]
    if failure.exitcode < 0:
        return (
            f"finetune: process {number + 1} of {processes} was ended by {failure.signal_name()}; what was "
            "finished is kept, run the same command to go on (SIGKILL is often a lack of memory)"
        )
    return f"finetune: process {number + 1} of {processes} failed; its own words are above"


@contextlib.contextmanager
def joined() -> Iterator[None]:
    """Be one of the launched processes in the block: with a device of its own, in touch with the others.

    A :class:`KopriError` goes to the launcher, which tells it once. The process ends when the launcher does.
    """
    if not is_launched():
        yield
        return
    import torch
    from accelerate import PartialState
    from torch.distributed.elastic.multiprocessing.errors import get_error_handler

    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    try:
        PartialState(cpu=not torch.cuda.is_available(), timeout=_PATIENCE)
        if not is_first():
            logging.getLogger().setLevel(logging.WARNING)
        yield
    except KopriError as error:
        get_error_handler().record_exception(error)
        sys.exit(1)
    except KeyboardInterrupt:  # the launcher says so
        sys.exit(130)
    torch.distributed.destroy_process_group()


def _end_with(parent: int) -> None:
    """End this process soon after its parent: a launcher that is killed outright ends nobody."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


def count() -> int:
    """Return how many processes there are."""
    import torch

    return torch.distributed.get_world_size() if torch.distributed.is_initialized() else 1


def index() -> int:
    """Return this process's number, from 0 on."""
    import torch

    return torch.distributed.get_rank() if torch.distributed.is_initialized() else 0


def is_first() -> bool:
    """Tell whether this process is the one that writes."""
    return index() == 0


def add_up(tensor: torch.Tensor) -> torch.Tensor:
    """Put the sum over all processes, bit for bit the same in each, in place of the tensor; return it."""
    import torch

    if count() > 1:
        with _together():
            torch.distributed.all_reduce(tensor)
    return tensor


def add_up_gradients(weights: Sequence[torch.Tensor]) -> None:
    """Give every process the sum of all processes' gradients; a weight without one counts as zero."""
    import torch

    if count() == 1:
        return
    for weight in weights:
        if weight.grad is None:
            weight.grad = torch.zeros_like(weight)
    flat = add_up(torch.cat([weight.grad.flatten() for weight in weights]))  # one message for all
    for weight, part in zip(weights, flat.split([weight.numel() for weight in weights]), strict=True):
        weight.grad.copy_(part.view_as(weight))


def by_first(function: Callable[[], T]) -> Callable[[], T]:
    """Return a function that the first process runs, and whose result all processes get."""

    def run() -> T:
        if count() == 1:
            return function()
        import torch

        box: list[Any] = [function() if is_first() else None]
        with _together():
            torch.distributed.broadcast_object_list(box, src=0)
        return box[0]

    return run


@contextlib.contextmanager
def _together() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:  # each backend has its own kinds
        raise LostProcessError(f"process {index() + 1} lost the others: {error}") from None
