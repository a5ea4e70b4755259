"""One command, be it one cell or a sweep: what happens around its cells, and how it ends."""

import importlib.util
import math
import os
import shutil
import signal
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.utils import JobReturn, JobStatus
from hydra.errors import HydraException, MissingConfigException
from hydra.experimental.callback import Callback
from hydra.types import RunMode
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from runners.child.timing import clock_ns
from runners.command.resume import LOCK, lock
from runners.measuring.interrupts import Interrupted
from runners.model import OutOfTime, Plan, Unsupported, UsageError
from runners.planning.config import plan
from runners.planning.environment import read_environment
from runners.planning.plugins import RENAMED
from runners.results.columns import SWEEP
from runners.results.read import read_runs
from runners.results.write import keep_spans, write_environment, write_json


class Session(Callback):
    """What is to be done around all cells of a command. Hydra makes and calls it.

    What it learns has to reach `run`, which Hydra does not tell, so it is kept on the class.
    """

    cells: ClassVar[int] = 0
    statuses: ClassVar[list[str]] = []
    new_folder: ClassVar[Path | None] = None
    folder: ClassVar[Path | None] = None
    began_s: ClassVar[float | None] = None
    cell_began_s: ClassVar[float | None] = None
    longest_s: ClassVar[float] = 0.0

    def __init__(self, report: bool = True) -> None:
        self.report = report

    def on_run_start(self, config: DictConfig, **_: Any) -> None:
        """Find mistakes before Hydra makes the output folder."""
        HydraConfig.instance().set_config(config)
        try:
            plan(config)
        except UsageError as error:
            if not isinstance(error.__cause__, Unsupported):  # that is no mistake, but a result
                # Hydra turns an exception of a callback into a warning.
                fail(error)
        Session.folder = Path(str(config.hydra.run.dir))

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        folder = Path(str(config.hydra.sweep.dir))
        missing = [path for path in (folder, *folder.parents) if not path.exists()]
        Session.new_folder = missing[-1] if missing else None
        Session.folder = folder
        claim(folder)
        params = config.hydra.sweeper.get("params") or {}  # where an experiment has its sweep
        Session.cells = count_cells(params, list(config.hydra.overrides.task))
        write_json(folder / SWEEP, {"cells": Session.cells})

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **_: Any) -> None:
        done = job_return.status == JobStatus.COMPLETED
        Session.statuses.append(str(job_return.return_value) if done else "failed")

    def on_multirun_end(self, config: DictConfig, **_: Any) -> None:
        """The report of the whole sweep; `python -m runners.report` makes the same, later."""
        if not self.report:
            return
        from runners.report.__main__ import write_report

        folder = Path(str(config.hydra.sweep.dir))
        try:
            write_environment(folder, read_environment())
            written = write_report([folder])
        except Exception as error:  # Hydra would turn it into a warning and the exit status into 0
            print(f"error: the report could not be written: {error}", file=sys.stderr)
            Session.statuses.append("failed")
            return
        Session.statuses.extend(written.summary["status"])
        for path in written.paths:
            print(path)
        for line in written.recommendations:
            print(line)


def count_cells(params: Mapping[str, Any], overrides: Sequence[str]) -> int:
    """How many cells a sweep has over these overrides and an experiment's `hydra.sweeper.params`.

    An override takes the place of a parameter of the same key.
    """
    hydra = GlobalHydra.instance()  # which knows what a glob stands for
    loader = hydra.config_loader() if hydra.is_initialized() else None
    texts = [*(f"{key}={value}" for key, value in params.items()), *overrides]
    counts = {
        part.get_key_element(): sum(1 for _ in part.sweep_string_iterator())
        if part.is_sweep_override()
        else 1
        for part in OverridesParser.create(config_loader=loader).parse_overrides(texts)
    }
    return math.prod(counts.values())


def claim(folder: Path) -> None:
    """Make sure that no other program measures into this folder."""
    try:
        lock(folder)
    except (UsageError, OSError) as error:
        fail(error)


def summary(folder: Path, plan: Plan) -> dict[Any, Any]:
    """The cell's row of the summary; of its spans, those of the typical round are kept."""
    from runners.analysis import (
        summary as statistics,  # loads pandas and scipy: not before the measurement
    )

    runs = read_runs(folder)
    runs = runs[runs["cell"] == plan.cell]
    if plan.measure.keep_spans == "median":
        keep_spans(folder, statistics.typical_round(runs))
    [row] = statistics.summarise(runs).to_dict("records")
    return row


def within_budget(plan: Plan) -> Plan:
    """The plan, its time cut to what the sweep has left. Raises UsageError if that is too little.

    As much as the longest cell so far took is enough: before the first one, anything is.
    """
    now_s, budget_s = clock_ns() / 1e9, plan.measure.sweep_budget_s
    if position() is None or budget_s is None:
        return plan
    if Session.began_s is None:
        Session.began_s = now_s
    elif Session.cell_began_s is not None:
        Session.longest_s = max(Session.longest_s, now_s - Session.cell_began_s)
    Session.cell_began_s = now_s
    left_s = Session.began_s + budget_s - now_s
    if left_s <= Session.longest_s:
        Session.cell_began_s = None
        raise OutOfTime(
            f"skipped: of measure.sweep_budget_s={budget_s:g} only {max(left_s, 0):.1f} s are left"
        )
    measure = replace(plan.measure, time_budget_s=min(plan.measure.time_budget_s, left_s))
    return replace(plan, measure=measure)


def position() -> tuple[int, int] | None:
    """Which cell of how many this is, from 1 on; None outside a sweep."""
    hydra = HydraConfig.get()
    if hydra.mode != RunMode.MULTIRUN:
        return None
    return int(hydra.job.num) + 1, Session.cells


def run(job: Callable[[], object]) -> int:
    """Run `job` under Hydra; the exit status: 0, 1 (a cell failed), 2 (a usage error) or 3.

    Pairs that are not supported do not make a sweep fail, unless there is nothing else.
    """
    sys.argv[1:] = expanded(sys.argv[1:])
    traceback_wanted = os.environ.get("HYDRA_FULL_ERROR") == "1"
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra then raises, where it would print and exit with 1
    try:
        job()
    except BrokenPipeError:  # whoever read the output has gone, as in `| head`
        os.dup2(
            os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno()
        )  # or its last flush fails too
        return 1
    except (HydraException, OmegaConfBaseException, UsageError, OSError) as error:
        _remove_empty_sweep()
        if traceback_wanted:
            raise
        fail(error)
    except Exception:  # a fault of the program: 1 would mean that a cell failed
        traceback.print_exc()
        return 3
    except KeyboardInterrupt as request:
        folder = Session.folder
        print(
            f"interrupted; the finished runs are in {folder}\n"
            f"go on with the same command and resume={folder}\n"
            f"or report on them with python -m runners.report {folder}",
            file=sys.stderr,
        )
        return 128 + (request.number if isinstance(request, Interrupted) else signal.SIGINT)
    seen = set(Session.statuses)
    return 0 if seen <= {"ok", "unsupported"} and seen != {"unsupported"} else 1


def local_executors() -> list[str]:
    """What `executor=all` stands for: all that runs on this machine as it is, without `serial`."""
    names = ["thread", "thread_subclass", "thread_pool", "process", "pool", "process_pool"]
    names += ["asyncio"]
    if sys.version_info >= (3, 14):
        names.append("interpreters")
    if importlib.util.find_spec("loky") is not None:
        names.append("loky")
    return names


def expanded(arguments: Sequence[str]) -> list[str]:
    """The arguments with short forms written out: `resume=FOLDER` and `executor=all`.

    The first is short for writing into that folder again, the second for a sweep.
    """
    written: list[str] = []
    for argument in arguments:
        name, _, value = argument.partition("=")
        if name == "resume":
            written += [f"hydra.run.dir={value}", f"hydra.sweep.dir={value}"]
        elif argument == "executor=all":
            written.append(f"executor={','.join(local_executors())}")
            if not {"-m", "--multirun"} & set(arguments):
                written.insert(0, "--multirun")
        else:
            written.append(argument)
    return written


def _remove_empty_sweep() -> None:
    """Leave nothing half-written: Hydra makes the sweep's folder before it checks the cells."""
    folder = Session.new_folder
    if folder is not None and folder.is_dir():
        files = [path.name for path in folder.rglob("*") if not path.is_dir()]
        if set(files) <= {"multirun.yaml", SWEEP, LOCK}:
            shutil.rmtree(folder)


def fail(error: BaseException) -> None:
    """End the program over a mistake of the user's."""
    print(f"error: {explain(error)}", file=sys.stderr)
    raise SystemExit(2)


def failed(error: OSError) -> str:
    """Say that a cell could not be stored, as on a full disk; its status. A sweep goes on."""
    print(f"error: {explain(error)}", file=sys.stderr)
    return "failed"


def explain(error: BaseException) -> str:
    """One line that names the key and the remedy."""
    cause = error.__cause__ if isinstance(error.__cause__, OmegaConfBaseException) else error
    if isinstance(error, MissingConfigException) and error.options is not None:
        group, _, option = (error.missing_cfg_file or "").rpartition("/")
        return (
            f"{group}={option}: there is no such {group}; choose one of {', '.join(error.options)}"
        )
    if isinstance(cause, OmegaConfBaseException) and cause.full_key:
        if (new := RENAMED.get(cause.full_key)) is not None:
            return f"{cause.full_key}: it is called {new} now"
        keys = ", ".join(map(str, cause.parent_node or ()))
        if isinstance(cause, (AttributeError, KeyError)):
            return f"{cause.full_key}: there is no such key; there are {keys}"
        return f"{cause.full_key}: {_line(cause)}"
    if isinstance(error, OSError) and not isinstance(error, HydraException):
        where = error.filename or Session.folder
        return (
            f"cannot write results to {where} ({error.strerror or error}); "
            "choose a folder with hydra.run.dir=FOLDER (one cell) or hydra.sweep.dir=FOLDER (-m)"
        )
    return _line(error)


def _line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0]
