"""Actors of Ray as workers: on a local cluster, or on one that runs already."""

import os
import re
import secrets
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from typing import Any, Self

from runners.executors.remote import surveyed, unlike
from runners.executors.shares import Initializer, Share
from runners.model import Unavailable, Unsupported, WorkerDied, at_least, in_one_line, last_line

CONNECT_S = 10
START_S = 60
"""How long actors may take to be ready: on a cluster they wait for free CPUs."""
END_S = 5.0
STORE_BYTES = 200_000_000
"""Of shared memory for large arguments and results; by itself Ray would take a third of all."""
LONGEST = 107 - len("/r/session_2026-11-26_20-46-40_550920_1234567/sockets/plasma_store")
"""Letters of a folder in which its sockets can be: the kernel takes 107 for all of the path."""
LOCAL = {
    "RAY_USAGE_STATS_ENABLED": "0",  # nothing is sent to anybody
    "RAY_AUTH_MODE": "token",  # who has no token is let in by none of its servers
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # elsewhere, too, what it means is: on loopback alone
    "RAY_enable_metrics_collection": "0",  # nothing samples while the clock runs
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # leave the variables for GPUs as they are
}
"""Variables for a cluster of its own, which Ray reads when it is imported."""


class Ray:
    """`max_workers` actors that fetch chunks of `chunksize` tasks as they get free.

    Without `address` the cluster is started here, on loopback, and lets nobody in who has not the
    token that is made for this process. With the address of one (`host:6379`), of which this
    machine has to be a part, each actor takes a CPU there; it is Unavailable if there are not as
    many free. Ray itself compares the versions of Python and Ray; the code of the program and of
    the workload is compared when actors start (`executors.remote`).
    """

    worker_kind = "remote"

    def __init__(
        self,
        max_workers: int,
        chunksize: int = 1,
        address: str | None = None,
        initializer: Initializer = None,
        initargs: tuple[Any, ...] = (),
    ) -> None:
        self.chunksize = chunksize
        at_least(self, 1, "chunksize")
        if find_spec("ray") is None:
            raise Unsupported(
                "needs the package ray; python -m pip install ray, where this Python has a wheel"
            )
        self.max_workers = max_workers
        self.address = address
        self.initializer = initializer
        self.initargs = initargs
        self.chosen_workers: str | None = None
        self.actors: list[Any] = []
        self.pids: list[int] = []

    @property
    def is_here(self) -> bool:
        """Whether all workers are to be on this machine."""
        return self.address is None

    @property
    def unchunked_by(self) -> str | None:
        return "chunksize=1" if self.chunksize > 1 else None

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            if self.address is None:
                stack.enter_context(_own_cluster(self.max_workers))
            else:
                stack.enter_context(_connected(self.address))
            self.actors = self._start()
            self.open = stack.pop_all()
        return self

    def _start(self) -> list[Any]:
        import ray

        # Those of its own cluster share its CPUs; on another one each takes one of its own.
        options = {"num_cpus": 0 if self.address is None else 1, "max_restarts": 0}
        make = ray.remote(Worker).options(**options)
        actors = [make.remote(sys.path if self.address is None else None) for _ in self._workers]
        where = self._asked([actor.where.remote() for actor in actors])
        if self.address is None:
            self.pids = [pid for _, pid in where]
        else:
            survey = getattr(self.initializer, "survey", None)
            here = surveyed(survey, self.initargs)
            codes = self._asked([actor.survey.remote(survey, self.initargs) for actor in actors])
            for (host, pid), code in zip(where, codes, strict=True):
                if (why := unlike(code, here)) is not None:
                    raise Unavailable(f"the worker {pid}, on {host}, {why}")
            hosts = [host for host, _ in where]
            counts = [f"{host} ({hosts.count(host)})" for host in dict.fromkeys(hosts)]
            self.chosen_workers = ", ".join(counts)
        if self.initializer is not None:
            begun = [actor.begin.remote(self.initializer, self.initargs) for actor in actors]
            self._asked(begun)
        return actors

    @property
    def _workers(self) -> range:
        return range(self.max_workers)

    def _asked(self, answers: Sequence[Any]) -> list[Any]:
        """What all actors answer, within the time that they have to start."""
        import ray

        ready, late = ray.wait(list(answers), num_returns=len(answers), timeout=START_S)
        if late:
            free = ray.available_resources().get("CPU", 0)
            raise Unavailable(
                f"Ray has started {len(ready)} of {self.max_workers} workers within {START_S} s: "
                f"its cluster has {free:g} free CPUs beside them; set n, or add machines"
            )
        try:
            return list(ray.get(list(answers)))
        except ray.exceptions.RayError as error:
            if isinstance(cause := getattr(error, "cause", None), Exception):
                raise cause from error
            where = re.search(r"\bip=([\w.:]+)", str(error))
            raise Unavailable(
                f"a worker of Ray{f' on {where[1]}' if where else ''} did not start "
                f"({_innermost(error)}): this program and the workload have to be installed on "
                "each of its machines, in this version"
            ) from error

    def __exit__(self, kind: Any, error: Any, trace: Any, /) -> None:
        import ray

        for actor in self.actors:
            ray.kill(actor, no_restart=True)
        self.actors = []  # what is kept of them would be looked for in the next cluster
        self.open.close()
        until_s = time.monotonic() + END_S
        while any(map(_lives, self.pids)) and time.monotonic() < until_s:
            time.sleep(0.01)

    def map(self, function: Callable[[Any], Any], tasks: Iterable[Any], /) -> list[Any]:
        import ray

        given = list(tasks)
        starts = iter(range(0, len(given), self.chunksize))
        parts: dict[int, list[Any]] = {}
        busy: dict[Any, tuple[Any, int]] = {}

        def hand_out(actor: Any) -> None:
            if (start := next(starts, None)) is not None:
                chunk = given[start : start + self.chunksize]
                busy[actor.run.remote(function, chunk)] = actor, start

        for actor in self.actors:
            hand_out(actor)
        while busy:
            [done], _ = ray.wait(list(busy), num_returns=1)
            actor, start = busy.pop(done)
            parts[start] = self._results(done)
            hand_out(actor)
        return [result for start in sorted(parts) for result in parts[start]]

    def _results(self, done: Any) -> list[Any]:
        """Those of a chunk. Raises what a task raised, or what became of its worker."""
        import ray

        try:
            results, error = ray.get(done)
        except (ray.exceptions.RayActorError, ray.exceptions.NodeDiedError) as death:
            if self.address is None:
                raise WorkerDied("a worker ended while it ran a task") from death
            raise Unavailable(f"a worker was lost during the run: {in_one_line(death)}") from death
        except ray.exceptions.RayTaskError as problem:  # as results that cannot be pickled
            raise (problem.cause or problem) from None
        if error is not None:
            raise error
        return list(results)


class Worker:
    """What an actor is: it lives in a process of its own, and does one thing at a time."""

    def __init__(self, path: Sequence[str] | None) -> None:
        if path is not None:
            sys.path[:] = path
            _restore(OWN_PATH)

    def where(self) -> tuple[str, int]:
        return os.uname().nodename, os.getpid()

    def survey(self, survey: Callable[..., Any] | None, given: Sequence[Any]) -> Any:
        return surveyed(survey, given)

    def begin(self, initializer: Callable[..., object], initargs: Sequence[Any]) -> None:
        initializer(*initargs)

    def run(self, function: Callable[[Any], Any], tasks: Sequence[Any]) -> Any:
        return Share(function, tasks).compute()


OWN_PATH = "SPEEDUP_LAB_PYTHONPATH"
"""Keeps PYTHONPATH as it was: the workers get another one, programs that tasks start do not."""


def _restore(kept: str) -> None:
    value = os.environ.pop(kept, "")
    if value:
        os.environ["PYTHONPATH"] = value
    else:
        os.environ.pop("PYTHONPATH", None)


def _innermost(error: Exception) -> str:
    """The last line of what Ray says, which is that of the error behind it, without colours."""
    return re.sub(r"\x1b\[[\d;]*m", "", last_line(str(error)))


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True


def prepare() -> None:
    """Have this process, and what it starts, know the variables of a cluster of its own."""
    if all(os.environ.get(name) == value for name, value in LOCAL.items()):
        return
    if "ray" in sys.modules:  # it would be open to others, and on all addresses
        raise Unsupported(
            "the workload imports ray before its cluster can be made for this process alone: "
            "import it within the function, or set executor.address"
        )
    os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    os.environ.update(LOCAL)


@contextmanager
def _own_cluster(n: int) -> Iterator[None]:
    """While this is entered Ray runs here, and nobody else can use it."""
    prepare()
    folder = tempfile.mkdtemp(prefix="r")
    try:
        if len(folder) > LONGEST:
            raise Unavailable(
                f"the path of Ray's folder for sockets is too long ({folder}): set TMPDIR to a "
                "shorter one, as /tmp"
            )
        # Its processes are started by commands of their own, which find `runners` by this.
        os.environ[OWN_PATH] = os.environ.get("PYTHONPATH", "")
        os.environ["PYTHONPATH"] = os.pathsep.join(sys.path)
        try:
            with _init(
                address="local",
                num_cpus=n,
                num_gpus=0,
                include_dashboard=False,
                object_store_memory=STORE_BYTES,
                _temp_dir=f"{folder}/r",  # which it opens to everybody, so that it is in ours
            ):
                _restore(OWN_PATH)
                yield
        finally:
            if OWN_PATH in os.environ:
                _restore(OWN_PATH)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _connected(address: str) -> Iterator[None]:
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if address.startswith("ray://") or not host or not port.isdecimal():
        raise Unsupported(f"{address} is no address of a cluster of Ray: name it as host:6379")
    try:
        socket.create_connection((host, int(port)), CONNECT_S).close()
    except OSError as error:
        raise Unavailable(f"no cluster of Ray at {address}: {in_one_line(error)}") from error
    from ray._raylet import GcsClient  # with a wrong token `init` would try for minutes

    try:
        GcsClient(address=address)
    except Exception as error:
        raise Unavailable(
            f"what is at {address} does not talk to us as a cluster of Ray ({in_one_line(error)}): "
            "is it its port, and is its token here (RAY_AUTH_TOKEN or RAY_AUTH_TOKEN_PATH)?"
        ) from error
    with _init(address=address):
        yield


@contextmanager
def _init(**options: Any) -> Iterator[None]:
    """Ray in this process, with the signals left as they are."""
    import ray

    before = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(log_to_driver=False, configure_logging=False, **options)
    except Exception as error:  # of many kinds; it tells of other versions by RuntimeError
        ray.shutdown()
        where = options["address"]
        what = "could not start" if where == "local" else f"could not join its cluster at {where}"
        raise Unavailable(f"Ray {what}: {in_one_line(error)}") from error
    finally:
        signal.signal(signal.SIGTERM, before)
    try:
        yield
    finally:
        ray.shutdown(wait_for_processes=options["address"] == "local")
