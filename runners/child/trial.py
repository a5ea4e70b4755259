"""The measuring process: runs one side of one round when told to, and nothing else.

`timing` alone times runs, and `worker` their tasks; `judge` looks at what came of them. All of it
runs in a fresh interpreter and imports the standard library only: what is loaded here is loaded in
every forked worker and between any two clock reads.
"""

import gc
import multiprocessing
import os
import pickle
import resource
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from functools import partial
from multiprocessing.connection import Connection
from typing import Any

from runners.child.counters import max_rss_bytes, read_counters
from runners.child.judge import Judge, Outcome, changed, failure, pickled
from runners.child.sync import thread_sync
from runners.child.timing import Kept, timed, timer_cost_ns
from runners.child.worker import EitherForm, adopt, described, install, run_task
from runners.model import (
    Coroutine,
    Metered,
    Order,
    Plan,
    Releasing,
    Role,
    Run,
    Sharing,
    Unsupported,
    Workload,
    locate,
    run_of,
    timestamp,
)


class Trial:
    """One cell's two sides in this process, ready to be run any number of times. To be closed.

    Raises Unsupported where the workload cannot be served here.
    """

    def __init__(self, plan: Plan) -> None:
        workload: Workload = pickle.loads(plan.payload)
        self.plan = plan
        self.workload = workload
        self.open = ExitStack()
        if isinstance(workload, AbstractContextManager):
            self.open.enter_context(workload)
        self.tasks = list(workload.tasks())
        self.copies = {"baseline": 1, "measured": plan.n if plan.scaling == "weak" else 1}
        self.factories = {"baseline": plan.baseline_as, "measured": plan.executor_as}
        # Imported before any clock runs.
        self.classes = {role: locate(factory.target) for role, factory in self.factories.items()}
        self.kept: Kept | None = None
        self.judge = Judge(workload, self.tasks, plan.compared)
        self.function = EitherForm() if isinstance(workload, Coroutine) else run_task
        self.timer_ns = timer_cost_ns()
        adopt(plan.payload, workload)

    def close(self) -> None:
        """End what was kept over the runs: the executor, then what the workload has open."""
        if self.kept is not None:
            self.kept.close()
        self.open.close()

    def run(self, order: Order) -> Run:
        """Run one side once. Whatever goes wrong is in the returned run."""
        started_at = timestamp()
        gc.collect()  # the garbage of earlier runs is not this run's cost
        given = pickled(self.tasks) if order.cold else None
        try:
            shared = self._share(order.role)
        except Exception as problem:
            return self._row(order, started_at, failure(problem))
        outcome = self._measure(order.role, shared)
        if outcome.status == "ok" and given is not None and changed(given, self.tasks):
            outcome = outcome.but(
                "failed",
                "a task changes its argument in place, so that later runs would do other work; "
                "let it work on a copy",
            )
        return self._row(order, started_at, self._finish(outcome, shared))

    def _share(self, role: Role) -> Any:
        """What the workload shares between the workers of that side, made anew for each run."""
        return self.workload.share(self._sync(role)) if isinstance(self.workload, Sharing) else None

    def _sync(self, role: Role) -> Any:
        """What locks and queues for the workers of that side are made from."""
        if role == "baseline" or self.plan.worker_kind in ("caller", "thread", "coroutine"):
            return thread_sync()
        if self.plan.start_method in multiprocessing.get_all_start_methods():
            return multiprocessing.get_context(self.plan.start_method)
        raise Unsupported(
            f"{self.plan.workload} shares locks or queues between its workers, which those of "
            f"{self.plan.executor} cannot; use threads or processes of the standard library"
        )

    def _measure(self, role: Role, shared: Any) -> Outcome:
        """Time that side and judge what it returned; with the kernel's counters of the run."""
        tasks = self.tasks * self.copies[role]
        make = self._maker(role, shared)
        timing = None
        before = read_counters(self.plan.cpu_stat)
        try:
            timing = timed(make, self.function, tasks)
        except Exception as problem:
            outcome = failure(problem)
        counters = read_counters(self.plan.cpu_stat).since(before)
        if timing is not None:
            outcome = self.judge.judge(timing, len(tasks))
        return replace(outcome, counters=counters)

    def _maker(self, role: Role, shared: Any) -> Callable[[], Any]:
        """What makes the executor of that side; for one that is kept, always the same."""
        make = partial(
            self.classes[role],
            **self.factories[role].parameters,
            initializer=install,
            initargs=(self.plan.payload, shared),
        )
        if role == "baseline" or not self.plan.reuse:
            return make
        if self.kept is None:
            self.kept = Kept(make)
        return self.kept

    def _finish(self, outcome: Outcome, shared: Any) -> Outcome:
        """With the workload's metrics; and what was shared is released, whatever came of it."""
        try:
            try:
                if outcome.status == "ok" and isinstance(self.workload, Metered):
                    metrics = self.workload.metrics(outcome.results)
                    outcome = replace(outcome, metrics={**outcome.metrics, **metrics})
            finally:
                if shared is not None and isinstance(self.workload, Releasing):
                    self.workload.release(shared)
        except Exception:
            if outcome.status == "ok":
                text = f"the workload's metrics or release failed:\n{described()}"
                outcome = outcome.but("failed", text)
        return outcome

    def _row(self, order: Order, started_at: str, outcome: Outcome) -> Run:
        run = replace(
            run_of(self.plan, order, outcome.status, started_at, outcome.error),
            tasks=len(self.tasks) * self.copies[order.role],
            max_rss_bytes=max_rss_bytes(),
            timer_s=self.timer_ns * len(outcome.spans) / 1e9,
            gil=outcome.gil,
            metrics=outcome.metrics,
            spans=outcome.spans,
        )
        if (timing := outcome.timing) is not None:
            run = replace(
                run,
                begin_ns=timing.begin_ns,
                wall_s=timing.wall_s,
                setup_s=timing.setup_s,
                teardown_s=timing.teardown_s,
            )
        if (counters := outcome.counters) is not None:
            run = replace(
                run,
                voluntary_switches=counters.voluntary_switches,
                involuntary_switches=counters.involuntary_switches,
                steal_s=counters.steal_s,
                throttled_s=counters.throttled_s,
            )
        return run


def main(descriptor: int) -> None:
    """Serve orders from the parent until it closes its end."""
    os.set_inheritable(descriptor, False)
    connection = Connection(descriptor)

    def leave() -> None:
        # A forked worker must not hold this end open, or the parent would not see that this
        # process died. Closed once only: the number may be another file's by a later fork.
        if not connection.closed:
            connection.close()

    os.register_at_fork(after_in_child=leave)
    plan: Plan = connection.recv()
    limit = plan.measure.memory_limit_bytes
    if limit is not None:  # inherited by every worker
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    broken: Outcome | None = None
    try:
        trial = Trial(plan)
    except Unsupported as reason:
        broken = Outcome("unsupported", str(reason))
    except Exception:
        text = f"the measuring process cannot load the plugins:\n{described()}"
        broken = Outcome("failed", text)
    connection.send(None)  # ready: the interpreter's start is over
    while True:
        try:
            order: Order = connection.recv()
        except EOFError:
            break
        if broken is None:
            connection.send(trial.run(order))
        else:
            now = timestamp()
            connection.send(run_of(plan, order, broken.status, now, broken.error))
    if broken is None:
        trial.close()
