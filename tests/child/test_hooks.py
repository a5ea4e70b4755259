"""What a workload and an executor may have besides: sharing, reuse, coroutines, and so on."""

import asyncio
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import pytest

from runners.child import worker
from runners.child.sources import Code
from runners.child.trial import Trial
from runners.executors.serial import Serial
from runners.measuring.measure import measure
from runners.model import Order, Plan, Role, Run, Unsupported, UsageError, locate
from tests.conftest import MakePlan, run_program


@dataclass
class Counter:
    """Tasks that add to what they share."""

    fail: str = ""

    def share(self, sync: Any) -> Any:
        self.mine = {"lock": sync.Lock(), "total": sync.RawValue("i", 0)}
        return self.mine

    def attach(self, shared: Any) -> None:
        if self.fail == "attach":
            raise KeyError("nothing to attach")
        self.shared = shared

    released = 0

    def release(self, shared: Any) -> None:
        assert shared is self.mine
        self.mine = {}
        Counter.released += 1

    def tasks(self) -> Sequence[int]:
        return [1, 2, 3, 4]

    def __call__(self, task: int) -> int:
        with self.shared["lock"]:
            self.shared["total"].value += task
        return task

    def metrics(self, results: Sequence[int]) -> dict[str, float]:
        if self.fail == "metrics":
            raise KeyError("nothing to report")
        return {"total": self.mine["total"].value}

    def check(self, results: Sequence[int]) -> None:
        pass


@dataclass
class Meeting:
    """Two tasks that wait for each other."""

    def share(self, sync: Any) -> Any:
        return sync.Barrier(2, timeout=20)

    def attach(self, shared: Any) -> None:
        self.barrier = shared

    @property
    def minimum_workers(self) -> int:
        return 2

    def tasks(self) -> Sequence[int]:
        return [0, 1]

    def __call__(self, task: int) -> int:
        self.barrier.wait()
        return task

    def check(self, results: Sequence[int]) -> None:
        pass


@dataclass
class Opening:
    """Is open while it is measured, and tells where."""

    def __enter__(self) -> Self:
        self.file = Path(tempfile.mkdtemp()) / "open"
        self.file.touch()
        return self

    def __exit__(self, *error: object) -> None:
        self.file.unlink()

    def tasks(self) -> Sequence[str]:
        return [str(self.file)] * 3

    def __call__(self, task: str) -> bool:
        return Path(task).is_file()

    def check(self, results: Sequence[bool]) -> None:
        assert all(results)


@dataclass
class Napping:
    """Tasks with a coroutine form that wait and then compute."""

    def tasks(self) -> Sequence[float]:
        return [0.02] * 4

    def __call__(self, task: float) -> float:
        time.sleep(task)
        return sum(range(20_000))

    async def acall(self, task: float) -> float:
        await asyncio.sleep(task)
        return sum(range(20_000))

    def check(self, results: Sequence[float]) -> None:
        pass


@dataclass
class Erring:
    """A coroutine form that handles an error of what it waits for, or does not."""

    def tasks(self) -> Sequence[str]:
        return ["handled", "raised"]

    def __call__(self, task: str) -> str:
        return task

    async def acall(self, task: str) -> str:
        try:
            await asyncio.wait_for(asyncio.sleep(20), 0.01)
        except TimeoutError:
            if task == "raised":
                raise
        return task

    def check(self, results: Sequence[str]) -> None:
        pass


@dataclass
class HalfSharing:
    """Makes what is to be shared, and never hands it to a worker."""

    def share(self, sync: Any) -> Any:
        return sync.Lock()

    def tasks(self) -> Sequence[int]:
        return [1]

    def __call__(self, task: int) -> int:
        return task

    def check(self, results: Sequence[int]) -> None:
        pass


class Counting(Serial):
    """Counts how often it was entered and left, in its process."""

    entered = 0
    left = 0

    def __enter__(self) -> Self:
        type(self).entered += 1
        super().__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        type(self).left += 1

    def metrics(self) -> dict[str, float]:
        return {"entered": self.entered, "left": self.left}


class Bare:
    """Its author did not think of the initializer."""

    def __init__(self, n: int) -> None:
        self.n = n

    __enter__ = __exit__ = map = print


class Dated(ThreadPoolExecutor):
    """Says what its workers are as version 0.2 asked for it."""

    workers = "thread"


class Redated(Serial):
    """Inherits how it is said now, and says it as version 0.2 asked for it."""

    workers = "thread"


class Both(ThreadPoolExecutor):
    """Says it both ways, so as to serve both versions."""

    workers = worker_kind = "thread"


class Crew(ThreadPoolExecutor):
    """Has workers that are something else."""

    worker_kind = "thread"
    workers = ("one", "two")


class Forgetful(Serial):
    """Returns a list that is filled only when it is left; the last place never, if `lose`."""

    def __init__(self, max_workers: int, lose: bool, **keywords: Any) -> None:
        super().__init__(max_workers, **keywords)
        self.lose = lose

    def map(self, function: Callable[[Any], Any], tasks: Iterable[Any], /) -> list[Any]:
        self.later = super().map(function, tasks)
        self.results: list[Any] = [None] * len(self.later)
        return self.results

    def __exit__(self, *error: object) -> None:
        self.results[:] = [*self.later[:-1], None] if self.lose else self.later


@pytest.fixture
def run(tmp_path: Path, make_plan: MakePlan) -> Callable[..., list[Run]]:
    """Runs of the measured side, and before them one of the baseline, in this process."""

    def run(workload: str, *overrides: str, runs: int = 1) -> list[Run]:
        trial = Trial(planned(tmp_path, make_plan, workload, *overrides))
        roles: list[Role] = ["baseline", *(["measured"] * runs)]  # type: ignore[list-item]
        try:
            return [trial.run(Order(0, 0, k, role, True, True)) for k, role in enumerate(roles)]
        finally:
            trial.close()

    return run


def planned(folder: Path, make_plan: MakePlan, workload: str, *overrides: str) -> Plan:
    """The plan of a workload, and perhaps an executor, of this file."""
    (folder / "workload").mkdir(exist_ok=True)
    (folder / "executor").mkdir(exist_ok=True)
    (folder / "workload/mine.yaml").write_text(f"_target_: tests.child.test_hooks.{workload}\n")
    for name, extra in (("Counting", "reuse: false"), ("Forgetful", "lose: false")):
        (folder / f"executor/{name.lower()}.yaml").write_text(
            f"_target_: tests.child.test_hooks.{name}\nmax_workers: ${{n}}\n{extra}\n"
        )
    return make_plan("workload=mine", "n=2", *overrides, plugins=folder)


Runs = Callable[..., list[Run]]
SHARING = ["thread", "thread_subclass", "thread_pool", "process", "pool", "process_pool", "serial"]


@pytest.mark.parametrize("executor", SHARING)
def test_workers_share_what_the_workload_made(executor: str, run: Runs) -> None:
    for one in run("Counter", f"executor={executor}", runs=2):
        assert one.status == "ok", one.error
        assert one.metrics == {"total": 10}


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_processes_share_whatever_the_start_method(method: str, run: Runs) -> None:
    [_, one] = run("Counter", "executor=pool", f"executor.start_method={method}")
    assert one.metrics == {"total": 10}, one.error


def test_workers_that_cannot_share_are_unsupported(run: Runs) -> None:
    pytest.importorskip("loky")
    [baseline, one] = run("Counter", "executor=loky")
    assert baseline.status == "ok"
    assert one.status == "unsupported"
    assert "those of loky cannot" in str(one.error)


def test_failing_metrics_are_told_in_the_row(run: Runs) -> None:
    [baseline, _] = run("Counter", "executor=thread", "+workload.fail=metrics")
    assert baseline.status == "failed"
    assert "nothing to report" in str(baseline.error)
    assert baseline.wall_s is not None


def test_what_was_shared_is_released_even_if_the_metrics_fail(run: Runs) -> None:
    counter = locate("tests.child.test_hooks.Counter")  # not the class that pytest loaded
    before = counter.released
    run("Counter", "executor=thread", "+workload.fail=metrics", runs=2)
    assert counter.released == before + 3


@pytest.mark.parametrize("executor", ["thread", "pool"])
def test_a_failing_attach_is_told_and_does_not_hang(
    executor: str, tmp_path: Path, make_plan: MakePlan
) -> None:
    plan = planned(tmp_path, make_plan, "Counter", f"executor={executor}", "+workload.fail=attach")
    trial = Trial(plan)
    run = trial.run(Order(0, 0, 0, "measured", True, True))
    trial.close()
    assert run.status == "failed"
    assert "nothing to attach" in str(run.error)


@pytest.mark.parametrize("executor", ["thread", "process", "pool", "process_pool", "asyncio"])
def test_tasks_that_meet_run_at_the_same_time(executor: str, run: Runs) -> None:
    [baseline, one] = run("Meeting", f"executor={executor}")
    assert (baseline.status, baseline.baseline) == ("ok", "thread")
    assert len({span.thread for span in baseline.spans}) == 2
    assert one.status == "ok", one.error


@pytest.mark.parametrize(
    ("workload", "overrides", "reason"),
    [
        ("Meeting", ["executor=thread", "n=1"], "set n=2"),
        ("Meeting", ["executor=serial"], "one after another"),
        ("Meeting", ["executor=pool", "executor.chunksize=2"], "executor.chunksize=1"),
        ("Meeting", ["executor=thread", "scaling=weak"], "scaling=strong"),
        ("Counter", ["executor=thread", "scaling=weak"], "scaling=strong"),
        ("Counter", ["executor=pool", "executor.reuse=true"], "executor.reuse=false"),
    ],
)
def test_what_cannot_meet_is_unsupported_with_the_remedy(
    workload: str, overrides: list[str], reason: str, tmp_path: Path, make_plan: MakePlan
) -> None:
    with pytest.raises(UsageError, match=reason) as caught:
        planned(tmp_path, make_plan, workload, *overrides)
    assert isinstance(caught.value.__cause__, Unsupported)


def test_a_workload_is_entered_once_for_all_runs_and_left(run: Runs) -> None:
    runs = run("Opening", "executor=process", runs=2)
    assert [one.status for one in runs] == ["ok"] * 3, runs[-1].error


def test_temporary_files_of_the_measuring_process_are_gone(
    tmp_path: Path, make_plan: MakePlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    plan = planned(tmp_path, make_plan, "Opening", "executor=thread", "measure.time_budget_s=1")
    before = set(tmp_path.iterdir())
    assert {run.status for run in measure(plan)} == {"ok"}
    assert set(tmp_path.iterdir()) == before


def test_coroutines_overlap_in_one_thread_and_their_own_steps_are_cpu_time(run: Runs) -> None:
    [_, one] = run("Napping", "executor=asyncio", "n=4")
    assert one.status == "ok", one.error
    assert one.worker_kind == "coroutine"
    assert {(span.pid, span.thread) for span in one.spans} == {
        (os.getpid(), threading.get_native_id())
    }
    assert max(span.start_ns for span in one.spans) < min(span.end_ns for span in one.spans)
    # Counted as wall time or as the thread's, the tasks' CPU time would exceed the run's.
    assert 0 < sum(span.cpu_ns for span in one.spans) / 1e9 < one.wall_s  # type: ignore[operator]


def test_an_error_reaches_the_coroutine_that_waits_for_it(run: Runs) -> None:
    [_, one] = run("Erring", "executor=asyncio")
    assert one.status == "failed"
    assert "1 of 2 tasks failed; task 1" in str(one.error)
    assert "TimeoutError" in str(one.error)


def test_plain_functions_of_an_event_loop_run_in_threads(make_plan: MakePlan) -> None:
    plan = make_plan("workload=countdown", "executor=asyncio", "n=2")
    assert (plan.worker_kind, plan.provisioned) == ("thread", 2)
    plan = make_plan("workload=io_sleep", "executor=asyncio", "n=2")
    assert (plan.worker_kind, plan.provisioned) == ("coroutine", 1)


def test_a_kept_executor_is_entered_once_and_left_at_the_end(run: Runs) -> None:
    runs = run("Opening", "executor=counting", "executor.reuse=true", runs=3)
    assert [one.metrics["entered"] for one in runs[1:]] == [1, 1, 1]
    assert [one.metrics["left"] for one in runs[1:]] == [0, 0, 0]
    assert locate("tests.child.test_hooks.Counting").left == 1  # not the class that pytest loaded
    assert runs[1].parameters["executor.reuse"] is True


def test_workers_of_a_kept_pool_stay(run: Runs) -> None:
    runs = run("Opening", "executor=pool", "executor.reuse=true", runs=3)[1:]
    assert len({span.pid for one in runs for span in one.spans}) <= 2


def test_reuse_is_true_or_false(tmp_path: Path, make_plan: MakePlan) -> None:
    with pytest.raises(UsageError, match="must be true or false"):
        planned(tmp_path, make_plan, "Opening", "executor=pool", "executor.reuse=3")


def test_the_start_of_kept_workers_is_shown_apart(tmp_path: Path) -> None:
    done = run_program(
        *("workload=primes", "workload.end=500", "executor=pool", "executor.reuse=true", "n=2"),
        *("measure=quick", "measure.min_rounds=1", "measure.max_rounds=1", "measure.warmup=1"),
        cwd=tmp_path,
    )
    assert "kept between runs; starting them took" in done.stdout


def test_results_that_come_late_are_counted_and_kept(run: Runs) -> None:
    [_, one] = run("Opening", "executor=forgetful")
    assert one.status == "ok", one.error
    assert one.metrics["results_missing"] == 3
    assert one.metrics["wall_without_join_s"] <= one.wall_s  # type: ignore[operator]


def test_results_that_never_come_make_a_run_incomplete(run: Runs) -> None:
    [_, one] = run("Opening", "executor=forgetful", "executor.lose=true")
    assert one.status == "incomplete"
    assert one.error == "1 of 3 results never came"


def test_modules_beside_a_function_are_part_of_the_identity(
    tmp_path: Path, make_plan: MakePlan
) -> None:
    package = tmp_path / "package_of_mine"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "one.py").write_text(
        "from .two import K\nfrom package_of_mine import three\n"
        "try:\n    from package_of_mine._fast.core import f\nexcept ImportError:\n    f = None\n"
    )
    for name in ("two", "three"):
        (package / f"{name}.py").write_text("K = 1\nfrom package_of_mine import one\n")
    (tmp_path / "script_of_mine.py").write_text("import beside_it\n")
    (tmp_path / "beside_it.py").write_text("")
    sys.path.insert(0, str(tmp_path))
    try:
        found = Code().reached(["package_of_mine.one", "script_of_mine", "runners.child.trial"])
    finally:
        sys.path.remove(str(tmp_path))
    mine = {name for name in found if not name.startswith("runners")}
    assert mine == {
        *("package_of_mine", "package_of_mine.one", "package_of_mine.two"),
        *("package_of_mine.three", "script_of_mine", "beside_it"),
    }


def test_spans_of_another_clock_are_left_out(
    tmp_path: Path, make_plan: MakePlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "clock_ns", lambda: time.perf_counter_ns() + 10**12)
    trial = Trial(planned(tmp_path, make_plan, "Opening", "executor=thread"))
    run = trial.run(Order(0, 0, 0, "measured", True, True))
    trial.close()
    assert (run.status, run.spans, run.gil) == ("ok", (), run.gil)
    assert run.gil is not None


def test_an_executor_has_to_take_an_initializer(tmp_path: Path, make_plan: MakePlan) -> None:
    (tmp_path / "executor").mkdir(exist_ok=True)
    (tmp_path / "executor/bare.yaml").write_text("_target_: tests.child.test_hooks.Bare\nn: ${n}\n")
    with pytest.raises(UsageError, match="does not take initargs and initializer; add"):
        planned(tmp_path, make_plan, "Opening", "executor=bare")


@pytest.mark.parametrize("name", ["Dated", "Redated"])
def test_the_class_attribute_of_version_0_2_is_answered_with_the_new_one(
    name: str, tmp_path: Path, make_plan: MakePlan
) -> None:
    target(tmp_path, name)
    with pytest.raises(UsageError) as caught:
        planned(tmp_path, make_plan, "Opening", "executor=other")
    told = "executor=other: its class attribute workers is called worker_kind now; rename it"
    assert str(caught.value) == told


@pytest.mark.parametrize("name", ["Both", "Crew"])
def test_other_attributes_of_that_name_are_fine(
    name: str, tmp_path: Path, make_plan: MakePlan
) -> None:
    target(tmp_path, name)
    assert planned(tmp_path, make_plan, "Opening", "executor=other").worker_kind == "thread"


def target(folder: Path, name: str) -> None:
    """Make that class of this file the executor `other`."""
    (folder / "executor").mkdir(exist_ok=True)
    text = f"_target_: tests.child.test_hooks.{name}\nmax_workers: ${{n}}\n"
    (folder / "executor/other.yaml").write_text(text)


def test_a_workload_that_shares_has_to_attach(tmp_path: Path, make_plan: MakePlan) -> None:
    with pytest.raises(UsageError, match=r"workload=mine: .*has share\(\) and no attach\(\); add"):
        planned(tmp_path, make_plan, "HalfSharing")


def test_the_code_of_a_function_is_part_of_the_identity(
    tmp_path: Path, make_plan: MakePlan
) -> None:
    file = tmp_path / "of_mine.py"
    file.write_text("def f(x): return x\n")
    given = [f"workload.function={file}:f", "workload.arguments=[[1]]"]
    one = make_plan("workload=callable", *given)
    file.write_text("def f(x): return -x\n")
    two = make_plan("workload=callable", *given)
    assert one.cell != two.cell
    assert replace(one, identity={}).payload == two.payload
