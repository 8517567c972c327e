"""Where the tasks of a long computation run: threads of this process, or the workers of a cluster (dask or Spark).

A computation is cut into tasks that need nothing from one another: ``task(shared, item)``, where ``shared`` is what all
of them need and ``item`` is small (a reference to a part of a file, never the part itself). Results come back in the
order of the items, whatever ran first, so that a sum over them is the same to the last bit on every executor.

    executor("threads")             one thread per core; "threads:4" for four
    executor("dask://host:8786")    the workers of a dask.distributed scheduler (``pip install jintu[cluster]``)
    executor("spark://host:7077")   the workers of a Spark master (``pip install jintu[spark]``), see `spark`

Workers of a cluster need this package and see the files under the same paths. What a dead worker had not finished, the
others do again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

from jintu.kernel.errors import InputError, Missing
from jintu.kernel.flat import thread_count

__all__ = ["Dask", "Executor", "Threads", "executor"]

Task = Callable[[Any, Any], Any]


class Executor(Protocol):
    def run(self, task: Task, shared: Any, items: Iterable[Any]) -> Iterator[Any]:
        """``task(shared, item)`` of each item, in the order of the items; the first error is raised."""


@dataclass(frozen=True)
class Threads:
    """Threads of this process; tasks should release the GIL.

    At most ``count`` tasks run and at most as many results wait, so memory is bounded by them. ``count`` None is one
    per core.
    """

    count: int | None = None

    def run(self, task: Task, shared: Any, items: Iterable[Any]) -> Iterator[Any]:
        workers = thread_count(self.count)
        if workers == 1:
            for item in items:
                yield task(shared, item)
            return
        with ThreadPoolExecutor(workers) as pool:
            yield from _in_order(lambda item: pool.submit(task, shared, item), items, 2 * workers)


@dataclass(frozen=True)
class Dask:
    """Workers of the dask.distributed scheduler at ``address`` (tcp://host:port).

    ``shared`` is sent to every worker once. As many tasks are handed out as the workers have threads, and as many again
    so that none waits. A task whose worker died is tried again elsewhere, ``retries`` times. The scheduler soon
    keeps one copy of what was sent: where that one died with its worker, tasks are cancelled, and handed out
    anew with ``shared``.
    """

    address: str
    retries: int = 3
    timeout: str = "10s"

    def run(self, task: Task, shared: Any, items: Iterable[Any]) -> Iterator[Any]:
        try:
            from distributed import Client
        except ImportError as error:
            raise Missing(
                "dask.distributed is not installed.", remedy="Install it: pip install jintu[cluster]."
            ) from error
        try:
            client = Client(self.address, set_as_default=False, timeout=self.timeout)
        except OSError as error:
            raise Missing(
                "No dask scheduler answers at {address}.",
                remedy="Start it, or choose threads.",
                address=self.address,
            ) from error
        with client:
            threads = sum(client.nthreads().values())
            work = _Sent(client, task, shared, self.retries)
            yield from _in_order(lambda item: _Handed(work, item), items, 2 * max(threads, 1))


class _Sent:
    """What all tasks need, on the workers; ``times`` it was sent."""

    def __init__(self, client: Any, task: Task, shared: Any, retries: int) -> None:
        self.client, self.task, self.shared, self.retries = client, task, shared, retries
        self.times = 0
        self.send()

    def send(self) -> None:
        self.everywhere = self.client.scatter(self.shared, broadcast=True, hash=False)
        self.times += 1

    def submit(self, item: Any) -> Any:
        return self.client.submit(self.task, self.everywhere, item, pure=False, retries=self.retries)


class _Handed:
    """A task handed out: a future that is handed out again where what it needs was lost."""

    def __init__(self, work: _Sent, item: Any) -> None:
        self.work, self.item = work, item
        self._submit()

    def _submit(self) -> None:
        self.times, self.future = self.work.times, self.work.submit(self.item)

    def result(self) -> Any:
        from distributed import CancelledError

        for _ in range(self.work.retries):
            try:
                return self.future.result()
            except CancelledError:
                if self.times == self.work.times:  # nobody has sent it since
                    self.work.send()
                self._submit()
        return self.future.result()

    def cancel(self) -> None:
        self.future.cancel()


def _in_order(submit: Callable[[Any], Any], items: Iterable[Any], window: int) -> Iterator[Any]:
    """Results of futures in the order of the items, ``window`` of them begun at a time."""
    begun: deque[Any] = deque()
    try:
        for item in items:
            begun.append(submit(item))
            if len(begun) >= window:
                yield begun.popleft().result()
        while begun:
            yield begun.popleft().result()
    finally:
        for future in begun:
            future.cancel()


def executor(name: str) -> Executor:
    """The executor a setting names. Raises `InputError` for a name that is none."""
    kind, _, rest = name.partition(":")
    if kind == "threads" and (not rest or rest.isdigit()):
        return Threads(int(rest) if rest else None)
    if kind == "dask" and rest.startswith("//"):
        return Dask(f"tcp:{rest}")
    if kind == "spark" and (not rest or rest.startswith(("//", "yarn", "local", "k8s:"))):
        from jintu.kernel.spark import Spark

        return Spark(name if rest.startswith("//") else rest)
    raise InputError(
        "{name} names no executor.",
        remedy='Write "threads", "threads:4", "dask://host:8786" or "spark://host:7077".',
        name=name,
    )
