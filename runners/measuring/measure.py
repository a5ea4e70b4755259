"""The parent's side of a measurement: which run comes next, and when there are enough.

While a run is timed, this process does nothing but wait for its row. Everything else - the stopping
rule, the ladder, whatever the consumer of `measure` does with a row - happens between two runs,
while the measuring process waits for its next order.
"""

import dataclasses
import math
import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import count

from runners.child.trial import clock_ns, run_of
from runners.measuring.interrupts import Interrupted, Interrupts
from runners.measuring.ladder import largest_task_share, levels, workers
from runners.measuring.process import Child
from runners.model import Measure, Order, Plan, Role, Run

SPECIALISING_CALLS = 8
"""CPython 3.11 runs a function with a loop slowly until it was called so often (gh-93554)."""

STEADY = 0.95
"""A side still warms up while its best recent time is below this part of its best before."""


def measure(
    plan: Plan, earlier: Sequence[tuple[float, float]] = (), next_round: int = 0, process: int = 0
) -> Iterator[Run]:
    """Measure one cell: yield every timed run the moment it ends; the last one has `ended_by`.

    Rounds of both sides in random order, in fresh interpreters; in each, warm-up rounds until both
    sides are steady. A run that is not ok ends the cell. A request to stop (Ctrl+C, SIGTERM) ends
    it with a row that says so, and raises Interrupted once that row was taken.

    A cell that is continued has `earlier` rounds, the seconds of (baseline, measured), and goes on
    with these numbers for the next round and process.
    """
    with Interrupts() as interrupts:
        pace = Pace(plan.measure, clock_ns(), earlier)
        yield from _measure(plan, interrupts, pace, next_round, process)
        interrupts.check()


def _measure(
    plan: Plan, interrupts: Interrupts, pace: "Pace", next_round: int, next_process: int
) -> Iterator[Run]:
    # A continued cell goes on with other draws than those that it began with.
    chance = random.Random(f"{plan.measure.seed} {plan.cell} {next_round}")
    numbers = count(next_round)
    for process in count(next_process):
        pace.begin_process()
        with Child(plan, chance.getrandbits(32), interrupts) as child:
            while not pace.process_is_over():
                number, steady = next(numbers), pace.steady
                walls: dict[Role, float] = {}
                tasks = 0
                roles: list[Role] = ["baseline", "measured"]
                chance.shuffle(roles)
                for position, role in enumerate(roles):
                    order = Order(process, number, position, role, pace.cold, steady is None)
                    run = _run(child, plan, order)
                    if run.status != "ok" or run.wall_s is None:
                        stopped = run.status == "interrupted"
                        ended_by = "interrupted" if stopped else "failure"
                        yield dataclasses.replace(run, ended_by=ended_by)
                        return
                    walls[role] = run.wall_s
                    if role == "baseline":
                        tasks = run.tasks or 0
                    if len(walls) == 2:
                        pace.note(walls["baseline"], walls["measured"], tasks)
                    provisioned = 1 if role == "baseline" else plan.provisioned
                    yield dataclasses.replace(
                        run,
                        steady=steady,
                        workers=workers(run.spans) or None,
                        levels=levels(run.spans, run.wall_s, provisioned) if run.spans else (),
                        largest_task_share=largest_task_share(run.spans),
                        ended_by=pace.ended_by,
                    )
                if pace.ended_by is not None:
                    return
                if plan.measure.pilot < plan.measure.rounds:
                    # numpy is slow to load: only now that a round has been measured, and early
                    # enough that the pilot's last row does not wait for it.
                    from runners.analysis import bootstrap  # noqa: F401


class Pace:
    """How far a cell has come: warming up or not, in which process, and whether it is enough.

    The number of rounds is decided once, after the pilot. To stop as soon as the interval looks
    narrow enough would stop at lucky moments: simulated, such intervals cover 88% instead of 95%.
    """

    def __init__(
        self, settings: Measure, begin_ns: int, earlier: Sequence[tuple[float, float]] = ()
    ) -> None:
        self.settings = settings
        self.begin_ns = begin_ns
        self.pairs = list(earlier)
        self.wanted = settings.pilot
        self.share = math.ceil(settings.pilot / settings.processes)
        self.ended_by: str | None = None
        if len(self.pairs) >= settings.pilot:
            self._decide()
        self.begin_process()

    def begin_process(self) -> None:
        self.warm: list[tuple[float, float]] = []
        self.steady: bool | None = None  # None: still warming up; False: the cap ended it
        self.kept = 0

    @property
    def cold(self) -> bool:
        """Whether no round has been run in this process."""
        return not self.warm

    def process_is_over(self) -> bool:
        return self.kept >= self.share

    def note(self, baseline_s: float, measured_s: float, tasks: int) -> None:
        """Take in a complete round; decide what it means for those to come."""
        pair = baseline_s, measured_s
        left_s = self.settings.time_budget_s - (clock_ns() - self.begin_ns) / 1e9
        if self.steady is None:
            self.warm.append(pair)
            # Half of what is left is kept for the rounds that count.
            if len(self.warm) >= self.settings.warmup or sum(pair) > left_s / 2:
                self.steady = False
            if _is_steady(self.warm, tasks):
                self.steady = True
            return
        self.pairs.append(pair)
        self.kept += 1
        if len(self.pairs) == self.settings.pilot < self.settings.rounds:
            self._decide()
        ahead_s = sum(pair) * (1 + len(self.warm) * self.process_is_over())
        if len(self.pairs) >= self.wanted:
            self.ended_by = "rounds" if self.wanted == self.settings.rounds else "precision"
        elif ahead_s > left_s:
            self.ended_by = "time budget"

    def _decide(self) -> None:
        """After the pilot: how many rounds in all."""
        from runners.analysis.bootstrap import ratio_of_medians, rounds_needed

        settings = self.settings
        interval = ratio_of_medians(*zip(*self.pairs, strict=True), seed=settings.seed)
        self.wanted = rounds_needed(
            interval.half_width, settings.pilot, settings.precision, settings.rounds
        )


def _is_steady(warm: list[tuple[float, float]], tasks: int) -> bool:
    """Whether neither side gets faster any more: its recent half against the half before.

    Minima, because noise only ever adds time. The cold round is left out. `tasks` is what the
    baseline runs in a round.
    """
    if len(warm) < max(3, math.ceil(SPECIALISING_CALLS / max(tasks, 1))):
        return False
    for side in zip(*warm[1:], strict=True):
        half = len(side) // 2
        if min(side[half:]) < STEADY * min(side[:half]):
            return False
    return True


def _run(child: Child, plan: Plan, order: Order) -> Run:
    now = datetime.now(UTC).isoformat(timespec="microseconds")
    try:
        return child.run(order)
    except Interrupted as request:
        return run_of(plan, order, "interrupted", now, error=str(request))
    except TimeoutError as error:
        return run_of(plan, order, "timeout", now, error=str(error))
    except ChildProcessError as error:
        return run_of(plan, order, "crashed", now, error=str(error))
