"""The parent's side of a measurement: which run comes next, and when there are enough.

While a run is timed, this process does nothing but wait for its row. Everything else - the stopping
rule, whatever the consumer of `measure` does with a row - happens between two runs,
while the measuring processes wait for their next orders.
"""

import dataclasses
import math
import random
import statistics
from collections.abc import Generator, Iterator, Sequence
from functools import partial
from itertools import count
from typing import Any, get_args

from runners.door import Interrupted, libraries_only
from runners.measuring.folders import Folder
from runners.measuring.interrupts import Interrupts
from runners.measuring.launching import launched
from runners.measuring.memory import memory
from runners.measuring.order import orders
from runners.measuring.pace import Kind, Pace, Pair
from runners.measuring.process import FAILED, Child
from runners.measuring.sides import Interpreters, Side, sides
from runners.measuring.stops import Stopped
from runners.model import (
    WAITING,
    Order,
    Panel,
    Plan,
    Run,
    Status,
    in_one_line,
    run_of,
    shortage,
    timestamp,
)

MOST_STOPS = 3
"""So many rounds may be interrupted because something was stopped; then their cells end."""
LOOP_S = 0.11
"""How long a loop of `child.ceiling` runs by itself: those of 7 ms scattered by a third, too short
to see bursts of other load."""
START_LOOPS_S = 0.05
"""What starting their processes takes, about."""


def measure(
    *plans: Plan,
    earlier: Sequence[Sequence[Pair]] = (),
    next_round: int = 0,
    next_process: int = 0,
) -> Generator[Run, None, None]:
    """Measure the cells of a panel: yield every timed run the moment it ends.

    The last run of each cell has `ended_by`. Every side runs once a round, in balanced random
    order, in fresh interpreters, where the first rounds are warm-up; with `measure.fresh` every run
    is in one of its own, and counts. A run that is not ok ends its cell, that of a baseline all the
    cells that it serves; the others go on in fresh interpreters. So do all where a process was
    stopped while a run was timed, or the machine suspended. A request to stop (Ctrl+C, SIGTERM)
    ends each cell with a row that says so, and raises Interrupted once these rows were taken.

    Cells that are continued have `earlier` rounds, and go on with these numbers for the next round
    and process.
    """
    with Interrupts() as interrupts:
        of = partial(
            _Measurement,
            interrupts=interrupts,
            earlier=earlier,
            next_round=next_round,
            next_process=next_process,
        )
        try:
            known = tuple(launched(plan, interrupts) for plan in plans)
        except OSError as error:
            runs = of(Panel(plans)).unstarted(error)
        except Interrupted as request:
            runs = of(Panel(plans)).stopped(request)
        else:
            runs = of(Panel(known)).runs()
        yield from runs
        interrupts.check()


class _Measurement:
    """The measurement of one panel."""

    def __init__(
        self,
        panel: Panel,
        interrupts: Interrupts,
        earlier: Sequence[Sequence[Pair]],
        next_round: int,
        next_process: int,
    ) -> None:
        self.panel = panel
        self.interrupts = interrupts
        self.settings = panel.plans[0].measure
        self.pace = Pace(self.settings, len(panel.plans), earlier)
        self.pace.ask_s = _asking_s(panel)
        self.pace.loops_alone = panel.plans[0].renewing and not self.settings.fresh
        weak = panel.plans[0].scaling == "weak"
        self.numbers_each = max(plan.n if weak else 1 for plan in panel.plans)
        # A continued cell goes on with other draws than those that it began with.
        name = panel.name or panel.plans[0].cell
        begin = f"{self.settings.seed} {name} {next_round}"
        self.hash_seeds = random.Random(begin)
        # Rounds of each kind have draws of their own: whether the machine is asked depends on
        # times, and is to change the order of no other round.
        self.chance = {kind: random.Random(f"{begin} {kind}") for kind in get_args(Kind)}
        self.rounds = count(next_round)
        self.processes = count(next_process)
        self.balanced: tuple[Sequence[Side], Iterator[list[int]]] | None = None
        self.stops = 0
        self.memory: dict[int, dict[str, Any]] = {}

    def runs(self) -> Iterator[Run]:
        try:
            with Folder() as folder:
                yield from self._memory(folder.name)
                while self.pace.goes_on:
                    yield from self._generation(folder.name)
        except OSError as error:  # no measuring process could be started
            yield from self.unstarted(error)

    def _memory(self, folder: str) -> Iterator[Run]:
        """See what the cells need in memory, if that is asked; a request to stop ends them."""
        if self.settings.memory and self.pace.goes_on:
            try:
                self.memory = memory(self.panel, self.interrupts, folder)
            except Interrupted as request:
                yield from self.stopped(request)

    def stopped(self, request: Interrupted) -> Iterator[Run]:
        """The last rows of all cells: a request to stop has come while nothing was timed."""
        chosen = self._chosen()[-1]
        order = Order(next(self.processes), next(self.rounds), 0, "measured", True, True)
        plan = self.panel.plans[chosen.candidate]
        run = run_of(plan, order, "interrupted", timestamp(), str(request))
        yield from self._ended(run, chosen, order)

    def unstarted(self, error: OSError) -> Iterator[Run]:
        """The last row of all cells: the system lacks what starting a process needs."""
        told = in_one_line(error)
        if (short := shortage(told)) is not None:
            told = f"{short.remedy} ({told})"
        order = Order(next(self.processes), next(self.rounds), 0, "measured", True, True)
        for candidate in self.pace.pairs:
            plan = self.panel.plans[candidate]
            said = f"the measuring process cannot be started: {told}"
            run = run_of(plan, order, "incomplete", timestamp(), said)
            yield dataclasses.replace(run, panel=self.panel.name, ended_by="failure")

    def _generation(self, folder: str) -> Iterator[Run]:
        """Rounds in fresh interpreters; a failure ends them early.

        In that folder they keep what one of them is to know of another.
        """
        self.pace.begin_processes()
        chosen = self._chosen()
        with Interpreters(
            self.panel, chosen, self.processes, self.hash_seeds, self.interrupts, folder
        ) as interpreters:
            interpreters.start()
            held: Run | None = None  # what may be the last row, which says how the processes end
            while (kind := self.pace.next_round()) is not None:
                if held is not None:
                    yield held
                    held = None
                order = self._order(kind, chosen)
                number = next(self.rounds)
                done: list[tuple[Side, Run]] = []
                for position, side in enumerate(order):
                    interpreter = interpreters.of(side)
                    told = Order(
                        *(interpreter.number, number, position, side.role),
                        cold=kind == "cold",
                        warmup=kind not in ("counted", "ceiling"),
                        candidate=interpreter.candidates.index(side.candidate),
                        side=side.number,
                        loops=side.loops,
                        most_loops=max(other.loops for other in order),
                        loop_s=LOOP_S,
                        tasks_of=number * self.numbers_each,
                        results=interpreters.results(number, side.host),
                        times=f"{folder}/times-{self.panel.host(side.candidate)}",
                        across=self._across(folder, kind, side),
                    )
                    run = self._run(interpreter.child, side, told)
                    if kind == "ceiling" and run.status not in ("ok", "interrupted"):
                        self.pace.ask_s = 0.0  # it can be done without, in fresh interpreters
                        yield from self._finished(interpreters, None)
                        return
                    if run.status == "interrupted" and self._goes_on():
                        yield dataclasses.replace(run, panel=self.panel.name)
                        return  # what was stopped may be in any state: in fresh interpreters
                    if run.status != "ok" or run.wall_s is None:
                        yield from self._ended(run, side, told)
                        yield from self._finished(interpreters, None)
                        return
                    is_last = kind == "counted" and position == len(order) - 1
                    row = self._told(run, side, counted=kind == "counted", is_last=is_last)
                    done.append((side, row))
                    if self.pace.may_be_last and is_last:
                        held = row
                    else:
                        yield row
                baselines = [run for side, run in done if side.role == "baseline"]
                calls = min((run.tasks or 0 for run in baselines), default=0)
                if self.panel.sides_apart and kind != "baseline":
                    calls = 0  # in the process of the baseline alone
                self.pace.note(kind, _pairs(done), calls)
                if (kind == "cold" or self.settings.fresh) and _wait(baselines):
                    self.pace.ask_s = 0.0
                if kind == "counted" and self.pace.undecided:
                    # numpy is slow to load: only now that a round has been measured, and early
                    # enough that the pilot's last row does not wait for it.
                    with libraries_only():
                        from runners.analysis import headline  # noqa: F401
            yield from self._finished(interpreters, held)

    def _across(self, folder: str, kind: Kind, side: Side) -> str | None:
        """Where versions of the user's code have the results of the panel's first round.

        Those of one interpreter: another one may give others, and no version of the code does it.
        """
        is_first = self.pace.generation == 0 and (kind == "cold" or self.pace.kept == 0)
        if not is_first or kind in ("baseline", "ceiling"):
            return None
        python, gil, *_ = self.panel.plans[side.candidate].host
        alike = {plan.host[:3] for plan in self.panel.plans if plan.host[:2] == (python, gil)}
        if len(alike) < 2:
            return None
        known = list(dict.fromkeys(plan.host[:2] for plan in self.panel.plans))
        return f"{folder}/across-{known.index((python, gil))}"

    def _finished(self, interpreters: Interpreters, held: Run | None) -> Iterator[Run]:
        """Have the processes leave the workload: the `held` row says how long that took.

        What fails of it is a row of its own, of each cell that such a process serves.
        """
        ending_s = 0.0
        failed: list[Run] = []
        for interpreter in interpreters.known.values():
            now = timestamp()
            try:
                ending_s = max(ending_s, interpreter.child.finish())
            except Interrupted:
                break
            except FAILED as error:
                number = next(self.rounds)
                order = Order(interpreter.number, number, 0, "measured", cold=False, warmup=False)
                served = [c for c in interpreter.candidates if c in self.pace.pairs]
                failed += [
                    run_of(self.panel.plans[c], order, _status(error), now, str(error))
                    for c in served
                ]
                self.pace.drop(served)
        if held is not None:
            yield dataclasses.replace(held, ending_s=ending_s)
        for run in failed:
            yield dataclasses.replace(run, panel=self.panel.name, ended_by="failure")

    def _goes_on(self) -> bool:
        """Whether there is to be another round after one in which something was stopped."""
        if self.interrupts.pending is not None:
            return False  # it was asked to stop for good
        self.stops += 1
        return self.stops <= MOST_STOPS

    def _order(self, kind: Kind, chosen: Sequence[Side]) -> list[Side]:
        """The sides of a round in their order; that of the rounds that count is balanced."""
        chance = self.chance[kind]
        if kind == "ceiling":
            spins = self._spins(chosen)
            return chance.sample(spins, len(spins))
        if kind != "counted":
            found = chance.sample(chosen, len(chosen))
            if kind == "baseline" and self.panel.sides_apart:
                # Each process runs the plain loop, so that it is as warm as that of the baseline.
                return [dataclasses.replace(side, role="baseline") for side in found]
            return [side for side in found if kind != "baseline" or side.role == "baseline"]
        if self.balanced is None or self.balanced[0] != chosen:
            self.balanced = chosen, orders(len(chosen), chance)
        return [chosen[k] for k in next(self.balanced[1])]

    def _spins(self, chosen: Sequence[Side]) -> list[Side]:
        """One loop alone, and as many at once as the cells have workers."""
        found: list[Side] = []
        for one in self._placements(chosen):
            plans = (self.panel.plans[side.candidate] for side in one if side.role == "measured")
            counts = sorted({1, *map(loops, plans)})
            first = max((side for side in one), key=lambda side: len(self._cpus(side)))
            at, after = first.host, len(sides(self.panel)) + len(found)
            found += [Side(after + k, "spin", first.candidate, at, n) for k, n in enumerate(counts)]
        return found

    def _placements(self, chosen: Sequence[Side]) -> list[list[Side]]:
        """The sides with the same placement: loops run on the CPUs that their workers have."""
        found: dict[str, list[Side]] = {}
        for side in chosen:
            found.setdefault(self.panel.plans[side.candidate].placement, []).append(side)
        return list(found.values())

    def _cpus(self, side: Side) -> tuple[int, ...]:
        return self.panel.plans[side.candidate].cpus

    def _chosen(self) -> list[Side]:
        """The sides of the cells that have not ended, and their baselines."""
        hosts = {
            at for at, host in enumerate(self.panel.hosts) if self.pace.pairs.keys() & set(host)
        }
        return [
            side
            for side in sides(self.panel)
            if side.host in hosts and (side.role == "baseline" or side.candidate in self.pace.pairs)
        ]

    def _run(self, child: Child, side: Side, order: Order) -> Run:
        plan = self.panel.plans[side.candidate]
        now = timestamp()
        try:
            run = child.run(order)
            if self.settings.fresh and run.status == "ok" and side.role != "spin":
                return dataclasses.replace(run, ending_s=child.finish())
            return run
        except Interrupted as request:
            return run_of(plan, order, "interrupted", now, error=str(request))
        except Stopped as why:
            return run_of(plan, order, "interrupted", now, error=str(why))
        except FAILED as error:
            return run_of(plan, order, _status(error), now, error=str(error))

    def _told(self, run: Run, side: Side, *, counted: bool, is_last: bool) -> Run:
        """The row with its place in the panel."""
        plan = self.panel.plans[side.candidate]
        assert run.wall_s is not None
        alone = len(self.panel.plans) == 1
        ends = is_last if alone else counted and side.role == "measured"
        told = dataclasses.replace(
            run,
            panel=self.panel.name,
            ended_by=self.pace.ending(side.candidate) if ends else None,
        )
        if side.role == "measured":
            return dataclasses.replace(told, **self.memory.pop(side.candidate, {}))
        if alone:
            return told
        assert self.panel.name is not None
        own = {
            name: value
            for name, value in plan.parameters.items()
            if not name.startswith("executor.")
        }
        # It belongs to several cells.
        return dataclasses.replace(
            told,
            cell=self.panel.name,
            executor=plan.baseline,
            n=max(side.loops, 1),
            worker_kind="caller",
            parameters=own,
        )

    def _ended(self, run: Run, side: Side, order: Order) -> Iterator[Run]:
        """The last row of each cell that this run ends."""
        if run.status == "interrupted":
            ended, by = list(self.pace.pairs), "interrupted"
        else:
            served = self.panel.hosts[side.host] if side.role == "baseline" else [side.candidate]
            ended, by = [c for c in served if c in self.pace.pairs], "failure"
        for candidate in ended:
            row = run
            if candidate != side.candidate:
                plan = self.panel.plans[candidate]
                row = run_of(plan, order, run.status, run.started_at, run.error)
            yield dataclasses.replace(row, panel=self.panel.name, ended_by=by)
        self.pace.drop(ended)


def _status(error: Exception) -> Status:
    """How a run ended over which a measuring process raised this."""
    if isinstance(error, TimeoutError):
        return "timeout"
    return "crashed" if isinstance(error, ChildProcessError) else "failed"


def loops(plan: Plan) -> int:
    """How many loops at once ask what the machine gives to this cell; 1: there is no need to.

    As many as it has workers, though not many times the CPUs, where that makes no difference.
    """
    if plan.worker_kind not in ("thread", "process", "interpreter", "unknown"):
        return 1  # one thread's, or those of other machines
    return min(plan.n, 4 * math.ceil(plan.usable_cpus))


def _asking_s(panel: Panel) -> float:
    """How long it takes to ask once what the machine gives; 0 if no cell needs to know."""
    counts = {loops(plan) for plan in panel.plans} - {1}
    if not counts:
        return 0.0
    cpus = panel.plans[0].usable_cpus
    return LOOP_S * (1 + sum(max(1.0, count / cpus) for count in counts)) + START_LOOPS_S


def _wait(baselines: Sequence[Run]) -> bool:
    """Whether the tasks leave the CPU idle even in the plain loop: then it limits nothing.

    To wait for a CPU that others have is no such thing.
    """
    return any(run.levels and run.levels[4] < WAITING * run.levels[3] for run in baselines)


def _pairs(done: Sequence[tuple[Side, Run]]) -> dict[int, Pair]:
    """The seconds of each candidate beside those of its host's baseline, their geometric mean."""
    logs: dict[int, list[float]] = {}
    for side, run in done:
        if side.role == "baseline" and run.wall_s:
            logs.setdefault(side.host, []).append(math.log(run.wall_s))
    return {
        side.candidate: Pair(math.exp(statistics.fmean(logs[side.host])), run.wall_s, run.process)
        for side, run in done
        if side.role == "measured" and run.wall_s is not None
    }
