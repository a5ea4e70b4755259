"""The parent's side of a measurement: which run comes next, and when there are enough.

While a run is timed, this process does nothing but wait for its row. Everything else - the stopping
rule, the ladder, whatever the consumer of `measure` does with a row - happens between two runs,
while the measuring process waits for its next order.
"""

import dataclasses
import random
import time
from collections.abc import Iterator, Sequence
from itertools import count

from runners.measuring.interrupts import Interrupted, Interrupts
from runners.measuring.ladder import largest_task_share, levels, workers
from runners.measuring.pace import Pace
from runners.measuring.process import Child
from runners.model import Order, Plan, Role, Run, run_of, timestamp


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
        pace = Pace(plan.measure, time.perf_counter_ns(), earlier)
        yield from _measure(plan, interrupts, pace, next_round, process)
        interrupts.check()


def _measure(
    plan: Plan, interrupts: Interrupts, pace: Pace, next_round: int, next_process: int
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
                if plan.measure.min_rounds < plan.measure.max_rounds:
                    # numpy is slow to load: only now that a round has been measured, and early
                    # enough that the pilot's last row does not wait for it.
                    from runners.analysis import headline  # noqa: F401


def _run(child: Child, plan: Plan, order: Order) -> Run:
    now = timestamp()
    try:
        return child.run(order)
    except Interrupted as request:
        return run_of(plan, order, "interrupted", now, error=str(request))
    except TimeoutError as error:
        return run_of(plan, order, "timeout", now, error=str(error))
    except ChildProcessError as error:
        return run_of(plan, order, "crashed", now, error=str(error))
