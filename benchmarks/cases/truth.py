"""What is true of a case, found with nothing but the standard library.

    python -m benchmarks.cases.truth NAME [URL]

prints the figures of that case as JSON: seconds of each way, side by side in one process, in turns;
and what its questions find. With `NAME WAY [URL]` it times one way once.
"""

import asyncio
import importlib
import json
import multiprocessing
import os
import pickle
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from multiprocessing.connection import Connection
from typing import Any

from benchmarks.cases.case import FOLDER, ROOT, Case, How, Way
from benchmarks.cases.listed import CASES

REPEATS = 7
LIMIT_S = 60

Calls = Sequence[Sequence[Any]]


def figures(case: Case, url: str) -> dict[str, float]:
    """The shortest time of each way, and the answers to what the case asks besides.

    The shortest, because what other programs take on a busy machine only adds to a time.
    """
    found: dict[str, float] = {}
    for ask in case.asks:
        found |= ASKS[ask](case, url)
    timers = {name: timer(case, way, url) for name, way in case.ways.items()}
    seconds: dict[str, list[float]] = {name: [] for name in timers}
    for repeat in range(-1, REPEATS):  # the first is to warm up
        for name in list(timers)[:: 1 if repeat % 2 else -1]:
            took_s = timers[name]()
            if repeat >= 0:
                seconds[name].append(took_s)
    return found | {name: min(each) for name, each in seconds.items()}


def timer(case: Case, way: Way, url: str) -> Callable[[], float]:
    """What times that way once."""
    if way.fresh:
        name = next(name for name, other in case.ways.items() if other is way)
        return partial(timed_afresh, case.name, name, url)
    function, calls = loaded(case, way, url)
    run = runner(way, function, calls)
    return partial(timed, run)


def timed(run: Callable[[], object]) -> float:
    begin_s = time.perf_counter()
    run()
    return time.perf_counter() - begin_s


def timed_afresh(*arguments: str) -> float:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.cases.truth", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        check=True,
        timeout=LIMIT_S,
    )
    return float(done.stdout)


def loaded(case: Case, way: Way, url: str) -> tuple[Callable[..., Any], Calls]:
    """The function of that way and the arguments of its calls."""
    file, _, name = case.function.partition(":")
    if str(FOLDER) not in sys.path:
        sys.path.insert(0, str(FOLDER))
    module = importlib.import_module(file.removesuffix(".py"))
    owner: Any = module
    *path, last = (way.function or name).split(".")
    for part in path:
        owner = getattr(owner, part)
    calls = case.calls if way.calls is None else way.calls
    if isinstance(calls, str):
        return getattr(owner, last), list(getattr(module, calls)())
    known = json.loads(json.dumps(list(calls)).replace("{url}", url))
    return getattr(owner, last), known


def runner(way: Way, function: Callable[..., Any], calls: Calls) -> Callable[[], object]:
    """What makes the calls in that way."""
    call = partial(_star, function)
    context = multiprocessing.get_context(way.start_method)
    match way.how:
        case "loop":
            return lambda: [function(*arguments) for arguments in calls]
        case "threads":
            return futures(way, partial(ThreadPoolExecutor, way.n), call, calls)
        case "process_pool":
            make = partial(ProcessPoolExecutor, way.n, mp_context=context)
            return futures(way, make, call, calls)
        case "pool":
            return lambda: pool(context.Pool(way.n), call, calls, way.chunksize)
        case "process":
            return lambda: process(context, way.n, call, calls)
        case "one by one":
            return lambda: asyncio.run(one_by_one(function, calls))
        case "gather":
            return lambda: asyncio.run(gathered(function, calls, way.n))


def _star(function: Callable[..., Any], arguments: Sequence[Any]) -> Any:
    return function(*arguments)


def futures(
    way: Way, make: Callable[[], Executor], call: Callable[..., Any], calls: Calls
) -> Callable[[], object]:
    def run(workers: Executor) -> object:
        return list(workers.map(call, calls, chunksize=way.chunksize or 1))

    def run_and_end() -> object:
        with make() as workers:
            return run(workers)

    return partial(run, make()) if way.kept else run_and_end


def pool(workers: Any, call: Callable[..., Any], calls: Calls, chunksize: int | None) -> object:
    with workers:
        results = workers.map(call, calls, chunksize)
        workers.close()
        workers.join()
    return results


def process(context: Any, n: int, call: Callable[..., Any], calls: Calls) -> object:
    """A process for each share of the calls, which are dealt like cards."""

    def work(share: Calls, sender: Connection) -> None:
        sender.send([call(arguments) for arguments in share])

    receivers, workers = [], []
    for k in range(n):
        receiver, sender = context.Pipe(duplex=False)
        worker = context.Process(target=work, args=(calls[k::n], sender))
        worker.start()
        sender.close()
        receivers.append(receiver)
        workers.append(worker)
    parts = [receiver.recv() for receiver in receivers]
    for worker in workers:
        worker.join()
    return parts


async def one_by_one(function: Callable[..., Coroutine[Any, Any, Any]], calls: Calls) -> object:
    return [await function(*arguments) for arguments in calls]


async def gathered(
    function: Callable[..., Coroutine[Any, Any, Any]], calls: Calls, n: int
) -> object:
    places = asyncio.Semaphore(n)

    async def one(arguments: Sequence[Any]) -> Any:
        async with places:
            return await function(*arguments)

    return await asyncio.gather(*map(one, calls))


# What a case may ask besides times


def cpu_outside(case: Case, url: str) -> dict[str, float]:
    """The part of the loop's CPU time that others than the calling thread had."""
    function, calls = loaded(case, Way("loop"), url)
    run = runner(Way("loop"), function, calls)
    run()
    all_s, own_s = _cpu_s(), time.thread_time()
    run()
    all_s, own_s = _cpu_s() - all_s, time.thread_time() - own_s
    return {"CPU time outside the calling thread": 1 - own_s / all_s}


def _cpu_s() -> float:
    """CPU time of this process and of those that it has waited for."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + ended.ru_utime + ended.ru_stime


def equal_results(case: Case, url: str) -> dict[str, float]:
    """The part of twenty pools of forked processes in which two of the calls gave the same."""
    function, calls = loaded(case, Way("loop"), url)
    function(*calls[0])
    run = runner(Way("process_pool"), function, calls)
    equal = 0
    for _ in range(20):
        results: Any = run()
        equal += len({repr(result) for result in results}) < len(results)
    return {"pools with equal results": equal / 20}


def pickled_bytes(case: Case, url: str) -> dict[str, float]:
    """What a call and its result weigh, pickled."""
    function, calls = loaded(case, Way("loop"), url)
    sent = pickle.dumps(calls[0], pickle.HIGHEST_PROTOCOL)
    returned = pickle.dumps(function(*calls[0]), pickle.HIGHEST_PROTOCOL)
    return {"MB sent": len(sent) / 1e6, "MB returned": len(returned) / 1e6}


HOW: dict[str, How] = {"thread_pool": "threads", "process_pool": "process_pool", "pool": "pool"}
"""What the executor of a case is made of."""


def refused(case: Case, url: str) -> dict[str, float]:
    """1 where a pool of the standard library raises instead of running the calls."""
    way = Way(HOW[case.executor])
    function, calls = loaded(case, way, url)
    try:
        runner(way, function, calls)()
    except Exception:
        return {"refused": 1.0}
    return {"refused": 0.0}


def equal_to_itself(case: Case, url: str) -> dict[str, float]:
    """1 where a call gives the same twice, as `==` has it."""
    function, calls = loaded(case, Way("loop"), url)
    one, other = function(*calls[0]), function(*calls[0])
    return {"equal to itself": float(bool(one == other))}


ASKS: dict[str, Callable[[Case, str], dict[str, float]]] = {
    ask.__name__: ask
    for ask in (cpu_outside, equal_results, pickled_bytes, refused, equal_to_itself)
}


def main(name: str, *rest: str) -> None:
    case = next(case for case in CASES if case.name == name)
    os.chdir(ROOT)
    if rest and rest[0] in case.ways:
        way = case.ways[rest[0]]
        function, calls = loaded(case, way, rest[1] if len(rest) > 1 else "")
        print(timed(runner(way, function, calls)))
    else:
        print(json.dumps(figures(case, rest[0] if rest else "")))


if __name__ == "__main__":
    main(*sys.argv[1:])
