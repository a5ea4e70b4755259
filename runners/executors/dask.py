"""Workers of Dask: `distributed.Client.map` on a local cluster, or on one that runs already."""

import logging
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import CancelledError
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import Any, Self

from runners.executors.dask_cluster import CONNECT_S, Existing, answering, connected
from runners.executors.shares import Initializer
from runners.model import InvalidParameter, Unavailable, Unsupported, WorkerDied, in_one_line

END_S = 1.0
LOCAL = {
    "distributed.scheduler.allowed-failures": 0,  # a task that kills its worker gets one worker
    "distributed.worker.profile.enabled": False,  # nothing samples while the clock runs
    # Their servers of facts are always there: they have none to give.
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
}


class Dask:
    """`max_workers` threads, in processes of `threads_per_worker`, that a scheduler hands tasks to.

    Without `address` the cluster is started here, bound to loopback. Whoever can talk to a
    scheduler can have it run anything: it talks by TLS alone, with keys made for this process.
    With an address (`tcp://host:8786`, `tls://host:8786`), whose security is that cluster's own
    affair, some of its workers are used, with `max_workers` threads in all. It is Unavailable if no
    choice of workers that are fit has that many now, or if one of them is lost. They are fit if
    they have the same Python and packages, `runners` and the workload (`executors.remote`). Their
    number of threads is left as it is.
    """

    worker_kind = "remote"

    def __init__(
        self,
        max_workers: int,
        address: str | None = None,
        threads_per_worker: int = 1,
        initializer: Initializer = None,
        initargs: tuple[Any, ...] = (),
    ) -> None:
        if threads_per_worker < 1 or max_workers % threads_per_worker:
            raise InvalidParameter(
                "threads_per_worker", f"must divide the number of workers, {max_workers}"
            )
        for package in ("distributed", "cryptography"):
            if find_spec(package) is None and (package == "distributed" or address is None):
                raise Unsupported(
                    f"needs the package {package}; python -m pip install distributed cryptography"
                )
        self.max_workers = max_workers
        self.address = address
        self.threads_per_worker = threads_per_worker
        self.initializer = initializer
        self.initargs = initargs
        self.cluster: Existing | None = None
        self.setup: Any = None

    @property
    def chosen_workers(self) -> str | None:
        return None if self.cluster is None else self.cluster.told

    @property
    def is_here(self) -> bool:
        return self.address is None

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            where = self.address or stack.enter_context(self._cluster())
            self.client = stack.enter_context(connected(where, self.address))
            if self.address is not None:
                self.cluster = Existing(self.client, self.address)
                self.cluster.choose(self.max_workers, self.initializer, self.initargs)
            if self.initializer is not None:
                setup = Setup(self.initializer, self.initargs)
                with answering(self.address):
                    [self.setup] = self.client.scatter(
                        [setup],
                        workers=self.chosen,
                        broadcast=True,
                        hash=False,
                        timeout=CONNECT_S,
                    )
            self.open = stack.pop_all()
        return self

    @property
    def chosen(self) -> list[str] | None:
        return None if self.cluster is None else self.cluster.chosen

    def __exit__(self, kind: Any, error: Any, trace: Any, /) -> None:
        self.open.close()
        if self.address is not None:
            return
        for thread in threading.enumerate():
            if thread.name.startswith("AsyncProcess"):  # Dask's watchers end after their process
                thread.join(END_S)

    def map(self, function: Callable[[Any], Any], tasks: Iterable[Any], /) -> list[Any]:
        from distributed import KilledWorker

        futures = self.client.map(
            _call,
            list(tasks),
            function=function,
            setup=self.setup,
            workers=self.chosen,
            pure=False,
        )
        if self.cluster is not None:
            return self.cluster.results(futures)
        try:
            results: list[Any] = self.client.gather(futures)
        except KilledWorker as error:
            where = error.last_worker.address
            raise WorkerDied(f"the worker at {where} ended while it ran a task") from error
        except CancelledError as error:
            raise WorkerDied("a worker ended, and what it held for the others is lost") from error
        return results

    def _cluster(self) -> Any:
        import dask
        import distributed

        with dask.config.set(LOCAL):
            try:
                return distributed.LocalCluster(  # type: ignore[no-untyped-call]
                    n_workers=self.max_workers // self.threads_per_worker,
                    threads_per_worker=self.threads_per_worker,
                    host="127.0.0.1",
                    security=_keys(),
                    # Any free port keeps it from a fixed one.
                    scheduler_kwargs={"dashboard": False, "dashboard_address": "127.0.0.1:0"},
                    silence_logs=logging.CRITICAL,
                )
            except (OSError, RuntimeError) as error:  # the latter where a part of it did not start
                raise Unavailable(
                    f"Dask could not start its workers: {in_one_line(error)}"
                ) from error


@cache
def _keys() -> Any:
    """Made once for this process, in some tenths of a second, and in no file that stays."""
    import distributed

    return distributed.Security.temporary()  # type: ignore[no-untyped-call]


@dataclass(frozen=True, slots=True)
class Setup:
    """What each thread of a worker calls before its first task. Sent once to each worker."""

    initializer: Callable[..., object]
    initargs: tuple[Any, ...]


_thread = threading.local()


def _call(task: Any, *, function: Callable[[Any], Any], setup: Setup | None) -> Any:
    if setup is not None and getattr(_thread, "setup", None) is not setup:
        setup.initializer(*setup.initargs)
        _thread.setup = setup
    return function(task)
