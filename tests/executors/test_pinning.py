"""Workers pinned to CPUs (`placement`): where they run, by the kernel's own words."""

import importlib.util
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from runners.child.ceiling import Ceiling
from runners.child.pinning import Places, pinned, take, taken
from runners.child.trial import Trial
from runners.command.cells import _is_a_result
from runners.measuring.measure import measure
from runners.model import Order, Plan, Run, Unavailable, Unsupported, UsageError
from tests.conftest import MakePlan

BASELINE = Order(process=0, round=0, position=0, role="baseline", cold=True, warmup=True)
MEASURED = replace(BASELINE, position=1, role="measured")
CPUS = sorted(os.sched_getaffinity(0))
FIRST, LAST = CPUS[0], CPUS[-1]
MISSING = {"loky": "loky", "dask": "distributed"}
EXECUTORS = [
    *("serial", "thread", "thread_pool", "asyncio", "interpreters", "loky", "dask"),
    *("process executor.start_method=fork", "process_pool executor.start_method=spawn"),
    "pool executor.start_method=forkserver",
]

two_cpus = pytest.mark.skipif(len(CPUS) < 2, reason="this machine lets us use one CPU")


@contextmanager
def trial(make_plan: MakePlan, executor: str, *overrides: str) -> Iterator[Trial]:
    name = executor.split()[0]
    if importlib.util.find_spec(MISSING.get(name, "os")) is None:
        pytest.skip(f"needs the package {MISSING[name]}")
    if name == "interpreters" and sys.version_info < (3, 14):
        pytest.skip("needs Python 3.14")
    found = Trial(
        make_plan(
            "workload=whereabouts",
            f"executor={executor.split()[0]}",
            *executor.split()[1:],
            *overrides,
        )
    )
    try:
        yield found
    finally:
        found.close()


def ok(run: Run) -> Run:
    assert run.status == "ok", run.error
    return run


@two_cpus
@pytest.mark.parametrize("executor", EXECUTORS)
def test_workers_are_where_the_placement_says(make_plan: MakePlan, executor: str) -> None:
    """On the last CPU, where nothing is by chance; all threads around them are there as well."""
    with trial(make_plan, executor, f"placement=[{LAST}]", "n=1", "workload.count=2") as one:
        for order in (BASELINE, MEASURED):
            run = ok(one.run(order))
            found = run.metrics
            assert (found["first_cpu"], found["last_cpu"]) == (LAST, LAST)
            assert {found["around_first"], found["around_last"]} <= {-1, LAST}
            assert found["cpus_afterwards"] == len(CPUS)
            assert (run.placement, run.worker_cpus) == (f"[{LAST}]", str(LAST))
    assert os.sched_getaffinity(0) == set(CPUS)


@two_cpus
@pytest.mark.parametrize("executor", ["thread", "pool", "process_pool"])
def test_each_worker_has_a_cpu_of_its_own(make_plan: MakePlan, executor: str) -> None:
    with trial(make_plan, executor, f"placement=[{LAST},{FIRST}]", "n=2") as two:
        base = ok(two.run(BASELINE))
        run = ok(two.run(MEASURED))
    assert run.metrics["most_of_one_worker"] == 1
    if run.workers == 2:  # one may have had all tasks
        assert run.metrics["workers_cpus"] == 2
        assert run.worker_cpus == f"{FIRST}{'-' if LAST == FIRST + 1 else ','}{LAST}"
    # The plain loop runs on the first one that was named.
    assert (base.worker_cpus, base.metrics["first_cpu"]) == (str(LAST), LAST)


@two_cpus
def test_workers_that_are_kept_stay_where_they_are(make_plan: MakePlan) -> None:
    overrides = ("executor.reuse=true", f"placement=[{LAST}]", "n=1")
    for executor in ("thread_pool", "pool"):
        with trial(make_plan, executor, *overrides) as one:
            for order in (MEASURED, BASELINE, MEASURED, MEASURED):
                found = ok(one.run(order))
                assert found.metrics["last_cpu"] == found.metrics["first_cpu"] == LAST
                assert found.metrics["most_of_one_worker"] == 1
                assert found.worker_cpus == str(LAST)


@two_cpus
def test_a_worker_that_replaces_another_has_its_cpu(make_plan: MakePlan) -> None:
    overrides = ("executor.maxtasksperchild=1", "executor.chunksize=1", "workload.count=6", "n=2")
    with trial(make_plan, "pool", f"placement=[{FIRST},{LAST}]", *overrides) as two:
        run = ok(two.run(MEASURED))
    assert (run.workers or 0) > 2
    assert run.metrics["most_of_one_worker"] == 1


def test_nothing_is_pinned_unless_it_is_asked_for(make_plan: MakePlan) -> None:
    with trial(make_plan, "thread", "n=2") as free:
        run = ok(free.run(MEASURED))
    assert run.metrics["most_of_one_worker"] == len(CPUS)
    assert (run.placement, run.worker_cpus, run.worker_cores) == ("none", None, None)


@two_cpus
def test_sides_of_a_panel_with_several_placements(make_plan: MakePlan) -> None:
    """Each placement has a baseline of its own, and loops on its own CPUs."""
    plans = [
        make_plan("workload=whereabouts", "executor=thread", "n=1", f"placement={one}")
        for one in ("none", f"[{LAST}]")
    ]
    runs = list(measure(*plans))
    assert {run.status for run in runs} == {"ok"}
    for plan in plans:
        own = [run for run in runs if run.placement == plan.placement]
        by_role = {run.role: run for run in own}
        assert {"baseline", "measured"} <= set(by_role)
        expected = None if plan.placement == "none" else plan.placement.strip("[]")
        assert by_role["baseline"].worker_cpus == by_role["measured"].worker_cpus == expected
    processes = {(run.placement, run.process) for run in runs}
    assert len(processes) == len({run.process for run in runs})


def test_a_cpu_that_is_gone_is_told(tmp_path: Path) -> None:
    before = os.sched_getaffinity(0)
    gone = Places(str(tmp_path), (FIRST, 60_000))
    with (
        pytest.raises(Unavailable, match=r"CPUs .*60000 can no longer be had"),
        pinned(gone, False),
    ):
        pass
    assert os.sched_getaffinity(0) == before


def test_all_are_free_again_after_a_run(tmp_path: Path) -> None:
    places = Places(str(tmp_path), (FIRST,))
    before = open_files()
    for _ in range(3):
        with pinned(places, kept=False):
            take(places)
            assert os.sched_getaffinity(0) == {FIRST}
        assert taken(places) == [FIRST]
        assert os.sched_getaffinity(0) == set(CPUS)
    assert open_files() == before
    with pinned(places, kept=False):
        assert taken(places) == []  # nobody has come in this run


@two_cpus
def test_loops_that_ask_the_machine_run_where_workers_do() -> None:
    with Ceiling(2, 0.001) as ceiling:
        ceiling.run(2, [LAST, FIRST])
        assert [os.sched_getaffinity(one.pid) for one in ceiling.spinners] == [{LAST}, {FIRST}]


def test_what_the_machine_lacks_is_a_row_of_a_sweep_and_a_mistake_of_a_cell(
    make_plan: MakePlan,
) -> None:
    with pytest.raises(UsageError) as many:
        make_plan("workload=primes", "executor=thread", "n=5000", "placement=cores")
    with pytest.raises(UsageError) as typed:
        make_plan("workload=primes", "executor=thread", "n=1", "placement=[5000]")
    assert (_is_a_result(many.value, ()), _is_a_result(typed.value, ())) == (True, False)
    pytest.importorskip("distributed")
    dask = "executor=dask", "executor.address=tcp://10.0.0.1:8786"
    with pytest.raises(UsageError, match=r"its workers are, or may be, on other machines") as away:
        make_plan("workload=primes", *dask, "placement=cores", "n=1")
    assert isinstance(away.value.__cause__, Unsupported)


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def identity_of(plan: Plan) -> object:
    return plan.identity.get("placement")


def test_a_placement_is_part_of_what_a_cell_is(make_plan: MakePlan) -> None:
    none, cores, listed = (
        make_plan("workload=primes", "executor=thread", "n=1", f"placement={one}")
        for one in ("none", "cores", f"[{FIRST}]")
    )
    assert [identity_of(plan) for plan in (none, cores, listed)] == [None, "cores", f"[{FIRST}]"]
    assert len({none.cell, cores.cell, listed.cell}) == 3
    assert (none.cpus, cores.cpus, listed.cpus) == ((), (FIRST,), (FIRST,))
