"""Real measuring processes and real executors, on tasks that take no time."""

import os
import subprocess

import pytest

from runners.measuring.measure import measure
from runners.model import Run, UsageError
from tests.conftest import PLUGINS, MakePlan

EXECUTORS = ("serial", "thread", "thread_subclass", "process", "pool")
TINY = ("workload.count=1000", "workload.repeat=3")


@pytest.fixture(autouse=True)
def _plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(PLUGINS))


def kept(runs: list[Run]) -> list[Run]:
    return [run for run in runs if not run.warmup]


@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_cell_is_measured(make_plan: MakePlan, executor: str) -> None:
    plan = make_plan("workload=countdown", *TINY, f"executor={executor}", "n=2")
    runs = list(measure(plan))
    assert {run.status for run in runs} == {"ok"}
    assert [run.ended_by for run in runs[:-1]] == [None] * (len(runs) - 1)
    assert runs[-1].ended_by == "rounds"
    assert len(kept(runs)) == 4
    for run in runs:
        assert run.wall_s is not None
        assert run.tasks == 3 == len(run.spans)
        workers = 2 if run.role == "measured" and executor != "serial" else 1
        # A pool hands tasks to whoever is free: for short ones that may be the same one always.
        assert run.workers in ((1, 2) if executor == "pool" else (workers,))
        assert sorted(span.index for span in run.spans) == [0, 1, 2]
        assert all(span.start_ns <= span.end_ns for span in run.spans)
        levels = run.levels
        assert levels[0] >= levels[1] >= levels[2] >= levels[3] > 0


def test_every_round_has_both_sides_and_the_first_one_is_cold(make_plan: MakePlan) -> None:
    plan = make_plan("workload=countdown", *TINY, "executor=thread", "measure.interpreters=2")
    runs = list(measure(plan))
    by_round: dict[int, list[Run]] = {}
    for run in runs:
        by_round.setdefault(run.round, []).append(run)
    assert sorted(by_round) == list(range(len(by_round)))
    for sides in by_round.values():
        assert {run.role for run in sides} == {"baseline", "measured"}
        assert [run.position for run in sides] == [0, 1]
    assert {run.process for run in runs} == {0, 1}
    for process in (0, 1):
        own = [run for run in runs if run.process == process]
        assert [run.cold for run in own] == [True, True] + [False] * (len(own) - 2)
        assert all(run.steady is None for run in own if run.warmup)
        assert all(run.steady is not None for run in own if not run.warmup)


def test_the_order_is_drawn_anew_each_round_and_repeats_with_the_seed(make_plan: MakePlan) -> None:
    def order(*overrides: str) -> list[str]:
        many = ("measure.min_rounds=30", "measure.max_rounds=30", "measure.time_budget_s=60")
        cell = ("workload=countdown", *TINY, "executor=thread")
        first = [run for run in measure(make_plan(*cell, *many, *overrides)) if run.position == 0]
        return [run.role for run in first]

    first = order()
    assert set(first) == {"baseline", "measured"}
    assert order()[:30] == first[:30]
    assert order("measure.seed=2")[:30] != first[:30]


def test_weak_scaling_repeats_the_tasks_for_each_worker(make_plan: MakePlan) -> None:
    plan = make_plan("workload=countdown", *TINY, "executor=thread", "n=4", "scaling=weak")
    runs = list(measure(plan))
    assert {run.status for run in runs} == {"ok"}
    assert {(run.role, run.tasks) for run in runs} == {("baseline", 3), ("measured", 12)}


@pytest.mark.parametrize("executor", EXECUTORS)
@pytest.mark.parametrize("what", ["raising", "exiting"])
def test_an_exception_becomes_a_row_with_its_traceback(
    make_plan: MakePlan, executor: str, what: str
) -> None:
    plan = make_plan("workload=misbehaving", f"workload.what={what}", f"executor={executor}")
    [run] = measure(plan)
    assert (run.status, run.ended_by) == ("failed", "failure")
    assert run.error is not None
    assert "1 of 4 tasks failed; task 2" in run.error
    assert f"in {what}" in run.error
    assert {"raising": "this task cannot be done", "exiting": "SystemExit"}[what] in run.error


def test_results_that_fail_the_check_are_wrong(make_plan: MakePlan) -> None:
    [run] = measure(make_plan("workload=misbehaving", "workload.what=unchecked"))
    assert (run.status, run.error) == ("wrong", "the check is never satisfied")


@pytest.mark.parametrize("executor", ["process", "pool"])
def test_results_that_differ_from_the_serial_ones_are_wrong(
    make_plan: MakePlan, executor: str
) -> None:
    plan = make_plan("workload=misbehaving", "workload.what=deviating", f"executor={executor}")
    *right, last = measure(plan)
    assert len(right) <= 1
    assert last.status == "wrong"
    assert "differ, first at task 2" in str(last.error)


@pytest.mark.parametrize("executor", ["reversing", "dropping"])
def test_an_executor_that_mixes_up_results_is_found_out(make_plan: MakePlan, executor: str) -> None:
    *right, last = measure(make_plan("workload=misbehaving", f"executor={executor}"))
    assert all(run.status == "ok" for run in right)
    assert last.status == "wrong"


def test_an_unsupported_pair_is_a_row_with_the_reason(make_plan: MakePlan) -> None:
    *_, last = measure(make_plan("workload=misbehaving", "executor=refusing"))
    assert (last.status, last.error) == ("unsupported", "this executor serves nobody")


@pytest.mark.parametrize("executor", ["process", "pool"])
def test_an_unpicklable_result_fails_and_does_not_hang(make_plan: MakePlan, executor: str) -> None:
    plan = make_plan("workload=misbehaving", "workload.what=unpicklable", f"executor={executor}")
    *_, last = measure(plan)
    # A lambda is not equal to another one either, where the serial side came first twice.
    assert last.status in ("failed", "wrong")


@pytest.mark.parametrize("executor", ["thread", "process", "pool"])
def test_a_killed_worker_is_a_crash_not_a_hang(make_plan: MakePlan, executor: str) -> None:
    plan = make_plan("workload=misbehaving", "workload.what=dying", f"executor={executor}")
    *_, last = measure(plan)
    assert last.status == "crashed"
    assert "SIGKILL" in str(last.error) or "exit code -9" in str(last.error)


@pytest.mark.parametrize("executor", ["thread", "process", "pool"])
def test_a_run_that_hangs_is_ended_with_all_its_workers(make_plan: MakePlan, executor: str) -> None:
    plan = make_plan(
        "workload=misbehaving",
        "workload.what=hanging",
        f"executor={executor}",
        "measure.timeout_s=0.5",
    )
    *_, last = measure(plan)
    assert last.status == "timeout"
    assert "measure.timeout_s" in str(last.error)
    listing = subprocess.run(["ps", "-eo", "ppid,args"], capture_output=True, text=True, check=True)
    mine = [line for line in listing.stdout.splitlines() if "runners.child.trial" in line]
    assert not [line for line in mine if int(line.split()[0]) in (1, os.getpid())]


def test_a_workload_that_cannot_be_pickled_is_refused_before_anything_runs(
    make_plan: MakePlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    import misbehaving  # type: ignore[import-not-found]

    monkeypatch.setattr(misbehaving.Misbehaving, "__reduce__", lambda self: 1 / 0)
    with pytest.raises(UsageError, match="workload=misbehaving: it cannot be pickled"):
        make_plan("workload=misbehaving")
