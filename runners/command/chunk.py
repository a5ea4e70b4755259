"""What one job of a packed sweep does: the panels of its file, one after another.

The file is written where the sweep is started and holds the plans as plain data, so that nothing is
composed in the job. Beside it the job notes each cell that has ended, for whoever watches.
"""

import io
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, redirect_stdout
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from runners.command import resume
from runners.command.budget import Pace
from runners.command.cells import Cell, measure_panel
from runners.command.job import BUSY, Job, being_measured, site
from runners.command.mistakes import explain
from runners.command.progress import Place
from runners.command.turns import turn
from runners.door import REQUESTS, Interrupted
from runners.model import (
    Misplaced,
    Order,
    Plan,
    UsageError,
    plain,
    plan_of,
    run_of,
    timestamp,
)
from runners.planning import interpreters, versions
from runners.planning.environment import Site
from runners.planning.identity import host
from runners.planning.placement import cores_of, placed
from runners.results import claim
from runners.results.regular import open_regular, read_whole
from runners.results.write import append, write_whole

LARGEST_BYTES = 1 << 30
"""The largest file of a chunk, or of what was noted of one, that is read."""

NOTED = ".ended"
"""What the file of the cells of a chunk that have ended is called, after the chunk's own name."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A cell that a job has ended; the `text` is what it has said of it."""

    number: int
    status: str
    text: str
    host: str
    job: str


def write(
    file: Path, home: Path, panels: Sequence[Sequence[Cell]], count: int, *, share_machine: bool
) -> None:
    """Write the file of a job; `home` is the folder of the sweep, `count` the number of its cells.

    What all plans have in common, or those of a panel, is written once: the packages, the code and
    the pickled workload are long.
    """
    told = [
        [_told(cell, cell.what) for cell in panel if isinstance(cell.what, Plan)]
        for panel in panels
    ]
    common = _common([cell for panel in told for cell in panel])
    what = {
        "home": str(home.absolute()),
        "count": count,
        "share_machine": share_machine,
        "path": sys.path,
        "commits": versions.commits(),
        "common": common,
    }
    parts = []
    for panel in told:
        shared = _common(panel)
        cells = [_without(cell, shared) for cell in panel]
        parts.append({"common": _without(shared, common), "cells": cells})
    write_whole(file, plain.dumped(what | {"panels": parts}))


def _told(cell: Cell, plan: Plan) -> dict[str, Any]:
    """A cell as a flat mapping; what is in its identity is beside the rest of its plan."""
    fields = asdict(plan)
    identity = {f"identity.{key}": value for key, value in fields.pop("identity").items()}
    facts = {"number": cell.number, "name": cell.name, "folder": str(cell.folder.absolute())}
    return facts | {f"plan.{key}": value for key, value in fields.items()} | identity


def _cell(told: Mapping[str, Any]) -> Cell:
    fields: dict[str, dict[str, Any]] = {"plan": {}, "identity": {}}
    for key, value in told.items():
        group, _, name = key.partition(".")
        if name:
            fields[group][name] = value
    plan = plan_of(fields["plan"] | {"identity": fields["identity"]})
    return Cell(told["number"], told["name"], (), Path(told["folder"]), plan)


def _common(values: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What all of them have alike."""
    first, *others = values
    return {
        key: value
        for key, value in first.items()
        if all(key in other and other[key] == value for other in others)
    }


def _without(value: Mapping[str, Any], common: Mapping[str, Any]) -> dict[str, Any]:
    return {key: part for key, part in value.items() if key not in common}


@dataclass(frozen=True, slots=True)
class Packed:
    """A chunk as it is read: see `write`."""

    home: Path
    count: int
    share_machine: bool
    path: list[str]
    commits: dict[str, str]
    panels: list[list[Cell]]


def read(file: Path) -> Packed:
    found = plain.loaded(read_whole(file, LARGEST_BYTES))
    panels = [
        [_cell(found["common"] | panel["common"] | cell) for cell in panel["cells"]]
        for panel in found["panels"]
    ]
    facts = {name: found[name] for name in ("count", "share_machine", "path", "commits")}
    return Packed(home=Path(found["home"]), panels=panels, **facts)


def noted(file: Path, since: int = 0) -> tuple[list[Ended], int]:
    """The cells of the chunk of that file that have ended, from that byte of the notes on.

    Returns the byte from which to go on as well: a line that is not whole yet is read then.
    """
    try:
        data = read_whole(file.with_name(file.name + NOTED), LARGEST_BYTES)
    except FileNotFoundError:
        return [], since
    whole = data[since : data.rfind(b"\n") + 1]
    found = []
    for line in whole.splitlines():
        try:
            found.append(Ended(**json.loads(line)))
        except (ValueError, TypeError):  # empty, or torn by a job that was killed while it wrote
            continue
    return found, since + len(whole)


class Chunk:
    """The job that measures the cells of a file. submitit pickles it and calls it there."""

    def __init__(self, file: Path) -> None:
        self.file = file.absolute()

    @property
    def name(self) -> str:
        return self.file.name

    def __call__(self) -> None:
        """Measure what is not there yet. A request to stop leaves whole rows; see `checkpoint`."""
        with _asked_to_stop() as again:
            try:
                self._run(read(self.file))
            except Interrupted as request:
                if request.number not in again:
                    raise
                again[request.number]()  # which has this job queued again, and ends it
            finally:
                claim.release_all()
                interpreters.close()

    def checkpoint(self) -> Any:
        """What submitit is to queue again where a job has reached its limit, or has to give way."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)

    def _run(self, packed: Packed) -> None:
        sys.path[:] = packed.path
        versions.fix(packed.commits)
        # Also what was forced: it is not measured once more by the next start of this job.
        done = {ended.number for ended in noted(self.file)[0] if ended.status == "ok"}
        cells = [cell for panel in packed.panels for cell in panel]
        pace = Pace(time.monotonic(), [cell.budget_s for cell in cells])
        job, here = Job(), site()
        job.shares_machine = packed.share_machine
        for panel in packed.panels:
            left = [cell for cell in panel if cell.number not in done]
            self._measured(left, packed, pace, job, here)
            if REQUESTS.pending is not None:
                raise Interrupted(REQUESTS.pending)

    def _measured(
        self, panel: Sequence[Cell], packed: Packed, pace: Pace, job: Job, here: Site
    ) -> None:
        with ExitStack() as claims:
            free: list[Cell] = []
            for cell in panel:
                try:
                    claims.enter_context(claim.claimed(cell.folder))
                    free.append(replace(cell, what=_placed(cell.what, here)))
                except claim.Claimed as error:
                    self._note(cell, BUSY, f"not measured, {being_measured(error.owner)}")
                except (UsageError, OSError) as error:
                    if isinstance(error.__cause__, Misplaced):
                        self._refuse(cell, packed, str(error))
                    else:
                        self._note(cell, "failed", f"not measured, {explain(error, cell.folder)}")
            if free and not packed.share_machine:
                claims.enter_context(turn(packed.home))
            said = io.StringIO()
            places = [Place(cell.number + 1, packed.count, cell.name) for cell in free]
            with redirect_stdout(said):
                measure = partial(job.measure, home=packed.home)
                found = measure_panel(free, places, pace, measure) if free else []
        lines = said.getvalue().splitlines()
        print("\n".join(lines), flush=True)  # in the job's own log
        for cell, place, measured in zip(free, places, found, strict=True):
            own = [line for line in lines if line.startswith(f"{place}{cell.name}")]
            self._note(cell, measured.status, own[-1] if own else "")

    def _refuse(self, cell: Cell, packed: Packed, reason: str) -> None:
        """A row for a cell whose placement this machine does not have."""
        assert isinstance(cell.what, Plan)
        order = Order(0, 0, 0, "measured", cold=True, warmup=True)
        run = run_of(cell.what, order, "unsupported", timestamp(), reason)
        if not resume.holds(cell.folder, run):
            append(cell.folder, replace(run, ended_by="failure"))
        place = Place(cell.number + 1, packed.count, cell.name)
        self._note(cell, run.status, f"{place}{cell.name}: {run.status}: {reason}")

    def _note(self, cell: Cell, status: str, text: str) -> None:
        ended = Ended(cell.number, status, text, socket.gethostname(), _job())
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        file = open_regular(self.file.with_name(self.name + NOTED), flags)
        try:
            # On a line of its own, also after one that is torn.
            os.write(file, b"\n" + json.dumps(asdict(ended)).encode() + b"\n")
        finally:
            os.close(file)


def _job() -> str:
    """What the cluster calls this job."""
    from submitit import JobEnvironment

    try:
        return str(JobEnvironment().job_id)
    except RuntimeError:  # it is none
        return ""


def _placed(what: Any, here: Site) -> Plan:
    """A plan with what only the machine knows that measures it. Raises UsageError."""
    plan: Plan = what
    version = None if plan.version is None else versions.find(plan.version.asked)
    interpreter = interpreters.of(plan.python.asked, version)
    if interpreter.kind != plan.identity["python"]:
        raise UsageError(
            f"python={plan.python.asked} is {interpreter.kind} here, and was "
            f"{plan.identity['python']} where the sweep was started; install the same on both"
        )
    topology = here.topology
    assert topology is not None  # that of this machine
    cpus = placed(plan.placement, plan.provisioned, topology)
    return replace(
        plan,
        python=interpreter.python,
        version=version,
        usable_cpus=here.usable_cpus,
        cpu_stat=here.cpu_stat,
        cpus=cpus,
        worker_cores=cores_of(cpus, topology),
        physical_cores=topology.physical_cores,
        identity={**plan.identity, **host(here, interpreter)},
    )


@contextmanager
def _asked_to_stop() -> Iterator[dict[int, Any]]:
    """While it is entered, signals are noted, and end the cell that is measured between two runs.

    Yields what submitit does by those that have a job queued again.
    """
    before: dict[int, Any] = {}
    again: dict[int, Any] = {}

    def note(number: int, _: object) -> None:
        if REQUESTS.pending is None:
            REQUESTS.note(number)

    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR2"):
        number = getattr(signal, name)
        before[number] = signal.signal(number, note)
    handler = before[signal.SIGUSR2]
    if callable(handler):
        again[signal.SIGUSR2] = lambda: handler(signal.SIGUSR2, None)
    try:
        yield again
    finally:
        for number, answer in before.items():
            signal.signal(number, answer)
