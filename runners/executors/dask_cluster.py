"""A cluster of Dask that runs already: which of its workers are used, and whether they stay."""

import pickle
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from functools import partial
from typing import Any

from runners.executors.remote import Survey, asked, facts, surveyed, unfit, unlike
from runners.model import Unavailable, Unsupported, in_one_line

CONNECT_S = 10
ASK_S = 30
"""How long a worker may take to answer what it has; it may load the workload for that."""
LOOK_S = 5
"""So often a scheduler that says nothing is asked whether the workers are still there."""
PACKAGES = ("distributed", "cloudpickle")
"""Both sides of a connection have to have the same of these."""
TLS = "DASK_DISTRIBUTED__COMM__TLS__"
SECURITY = (
    f"Dask's configuration has to name its keys: {TLS}CA_FILE, {TLS}CLIENT__CERT, {TLS}CLIENT__KEY"
)
MOST_TOLD = 12
"""Of so many workers the addresses or the threads are told."""


@contextmanager
def connected(where: Any, address: str | None) -> Iterator[Any]:
    """A client of the scheduler at that address, or of the cluster `where`, started here."""
    try:
        try:
            client = _client(where, address)
        except AssertionError:  # in Dask itself, where workers come or go in that moment
            client = _client(where, address)
    except ValueError as error:
        raise Unsupported(f"no address of a scheduler: {address}: {error}") from error
    except Exception as error:  # of many kinds, where what is there talks in another way
        named = address or "the address of the one that was started"
        hint = ""
        if named.startswith("tls:"):
            hint = f"; {SECURITY}"
        elif address is not None:
            hint = "; is it running, is that its port, and does it talk without TLS (tls://)?"
        raise Unavailable(f"no scheduler at {named}: {in_one_line(error)}{hint}") from error
    with client:
        yield client


def _client(where: Any, address: str | None) -> Any:
    import distributed
    from distributed.versions import VersionMismatchWarning

    if address is not None:
        _greet(address)
    with warnings.catch_warnings():  # what matters of that is told of each worker
        warnings.simplefilter("ignore", VersionMismatchWarning)
        return distributed.Client(  # type: ignore[no-untyped-call]
            where, timeout=CONNECT_S, set_as_default=False
        )


def _greet(address: str) -> None:
    """Raises what is wrong there: a client would wait for ever for a server that says nothing.

    Once for this process, as runs are timed.
    """
    if address in _greeted:
        return
    import asyncio

    import distributed
    from distributed.comm.core import connect

    async def greet() -> None:
        keys = distributed.Security().get_connection_args("client")  # type: ignore[no-untyped-call]
        meeting = connect(address, timeout=CONNECT_S, **keys)  # type: ignore[no-untyped-call]
        await (await asyncio.wait_for(meeting, CONNECT_S + 1)).close()

    asyncio.run(greet())
    _greeted.add(address)


_greeted: set[str] = set()


@contextmanager
def answering(address: str | None) -> Iterator[None]:
    """Says in one line that those who were there have gone."""
    try:
        yield
    except (OSError, CancelledError) as error:  # TimeoutError is one, too
        whose = "the cluster" if address is None else f"the cluster at {address}"
        raise Unavailable(f"{whose} does not answer: {in_one_line(error)}") from error


class Existing:
    """Some workers of the cluster of that client. To be made and used within a `with` of it."""

    def __init__(self, client: Any, address: str) -> None:
        self.client = client
        self.address = address
        self.chosen: list[str] = []
        self.told = ""
        self.lost: dict[str, None] = {}
        self.woken: Any = None

    def choose(
        self, n: int, initializer: Callable[..., object] | None, initargs: Sequence[Any]
    ) -> None:
        """Choose workers with n threads together, all of which are fit. Raises Unavailable."""
        with answering(self.address):
            threads = dict(self.client.nthreads(callback_timeout=CONNECT_S))
        if not threads:
            raise Unavailable(
                f"the cluster at {self.address} has no workers: start some (dask worker "
                f"{self.address})"
            )
        survey = getattr(initializer, "survey", None)
        here = facts(PACKAGES), surveyed(survey, initargs)
        unfit_ones: list[str] = []
        while True:
            chosen = choose(threads, n)
            if chosen is None:
                break
            found = self._unknown(chosen, survey, initargs, *here)
            if not found:
                self._take(chosen)
                return
            unfit_ones += found.values()
            threads = {worker: count for worker, count in threads.items() if worker not in found}
        if unfit_ones:
            more = f" ({len(unfit_ones) - 1} more are unfit)" if len(unfit_ones) > 1 else ""
            raise Unavailable(f"{unfit_ones[0]}{more}")
        counts = list(threads.values())
        shown = ", ".join(map(str, counts[:MOST_TOLD])) + (", ..." if counts[MOST_TOLD:] else "")
        raise Unavailable(
            f"the {len(counts)} workers of the cluster have [{shown}] threads: no choice of them "
            f"has {n} together; start more, or set n"
        )

    def _take(self, chosen: list[str]) -> None:
        self.chosen = chosen
        self.told = ", ".join(f"{worker} ({_hosts[worker]})" for worker in chosen)
        for worker in chosen:
            self.client.subscribe_topic(worker, partial(self._hear, worker))

    def _hear(self, worker: str, event: tuple[float, Any]) -> None:
        """What the scheduler tells of a worker; a nanny starts another one in its place."""
        if isinstance(event[1], Mapping) and event[1].get("action") == "remove-worker":
            self._lose(worker)

    def _lose(self, worker: str) -> None:
        self.lost[worker] = None
        if self.woken is not None:
            self.woken.set()

    def _unknown(
        self,
        workers: Sequence[str],
        survey: Callable[..., Any] | None,
        given: Sequence[Any],
        here: Mapping[str, Any],
        code: Survey,
    ) -> dict[str, str]:
        """Why which of these workers are unfit. Each is asked once for this process."""
        key = self.client.scheduler.address, hash(pickle.dumps((survey, given)))
        new = [worker for worker in workers if (*key, worker) not in _fit]
        found: dict[str, str] = {}
        if not new:
            return found

        def lines(answers: Mapping[str, Any], judge: Callable[[Any], str | None]) -> list[str]:
            for worker, answer in answers.items():
                if isinstance(answer, BaseException):
                    why: str | None = f"gives no answer ({in_one_line(answer)}): end it"
                else:
                    why = judge(answer)
                if why is not None:
                    host = f", on {hosts[worker]}," if worker in hosts else ""
                    found[worker] = f"the worker {worker}{host} {why}"
            return [worker for worker in answers if worker not in found]

        hosts: dict[str, str] = {}
        with answering(self.address):
            answers = self.client.sync(self._ask, new, *asked(PACKAGES))
            hosts |= {w: one["host"] for w, one in answers.items() if isinstance(one, dict)}
            same = lines(answers, lambda there: unfit(there, here))
            if survey is not None and same:
                answers = self.client.sync(self._ask, same, surveyed, survey, given)
                same = lines(answers, lambda there: unlike(there, code))
        _fit.update((*key, worker) for worker in same)
        _hosts.update(hosts)
        return found

    async def _ask(self, workers: Sequence[str], function: Any, *given: Any) -> dict[str, Any]:
        """What the function returns on each of them, or what it, or the way there, raises."""
        import asyncio

        async def ask(worker: str) -> Any:
            run = self.client.run(function, *given, workers=[worker], on_error="return")
            try:
                return (await asyncio.wait_for(run, ASK_S))[worker]
            except TimeoutError:
                return TimeoutError(f"within {ASK_S} s")
            except Exception as error:
                return error

        return dict(zip(workers, await asyncio.gather(*map(ask, workers)), strict=True))

    def results(self, futures: Sequence[Any]) -> list[Any]:
        """What comes of these tasks. Raises Unavailable if a worker was lost meanwhile."""
        from distributed import KilledWorker

        try:
            results: list[Any] = self.client.sync(self._results, futures)
        except Unavailable:
            raise
        except Exception as error:
            self._tell_loss()
            gone = isinstance(error, KilledWorker | CancelledError)
            if not gone and self.client.status == "running":
                raise  # a task's own
            raise Unavailable(
                f"the cluster at {self.address} lost workers, or its scheduler: "
                f"{in_one_line(error)}"
            ) from error
        self._tell_loss()
        return results

    def _tell_loss(self) -> None:
        if self.lost:
            first, *others = self.lost
            more = f" and {len(others)} more" if others else ""
            raise Unavailable(
                f"the worker {first}, on {_hosts[first]},{more} was lost during the run: it ended, "
                "or the scheduler could not reach it"
            )

    async def _results(self, futures: Sequence[Any]) -> list[Any]:
        import asyncio

        self.woken = asyncio.Event()
        got = asyncio.ensure_future(self.client.gather(futures, asynchronous=True))
        lost = asyncio.ensure_future(self.woken.wait())
        try:
            while not (got.done() or self.lost):
                done, _ = await asyncio.wait(
                    {got, lost}, timeout=LOOK_S, return_when=asyncio.FIRST_COMPLETED
                )
                if not done:
                    await self._look()
            return [] if self.lost else list(await got)
        finally:
            got.cancel()
            lost.cancel()

    async def _look(self) -> None:
        """Whether all are there: an event may have come before it was asked for."""
        import asyncio

        try:
            there = await asyncio.wait_for(
                self.client.scheduler.ncores(workers=self.chosen), CONNECT_S
            )
        except (OSError, TimeoutError) as error:
            raise Unavailable(
                f"the scheduler at {self.address} does not answer: {in_one_line(error)}"
            ) from error
        for worker in {*self.chosen} - {*there}:
            self._lose(worker)


_fit: set[tuple[str, int, str]] = set()
"""Which workers, by their addresses, were found to be fit: their scheduler, for what, and they."""
_hosts: dict[str, str] = {}
"""The machine of each worker."""


def choose(threads: Mapping[str, int], n: int) -> list[str] | None:
    """Addresses of workers that have n threads together, None if there are none.

    By each number of threads up to n the last worker of a choice that has so many, and the number
    without it.
    """
    last: dict[int, tuple[str, int]] = {0: ("", 0)}
    for address, count in threads.items():
        for total in [total for total in last if total + count <= n]:
            last.setdefault(total + count, (address, total))
        if n in last:
            break
    if n not in last:
        return None
    chosen = []
    while n:
        address, n = last[n]
        chosen.append(address)
    return chosen[::-1]
