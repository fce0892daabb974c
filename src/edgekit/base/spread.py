"""One function over many items: in this process, on worker processes of this machine, or on a Dask cluster.

Results come in the order of the items, and do not depend on the place. A worker runs the same function on the same
pickled values. If a worker dies, another one runs its item again; results already fetched stay.
"""

import itertools
import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, TypeVar

import edgekit
from edgekit.base.errors import Problem, ToolError, UsageError
from edgekit.base.installation import install_extra

T = TypeVar("T")
R = TypeVar("R")
CONNECT_S = 20
LOOK_S = 0.5  # between two looks for workers
SENDS, SEND_AGAIN_S = 20, 0.5
MOST_WORKERS = 1024
PARTS = 4  # of the items of a call, for each worker: the last ones end at about the same time
SCHEMES = ("tcp://", "tls://")
DASK = "distributed"


@dataclass(frozen=True)
class Workers:
    """The workers that run items; neither kind is this process.

    Attributes:
        count: of processes on this machine.
        scheduler: of a Dask cluster, as ``tcp://host:port``. It runs any code that it is sent.
    """

    count: int | None = None
    scheduler: str | None = None

    def problems(self) -> Iterator[Problem]:
        """Yield problems with the workers."""
        if self.count is not None and self.scheduler is not None:
            step = "leave one out: a cluster has workers of its own"
            yield Problem("--workers", "together with --scheduler", "one of the two", step)
        if self.count is not None and not 1 <= self.count <= MOST_WORKERS:
            yield Problem(
                "--workers", str(self.count), f"1 to {MOST_WORKERS}", "give such a number"
            )
        if self.scheduler is not None and not self.scheduler.startswith(SCHEMES):
            allowed = "tcp://host:port, or tls://host:port"
            yield Problem("--scheduler", f"'{self.scheduler}'", allowed, "give the scheduler's own")


HERE = Workers()


@dataclass
class SharedValue:
    """A value that each worker gets once, however many items need it; a worker that joins later gets it, too."""

    value: Any
    name: str = field(default_factory=lambda: f"edgekit-{uuid.uuid4().hex}")


class Team:
    """Open workers."""

    def __init__(self, client: Any) -> None:
        """Take a Dask client, or None for this process."""
        self._client = client
        self._sent: list[str] = []

    @property
    def size(self) -> int:
        """The number of workers now, at least 1."""
        return 1 if self._client is None else max(len(self._client.nthreads()), 1)

    @property
    def is_here(self) -> bool:
        """Whether items run in this process."""
        return self._client is None

    def spread(
        self,
        function: Callable[[Any, T], R],
        items: Iterable[T],
        shared: SharedValue,
        told: Callable[[int, R], None] | None = None,
    ) -> list[R]:
        """Return ``function(shared.value, item)`` of each item, in their order.

        Args:
            function: at the top of a module that workers have, too.
            items: small; large values that are the same for all go in `shared`.
            shared: see there.
            told: gets the place and the result of each item as it comes.

        Raises:
            ToolError: no worker is left for `CONNECT_S`, one has another version, or an item ended several of them.
            Exception: the first that the function raised; items not begun are cancelled.
        """
        if self._client is None:
            results = []
            for place, item in enumerate(items):
                results.append(function(shared.value, item))
                if told:
                    told(place, results[-1])
            return results
        self._send(shared)
        return _gather_results(self._client, function, list(items), shared.name, told)

    def parts(self, items: Sequence[T]) -> list[Sequence[T]]:
        """Cut items into runs of about equal length, some for each worker."""
        length = -(-len(items) // (PARTS * self.size))
        return [items[i : i + length] for i in range(0, len(items), max(length, 1))]

    def joined(
        self,
        function: Callable[[Any, Sequence[T]], Sequence[R]],
        items: Sequence[T],
        shared: SharedValue,
    ) -> list[R]:
        """As `spread`, for a function that takes several items at once: for items that take less than a message."""
        return list(itertools.chain(*self.spread(function, self.parts(items), shared)))

    def close(self) -> None:
        """Remove the shared value."""
        for name in self._sent:
            with suppress(OSError):  # of workers that are gone
                self._client.unregister_worker_plugin(name)

    def _send(self, shared: SharedValue) -> None:
        if shared.name in self._sent:
            return
        plugin = _holder(shared.value)
        for tries in range(SENDS, 0, -1):
            try:
                self._client.register_plugin(plugin, name=shared.name)
                self._sent.append(shared.name)
                return
            except OSError as error:  # a worker died that the scheduler has not missed yet
                if tries == 1:
                    raise ToolError(f"workers cannot be reached: {error}") from error
                time.sleep(SEND_AGAIN_S)


@contextmanager
def open_team(workers: Workers) -> Iterator[Team]:
    """Start workers, or reach a cluster; the workers started here end with the body.

    Raises:
        UsageError: all problems with `workers`.
        ToolError: no scheduler answers there.
    """
    if problems := list(workers.problems()):
        raise UsageError(problems)
    if workers == HERE:
        yield Team(None)
        return
    with _cluster(workers) as address:
        try:
            client = _dask().Client(address, timeout=CONNECT_S)
        except (OSError, ValueError) as error:
            step = "is `dask scheduler` running there?"
            raise ToolError(f"--scheduler {address}: {error}; {step}") from error
        with client:
            team = Team(client)
            try:
                yield team
            finally:
                team.close()


# A worker runs this first: Ctrl-C reaches all processes of a terminal, and this one ends the others.
LEFT_TO_US = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"


@contextmanager
def _cluster(workers: Workers) -> Iterator[Any]:
    """The cluster on this machine, or the address of the other one."""
    if workers.scheduler is not None:
        yield workers.scheduler
        return
    cluster_of = _dask().LocalCluster
    # after 15 s Dask would close what restarts a worker that was killed twice
    stays = {"distributed.deploy.lost-worker-timeout": "1 day"}
    with (
        import_module("dask").config.set(stays),
        cluster_of(
            n_workers=workers.count,
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",  # None is port 8787, and a warning where that is taken
            memory_limit=None,
            silence_logs=logging.CRITICAL,
            preload=[LEFT_TO_US],
        ) as cluster,
    ):
        yield cluster


def _dask() -> Any:
    try:
        return import_module(DASK)
    except ImportError as error:
        raise ToolError(f"{DASK} is not installed; {install_extra('dask')}") from error


def _gather_results(
    client: Any,
    function: Callable[[Any, T], R],
    items: list[T],
    shared: str,
    told: Callable[[int, R], None] | None,
) -> list[R]:
    asked = (edgekit.__version__, function, shared)
    futures = [client.submit(_run, *asked, item, pure=False) for item in items]
    places = {future.key: place for place, future in enumerate(futures)}
    results: dict[int, R] = {}
    try:
        with _cancel_without_workers(client, futures):
            for future in _dask().as_completed(futures):
                place = places[future.key]
                results[place] = _result(future, place)
                if told:
                    told(place, results[place])
    except BaseException:
        with suppress(OSError):  # of a scheduler that is gone
            client.cancel(futures)
        raise
    return [results[place] for place in range(len(items))]


@contextmanager
def _cancel_without_workers(client: Any, futures: list[Any]) -> Iterator[None]:
    """Cancel futures once no worker has been there for CONNECT_S: Dask itself waits for ever."""
    ended = threading.Event()

    def watch() -> None:
        seen = time.monotonic()
        while not ended.wait(LOOK_S):
            if _has_workers(client):
                seen = time.monotonic()
            elif time.monotonic() - seen > CONNECT_S:
                client.cancel(futures)
                return

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()


def _has_workers(client: Any) -> bool:
    try:
        return bool(client.nthreads())
    except OSError:  # the scheduler is gone
        return False


def _result(future: Any, place: int) -> Any:
    try:
        return future.result()
    except _dask().CancelledError as error:
        found = f"the scheduler is gone, or no worker was there for {CONNECT_S} s"
        step = "start workers, as `dask worker` does; or run it alone, without --workers"
        raise ToolError(f"{found}; allowed: at least one worker; next: {step}") from error
    except _dask().KilledWorker as error:
        found = f"item {place + 1} ended each of several workers that ran it"
        raise ToolError(f"{found}; next: run it alone, without --workers") from error


def _run(version: str, function: Callable[[Any, T], R], shared: str, item: T) -> R:
    """Run an item in a worker."""
    if version != edgekit.__version__:
        raise ToolError(
            f"a worker has EdgeKit {edgekit.__version__}, not {version}; next: install the same there"
        )
    return function(_dask().get_worker().plugins[shared].value, item)


def _holder(value: Any) -> Any:
    """The plugin that holds a value in each worker."""
    plugin = _dask().WorkerPlugin()
    plugin.value = value
    return plugin
