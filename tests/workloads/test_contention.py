"""The workload whose tasks all use one object."""

import multiprocessing
from typing import get_args

import pytest

from runners.child.sync import thread_sync
from runners.child.trial import Trial
from runners.model import Order, Unsupported, WrongResult
from runners.testing import WorkloadSuite
from runners.workloads.contention import HELD, Contention, Uses
from tests.conftest import MakePlan


class TestContention(WorkloadSuite):
    workload = Contention(uses="counter", own=False, steps=10, pieces=3)


class TestOwn(WorkloadSuite):
    workload = Contention(uses="list", own=True, steps=10, pieces=3)


def attached(uses: Uses, own: bool, steps: int = 10) -> Contention:
    workload = Contention(uses, own, steps, pieces=3)
    workload.attach(workload.share(thread_sync()))
    return workload


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("uses", get_args(Uses))
def test_threads_do_all_steps_on_one_object_or_on_their_own(
    make_plan: MakePlan, uses: str, own: bool
) -> None:
    chosen = [f"workload.uses={uses}", f"workload.own={own}", f"workload.steps={2 * HELD + 7}"]
    trial = Trial(make_plan("workload=contention", *chosen, "executor=thread", "n=2"))
    runs = [trial.run(Order(0, 0, 0, role, False, False)) for role in ("baseline", "measured")]
    assert [(run.status, run.error, run.checked) for run in runs] == [("ok", None, True)] * 2
    trial.close()


def test_tasks_count_with_one_counter_or_leave_it_alone() -> None:
    for own, counted in ((False, 30), (True, 0)):
        workload = attached("counter", own)
        assert [workload(task) for task in workload.tasks()] == [10] * 3
        assert workload.shared.count == counted


def test_a_step_that_gets_lost_is_wrong() -> None:
    workload = attached("counter", own=False)
    results = [workload(task) for task in workload.tasks()]
    workload.check(results)
    workload.shared.count -= 1
    with pytest.raises(WrongResult, match="30 steps make a counter of 29"):
        workload.check(results)
    with pytest.raises(WrongResult, match="make 10 steps each"):
        workload.check([10, 10, 9])


@pytest.mark.parametrize("uses", ["list", "queue"])
def test_what_stays_in_a_list_or_queue_is_wrong(uses: Uses) -> None:
    workload = attached(uses, own=False)
    results = [workload(task) for task in workload.tasks()]
    workload.check(results)
    shared = workload.shared
    (shared.items.append if uses == "list" else shared.queue.put)(1)
    with pytest.raises(WrongResult, match="but 1 stay"):
        workload.check(results)


def test_processes_have_no_object_in_common() -> None:
    workload = Contention("counter", False, 10, 3)
    with pytest.raises(Unsupported, match="use threads"):
        workload.share(multiprocessing.get_context())
