"""`speedup`: a function of the caller's measured, by the same steps as the command line's."""

import inspect
import re
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

from hydra.errors import HydraException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from runners.api import progress
from runners.api.objects import Objects, label_of, name_of
from runners.api.result import Result
from runners.command import folders
from runners.command.arguments import as_override, as_value, check_parts
from runners.command.budget import Pace
from runners.command.cell import Candidate, Measured, measure_cells
from runners.command.cells import Cell, measure_panel, panels, planned
from runners.command.grid import Grid
from runners.command.job import Job
from runners.command.mistakes import explain
from runners.command.progress import Place
from runners.door import REQUESTS
from runners.measuring.folders import Folder
from runners.model import THIS, UsageError, printable
from runners.planning import interpreters
from runners.planning.environment import read_site
from runners.planning.loading import loading
from runners.results import claim
from runners.results.columns import SWEEP
from runners.results.write import write_json
from runners.workloads.pickled import Given, Made, call

_one = threading.Lock()
"""Two measurements at the same time would measure each other."""
ENDING_S = 10.0
"""How long the end of the program waits for the end of a measurement."""
KEY = re.compile(r"\+{0,2}(workload|executor|measure|sweep)\.[\w.]+")
FOLDERS = re.compile(
    r"hydra\.(run\.dir=FOLDER \(one cell\) or hydra\.)?sweep\.dir=FOLDER( \(-m\))?"
)
"""What the command line calls the folder."""
MOST_PLAIN = 1000
"""So many calls at most have arguments that are written out, for another interpreter."""


def speedup(
    function: Callable[..., Any],
    arguments: Iterable[Any] | Callable[..., Iterable[Any]],
    *,
    keywords: Mapping[str, Any] | None = None,
    setup: Callable[[], Any] | None = None,
    initializer: Callable[..., Any] | None = None,
    initargs: Iterable[Any] = (),
    executor: str | Iterable[str] = "thread_pool",
    n: int | Iterable[int] = 2,
    scaling: str | Iterable[str] = "strong",
    python: str | Iterable[str] = THIS,
    gil: str | bool | Iterable[str | bool | None] | None = None,
    measure: str = "standard",
    parameters: Mapping[str, Any] | None = None,
    folder: str | Path | None = None,
    name: str | None = None,
    quiet: bool = False,
) -> Result:
    """How much faster `function` is with workers, over all of `arguments`; or a sweep of that.

    `arguments` has an entry for each call: a tuple of positional arguments, a mapping of keyword
    arguments, or anything else, which is a single argument. Or it is a function that makes fresh
    ones for each round; it may take the number of the round. `keywords` are added to each call.
    `setup` is called once in each measuring process, before anything is timed, `initializer` with
    `initargs` once in each worker before its first task.
    `executor`, `n`, `scaling`, `python`, `gil` and the values of `parameters` may be lists, whose
    combinations are the cells; cells are measured in the same rounds, up to eight at a time.
    `parameters` has anything else by its full name, as in `{"executor.chunksize": [1, 8],
    "measure.time_budget_s": 30}`; a value that is a list itself is written as a tuple.

    What a fresh interpreter can import goes by its name, anything else with its code (which needs
    cloudpickle) and its values. With another interpreter (`python`), functions go by their names
    and arguments are plain data: numbers, texts, lists, mappings.

    Results are kept in `folder`, where a later call measures only what is missing or has changed;
    without it they are gone when the result is, unless it is saved. `name` is what a function is
    called that has no name of its own. Progress goes to the terminal or the notebook, if there is
    one, unless `quiet`.

    A cell that fails has a status and an error in the result. Raises UsageError over a mistake in
    the call, in one line, and KeyboardInterrupt at Ctrl+C; rounds that were finished are in
    `folder` then.
    """
    python = list(python) if _is_several(python) else python
    try:
        return _measured(
            Asked(function, arguments, keywords, setup, initializer, tuple(initargs), name),
            {
                "executor": executor,
                "n": n,
                "scaling": scaling,
                "python": python,
                "gil": gil,
                "measure": measure,
            },
            dict(parameters or {}),
            Path(folder) if folder is not None else None,
            quiet,
        )
    except UsageError as error:
        raise error.with_traceback(None) from None  # it is of the caller's own line


class Asked(NamedTuple):
    """The objects that the caller has passed."""

    function: Any
    arguments: Any
    keywords: Any
    setup: Any
    initializer: Any
    initargs: tuple[Any, ...]
    name: str | None


def _measured(
    asked: Asked,
    words: Mapping[str, Any],
    parameters: Mapping[str, Any],
    folder: Path | None,
    quiet: bool,
) -> Result:
    if threading.current_thread() is not threading.main_thread():
        _end_with_program()
    with _one, ExitStack() as stack:
        files = stack.enter_context(Folder())
        objects = Objects(Path(files.name))
        stack.callback(objects.forget)
        interpreters.close()  # modules may have been edited since
        stack.callback(interpreters.close)
        workload = _workload(objects, asked, _others(words["python"]))
        texts = ["workload=callable", *_texts(words, {**workload, **parameters})]
        kept = Folder() if folder is None else None
        place = Path(kept.name) / "results" if kept is not None else folder
        assert place is not None
        try:
            cells = _measure(texts, place, quiet)
        except BaseException:
            if kept is not None:
                kept.remove()
            raise
    return Result(place, cells, kept)


def _others(python: Any) -> bool:
    """Whether another interpreter measures, too."""
    return any(one != THIS for one in ([python] if isinstance(python, str) else python))


# From Python's objects to the configuration


def _workload(objects: Objects, asked: Asked, others: bool) -> dict[str, Any]:
    """The parameters of workload=callable, but for those that the caller sets himself."""
    given = {"function": asked.function, "setup": asked.setup, "initializer": asked.initializer}
    for parameter, function in given.items():
        if not callable(function) and not (function is None and parameter != "function"):
            raise UsageError(f"{parameter}: {_short(function)} cannot be called; pass a function")
    if asked.initargs and asked.initializer is None:
        raise UsageError("initargs: they are those of initializer; pass it, or leave them out")
    if asked.keywords is not None and not isinstance(asked.keywords, Mapping):
        raise UsageError("keywords: pass a mapping, as in {'level': 9}")
    common = dict(asked.keywords or {})
    made = _calls(asked, common)
    found: dict[str, Any] = {}
    if others:
        found |= _plain(made, common)
        if asked.initargs:
            found["workload.initargs"] = asked.initargs
        names = {name: _own_name(name, one) for name, one in given.items() if one is not None}
    else:
        label = asked.name or label_of(asked.function)
        labels = {name: label_of(one) for name, one in given.items() if one is not None}
        if asked.initargs:
            given["initializer"] = partial(asked.initializer, *asked.initargs)
        labels["function"] = label
        names = objects.functions({name: (given[name], labels[name]) for name in labels})
        found["workload.arguments_from"] = objects.calls(made, label)
        found["workload.arguments_per_round"] = isinstance(made, Made)
    return found | {f"workload.{parameter}": name for parameter, name in names.items()}


def _calls(asked: Asked, common: Mapping[str, Any]) -> Given | Made:
    """The arguments of all calls, which fit the function."""
    arguments = asked.arguments
    if callable(arguments):
        return Made(arguments, _takes_number(arguments), common)
    if isinstance(arguments, str | bytes | Mapping) or not isinstance(arguments, Iterable):
        raise UsageError(
            f"arguments: {_short(arguments)} is no list of calls; pass one entry for each call, "
            "as in [(1,), (2,), (3,)]"
        )
    calls = [call(one, common) for one in arguments]
    if not calls:
        raise UsageError("arguments: there are no calls; pass at least one, as in [(1,), (2,)]")
    _fit(asked.function, calls)
    return Given(calls)


def _own_name(parameter: str, function: Any) -> str:
    """The name that another interpreter can import it by."""
    own = name_of(function)
    if own is None:
        raise UsageError(
            f"{parameter}: {label_of(function)} cannot be imported, so another interpreter cannot "
            "have it; put it into a module (a .py file), or leave python='this'"
        )
    return own


def _fit(function: Any, calls: Sequence[Any]) -> None:
    """Raise UsageError unless the arguments fit the signature, where there is one."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # many functions written in C have none
        return
    for number, (positional, keywords) in enumerate(calls):
        try:
            signature.bind(*positional, **keywords)
        except TypeError as error:
            raise UsageError(
                f"arguments: call {number} does not fit {label_of(function)}{signature}: {error}; "
                "a tuple has the positional arguments of a call, a mapping its keyword arguments, "
                "anything else is a single argument"
            ) from None


def _takes_number(make: Any) -> bool:
    """Whether the function that makes arguments takes the number of the round."""
    try:
        signature = inspect.signature(make)
    except (TypeError, ValueError):
        return False
    for given in ((), (0,)):
        try:
            signature.bind(*given)
        except TypeError:
            continue
        return bool(given)
    raise UsageError(
        f"arguments: {label_of(make)}{signature} makes the arguments of a round, and is called "
        "with the number of the round or with nothing; give its other parameters defaults"
    )


def _plain(made: Given | Made, common: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments for another interpreter, which shares no objects with this one."""
    if isinstance(made, Made):
        raise UsageError(
            "arguments: another interpreter takes plain values, and no function that makes them; "
            "pass a list, or leave python='this'"
        )
    entries: list[Any] = []
    for number, (positional, keywords) in enumerate(made.calls):
        for at, value in [*enumerate(positional), *keywords.items()]:
            if not _is_plain(value):
                raise UsageError(
                    f"arguments: argument {at} of call {number} is of type "
                    f"{type(value).__name__}; another interpreter takes numbers, texts, lists and "
                    "mappings; pass those, or leave python='this'"
                )
        alone = {key: value for key, value in keywords.items() if key not in common}
        entries.append({**keywords} if alone or not positional else tuple(positional))
    if len(entries) > MOST_PLAIN:
        raise UsageError(
            f"arguments: {len(entries)} calls are too many for another interpreter, which has "
            f"their arguments in its configuration; pass at most {MOST_PLAIN}, each with more to do"
        )
    found: dict[str, Any] = {"workload.arguments": tuple(entries)}
    return {**found, "workload.keywords": dict(common)} if common else found


def _is_plain(value: Any) -> bool:
    if isinstance(value, list):
        return all(map(_is_plain, value))
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_plain(part) for key, part in value.items())
    return value is None or type(value) in (bool, int, float, str)


def _texts(words: Mapping[str, Any], parameters: Mapping[str, Any]) -> Iterator[str]:
    """The overrides, as the command line would have them."""
    for key, value in words.items():
        values = list(value) if _is_several(value) else [value]
        if not values:
            raise UsageError(f"{key}: there are no values; name at least one")
        if key in ("python", "gil"):
            yield as_override(key, values)
        elif key == "n":
            yield f"n={','.join(_number(one) for one in values)}"
        else:
            yield f"{key}={','.join(_option(key, one) for one in values)}"
    for key, value in parameters.items():
        if not isinstance(key, str) or not KEY.fullmatch(key):
            raise UsageError(
                f"parameters: {_short(key)} is no full name of a parameter; they begin with "
                "workload., executor., measure. or sweep., as in {'executor.chunksize': 8}"
            )
        several = value if isinstance(value, list) and value else [value]
        try:
            yield f"{key}={','.join(map(as_value, several))}"
        except TypeError:
            raise UsageError(
                f"parameters: {key}={_short(value)} is no plain value; pass numbers, texts, "
                "tuples or mappings"
            ) from None


def _is_several(value: Any) -> bool:
    return isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping)


def _number(value: Any) -> str:
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise UsageError(f"n={_short(value)}: must be a whole number of workers, or a list of them")
    return str(value.__index__())


def _option(key: str, value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[\w./-]+", value):
        raise UsageError(f"{key}={_short(value)}: must be the name of an option, or a list of them")
    return value


def _short(value: Any) -> str:
    text = printable(" ".join(repr(value).split()))
    return text if len(text) <= 80 else f"{text[:77]}..."


# The steps of a command


def _measure(texts: Sequence[str], folder: Path, quiet: bool) -> list[Path]:
    """Returns the folders of the cells."""
    began_s = time.monotonic()
    job = Job()
    with _mistakes(), loading() as (loader, config):
        check_parts(texts)
        grid = Grid(loader, config)

        def place(cfg: DictConfig) -> Path:
            return folder / str(cfg.hydra.sweep.subdir)

        cells = planned(grid, grid.combinations({}, texts), read_site(), place, job.place)
        # What the sweep is to do is the same in all cells.
        settings = grid.config(cells[0].overrides, 0).copy()
        together = panels(cells, settings)
    with _mistakes(folder):
        folders.accept(folder, "sweep")
        with claim.claimed(folder):
            write_json(folder / SWEEP, {"cells": len(cells)})
            _measure_panels(together, folder, Pace(began_s, _budgets(together)), job, quiet)
    return [cell.folder for cell in cells]


def _budgets(together: Sequence[Sequence[Cell]]) -> list[float]:
    return [cell.budget_s for panel in together for cell in panel]


def _measure_panels(
    together: Sequence[Sequence[Cell]], folder: Path, pace: Pace, job: Job, quiet: bool
) -> None:
    count = sum(map(len, together))
    show = progress.shown(quiet, count)

    def measure(candidates: Sequence[Candidate]) -> list[Measured]:
        return measure_cells(candidates, folder, job.watch, show or progress.Nothing)

    done, how = 0, "measured"
    try:
        for panel in together:
            places = [
                Place(done + at, count, cell.name, quiet=True) for at, cell in enumerate(panel, 1)
            ]
            with ExitStack() as claims:
                for cell in panel:
                    claims.enter_context(claim.claimed(cell.folder))
                measure_panel(panel, places, pace, measure)
            done += len(panel)
            pace.ended(done)
    except BaseException:
        how = "begun, and stopped"
        raise
    finally:
        if isinstance(show, progress.Notebook):
            show.end(how)


@cache
def _end_with_program() -> None:
    """Once: see to it that Ctrl+C stops what is measured in another thread than the main one."""
    register: Any = threading._register_atexit  # type: ignore[attr-defined]
    register(_program_ends)  # as concurrent.futures does: it comes before threads are waited for


def _program_ends() -> None:
    """The main thread has ended: if by a KeyboardInterrupt that nobody caught, for all of them."""
    if issubclass(getattr(sys, "last_type", None) or object, KeyboardInterrupt):
        REQUESTS.note(signal.SIGINT)
        # Python before 3.13 does not wait for a thread whose join was interrupted.
        if _one.acquire(timeout=ENDING_S):
            _one.release()


@contextmanager
def _mistakes(folder: Path | None = None) -> Iterator[None]:
    """Have a mistake in the call be one line, however it is found."""
    try:
        yield
    except (HydraException, OmegaConfBaseException, UsageError, OSError) as error:
        told = explain(error, folder).removeprefix("cell 1 of 1: ")
        raise UsageError(FOLDERS.sub("folder=FOLDER", told)) from error.__cause__
