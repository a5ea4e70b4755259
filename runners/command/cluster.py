"""A sweep in the jobs of a cluster: its panels dealt into a few jobs, which are then watched.

There is no queue beside the cluster's: how long a panel takes at most is known, so that the panels
are dealt out beforehand, and each job has its own.
"""

import json
import math
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from runners.child.plugins import build
from runners.command import chunk, jobs, resume
from runners.command.cells import Cell
from runners.command.chunk import LARGEST_BYTES, Ended
from runners.command.jobs import Settings, State, Submitted, Unanswered
from runners.command.progress import clock
from runners.model import Plan, UsageError
from runners.results.regular import read_whole
from runners.results.write import write_json
from runners.words.lines import say
from runners.words.rounding import counted

FOLDER = ".cluster"
"""In a sweep's folder: what its jobs are to measure, what they have said, who they are."""

JOBS = "jobs.json"
LOOK_S = 1.0
"""How often the files are looked at in which jobs note what has ended."""
ASK_S = 10.0
"""How often a cluster is asked after jobs; a busy one is slow to answer."""
TELL_S = 300.0
"""How often it is told how far the sweep is, where nothing else is."""


def chosen(config: DictConfig) -> tuple[str, Settings] | None:
    """The cluster that a sweep is for, and how; None without one. Raises UsageError."""
    choice = str(config.hydra.runtime.choices.get("cluster", "none"))
    if choice == "none":
        return None
    values: Any = OmegaConf.to_container(config.cluster, resolve=True)
    settings: Settings = build("cluster", choice, Settings, values or {})
    return choice, settings


def dealt(panels: Sequence[Sequence[Cell]], parts: int) -> list[list[Sequence[Cell]]]:
    """Panels in at most that many parts that take about as long as each other.

    The longest first, each to the part that has the least so far: at most a third longer than the
    best there is (Graham 1969). Within a part they are in the order in which they came.
    """
    dealt: list[list[int]] = [[] for _ in range(min(parts, len(panels)))]
    taken_s = [0.0] * len(dealt)
    length_s = [sum(cell.budget_s for cell in panel) for panel in panels]
    for at in sorted(range(len(panels)), key=lambda at: -length_s[at]):
        part = taken_s.index(min(taken_s))
        dealt[part].append(at)
        taken_s[part] += length_s[at]
    return [[panels[at] for at in sorted(part)] for part in dealt]


class Packed:
    """The jobs of one sweep. `folder` is the sweep's, `count` the number of all its cells."""

    def __init__(
        self, choice: str, settings: Settings, folder: Path, count: int, *, share_machine: bool
    ) -> None:
        self.share_machine = share_machine
        self.settings = settings
        self.home = folder
        self.folder = folder / FOLDER
        self.count = count
        self.cluster = jobs.cluster(choice, settings, self.folder)
        self.choice = choice

    def live(self) -> list[Submitted]:
        """The jobs of an earlier start that have not ended. Raises UsageError."""
        try:
            noted = json.loads(read_whole(self.folder / JOBS, LARGEST_BYTES))
            choice, submitted = noted["cluster"], [Submitted(**job) for job in noted["jobs"]]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise UsageError(
                f"{self.folder / JOBS}: cannot be read ({error}); if none of its jobs "
                "runs, delete it"
            ) from None
        cluster = jobs.cluster(choice, self.settings, self.folder)
        try:
            states = cluster.states(submitted)
        except Unanswered as error:
            raise UsageError(
                f"{error}: nobody can say whether jobs of an earlier start run; if none does, "
                f"delete {self.folder / JOBS}"
            ) from None
        found = [job for job in submitted if states[job.id].now != "ended"]
        if found and choice != self.choice:
            raise self._others(found, cluster)
        return found

    def _others(self, found: Sequence[Submitted], cluster: jobs.Cluster) -> UsageError:
        names = ", ".join(job.id for job in found[:5]) + (", ..." if len(found) > 5 else "")
        return UsageError(
            f"{self.home}: {counted(len(found), 'job')} of an earlier start "
            f"{'has' if len(found) == 1 else 'have'} this folder ({names}); wait, or end them with "
            f"{cluster.cancelling(found)}"
        )

    def taken_up(self, live: Sequence[Submitted], missing: Sequence[Cell]) -> None:
        """Go on with jobs of an earlier start. Raises UsageError if they lack one of the cells."""
        chunks = (chunk.read(self.folder / job.chunk) for job in live)
        theirs = {cell.folder for each in chunks for panel in each.panels for cell in panel}
        if any(cell.folder.absolute() not in theirs for cell in missing):
            raise self._others(live, self.cluster)

    def submit(self, panels: Sequence[Sequence[Cell]]) -> list[Submitted]:
        """Submit the panels, and note the jobs. Raises UsageError."""
        self.folder.mkdir(exist_ok=True)
        for old in self.folder.iterdir():
            old.unlink()
        whole_s = sum(cell.budget_s for panel in panels for cell in panel)
        chunks = []
        for at, part in enumerate(dealt(panels, self.settings.jobs)):
            file = self.folder / f"chunk-{at}"
            share = sum(cell.budget_s for panel in part for cell in panel) / whole_s
            cells = [[_with_share(cell, share) for cell in panel] for panel in part]
            chunk.write(file, self.home, cells, self.count, share_machine=self.share_machine)
            chunks.append(chunk.Chunk(file))
        most = max(cell.what.n for panel in panels for cell in panel)
        submitted = self.cluster.submit(chunks, most)
        write_json(
            self.folder / JOBS, {"cluster": self.choice, "jobs": [asdict(job) for job in submitted]}
        )
        return submitted

    def told(self, submitted: Sequence[Submitted], cells: int) -> str:
        """That they are submitted, in a line."""
        where = "Slurm" if self.choice == "slurm" else "this machine"
        names = list(dict.fromkeys(job.id.partition("_")[0] for job in submitted))
        more = ", ..." if len(names) > 5 else ""
        return (
            f"{counted(cells, 'cell')} in {counted(len(submitted), 'job')} of {where} "
            f"({', '.join(names[:5])}{more})"
        )

    def cancelled(self, submitted: Sequence[Submitted]) -> str:
        """Cancel the jobs; say that they are, or what to do."""
        try:
            self.cluster.cancel(submitted)
        except Unanswered as error:
            return f"{error}; end the jobs with {self.cluster.cancelling(submitted)}"
        return f"cancelled {counted(len(submitted), 'job')}"


def _with_share(cell: Cell, share: float) -> Cell:
    """A cell whose sweep may take that share of the time of the whole."""
    plan = cell.what
    if not isinstance(plan, Plan) or plan.measure.sweep_budget_s is None:
        return cell
    budget_s = plan.measure.sweep_budget_s * share
    return replace(cell, what=replace(plan, measure=replace(plan.measure, sweep_budget_s=budget_s)))


class Watched:
    """Jobs until they end.

    `left` are the cells, of those that were missing, that have not ended, by number; `states` is
    how the jobs are.
    """

    def __init__(self, packed: Packed, submitted: Sequence[Submitted], missing: Sequence[Cell]):
        self.packed = packed
        self.submitted = list(submitted)
        self.left = {cell.number: cell for cell in missing}
        self.states: dict[str, State] = {}
        self.read = Counter[str]()
        self.budget_s = sum(cell.budget_s for cell in missing)
        self.done_s = 0.0
        self.began_s = time.monotonic()

    def ended(self) -> Iterator[tuple[Cell, Ended]]:
        """Each cell as it ends, until all have, or no job runs or waits."""
        asked_s = told_s = -math.inf
        while True:
            now_s = time.monotonic()
            over = False
            if now_s - asked_s >= ASK_S:
                before = self._numbers()
                over = not self._ask()
                asked_s = now_s
                if self._numbers() != before or now_s - told_s >= TELL_S:
                    say(self.told(), sys.stderr)
                    told_s = now_s
            # After they were asked after: what the last one noted before it ended is read, too.
            for job in self.submitted:
                yield from self._noted(job)
            if over or not self.left:
                return
            time.sleep(LOOK_S)

    def _noted(self, job: Submitted) -> Iterator[tuple[Cell, Ended]]:
        file = self.packed.folder / job.chunk
        found, self.read[job.chunk] = chunk.noted(file, self.read[job.chunk])
        for ended in found:
            cell = self.left.pop(ended.number, None)
            if cell is not None:
                self.done_s += cell.budget_s
                yield cell, ended

    def _ask(self) -> bool:
        """Ask after the jobs, and tell of those that ended badly; whether one has not ended."""
        try:
            states = self.packed.cluster.states(self.submitted)
        except Unanswered as error:
            say(f"note: {error}; it is asked again", sys.stderr)
            return True
        for job in self.submitted:
            state = states[job.id]
            if state.told and state != self.states.get(job.id):
                say(f"note: job {job.id} ended: {state.told}", sys.stderr)
        self.states = states
        return any(state.now != "ended" for state in states.values())

    def _numbers(self) -> Counter[str]:
        return Counter(state.now for state in self.states.values())

    def told(self) -> str:
        """How far the sweep is, in a line."""
        now = self._numbers()
        left = ""
        if self.done_s and self.left:
            spent_s = time.monotonic() - self.began_s
            left = f", about {clock((self.budget_s / self.done_s - 1) * spent_s)} left"
        return (
            f"{len(self.left)} of {self.packed.count} cells to go; jobs: {now['running']} running, "
            f"{now['pending']} pending{left}"
        )


def unfinished(cell: Cell) -> Ended:
    """What is told of a cell whose job has ended before it."""
    begun = resume.last_status(cell.folder) == "interrupted"
    why = "within it; resume= goes on with it" if begun else "before it; resume= measures it"
    return Ended(cell.number, "interrupted", f"{cell.name}: its job has ended {why}", "", "")
