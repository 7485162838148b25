"""Run one function over shards, in this process or on Ray's worker processes.

The results come in the order of the shards and are the same bytes for both engines: the content of a shard
depends on the data and a constant, never on the number of workers, and the functions that run here give the
same bits for any batch and any number of threads. So no stage of dvc.yaml depends on ``engine``.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.metadata
import importlib.util
import itertools
import logging
import logging.handlers
import os
import platform
import queue
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

# Times that a shard is run when its worker dies, before its stage gives up.
ATTEMPTS = 3
# Submitted shards for each worker: one that runs and one that waits.
AHEAD = 2
ROOT = Path(__file__).parents[3]


class Engine:
    """Runs shards one after the other in this process."""

    def run(
        self, work: Callable[[Shard], Result], shards: Iterable[Shard], *, on_gpu: bool = False
    ) -> Iterator[Result]:
        """Yield ``work(shard)`` for each shard, in order, reading a few shards ahead at most.

        A worker process gets ``work`` once and keeps it, with what it loads, for later runs of the same work
        too; later changes here do not reach it. ``on_gpu``: give each worker one GPU if the cluster has any.
        Raises what ``work`` raises, and EngineError if a shard cannot be run.
        """
        for shard in shards:
            yield work(shard)

    def close(self) -> None:
        """Stop what was started."""


LOCAL = Engine()


class RayEngine(Engine):
    """Runs shards as Ray tasks: on the cluster that RAY_ADDRESS names, else on local worker processes.

    Local workers are started when more than one shard comes, listen on the loopback address alone, and end
    with their temporary files. Ray runs a shard whose worker dies again, ``ATTEMPTS`` times in all; a shard
    that raises an error is not repeated.
    """

    def __init__(self, workers: int | None = None) -> None:
        """``workers``: processes to start, by default one for each core; a cluster has its own number."""
        if importlib.util.find_spec("ray") is None:
            raise EngineError(
                "params.yaml: engine: ray is set, but Ray is not installed; "
                "run `make engine-install`, or set engine: local"
            )
        self.workers = workers or _usable_cores()
        self._ray: Any = None
        # The last work and its reference: a model stays loaded in the workers from one run to the next.
        self._last_work: tuple[Callable[[Any], Any], list[Any]] | None = None
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
        resources = ray.cluster_resources()
        gpus = int(resources.get("GPU", 0)) if on_gpu else 0
        task = ray.remote(num_cpus=1, num_gpus=1 if gpus else 0, max_retries=ATTEMPTS - 1)(_run_shard)
        if self._last_work is None or self._last_work[0] is not work:
            # In a list: Ray would replace a bare reference by its object for every shard.
            self._last_work = work, [ray.put(work)]
        submit = functools.partial(task.remote, self._last_work[1], _facts(), log.getEffectiveLevel())
        limit = AHEAD * max(1, gpus or int(resources.get("CPU", 1)))
        running: deque[tuple[int, Any]] = deque()
        try:
            for number, shard in enumerate(itertools.chain(first, shards)):
                if len(running) >= limit:
                    yield self._result(*running.popleft())
                running.append((number, submit(shard)))
            while running:
                yield self._result(*running.popleft())
        finally:
            # The caller may stop early; after close, Ray would start again only to cancel.
            if self._ray is not None:
                for _, reference in running:
                    ray.cancel(reference)

    def close(self) -> None:
        self._last_work = None
        if self._ray is not None:
            self._ray.shutdown()
            self._ray = None
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def _start(self) -> Any:
        """Join the cluster or start local workers, once, and return the module ``ray``."""
        if self._ray is not None:
            return self._ray
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        # Ray would repeat a shard that needs too much memory for ever.
        os.environ.setdefault("RAY_task_oom_retries", str(ATTEMPTS - 1))
        local: dict[str, Any] = {}
        if address := os.environ.get("RAY_ADDRESS"):
            _check_reachable(address)
        else:
            # As on systems where Ray makes no clusters: it listens on 127.0.0.1 then, else on all addresses.
            os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
            # Without a token in the environment Ray writes one to the home folder.
            os.environ.setdefault("RAY_AUTH_MODE", "token")
            os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
            # Not TMPDIR: the path of a socket under it may have some 100 characters in all.
            self._folder = Path(tempfile.mkdtemp(prefix="kopri-ray-", dir="/tmp"))
            local = {
                "address": "local",
                "num_cpus": self.workers,
                "include_dashboard": False,
                "_temp_dir": str(self._folder),
            }
        import ray

        try:
            # Workers import from the folder that this is called in.
            with contextlib.chdir(ROOT):
                ray.init(**local, configure_logging=False, log_to_driver=False, logging_level=logging.ERROR)
        except (ConnectionError, OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
            self.close()
            raise _cannot_connect(address, error) from error
        self._ray = ray
        return ray

    def _result(self, number: int, reference: Any) -> Any:
        errors = self._ray.exceptions
        try:
            result, records = self._ray.get(reference)
        except errors.RayTaskError as error:
            if isinstance(error.cause, KopriError):
                raise error.cause from None
            raise
        except errors.RayError as error:
            died = (errors.WorkerCrashedError, errors.OutOfMemoryError, errors.NodeDiedError)
            reason = (
                f"was run {ATTEMPTS} times, and its worker died each time ({type(error).__name__}); give the "
                "workers more memory or start fewer"
                if isinstance(error, died)
                else f"{type(error).__name__}: {_first_line(error)}; see docs/engine.md"
            )
            raise EngineError(
                f"engine ray: shard {number}: {reason}, or set engine: local in params.yaml"
            ) from error
        for record in records:
            logging.getLogger(record.name).handle(record)
        return result


def _usable_cores() -> int:
    """Return the number of cores that this process may use, where the system can tell."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextlib.contextmanager
def open_engine(name: EngineName) -> Iterator[Engine]:
    """Give the engine that params.yaml names, and stop it at the end.

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


# --- in a worker process ---


@functools.lru_cache(maxsize=1)
def _load_work(reference: Any) -> Callable[[Any], Any]:
    """Return the work, which the process keeps until another run brings another."""
    import ray

    os.chdir(ROOT)  # models may be folders of the repository
    return ray.get(reference)


def _run_shard(
    reference: list[Any], facts: dict[str, str], level: int, shard: Any
) -> tuple[Any, list[logging.LogRecord]]:
    """Return the work's result for a shard, and its log records for the process that asked."""
    if differing := [name for name, value in _facts().items() if facts[name] != value]:
        raise EngineError(
            f"engine ray: the machine {platform.node()} differs in {' and '.join(differing)} from the one "
            "that asks, so its results could differ; set them up alike (docs/engine.md)"
        )
    work = _load_work(*reference)
    logger = logging.getLogger("stages")
    logger.setLevel(level)
    records: queue.SimpleQueue[logging.LogRecord] = queue.SimpleQueue()
    handler = logging.handlers.QueueHandler(records)
    logger.addHandler(handler)
    try:
        result = work(shard)
    finally:
        logger.removeHandler(handler)
    return result, [records.get() for _ in range(records.qsize())]


@functools.cache
def _facts() -> dict[str, str]:
    """Return what two machines must have in common to give the same bytes."""
    from numpy._core._multiarray_umath import __cpu_features__

    pinned = re.findall(r"^([\w.-]+)==", (ROOT / "requirements.txt").read_text(encoding="utf-8"), re.M)
    # What decides which kernels the numeric libraries choose.
    features = ("AVX2", "AVX512F", "AVX512_SKX", "ASIMD", "SVE")
    return {
        "commit": sha256_files([*(ROOT / "stages").rglob("*.py"), *_assets()], ROOT),
        "Python": platform.python_version(),
        "set of packages": ", ".join(f"{name}=={_version(name)}" for name in pinned),
        "processor": " ".join(
            [platform.machine(), *(name for name in features if __cpu_features__.get(name))]
        ),
    }


def _assets() -> Iterator[Path]:
    """Yield the files of assets/: word lists and rule tables decide results as code does."""
    return (path for path in (ROOT / "assets").rglob("*") if path.is_file())


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "none"


def _check_reachable(address: str) -> None:
    """Raise EngineError if nothing answers at ``host:port``; Ray itself would try for minutes."""
    if match := re.fullmatch(r"([^/]+):(\d+)", address):
        try:
            socket.create_connection((match[1].strip("[]"), int(match[2])), timeout=10).close()
        except (OSError, OverflowError) as error:
            raise _cannot_connect(address, error) from None


def _cannot_connect(address: str | None, error: BaseException) -> EngineError:
    what = f"connect to the Ray cluster at RAY_ADDRESS={address}" if address else "start local Ray workers"
    return EngineError(
        f"engine ray: cannot {what} ({_first_line(error)}); "
        "see docs/engine.md, or set engine: local in params.yaml"
    )


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
