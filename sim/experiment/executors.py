"""Ways to run independent batches: here, in processes of this machine, or on a Dask cluster.

All keep one promise (`sim.testing.executor` tests it): every item is run once, answers come as they finish, the
first exception reaches the caller, and closing the iterator ends the rest.
"""

import importlib
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from types import FrameType
from typing import Any, Protocol, TypeVar

from sim.core.errors import BadInput, NotPossibleHere, RunFailed

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class Executor(Protocol):
    """Runs a function over items; function, items and answers can be pickled."""

    @property
    def jobs(self) -> int:
        """How many items run at once."""

    def each(self, function: Callable[[Item], Answer], items: Sequence[Item]) -> Iterator[Answer]:
        """Yield the answers in the order they finish."""


@dataclass(frozen=True, slots=True)
class Serial:
    """One after the other in this process."""

    jobs: int = 1

    def each(self, function: Callable[[Item], Answer], items: Sequence[Item]) -> Iterator[Answer]:
        """Yield the answers in the order of the items."""
        for item in items:
            yield function(item)


@dataclass(frozen=True, slots=True)
class Processes:
    """A pool of processes on this machine.

    Workers come from a fork server: plain fork would copy the threads that pyarrow and the progress bar hold
    locks in, spawn would pay the imports once a worker (0.4 s each) where the fork server pays them once.
    """

    jobs: int
    preload: tuple[str, ...] = ("sim.experiment.batch",)

    def each(self, function: Callable[[Item], Answer], items: Sequence[Item]) -> Iterator[Answer]:
        """Yield the answers as workers finish. Raises `RunFailed` when the system killed a worker."""
        others = set(multiprocessing.active_children())
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(list(self.preload))
        workers = min(self.jobs, len(items)) or 1
        pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_leave_signals_to_parent)
        try:
            futures = [pool.submit(_call, function, item) for item in items]
            for future in as_completed(futures):
                yield _answer(future)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            _end(set(multiprocessing.active_children()) - others)
            raise
        pool.shutdown()


@dataclass(frozen=True, slots=True)
class Dask:
    """A Dask cluster: the scheduler at `address`, or else one of `jobs` processes started here."""

    jobs: int
    address: str | None = None

    def each(self, function: Callable[[Item], Answer], items: Sequence[Item]) -> Iterator[Answer]:
        """Yield the answers as the cluster finishes them. Raises `NotPossibleHere` without the `dask` extra."""
        try:
            distributed: Any = importlib.import_module("distributed")
        except ImportError:
            raise NotPossibleHere("the Dask executor needs the dask extra; install lazypull[dask]") from None
        with distributed.Client(**self._cluster()) as client:
            futures = [client.submit(function, item, pure=False) for item in items]
            try:
                for future in distributed.as_completed(futures):
                    yield future.result()
            finally:
                client.cancel(futures)

    def _cluster(self) -> dict[str, Any]:
        if self.address is not None:
            return {"address": self.address}
        return {"n_workers": self.jobs, "threads_per_worker": 1, "dashboard_address": None, "host": "127.0.0.1"}


EXECUTORS: tuple[str, ...] = ("serial", "processes", "dask")


def make_executor(name: str, jobs: int | None = None) -> Executor:
    """Choose an executor by name; `jobs` None = as many as this process may use cores. Raises `BadInput`."""
    if jobs is not None and jobs < 1:
        raise BadInput(f"jobs is {jobs}; it must be a whole number from 1")
    count = usable_cores() if jobs is None else jobs
    match name:
        case "serial":
            return Serial()
        case "processes":
            return Processes(count)
        case "dask":
            return Dask(count, os.environ.get("DASK_SCHEDULER_ADDRESS"))
        case _:
            raise BadInput(f"executor {name!r} is unknown; use one of {', '.join(EXECUTORS)}")


def usable_cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0))


def _answer(future: Future[Answer]) -> Answer:
    try:
        return future.result()
    except BrokenProcessPool:
        raise RunFailed("a worker process was killed, perhaps for lack of memory; try fewer --jobs") from None


def _call(function: Callable[[Item], Answer], item: Item) -> Answer:
    """Run in a worker. A worker told to end leaves at once, after its open files are cleaned up.

    The pool would otherwise take the `SystemExit` for an answer and go on with the next item.
    """
    try:
        return function(item)
    except SystemExit:
        os._exit(1)


def _end(workers: set[BaseProcess]) -> None:
    for worker in workers:
        worker.terminate()
    for worker in workers:
        worker.join()


def _leave_signals_to_parent() -> None:
    """Ctrl-C reaches the whole process group: the parent decides, and ends its workers with SIGTERM.

    That becomes an exception, so that a result being written is removed.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _exit)


def _exit(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(1)
