"""What a row says of a run beyond how it ended: the ladder, what travels, counters, memory.

The spans of all tasks are here, and nowhere else: what needs them is computed here, after the run.
"""

from array import array
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runners.child.counters import Counters, libraries, library_threads, max_rss_bytes
from runners.child.faults import cut
from runners.child.judge import Away, Outcome
from runners.child.ladder import crew, dealing, largest_task_share, levels, median, task_times
from runners.child.passing import passes
from runners.child.sample import sample
from runners.child.transport import Freight, weighed
from runners.model import (
    Choosing,
    Fresh,
    Inheriting,
    Order,
    Plan,
    Renewing,
    Run,
    Span,
    Workload,
    first_line,
    last_line,
    run_of,
    shortage,
)

if TYPE_CHECKING:
    from runners.child.ceiling import Spin

MOST_CHARS = 8000
"""A longer error, as of a workload that quotes a hundred thousand results, loses its middle."""


class Rows:
    """Makes the rows of the runs of a measuring process, and remembers what is asked once there."""

    def __init__(self, plans: Sequence[Plan], workload: Workload, timer_ns: float) -> None:
        self.plans = plans
        self.workload = workload
        self.timer_ns = timer_ns
        self.libraries: str | None = None
        self.freight: dict[str, Freight | None] = {}

    def row(
        self, order: Order, started_at: str, outcome: Outcome, count: int, tasks: Sequence[Any]
    ) -> Run:
        """The row of a run of `count` tasks: once or several times the workload's `tasks`."""
        plan = self.plans[order.candidate]
        outcome = passing(outcome, plan.measure.memory_limit_bytes)
        error = None if outcome.error is None else cut(outcome.error, MOST_CHARS)
        run = replace(
            run_of(plan, order, outcome.status, started_at, error),
            tasks=count,
            task_copies=1 if isinstance(self.workload, Fresh | Renewing) else copies(plan, order),
            max_rss_bytes=outcome.max_rss_bytes or max_rss_bytes(),
            timer_s=self.timer_ns * len(outcome.spans) / 1e9,
            **(_left_out(outcome.away) if outcome.away is not None else {}),
            held_s=outcome.held_s,
            gil=outcome.gil,
            gil_enabled_by=outcome.gil_enabled_by,
            compared=outcome.compared,
            checked=outcome.checked,
            equal_draws=outcome.equal_draws,
            differs=outcome.differs,
            worker_cpus=outcome.worker_cpus,
            metrics=outcome.metrics,
        )
        if order.role == "baseline" and (threads := library_threads()) is not None:
            if threads and self.libraries is None:
                self.libraries = libraries()
            run = replace(run, library_threads=threads, libraries=self.libraries or None)
        if (timing := outcome.timing) is not None:
            run = replace(
                run,
                begin_ns=timing.begin_ns,
                wall_s=timing.wall_s,
                setup_s=timing.setup_s,
                teardown_s=timing.teardown_s,
            )
            if isinstance(timing.executor, Choosing) and timing.executor.chosen_workers:
                run = replace(run, chosen_workers=cut(timing.executor.chosen_workers, MOST_CHARS))
        if (counters := outcome.counters) is not None:
            run = replace(run, **counters._asdict())
        if (used := outcome.elsewhere) is not None:
            assert run.max_rss_bytes is not None
            run = replace(run, max_rss_bytes=max(run.max_rss_bytes, used.rss_bytes))
            for name in ("voluntary_switches", "involuntary_switches"):
                own, others = getattr(run, name), getattr(used, name)
                if own is not None and others >= 0:
                    run = replace(run, **{name: own + others})
        apart = used is not None or plan.worker_kind == "interpreter"
        if apart and order.role == "measured" and outcome.status == "ok":
            run = self._with_freight(run, outcome, tasks)
        return with_spans(run, outcome.spans, order, plan.provisioned)

    def spin(self, order: Order, started_at: str, spin: "Spin", counters: Counters) -> Run:
        """The row of a run of loops that ask what the machine gives."""
        run = replace(
            run_of(self.plans[order.candidate], order, "ok", started_at),
            n=order.loops,
            tasks=order.loops,
            begin_ns=spin.begin_ns,
            wall_s=spin.wall_s,
            **counters._asdict(),
        )
        return with_spans(run, spin.spans, order, order.loops)

    def _with_freight(self, run: Run, outcome: Outcome, tasks: Sequence[Any]) -> Run:
        """The row with what goes to workers that share no memory with this one, and back."""
        executor = outcome.timing.executor if outcome.timing is not None else None
        inherited = isinstance(executor, Inheriting) and executor.inherits_tasks
        count = len(tasks)
        sent = Freight(0.0, 0.0) if inherited else self._weighed("tasks", tasks)
        back = self._weighed("results", outcome.results[:count])
        if sent is None or back is None:
            return run
        times = len(outcome.results) / max(count, 1)
        return replace(
            run,
            sent_bytes=sent.each_bytes,
            returned_bytes=back.each_bytes,
            transport_s=sent.all_s * times + back.all_s * times,
        )

    def _weighed(self, what: str, values: Sequence[Any]) -> Freight | None:
        """Tried once in each process: the same tasks have the same results."""
        if what not in self.freight:
            self.freight[what] = weighed(values)
        return self.freight[what]


def _left_out(away: Away) -> dict[str, Any]:
    return {
        "away_tasks": away.tasks,
        "away_workers": away.workers,
        "away_machines": away.machines or None,
    }


def passing(outcome: Outcome, memory_limit_bytes: int | None) -> Outcome:
    """The same, but `incomplete` where a run failed for something that may pass."""
    text = outcome.error or ""
    if outcome.status == "failed" and passes(text, limited=memory_limit_bytes is not None):
        if (short := shortage(text)) is not None:
            # In a task, the traceback says where; in an executor it says nothing to its user.
            in_task = "tasks failed;" in first_line(text)
            text = short.remedy + (f"\n{text}" if in_task else f" ({last_line(text)})")
        return outcome.but("incomplete", text)
    return outcome


def copies(plan: Plan, order: Order) -> int:
    """How many times the work that side has to do."""
    return plan.n if order.role == "measured" and plan.scaling == "weak" else 1


def with_spans(run: Run, spans: Sequence[Span], order: Order, provisioned: int) -> Run:
    """The row with the spans of its tasks, of very many a sample; one that is ok with all that
    follows from all of them.

    Nothing follows where some were left out, for they are by another clock (`away_tasks`): a ladder
    of the others would take the work of those that are missing for a gain.
    `provisioned` is the number of workers that the measured side has.
    """
    if not spans:
        return run
    workers = crew(spans)
    run = replace(run, spans=sample(workers))
    if run.status != "ok" or run.wall_s is None or run.away_tasks:
        return run
    times = sizes = task_times(spans)
    found = None
    if run.role == "baseline":
        provisioned = 1
        _note(order.times, times)
    elif run.role == "measured":
        one_by_one_s = _known(order.times)
        sizes = list(one_by_one_s) or times
        found = dealing(workers, one_by_one_s, provisioned)
    return replace(
        run,
        workers=len(workers),
        levels=levels(workers, run.wall_s, provisioned),
        largest_task_share=largest_task_share(sizes),
        first_task_s=times[0],
        task_median_s=median(times),
        **({} if found is None else found._asdict()),
    )


# The times of the tasks one by one: the shortest of each in all rounds, as other load makes a task
# longer, and equal ones would differ. In a file, because the sides of a round, and its rounds, may
# be in several processes; the parent gets no list that grows with the tasks.


def _known(path: str | None) -> "array[float]":
    """The seconds of each task; none where none are known."""
    known = array("d")
    if path is not None:
        try:
            with open(path, "rb") as file:
                known.frombytes(file.read())
        except (OSError, ValueError):  # there is none yet, or it could not be written
            pass
    return known


def _note(path: str | None, times: Sequence[float]) -> None:
    """Take in the times of a run of the plain loop."""
    if path is None:
        return
    known = _known(path)
    shortest = array("d", map(min, known, times) if len(known) == len(times) else times)
    try:
        with open(f"{path}.new", "wb") as file:
            shortest.tofile(file)
        Path(f"{path}.new").replace(path)
    except OSError:  # no room: who got which tasks is not told then
        pass
