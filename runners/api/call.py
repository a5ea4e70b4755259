"""`speedup`: a function of the caller's measured, by the same steps as the command line's."""

import re
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from hydra.errors import HydraException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from runners.api import progress
from runners.api.asked import Asked, is_several, others, overrides, workload_parameters
from runners.api.objects import Objects
from runners.api.result import Result, place_of
from runners.command import folders
from runners.command.arguments import check_parts
from runners.command.auto import Auto, second
from runners.command.budget import Pace
from runners.command.cell import Candidate, Measured, measure_cells
from runners.command.cells import Cell, measure_panel, panels, planned, same_versions, with_partners
from runners.command.grid import AUTO, Grid
from runners.command.job import Job
from runners.command.mistakes import explain
from runners.command.progress import Place
from runners.door import REQUESTS
from runners.measuring.folders import Folder
from runners.model import THIS, UsageError
from runners.planning import interpreters
from runners.planning.environment import read_site
from runners.planning.loading import loading
from runners.results import claim
from runners.results.columns import SWEEP
from runners.results.write import write_json
from runners.workloads.pickled import PREFIX

_one = threading.Lock()
"""Two measurements at the same time would measure each other."""
ENDING_S = 10.0
"""How long the end of the program waits for the end of a measurement."""
FOLDERS = re.compile(
    r"hydra\.(run\.dir=FOLDER \(one cell\) or hydra\.)?sweep\.dir=FOLDER( \(-m\))?"
)
"""What the command line calls the folder."""
OBJECT = re.compile(rf"workload\.(\w+)={PREFIX}(?:\S*/)?(\w+)-[0-9a-f]{{12}}(?: \(callable\))?")
"""How an object of the caller's stands in the configuration."""


def speedup(
    function: Callable[..., Any],
    arguments: Iterable[Any] | Callable[..., Iterable[Any]],
    *,
    keywords: Mapping[str, Any] | None = None,
    setup: Callable[[], Any] | None = None,
    initializer: Callable[..., Any] | None = None,
    initargs: Iterable[Any] = (),
    executor: str | Iterable[str] = "thread_pool",
    n: int | str | Iterable[int] = 2,
    scaling: str | Iterable[str] = "strong",
    python: str | Iterable[str] = THIS,
    gil: str | bool | Iterable[str | bool | None] | None = None,
    placement: str | Iterable[int] | Iterable[str | Iterable[int]] = "none",
    versus: str | Path | Iterable[str | Path] | None = None,
    measure: str = "standard",
    profile: bool = False,
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
    With `n="auto"` numbers up to the CPUs are tried, more where the calls wait.
    `executor`, `n`, `scaling`, `python`, `gil`, `placement` and the values of `parameters` may be
    lists, whose combinations are the cells; cells are measured in the same rounds, up to eight at a
    time. A list of numbers is one placement: these CPUs.
    `parameters` has anything else by its full name, as in `{"executor.chunksize": [1, 8],
    "measure.time_budget_s": 30}`; a value that is a list itself is written as a tuple.

    `versus` is another version of the code, a folder or a revision of git: it is measured in the
    same rounds, and `comparison` of the result says what became of each cell.

    What a fresh interpreter can import goes by its name, anything else with its code (which needs
    cloudpickle) and its values. With another interpreter (`python`) or version, functions go by
    their names and arguments are plain data: numbers, texts, lists, mappings.

    With `profile`, each side runs once more, untimed, for a sampling profiler: the reports say in
    which functions it spends its time (docs/profile.md).

    Results are kept in `folder`, where a later call measures only what is missing or has changed;
    without it they are gone when the result is, unless it is saved. `name` is what a function is
    called that has no name of its own. Progress goes to the terminal or the notebook, if there is
    one, unless `quiet`.

    A cell that fails has a status and an error in the result. Raises UsageError over a mistake in
    the call, in one line, and KeyboardInterrupt at Ctrl+C; rounds that were finished are in
    `folder` then.
    """
    python = list(python) if is_several(python) else python
    initargs = tuple(initargs) if is_several(initargs) else initargs
    try:
        if not isinstance(parameters, Mapping | None):
            raise UsageError("parameters: pass a mapping, as in {'executor.chunksize': 8}")
        parameters = dict(parameters or {})
        versus = parameters.pop("versus", versus)
        named: Any = versus if is_several(versus) else [versus]
        versus = None if versus is None else [*map(str, named)]
        return _measured(
            Asked(function, arguments, keywords, setup, initializer, initargs, name),
            {
                "executor": executor,
                "n": n,
                "scaling": scaling,
                "python": python,
                "gil": gil,
                "placement": placement,
                "versus": versus,
                "measure": measure,
                **({"profile": "true"} if profile else {}),
            },
            parameters,
            place_of("folder", folder) if folder is not None else None,
            quiet,
        )
    except UsageError as error:
        raise error.with_traceback(None) from None  # it is of the caller's own line


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
        workload = workload_parameters(objects, asked, others(words["python"], words["versus"]))
        texts = ["workload=callable", *overrides(words, {**workload, **parameters})]
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


def _measure(texts: Sequence[str], folder: Path, quiet: bool) -> list[Path]:
    """Returns the folders of the cells."""
    began_s = time.monotonic()
    job = Job()
    with _mistakes(), loading() as (loader, config):
        check_parts(texts)
        grid = Grid(loader, config)

        def place(cfg: DictConfig) -> Path:
            return folder / str(cfg.hydra.sweep.subdir)

        site = read_site()
        combinations = grid.combinations({}, texts)
        is_auto = any(AUTO in cell for cell in combinations)
        combinations = Auto(grid, site, trying=True).written_out(combinations)
        cells = planned(grid, combinations, site, place, job.place)
        # What the sweep is to do is the same in all cells.
        settings = grid.config(cells[0].overrides, 0).copy()
        together = panels(with_partners(cells), settings, by_executor=is_auto)
    for line in () if quiet else same_versions([cell.what for cell in cells]):
        print(f"note: {line}", file=sys.stderr)
    with _mistakes(folder):
        folders.accept(folder, "sweep")
        with claim.claimed(folder):
            write_json(folder / SWEEP, {"cells": len(cells)})
            _measure_panels(together, folder, Pace(began_s, _budgets(together)), job, quiet)
            if is_auto and (more := list(second(cells, folder))):
                with loading() as (loader, config):
                    grid = Grid(loader, config)
                    found = planned(grid, more, site, place, job.place, len(cells))
                cells += found
                write_json(folder / SWEEP, {"cells": len(cells)})
                together = panels(found, settings, by_executor=True)
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
        told = OBJECT.sub(r"\1: \2", explain(error, folder).removeprefix("cell 1 of 1: "))
        raise UsageError(FOLDERS.sub("folder=FOLDER", told)) from error.__cause__
