"""Real measuring processes and real executors, on tasks that take no time."""

import os
import signal
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from runners.measuring.measure import measure
from runners.model import Panel, Run, UsageError
from tests.conftest import PLUGINS, MakePlan, told

EXECUTORS = ("serial", "thread", "thread_subclass", "process", "pool")
TINY = ("workload.count=1000", "workload.repeat=3")


@pytest.fixture(autouse=True)
def _plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(PLUGINS))


def kept(runs: list[Run]) -> list[Run]:
    return [run for run in runs if not run.warmup]


def full(runs: Iterable[Run]) -> list[Run]:
    """Those of rounds that have all sides: others ask the machine, or warm CPython 3.11."""
    return [run for run in runs if run.role != "spin" and (run.cold or not run.warmup)]


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
    for run in full(runs):
        by_round.setdefault(run.round, []).append(run)
    assert {run.round for run in runs} == set(range(runs[-1].round + 1))
    assert len(by_round) >= 4  # a cold one and one that counts in either process
    for sides in by_round.values():
        assert {run.role for run in sides} == {"baseline", "measured"}
        assert [run.position for run in sides] == [0, 1]
    assert {run.process for run in runs} == {0, 1}
    for process in (0, 1):
        own = [run for run in runs if run.process == process]
        assert [run.cold for run in own] == [True, True] + [False] * (len(own) - 2)
        assert sum(run.starting_s is not None for run in own) == 1
        assert all(run.judging_s is not None and run.judging_s > 0 for run in own)


def test_the_order_is_drawn_anew_each_round_and_repeats_with_the_seed(make_plan: MakePlan) -> None:
    def order(*overrides: str) -> list[str]:
        many = ("measure.min_rounds=12", "measure.max_rounds=12", "measure.time_budget_s=60")
        cell = ("workload=countdown", *TINY, "executor=thread")
        runs = measure(make_plan(*cell, *many, *overrides))
        return [run.role for run in runs if run.position == 0 and run.role != "spin"]

    first = order()
    assert set(first) == {"baseline", "measured"}
    assert order()[:12] == first[:12]
    assert order("measure.seed=2")[:12] != first[:12]


def test_weak_scaling_repeats_the_tasks_for_each_worker(make_plan: MakePlan) -> None:
    plan = make_plan("workload=countdown", *TINY, "executor=thread", "n=4", "scaling=weak")
    runs = list(measure(plan))
    assert {run.status for run in runs} == {"ok"}
    assert {(run.role, run.tasks) for run in runs} == {("baseline", 3), ("measured", 12)}


@pytest.mark.parametrize("executor", ["serial", "thread", "process", "pool"])
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


def test_the_measuring_process_has_the_options_of_the_plan(make_plan: MakePlan) -> None:
    cell = ("workload=callable", "workload.function=tests.functions:unless_optimised", "n=1")
    plan = make_plan(*cell, "workload.arguments=[[1]]", "executor=serial")
    *_, last = measure(replace(plan, options=("-O",)))
    assert (last.status, last.error) == ("ok", None)


def test_an_executor_that_is_not_available_now_makes_a_cell_incomplete(make_plan: MakePlan) -> None:
    *_, last = measure(make_plan("executor=away", "n=1"))
    assert (last.status, last.error) == ("incomplete", "everybody has gone away")


def test_an_unsupported_pair_is_a_row_with_the_reason(make_plan: MakePlan) -> None:
    *_, last = measure(make_plan("workload=misbehaving", "executor=refusing"))
    assert (last.status, last.error) == ("unsupported", "this executor serves nobody")


@pytest.mark.parametrize("executor", ["process", "pool"])
def test_an_unpicklable_result_fails_and_does_not_hang(make_plan: MakePlan, executor: str) -> None:
    plan = make_plan("workload=misbehaving", "workload.what=unpicklable", f"executor={executor}")
    *_, last = measure(plan)
    # A lambda is not equal to another one either, where the serial side came first twice.
    assert last.status in ("failed", "wrong")


def test_a_run_that_hangs_is_ended_with_all_its_workers(make_plan: MakePlan) -> None:
    """On the other executors in test_faults.py, as whatever else may become of a worker."""
    plan = make_plan(
        "workload=misbehaving",
        "workload.what=hanging",
        "executor=pool",
        "measure.timeout_s=0.5",
    )
    *_, last = measure(plan)
    assert last.status == "timeout"
    assert "measure.timeout_s" in str(last.error)
    assert descendants(b"runners.child.trial") == []


def test_a_workload_that_cannot_be_pickled_is_refused_before_anything_runs(
    make_plan: MakePlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    import misbehaving  # type: ignore[import-not-found]

    monkeypatch.setattr(misbehaving.Misbehaving, "__reduce__", lambda self: 1 / 0)
    with pytest.raises(UsageError, match="workload=misbehaving: it cannot be pickled"):
        make_plan("workload=misbehaving")


def test_a_panel_runs_each_side_once_a_round_and_its_baseline_twice(make_plan: MakePlan) -> None:
    executors = ("process_pool", "process", "pool")
    plans = [
        make_plan("workload=countdown", *TINY, f"executor={name}", "n=2") for name in executors
    ]
    panel = Panel(tuple(plans))
    everything = list(measure(*plans))
    assert {run.status for run in everything} == {"ok"}
    assert {run.panel for run in everything} == {panel.name}
    runs = full(everything)
    for number in {run.round for run in runs}:
        own = [run for run in runs if run.round == number]
        assert [run.position for run in own] == [0, 1, 2, 3, 4]
        assert sorted(run.side for run in own) == [0, 1, 2, 3, 4]
        assert len({run.process for run in own}) == 1
        assert {(run.side, run.cell) for run in own} == {
            *((0, panel.name), (1, panel.name)),
            *((2 + k, plan.cell) for k, plan in enumerate(plans)),
        }
    for plan in plans:
        own = [run for run in runs if run.cell == plan.cell]
        assert {run.executor for run in own} == {plan.executor}
        assert [run.ended_by for run in own] == [None] * (len(own) - 1) + ["rounds"]
        assert len(kept(own)) == 2
    shared = [run for run in runs if run.cell == panel.name]
    assert {(run.role, run.executor, run.n, run.ended_by) for run in shared} == {
        ("baseline", "serial", 1, None)
    }


def test_what_executors_of_threads_load_is_not_copied_into_processes(make_plan: MakePlan) -> None:
    names = ("thread", "process", "asyncio", "pool")
    plans = [make_plan("workload=countdown", *TINY, f"executor={name}", "n=2") for name in names]
    assert Panel(tuple(plans)).hosts == ((0, 2), (1, 3))


def test_an_executor_that_needs_its_own_process_has_its_own_baseline_there(
    make_plan: MakePlan,
) -> None:
    plans = [
        make_plan("workload=countdown", *TINY, "executor=thread_pool", f"executor.reuse={reuse}")
        for reuse in ("false", "true")
    ]
    runs = full(measure(*plans))
    sides = {(run.process, run.role, run.executor) for run in runs}
    assert sides == {
        *((0, "baseline", "serial"), (1, "baseline", "serial")),
        *((0, "measured", "thread_pool"), (1, "measured", "thread_pool")),
    }
    for plan in plans:
        assert len({run.process for run in runs if run.cell == plan.cell}) == 1
    assert {len({run.process for run in runs if run.round == one.round}) for one in runs} == {2}


def test_a_candidate_that_fails_ends_with_its_row_and_the_others_go_on(
    make_plan: MakePlan,
) -> None:
    bad, good, other = (
        make_plan("workload=misbehaving", f"executor={name}", "n=2")
        for name in ("dropping", "thread", "process")
    )
    runs = list(measure(bad, good, other))
    by_cell = {plan.cell: [run for run in runs if run.cell == plan.cell] for plan in (bad, good)}
    assert [run.status for run in by_cell[bad.cell] if run.status != "ok"] == ["wrong"]
    assert by_cell[bad.cell][-1].ended_by == "failure"
    assert by_cell[good.cell][-1].ended_by == "rounds"
    assert len(kept(by_cell[good.cell])) == 2
    assert max(run.round for run in by_cell[bad.cell]) < by_cell[good.cell][-1].round


def test_a_baseline_that_fails_ends_all_its_cells(make_plan: MakePlan) -> None:
    plans = [
        make_plan("workload=misbehaving", "workload.what=raising", f"executor={name}", "n=2")
        for name in ("thread", "process")
    ]
    runs = list(measure(*plans))
    last = {plan.cell: [run for run in runs if run.cell == plan.cell][-1] for plan in plans}
    assert {(run.status, run.ended_by) for run in last.values()} == {("failed", "failure")}


def test_a_cell_goes_on_where_the_machine_can_no_longer_be_asked(make_plan: MakePlan) -> None:
    many = ("measure.min_rounds=4", "measure.max_rounds=4", "measure.time_budget_s=60")
    # Long enough that no stall of the machine looks like tasks that wait: then nobody asks.
    long = ("workload.count=300000", "workload.repeat=3")
    plan = make_plan("workload=countdown", *long, "executor=thread", "n=2", *many)
    runs: list[Run] = []
    mine: list[int] = []
    for run in measure(plan):
        if run.role == "spin" and not mine:
            mine = descendants(b"runners.child.spin")
            assert len(mine) == 2
            for pid in mine:
                os.kill(pid, signal.SIGKILL)
        runs.append(run)
    assert mine
    assert {run.status for run in runs} == {"ok"}
    assert runs[-1].ended_by == "rounds"
    assert len([run for run in kept(runs) if run.role == "measured"]) == 4


def descendants(command: bytes) -> list[int]:
    """The processes that descend from this one and have that in their command line."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        pid = int(folder.name)
        if command in told(pid):
            above = pid
            while above not in (1, os.getpid()):
                try:
                    stat = Path(f"/proc/{above}/stat").read_text()
                except OSError:
                    break
                above = int(stat.rpartition(")")[2].split()[1])
            found += [pid] * (above == os.getpid())
    return found
