"""A cell, prepared by the interpreter that is to measure it, in a process that measures nothing.

Its plugins are imported, checked, made and pickled here, and what the plan has to know of them is
asked. Another interpreter than the program's has other packages, maybe another version of Python:
what goes there and comes back is plain data (`model.plain`).
"""

import os
import pickle
import traceback
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from typing import Any, get_args

from runners.child import elsewhere, interpreter
from runners.child.plugins import BrokenPlugin, bind, build, find
from runners.child.sources import Code
from runners.door import Interrupted
from runners.model import (
    REFUSALS,
    Absent,
    Cautious,
    Chunking,
    Conditional,
    Coroutine,
    Declared,
    Factory,
    Flag,
    Inheriting,
    InvalidParameter,
    Launching,
    Lenient,
    Meeting,
    Multiprocessing,
    Nearby,
    OnlyCoroutine,
    Renewing,
    Sharing,
    Sourced,
    Tidy,
    Unavailable,
    Unsupported,
    UsageError,
    Workers,
    in_one_line,
    launch_of,
    locate,
    unreadable,
)
from runners.model.plain import dumped, loaded

Blocked = Callable[[str, str], bool]
"""Whether a dotted name, whose object is defined in that module, is never to be called."""


@dataclass(frozen=True, slots=True)
class Request:
    """A cell as its configuration has it: the names of its plugins, and the keys of their YAML.

    `reuse` and the others are settings that go together with what a plugin is able to do or not;
    `only_n` names the parameters that are the number of workers.
    """

    workload: str
    workload_keys: Mapping[str, Any]
    executor: str
    executor_keys: Mapping[str, Any]
    n: int
    weak: bool
    fresh: bool
    only_n: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Prepared:
    """What the plan of a cell has to know of its plugins; the names are those of `Plan`.

    `given` are the executor's arguments, pickled. `code` has the digest of each module that runs,
    by name, `packages` the version of each package behind them. `unplaceable` says why workers
    cannot be pinned to CPUs; None if they can.
    """

    workload_as: Factory
    executor_as: Factory
    given: bytes
    baseline: str
    baseline_as: Factory
    reuse: bool
    apart: bool
    payload: bytes
    compared: bool
    worker_kind: Workers
    start_method: str | None
    sends_tasks: bool
    flags: tuple[Flag, ...]
    renewing: bool
    unplaceable: str | None
    launches: bool
    code: Mapping[str, str]
    packages: Mapping[str, str]


def prepared(request: Request, code: Code, blocked: Blocked | None = None) -> Prepared:
    """Prepare a cell. Raises UsageError: one line that names the key and the remedy."""
    try:
        return _prepared(request, code, blocked)
    except (UsageError, Interrupted):
        raise
    except InvalidParameter as error:
        raise UsageError(f"workload.{error}") from error
    except BaseException as error:  # what a plugin's properties and methods may raise
        *_, (frame, line) = traceback.walk_tb(error.__traceback__)
        raise BrokenPlugin(
            f"workload={request.workload} executor={request.executor}: asked what it is able to "
            f"do, one of them raises {in_one_line(error)} ({frame.f_code.co_filename}, line "
            f"{line}); fix it"
        ) from error


def _prepared(request: Request, code: Code, blocked: Blocked | None) -> Prepared:
    workload_as, workload_class = find("workload", request.workload, request.workload_keys, blocked)
    executor_as, executor_class = find("executor", request.executor, request.executor_keys, blocked)
    for name in ("max_workers", "processes"):
        if name in executor_as.parameters and f"executor.{name}" not in request.only_n:
            raise UsageError(
                f"executor.{name}: the number of workers is n everywhere; set n=... and leave "
                f"{name}: ${{n}} in the YAML"
            )
    executor_as, reuse = _reused(executor_as)
    if reuse and request.fresh:
        raise UsageError(
            "executor.reuse=true: workers that are kept from run to run are not fresh, as "
            "measure.fresh=true wants them; set one of the two to false"
        )
    workload = build("workload", request.workload, workload_class, workload_as.parameters)
    executor: Any = None
    workers: Workers = "unknown"
    given = bind("executor", request.executor, executor_class, executor_as.parameters)
    if isinstance(executor_class, Declared):
        workers = executor_class.worker_kind
        executor = build("executor", request.executor, executor_class, executor_as.parameters)
    if workers == "coroutine" and not isinstance(workload, Coroutine):
        workers = "thread"  # where plain functions are run
    start_method = executor.start_method if isinstance(executor, Multiprocessing) else None
    minimum = int(workload.minimum_workers) if isinstance(workload, Meeting) else 1
    if reason := _cannot_meet(request, workload, minimum, workers, executor, reuse):
        names = f"workload={request.workload} executor={request.executor}"
        raise UsageError(f"{names}: {reason}") from Unsupported(reason)
    baseline, baseline_as = _baseline(workload, minimum)
    modules = [
        *(cls.__module__ for cls in (workload_class, executor_class)),
        *(workload.sources() if isinstance(workload, Sourced) else ()),
    ]
    sources = code.reached({*modules, "runners.child.trial"})
    files = ((name, one.file) for name, one in sources.items() if not _is_ours(name))
    if left := elsewhere.left_behind(files):
        reason = (
            f"{', '.join(left)}: imported from the tree that is here, and not from that version"
        )
        raise UsageError(f"workload={request.workload}: {reason}") from Unsupported(reason)
    return Prepared(
        workload_as=workload_as,
        executor_as=executor_as,
        given=_pickled("executor", request.executor, given),
        baseline=baseline,
        baseline_as=baseline_as,
        reuse=reuse,
        apart=reuse or not (isinstance(executor, Tidy) and executor.tidy),
        payload=_pickled("workload", request.workload, workload),
        compared=workload.compared if isinstance(workload, Lenient) else True,
        worker_kind=workers if workers in get_args(Workers) else "unknown",
        start_method=start_method,
        sends_tasks=start_method is not None
        and not (isinstance(executor, Inheriting) and executor.inherits_tasks),
        flags=tuple(
            flag
            for plugin in (workload, executor)
            if isinstance(plugin, Cautious)
            for flag in plugin.cautions(workers, start_method)
        ),
        renewing=isinstance(workload, Renewing),
        unplaceable=_unplaceable(workers, executor),
        launches=isinstance(executor, Launching),
        code={name: source.digest for name, source in sources.items()},
        packages=code.packages(sources),
    )


def _is_ours(module: str) -> bool:
    return module.partition(".")[0] == "runners"


def _pickled(group: str, choice: str, what: Any) -> bytes:
    try:
        return pickle.dumps(what, protocol=pickle.HIGHEST_PROTOCOL)
    except Exception as error:
        it = "it" if group == "workload" else "what its constructor is given"
        raise BrokenPlugin(
            f"{group}={choice}: {it} cannot be pickled for another process "
            f"({in_one_line(error)}); keep plain data in its attributes and functions at the top "
            "level of a module"
        ) from error


def _baseline(workload: Any, minimum: int) -> tuple[str, Factory]:
    """The executor that stands for the plain loop of that workload, and the call that makes it."""
    if minimum > 1:
        return "thread", Factory("runners.executors.thread.Thread", {"max_workers": minimum})
    if isinstance(workload, OnlyCoroutine) and workload.only_coroutine:
        return "asyncio", Factory("runners.executors.asyncio.Asyncio", {"max_workers": 1})
    return "serial", Factory("runners.executors.serial.Serial", {})


def _reused(executor_as: Factory) -> tuple[Factory, bool]:
    """The call that makes the executor, and whether its workers are kept from run to run."""
    parameters = dict(executor_as.parameters)
    reuse = parameters.pop("reuse", False)
    if not isinstance(reuse, bool):
        raise UsageError(f"executor.reuse={reuse}: must be true or false")
    return Factory(executor_as.target, parameters), reuse


def _unplaceable(workers: Workers, executor: Any) -> str | None:
    """Why these workers cannot be pinned to CPUs; None if they can."""
    if not hasattr(os, "sched_setaffinity"):
        return "this system pins no thread to a CPU, as Linux does"
    if workers == "remote" and not (isinstance(executor, Nearby) and executor.is_here):
        return "its workers are, or may be, on other machines"
    return "it does not say what its workers are (worker_kind)" if workers == "unknown" else None


def _cannot_meet(
    request: Request, workload: Any, minimum: int, workers: Workers, executor: Any, reuse: bool
) -> str | None:
    """Why this executor cannot give the tasks what they need of each other; None if it can."""
    if minimum > 1:
        what = f"all {minimum} tasks have to run at the same time"
        if workers == "caller":
            return f"{what}, and a plain loop runs one after another"
        if request.n < minimum:
            return f"{what}; set n={minimum}"
        if isinstance(executor, Chunking) and (setting := executor.unchunked_by):
            return f"{what}, not in chunks; set executor.{setting}"
    shares = isinstance(workload, Sharing)
    if (shares or minimum > 1) and request.weak:
        return "its tasks belong together and cannot be multiplied; set scaling=strong"
    if shares and reuse:
        return "workers that are kept cannot be given what tasks share; set executor.reuse=false"
    return None


# Which executors there are


def local(targets: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
    """Those of these executors, by name, that have workers on this machine in this interpreter.

    And what is wrong with those that cannot be imported, by name.
    """
    found: list[str] = []
    broken: dict[str, str] = {}
    for name, target in targets.items():
        try:
            made = locate(target)
            here = not isinstance(made, Conditional) or made.unavailable() is None
        except Interrupted:
            raise
        except BaseException as error:
            broken[name] = unreadable(error) or in_one_line(error)
            continue
        if here and getattr(made, "worker_kind", None) not in ("caller", "remote"):
            found.append(name)
    return found, broken


# A process that prepares


def main(descriptor: int) -> None:
    """Answer the program's questions until it closes its end: facts first, then what it asks."""
    os.set_inheritable(descriptor, False)
    connection = Connection(descriptor)
    facts = interpreter.facts()
    code = Code(facts["packages"])
    connection.send_bytes(dumped({"kind": interpreter.python_kind(), **facts}))
    while True:
        try:
            question = loaded(connection.recv_bytes())
        except EOFError:
            # Not by sys.exit: what a module has started at import may never end.
            os._exit(0)
        try:
            if "executors" in question:
                found, broken = local(question["executors"])
                answer: dict[str, Any] = {"found": found, "broken": broken}
            elif "launching" in question:
                executor = locate(question["launching"])(**pickle.loads(question["given"]))
                earlier = question["earlier"]
                launch = executor.launching(launch_of(earlier) if earlier else None)
                answer = {"launch": asdict(launch)}
            else:
                request = Request(**question | {"only_n": tuple(question["only_n"])})
                answer = {"prepared": asdict(prepared(request, code))}
        except UsageError as error:
            answer = {"refused": told(error)}
        connection.send_bytes(dumped(answer))


def told(error: UsageError) -> dict[str, Any]:
    """A refusal as plain data; `again` makes it an error once more."""
    cause = type(error.__cause__).__name__ if isinstance(error.__cause__, REFUSALS) else None
    return {
        "message": str(error),
        "key": error.key if isinstance(error, BrokenPlugin) else None,
        "cause": cause,
        "reason": str(error.__cause__) if cause is not None else "",
        "missing": _missing(error),
        "absent": _is_absent(error),
    }


def again(told: Mapping[str, Any], more: str) -> UsageError:
    """The error that `told` was made of, with `more` after its message."""
    message = f"{told['message']}{more}"
    error = UsageError(message) if told["key"] is None else BrokenPlugin(message, told["key"])
    for kind in (Unsupported, Unavailable):
        if told["cause"] == kind.__name__:
            error.__cause__ = kind(f"{told['reason']}{more}")
    return error


def _is_absent(error: UsageError) -> bool:
    """Whether what is named by the user is not there: a function, a file, a module, a class."""
    if isinstance(error, BrokenPlugin):
        cause = error.__cause__
        named = isinstance(cause, ImportError) and not isinstance(cause, ModuleNotFoundError)
        return named and str(cause).startswith("module ")  # as `model.locate` has it
    return isinstance(error.__cause__, Absent)


def _missing(error: BaseException) -> str | None:
    """The module that was not found, if an error came of that."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ModuleNotFoundError):
            return seen.name
        seen = seen.__cause__ or seen.__context__
    return None
