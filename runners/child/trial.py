"""The measuring process: runs one side of a panel's round when told to, and nothing else.

`timing` alone times runs, and `worker` their tasks; `judge` looks at what came of them. All of it
runs in a fresh interpreter and imports the standard library only: what is loaded here is loaded in
every forked worker and between any two clock reads.
"""

import gc
import multiprocessing
import os
import pickle
import resource
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from functools import partial
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

from runners.child import gil
from runners.child.answers import next_order, send, tell
from runners.child.comparing import APART
from runners.child.counters import (
    forget_peak,
    keep_gil,
    max_rss_bytes,
    read_counters,
)
from runners.child.faults import unreceivable, unrepeatable, unsendable
from runners.child.judge import Judge, Outcome, changed, failure
from runners.child.parts import CANNOT, pickled
from runners.child.pinning import Places, folder, pinned, taken
from runners.child.rows import Rows, copies, passing
from runners.child.stacks import listen, note, watch_forks
from runners.child.stops import tell_stops
from runners.child.sync import thread_sync
from runners.child.timing import Kept, timed, timer_cost_ns
from runners.child.worker import EitherForm, adopt, clock_name, described, install, run_task
from runners.model import (
    Coroutine,
    Fresh,
    InvalidParameter,
    Metered,
    Order,
    Plan,
    Releasing,
    Renewing,
    Run,
    Sharing,
    Unavailable,
    Unsupported,
    UsageError,
    WorkerDied,
    Workers,
    Workload,
    in_one_line,
    listed,
    locate,
    plan_of,
    run_of,
    timestamp,
)
from runners.model.plain import loaded

LOOKS, LOOK_S, LOOK_CALLS = 5, 5.0, 1_000
"""So many more runs, or seconds of them, are to show whether workers draw the same numbers, each
of so many calls at most."""
EQUAL_DRAWS = "tasks returned equal draws: {}; seed per task"
FORKED = "workers that were forked from one process share its random state"
SEEDED = "workers begin with the same random state, which their module sets"

if TYPE_CHECKING:
    from runners.child.ceiling import Ceiling


class Trial:
    """The sides of cells in this process, ready to be run any number of times. To be closed.

    The cells share their workload, and the baseline with it. Raises Unsupported where the workload
    cannot be served here, Unavailable where not now, UsageError where its tasks cannot be run more
    than once.
    """

    def __init__(self, *plans: Plan) -> None:
        self.plans = plans
        shared = plans[0]
        workload: Workload = pickle.loads(shared.payload)
        self.workload = workload
        self.open = ExitStack()
        if isinstance(workload, AbstractContextManager):
            self.open.enter_context(workload)
        # Where each round has others, they are made when it is known which round it is.
        self.tasks: list[Any] = []
        if not isinstance(workload, Renewing):
            try:
                self.tasks = list(workload.tasks())
            except InvalidParameter as mistake:
                raise UsageError(f"workload.{mistake}") from mistake
            if (problem := unrepeatable(workload, self.tasks)) is not None:
                raise UsageError(problem)
        for factory in (shared.baseline_as, *(plan.executor_as for plan in plans)):
            locate(factory.target)  # imported before any clock runs
        if len(plans) > 1:
            start_helpers({plan.start_method for plan in plans})
        if {"thread", "unknown"} & {plan.worker_kind for plan in plans}:
            keep_gil()
        self.kept: dict[int, Kept] = {}
        self.fresh: dict[int, list[Any]] = {}
        self.ceiling: Ceiling | None = None
        self.folders: dict[int | None, str] = {}
        self.judge = Judge(workload, self.tasks, shared.compared)
        self.function = EitherForm() if isinstance(workload, Coroutine) else run_task
        self.rows = Rows(plans, workload, timer_cost_ns())
        adopt(shared.payload, workload)

    def close(self) -> str | None:
        """End what was kept over the runs: the executors, then what the workload has open.

        Returns what failed of that.
        """
        problems = []
        ends = [("the executor's", kept.close) for kept in self.kept.values()]
        for whose, end in (*ends, ("the workload's", self.open.close)):
            try:
                end()
            except BaseException as error:  # also SystemExit: it would end this process silently
                problems.append(f"{whose} __exit__ failed: {in_one_line(error)}\n{described()}")
        return "\n".join(problems) or None

    def run(self, order: Order) -> Run:
        """Run one side once. Whatever goes wrong is in the returned run."""
        began_ns = time.perf_counter_ns()
        run = self._spin(order) if order.role == "spin" else self._run(order)
        elapsed_s = (time.perf_counter_ns() - began_ns) / 1e9
        return replace(run, judging_s=elapsed_s - (run.wall_s or 0.0))

    def _run(self, order: Order) -> Run:
        started_at = timestamp()
        tasks: Sequence[Any] = ()
        given: bytes | None = None
        try:
            tasks = self._tasks(order)
            gc.collect()  # the garbage of earlier runs is not this run's cost
            forget_peak()
            sent = self._is_first(order) and self._sends_tasks(order)
            again = self._runs_again(order)
            if sent or again:
                note("Doing", "pickling the tasks")  # methods of theirs may end this process
                given = pickled(self.tasks)
                told = self._untravelling(given) if sent else None
                note("Doing", "")
                if told is not None:
                    return self._row(order, started_at, Outcome("failed", told), len(tasks))
            shared = self._share(order)
        except InvalidParameter as mistake:
            told = f"workload.{mistake}"
            return self._row(order, started_at, Outcome("failed", told), len(tasks))
        except UsageError as mistake:  # what a function of the user's raised, in one line
            return self._row(order, started_at, Outcome("failed", str(mistake)), len(tasks))
        except (Exception, SystemExit) as problem:
            return self._row(order, started_at, failure(problem), len(tasks))
        try:
            outcome = self._measure(order, tasks, shared)
        except (Unavailable, SystemExit) as problem:  # a method of the workload's may leave so
            outcome = failure(problem)
        is_changed = again and given is not None and changed(given, self.tasks)
        if outcome.status == "ok" and is_changed:
            outcome = outcome.but(
                "failed",
                "a task changes its argument in place, so that later runs would do other work; "
                "let it work on a copy",
            )
        return self._row(order, started_at, self._finish(outcome, shared), len(tasks))

    def _untravelling(self, given: bytes | None) -> str | None:
        """Why the tasks, pickled as `given`, cannot go to another process; None if they can."""
        if given is None:
            return unsendable(self.workload, self.tasks)
        return unreceivable(self.workload, self.tasks, given)

    def _runs_again(self, order: Order) -> bool:
        """Whether to see that tasks stay as they are: this is the first of several runs of them."""
        if isinstance(self.workload, Renewing):
            return False  # made anew for each run
        times = copies(self.plans[order.candidate], order)
        return order.cold or (self._is_first(order) and times > 1)

    def _is_first(self, order: Order) -> bool:
        """Whether it is the first run of that side in this process."""
        return order.cold or self.plans[order.candidate].measure.fresh

    def _spin(self, order: Order) -> Run:
        """Ask what the machine gives to so many loops at once."""
        # Not at the top: subprocess, which it needs, is slow to load.
        from runners.child.ceiling import Ceiling

        started_at = timestamp()
        plan = self.plans[order.candidate]
        before = read_counters(plan.cpu_stat)
        try:
            if self.ceiling is None:  # a program for each loop, which lives as long as this
                self.ceiling = self.open.enter_context(Ceiling(order.most_loops, order.loop_s))
            spin = self.ceiling.run(order.loops, plan.cpus)
        except WorkerDied as problem:
            return self._row(order, started_at, failure(problem), order.loops)
        counters = read_counters(plan.cpu_stat).since(before)
        return self.rows.spin(order, started_at, spin, counters)

    def _share(self, order: Order) -> Any:
        """What the workload shares between the workers of that side, made anew for each run."""
        if isinstance(self.workload, Sharing):
            return self.workload.share(self._sync(order))
        return None

    def _sync(self, order: Order) -> Any:
        """What locks and queues for the workers of that side are made from."""
        plan = self.plans[order.candidate]
        if order.role == "baseline" or plan.worker_kind in ("caller", "thread", "coroutine"):
            return thread_sync()
        if plan.start_method in multiprocessing.get_all_start_methods():
            return multiprocessing.get_context(plan.start_method)
        raise Unsupported(
            f"{plan.workload} shares locks or queues between its workers, which those of "
            f"{plan.executor} cannot; use threads or processes of the standard library"
        )

    def _measure(self, order: Order, tasks: Sequence[Any], shared: Any) -> Outcome:
        """Time that side and judge what it returned; with the kernel's counters of the run."""
        plan = self.plans[order.candidate]
        places = self._places(order)
        with pinned(places, kept=order.role == "measured" and plan.reuse):
            outcome = self._timed(order, tasks, shared)
        if places is None:
            return outcome
        return replace(outcome, worker_cpus=listed(taken(places)) or None)

    def _timed(self, order: Order, tasks: Sequence[Any], shared: Any) -> Outcome:
        plan = self.plans[order.candidate]
        make = self._maker(order, shared)
        timing = None
        before = read_counters(plan.cpu_stat)
        try:
            timing = timed(make, self.function, tasks)
        except CANNOT as problem:
            outcome = self.judge.failure(problem)
        counters = read_counters(plan.cpu_stat).since(before)
        memory = max_rss_bytes()  # before anything is made of the results
        if timing is not None:
            outcome = self.judge.beside(order.results, timing, len(tasks), self._workers(order))
            version = plan.version.name if plan.version is not None else ""
            outcome = self.judge.across(order.across, version, outcome)
        if self.judge.comparison.random_task is not None and outcome.status == "wrong":
            outcome = self._look_for_equal_draws(order, outcome)
        return replace(outcome, counters=counters, max_rss_bytes=memory)

    def _workers(self, order: Order) -> Workers:
        return "caller" if order.role == "baseline" else self.plans[order.candidate].worker_kind

    def _sends_tasks(self, order: Order) -> bool:
        return order.role == "measured" and self.plans[order.candidate].sends_tasks

    def _look_for_equal_draws(self, order: Order, outcome: Outcome) -> Outcome:
        """A task is random: run it on workers that may all draw the same, until that shows.

        In the run itself one worker may have done all tasks, or each has arguments of its own.
        """
        comparison = self.judge.comparison
        sides = [k for k, plan in enumerate(self.plans) if plan.worker_kind in APART]
        if order.role == "measured":
            sides = [k for k in sides if k == order.candidate]
        if not sides or outcome.timing is None or comparison.random_task is None:
            return outcome
        plan = self.plans[sides[0]]
        again = replace(order, role="measured", candidate=sides[0])
        calls = max(min(len(self.tasks), LOOK_CALLS), 2 * plan.n)
        same = [self.tasks[comparison.random_task]] * calls
        found = comparison.draws.found
        try:
            for _ in range(min(LOOKS, int(LOOK_S / max(outcome.timing.wall_s, 1e-3)))):
                found = found or self.judge.look_again(
                    timed(self._maker(again, None), self.function, same)
                )
        except Exception:  # what there is to say has been said
            pass
        if not found:
            return outcome
        told = EQUAL_DRAWS.format(FORKED if plan.start_method == "fork" else SEEDED)
        if order.role == "baseline" and len(sides) < len(self.plans):  # the other cells end, too
            told = f"not deterministic, and on {plan.executor} {told}"
        return outcome.but("wrong", told)

    def _tasks(self, order: Order) -> list[Any]:
        times = copies(self.plans[order.candidate], order)
        if isinstance(self.workload, Renewing):
            numbers = range(order.tasks_of, order.tasks_of + times)
            parts = [list(self.workload.tasks_of(number)) for number in numbers]
            self.tasks = parts[0]
            self.judge.begin(order.tasks_of, self.tasks)
            return [task for part in parts for task in part]
        if times == 1 or not isinstance(self.workload, Fresh):
            return self.tasks * times
        if times not in self.fresh:
            self.fresh[times] = list(self.workload.tasks_for(times))
        return self.fresh[times]

    def _maker(self, order: Order, shared: Any) -> Callable[[], Any]:
        """What makes the executor of that side; for one that is kept, always the same."""
        plan = self.plans[order.candidate]
        own = order.role != "baseline"
        factory = plan.executor_as if own else plan.baseline_as
        make = partial(
            locate(factory.target),
            **(pickle.loads(plan.given) if own else factory.parameters),
            initializer=install,
            initargs=(plan.payload, shared, self._places(order), clock_name()),
        )
        # Runs that are not timed keep workers wherever they can be (`measuring.untimed`).
        if not (own and plan.reuse) or isinstance(self.workload, Sharing):
            return make
        return self.kept.setdefault(order.candidate, Kept(make))

    def _places(self, order: Order) -> Places | None:
        """The CPUs of that side's workers; None where they may run on any.

        The plain loop has the first one of its cells.
        """
        plan = self.plans[order.candidate]
        if not plan.cpus:
            return None
        # Workers that are kept hold their CPUs while others run.
        whose = order.candidate if order.role == "measured" and plan.reuse else None
        if whose not in self.folders:
            self.folders[whose] = self.open.enter_context(folder())
        workers = len(plan.cpus)
        if order.role == "baseline":
            workers = plan.baseline_as.parameters.get("max_workers", 1)
        return Places(self.folders[whose], plan.cpus[:workers])

    def _row(self, order: Order, started_at: str, outcome: Outcome, count: int) -> Run:
        return self.rows.row(order, started_at, outcome, count, self.tasks)

    def _finish(self, outcome: Outcome, shared: Any) -> Outcome:
        """With the workload's metrics; and what was shared is released, whatever came of it."""
        try:
            try:
                if outcome.status == "ok" and isinstance(self.workload, Metered):
                    metrics = self.workload.metrics(outcome.results)
                    figures = {str(k): _number(value) for k, value in metrics.items()}
                    outcome = replace(outcome, metrics={**outcome.metrics, **figures})
            finally:
                if shared is not None and isinstance(self.workload, Releasing):
                    self.workload.release(shared)
        except Exception:
            if outcome.status == "ok":
                text = f"the workload's metrics or release failed:\n{described()}"
                outcome = outcome.but("failed", text)
        return outcome


def start_helpers(start_methods: Collection[str | None]) -> None:
    """Start what processes of these start methods share, before the first of them is measured.

    The fork server and the resource tracker serve a whole process: the side that starts them would
    pay for the sides that come after it.
    """
    if {"spawn", "forkserver"} & set(start_methods):
        from multiprocessing import resource_tracker

        resource_tracker.ensure_running()
    if "forkserver" in start_methods:
        from multiprocessing import forkserver

        forkserver.ensure_running()


def _number(value: Any) -> float:
    """An int or a float as it is; a bool, a large int and what numpy makes, as a float."""
    if isinstance(value, float) or (type(value) is int and abs(value) < 2**63):
        return value
    return float(value)


def main(descriptor: int) -> None:
    """Serve orders from the parent until it closes its end."""
    tell_stops()
    os.set_inheritable(descriptor, False)
    connection = Connection(descriptor)
    listen()
    watch_forks()
    gil.watch()

    def leave() -> None:
        # A forked worker must not hold this end open, or the parent would not see that this
        # process died. Closed once only: the number may be another file's by a later fork.
        if not connection.closed:
            connection.close()

    os.register_at_fork(after_in_child=leave)
    plans = [plan_of(plain) for plain in loaded(connection.recv_bytes())]
    limit = plans[0].measure.memory_limit_bytes
    if limit is not None:  # inherited by every worker
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    broken: Outcome | None = None
    try:
        if (launch := plans[0].launch) is not None and launch.refused is not None:
            raise Unavailable(launch.refused)
        trial = Trial(*plans)
    except Unsupported as reason:
        broken = Outcome("unsupported", str(reason))
    except Unavailable as reason:
        broken = Outcome("incomplete", str(reason))
    except UsageError as mistake:
        broken = Outcome("failed", str(mistake))
    except (Exception, SystemExit):
        text = f"the measuring process cannot load the plugins:\n{described()}"
        broken = passing(Outcome("failed", text), limit)
    send(connection, {"ready_s": time.monotonic()})  # the interpreter's start is over
    while (order := next_order(connection)) is not None:
        if order == "close":
            send(connection, {"problem": trial.close() if broken is None else None})
            return
        if broken is None:
            row = trial.run(order)
        else:
            now = timestamp()
            row = run_of(plans[order.candidate], order, broken.status, now, broken.error)
        tell(connection, row)
    if broken is None:
        trial.close()
