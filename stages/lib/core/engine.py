"""Run one function over shards, in this process or on Ray's worker processes.

The results come in the order of the shards and are the same for both engines, to the last byte: what is in a
shard depends on the data and on a constant, never on how many workers there are, and every function that is
run here gives the same bits whatever shares its shard and however many threads its process has. So ``engine``
is a parameter that no stage of dvc.yaml depends on.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.metadata
import importlib.util
import itertools
import logging
import os
import platform
import re
import secrets
import shutil
import socket
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Literal, TypeVar

from stages.lib.core.errors import EngineError, KopriError
from stages.lib.core.files import sha256_files

Shard = TypeVar("Shard")
Result = TypeVar("Result")
EngineName = Literal["local", "ray"]

log = logging.getLogger(__name__)

# Times that a shard is run when the worker under it dies, before its stage gives up.
ATTEMPTS = 3
# Shards on their way for each worker: one that runs and one that waits for it.
AHEAD = 2
ROOT = Path(__file__).parents[3]


class Engine:
    """Runs shards one after the other in this process."""

    def run(
        self, work: Callable[[Shard], Result], shards: Iterable[Shard], *, on_gpu: bool = False
    ) -> Iterator[Result]:
        """Yield ``work(shard)`` for each shard, in order, reading a few shards ahead at most.

        A worker process gets ``work`` once and keeps it, so what it loads on its first shard stays, to the
        next run of the same work too; what is changed in it here after that does not reach it.
        ``on_gpu``: give each worker one GPU if the cluster has any. Raises what ``work`` raises, and
        EngineError if a shard cannot be run.
        """
        for shard in shards:
            yield work(shard)

    def close(self) -> None:
        """Stop what was started."""


LOCAL = Engine()


class RayEngine(Engine):
    """Runs shards as Ray tasks: on the cluster that RAY_ADDRESS names, else on workers of its own.

    Its own workers are started when more than one shard comes, listen on the loopback address alone, and go
    with their temporary files at the end. A shard whose worker dies is run again, ``ATTEMPTS`` times in all;
    one that raises an error is not. ``retried`` counts the runs that were repeated.
    """

    def __init__(self, workers: int | None = None) -> None:
        """``workers``: processes to start, one for each core if None; a cluster has its own number."""
        if importlib.util.find_spec("ray") is None:
            raise EngineError(
                "params.yaml: engine: ray is set, but Ray is not installed; "
                "run `make engine-install`, or set engine: local"
            )
        # Not all of the machine's, where the system can tell.
        own = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        self.workers = workers or own or 1
        self.retried = 0
        self._ray: Any = None
        # The last work and where Ray keeps it: a model stays loaded from one run to the next.
        self._sent: tuple[Callable[[Any], Any], list[Any]] | None = None
        self._folder: Path | None = None

    def run(
        self, work: Callable[[Shard], Result], shards: Iterable[Shard], *, on_gpu: bool = False
    ) -> Iterator[Result]:
        shards = iter(shards)
        first = list(itertools.islice(shards, 2))
        if len(first) < 2:  # not worth a start
            yield from super().run(work, first)
            return
        ray = self._start()
        found = ray.cluster_resources()
        gpus = int(found.get("GPU", 0)) if on_gpu else 0
        task = ray.remote(max_retries=0, num_gpus=1 if gpus else 0)(_run_shard)
        if self._sent is None or self._sent[0] is not work:
            # In a list, or Ray would unpack it for every shard.
            self._sent = work, [ray.put(work)]
        submit = functools.partial(task.remote, self._sent[1], _facts(), log.getEffectiveLevel())
        running: deque[tuple[int, Shard, Any]] = deque()
        try:
            for number, shard in enumerate(itertools.chain(first, shards)):
                if len(running) >= AHEAD * max(1, gpus or int(found.get("CPU", 1))):
                    yield self._result(submit, *running.popleft())
                running.append((number, shard, submit(shard)))
            while running:
                yield self._result(submit, *running.popleft())
        finally:
            # Left early; after close, Ray would start anew to cancel what went with it.
            if self._ray is not None:
                for _, _, reference in running:
                    ray.cancel(reference)

    def close(self) -> None:
        self._sent = None
        if self._ray is not None:
            self._ray.shutdown()
            self._ray = None
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def _start(self) -> Any:
        """Join the cluster or start one, unless that is done, and return the module ``ray``."""
        if self._ray is not None:
            return self._ray
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        own: dict[str, Any] = {}
        if address := os.environ.get("RAY_ADDRESS"):
            _reach(address)
        else:
            # As on systems where Ray makes no clusters: it listens on 127.0.0.1 then, else on all addresses.
            os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
            # Without a token in the environment Ray writes one to the home folder.
            os.environ.setdefault("RAY_AUTH_MODE", "token")
            os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
            # Not TMPDIR: the path of a socket under it may have some 100 characters in all.
            self._folder = Path(tempfile.mkdtemp(prefix="kopri-ray-", dir="/tmp"))
            own = {
                "address": "local",
                "num_cpus": self.workers,
                "include_dashboard": False,
                "_temp_dir": str(self._folder),
            }
        import ray

        try:
            # Workers import from the folder that this is called in.
            with contextlib.chdir(ROOT):
                ray.init(**own, configure_logging=False, log_to_driver=False, logging_level=logging.ERROR)
        except (ConnectionError, OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
            self.close()
            raise _no_start(address, error) from error
        self._ray = ray
        return ray

    def _result(self, submit: Callable[[Any], Any], number: int, shard: Any, reference: Any) -> Any:
        errors = self._ray.exceptions
        for attempt in itertools.count(1):
            try:
                result, lines = self._ray.get(reference)
            except errors.RayTaskError as error:
                if isinstance(error.cause, KopriError):
                    raise error.cause from None
                raise
            except (
                errors.WorkerCrashedError,
                errors.OutOfMemoryError,
                errors.NodeDiedError,
                errors.ObjectLostError,
            ) as error:
                if attempt == ATTEMPTS:
                    raise EngineError(
                        f"engine ray: shard {number} was run {ATTEMPTS} times, and each time its worker died "
                        f"({type(error).__name__}), as happens when memory runs out; give the workers more "
                        "of it or start fewer, or set engine: local in params.yaml"
                    ) from None
                self.retried += 1
                log.warning(
                    "shard %d: its worker died (%s); run again, %d of %d",
                    number, type(error).__name__, attempt + 1, ATTEMPTS,
                )  # fmt: skip
                reference = submit(shard)
            except errors.RayError as error:
                raise EngineError(
                    f"engine ray: shard {number}: {type(error).__name__}: {_first_line(error)}; "
                    "see docs/engine.md, or set engine: local in params.yaml"
                ) from error
            else:
                for name, level, line in lines:
                    logging.getLogger(name).log(level, "%s", line)
                return result
        raise AssertionError  # the count has no end


@contextlib.contextmanager
def open_engine(name: EngineName) -> Iterator[Engine]:
    """Give the engine that params.yaml names, and stop at the end what it started.

    Raises EngineError if it is Ray and Ray is not installed.
    """
    engine = RayEngine() if name == "ray" else LOCAL
    try:
        yield engine
    finally:
        engine.close()


def cut(
    items: Iterable[Shard], limit: int, weigh: Callable[[Shard], int] = lambda item: 1
) -> Iterator[list[Shard]]:
    """Yield the items in lists that weigh up to ``limit``; one that weighs more is alone in its list."""
    shard: list[Shard] = []
    weight = 0
    for item in items:
        added = weigh(item)
        if shard and weight + added > limit:
            yield shard
            shard, weight = [], 0
        shard.append(item)
        weight += added
    if shard:
        yield shard


# ---------------------------------------------------------------------------------------------------------
# In a worker process
# ---------------------------------------------------------------------------------------------------------

_kept: dict[Any, Callable[[Any], Any]] = {}


def _run_shard(
    kept: list[Any], facts: dict[str, str], level: int, shard: Any
) -> tuple[Any, list[tuple[str, int, str]]]:
    """Return what the work gives for a shard, and what it logged, for the driver to say."""
    if differing := [name for name, value in _facts().items() if facts[name] != value]:
        raise EngineError(
            f"engine ray: the machine {platform.node()} has another {' and '.join(differing)} than the one "
            "that asks, so its results could differ; set all up alike (docs/engine.md)"
        )
    if kept[0] not in _kept:
        import ray

        os.chdir(ROOT)  # models may be folders of the repository
        _kept.clear()  # of an earlier run
        _kept[kept[0]] = ray.get(kept[0])
    ours = logging.getLogger("stages")
    ours.setLevel(level)
    recorder = _Recorder()
    ours.addHandler(recorder)
    try:
        return _kept[kept[0]](shard), recorder.lines
    finally:
        ours.removeHandler(recorder)


class _Recorder(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[tuple[str, int, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append((record.name, record.levelno, record.getMessage()))


@functools.cache
def _facts() -> dict[str, str]:
    """Return what two machines must have in common to give the same bytes."""
    from numpy._core._multiarray_umath import __cpu_features__

    pinned = re.findall(r"^([\w.-]+)==", (ROOT / "requirements.txt").read_text(encoding="utf-8"), re.M)
    # What decides which kernels the numeric libraries choose.
    features = ("AVX2", "AVX512F", "AVX512_SKX", "ASIMD", "SVE")
    return {
        "commit": sha256_files((ROOT / "stages").rglob("*.py"), ROOT),
        "Python": platform.python_version(),
        "set of packages": ", ".join(f"{name}=={_version(name)}" for name in pinned),
        "processor": " ".join(
            [platform.machine(), *(name for name in features if __cpu_features__.get(name))]
        ),
    }


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "none"


def _reach(address: str) -> None:
    """Raise EngineError if nothing answers at ``host:port``: Ray itself would try for minutes."""
    if found := re.fullmatch(r"([^/]+):(\d+)", address):
        try:
            socket.create_connection((found[1].strip("[]"), int(found[2])), timeout=10).close()
        except (OSError, OverflowError) as error:
            raise _no_start(address, error) from None


def _no_start(address: str | None, error: BaseException) -> EngineError:
    where = f"the cluster at RAY_ADDRESS={address}" if address else "workers of its own"
    return EngineError(
        f"engine ray: no start with {where} ({_first_line(error)}); "
        "see docs/engine.md, or set engine: local in params.yaml"
    )


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
