"""Memory is not a time: known amounts are found, whatever else the machine does."""

import multiprocessing
import os
import subprocess
import sys
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runners.door import Interrupted
from runners.measuring import cgroup
from runners.measuring.folders import Folder, _end
from runners.measuring.interrupts import Interrupts
from runners.measuring.measure import measure
from runners.measuring.memory import Seen, memory, size
from runners.model import Panel, UsageError
from runners.planning import config
from tests.conftest import MakePlan

pytestmark = pytest.mark.skipif(
    not Path(config.SIZES).exists(), reason="this system has no smaps_rollup"
)
MB = 1 << 20
QUICK = (
    *("measure.memory=true", "measure.min_rounds=1", "measure.max_rounds=1"),
    *("measure.interpreters=1", "measure.warmup=1"),
)


@pytest.mark.parametrize(
    ("executor", "more"),
    [
        ("process_pool", ["executor.start_method=fork"]),
        ("process", ["executor.start_method=forkserver"]),
    ],
)
def test_four_workers_that_touch_100_mb_each_have_400(
    make_plan: MakePlan, executor: str, more: list[str], tmp_path: Path
) -> None:
    calls = ",".join([f"[100,'{tmp_path}']"] * 4)
    plan = make_plan(
        "workload=callable",
        "workload.function=tests.functions:touch",
        f"workload.arguments=[{calls}]",
        *(f"executor={executor}", "n=4", *more, *QUICK),
    )
    with Interrupts() as interrupts, Folder() as folder:
        found = memory(Panel((plan,)), interrupts, folder.name)[0]
    # Beside the blocks there are interpreters, of which forked ones share most.
    assert 400 * MB <= found["memory_bytes"] < 560 * MB
    assert 100 * MB <= found["baseline_memory_bytes"] < 170 * MB
    assert 100 * MB <= found["worker_memory_bytes"] < 140 * MB
    if found["group_memory_bytes"] is not None:  # where a control group may be made that counts it
        assert found["group_memory_bytes"] >= 400 * MB
        assert 100 * MB <= found["baseline_group_memory_bytes"] < 400 * MB


def test_the_first_row_of_a_cell_has_it_and_threads_have_none_of_their_own(
    make_plan: MakePlan,
) -> None:
    tasks = ("workload.function=tests.functions:touch", "workload.arguments=[[20,'.']]")
    plan = make_plan("workload=callable", *tasks, "executor=thread", "n=1", *QUICK)
    [run] = [run for run in measure(plan) if run.memory_bytes is not None]
    assert (run.role, run.cold) == ("measured", True)
    assert run.memory_bytes is not None
    assert 20 * MB <= run.memory_bytes < 100 * MB
    assert run.worker_memory_bytes is None
    assert run.copied_memory_bytes is None


def test_nothing_is_asked_by_default(make_plan: MakePlan) -> None:
    plan = make_plan(
        *("workload=callable", "workload.function=math:sqrt", "workload.arguments=[4]"),
        *("executor=thread", "n=1", *QUICK[1:]),
    )
    assert not plan.measure.memory
    assert all(run.memory_bytes is None for run in measure(plan))


def test_a_run_that_fails_leaves_it_to_the_rounds_to_say_why(make_plan: MakePlan) -> None:
    plan = make_plan(
        *("workload=callable", "workload.function=math:sqrt", "workload.arguments=[-1,-1]"),
        *("executor=thread", "n=2", *QUICK),
    )
    *_, last = measure(plan)
    assert last.status == "failed"
    assert last.memory_bytes is None


def test_memory_does_not_make_another_cell(make_plan: MakePlan) -> None:
    names = ("workload=primes", "executor=thread", "n=1")
    assert make_plan(*names, "measure.memory=true").cell == make_plan(*names).cell


def test_a_system_that_does_not_tell_it_is_named(
    make_plan: MakePlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(config, "SIZES", "/proc/self/nothing_of_the_kind")
    with pytest.raises(UsageError, match=r"measure\.memory=true: this system does not tell it"):
        make_plan("executor=serial", "n=1", "measure.memory=true")


def forked(go_over: Callable[[Any], float], data: Any) -> Seen:
    """What is seen of two forked processes that go over the data, and wait before they end."""
    fork = multiprocessing.get_context("fork")
    begun, begin = fork.Semaphore(0), fork.Event()
    done, end = fork.Semaphore(0), fork.Event()

    def work() -> None:
        begun.release()
        begin.wait()
        go_over(data)
        done.release()
        end.wait()

    workers = [fork.Process(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for _ in workers:
        assert begun.acquire(timeout=30)
    seen = Seen(os.getpid(), os.getpid())
    seen.look()
    begin.set()
    for _ in workers:
        assert done.acquire(timeout=30)
    seen.look()
    end.set()
    for worker in workers:
        worker.join()
    return seen


@pytest.mark.skipif(sys.platform != "linux", reason="fork copies on write there")
def test_forked_workers_copy_objects_that_they_only_read_and_no_arrays() -> None:
    count = 400_000
    objects = [k + 0.5 for k in range(count)]  # 24 bytes each, with their reference counts
    numbers = array("d", objects)
    of_objects = forked(lambda data: sum(one for one in data), objects).copied_bytes
    of_array = forked(lambda data: sum(one for one in data), numbers).copied_bytes
    assert of_objects > 2 * 0.9 * 24 * count
    assert of_array < 0.3 * of_objects


def test_a_group_that_counts_memory_is_removed_also_by_a_later_start(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        group = cgroup.made_for_memory([process.pid])
        if group is None:
            process.kill()
            pytest.skip("no control group may be made here that counts memory")
        assert cgroup.processes(group) == [process.pid]
        assert (cgroup.peak_bytes(group) or 0) >= 0
        process.kill()
    _end(str(tmp_path), {"memory_group": group})  # as the next start does, of a program that died
    assert not Path(group).exists()
    assert cgroup.peak_bytes(group) is None


def test_a_process_that_has_ended_has_no_size() -> None:
    assert size(2**22 + 1) is None
    own = size(os.getpid())
    assert own is not None
    assert own.private > MB
    assert own.pss <= own.private + own.shared


def test_a_request_to_stop_ends_the_cell_before_its_first_round(
    make_plan: MakePlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object) -> None:
        raise Interrupted(2)

    monkeypatch.setattr("runners.measuring.measure.memory", stopped)
    [run] = measure(make_plan("workload=primes", "executor=thread", "n=1", *QUICK))
    assert (run.status, run.ended_by) == ("interrupted", "interrupted")
