"""Measuring processes that a launcher starts, with their workers: real ones of MPI."""

import errno
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from runners.door import Interrupted
from runners.measuring import launching
from runners.measuring.interrupts import Interrupts
from runners.measuring.launching import launched
from runners.measuring.measure import measure
from runners.measuring.process import Child
from runners.measuring.processes import listed
from runners.measuring.shared_memory import SHARED, unused
from runners.measuring.tree import marked
from runners.model import RANKS, Launch, Order, Plan, plan_of
from runners.model.plain import dumped, loaded
from tests.conftest import PLUGINS, MakePlan

MEASURED = Order(process=0, round=0, position=0, role="measured", cold=True, warmup=True)
BASELINE = replace(MEASURED, role="baseline")
MPI = ("executor=mpi", "executor.launch=mpiexec", "n=2")


@pytest.fixture(autouse=True)
def _plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(PLUGINS))


def needs_mpi() -> None:
    pytest.importorskip("mpi4py", reason="needs the package mpi4py")
    if not (shutil.which("mpiexec") or Path(sys.executable).with_name("mpiexec").exists()):
        pytest.skip("needs the program mpiexec of an MPI library")


def known(plan: Plan, launch: Launch) -> Plan:
    """The plan, when that was found out of its executor."""
    with pytest.MonkeyPatch.context() as patch, Interrupts() as interrupts:
        patch.setattr(launching, "_known", {})
        patch.setattr(launching, "_found", lambda *_: launch)
        return launched(plan, interrupts)


@contextmanager
def child(plan: Plan) -> Iterator[Child]:
    """It ends with the block, and all of its processes and shared memory with it."""
    before = set(listed(SHARED))
    with Interrupts() as interrupts, Child([plan], 0, interrupts) as process:
        yield process
    for _ in range(100):
        # Others may run MPI on this machine, and end.
        left = [name for name in unused(before) if name.startswith("mpich_shm_")]
        if not left and not marked(process.mark):
            break
        time.sleep(0.02)
    assert (left, marked(process.mark)) == ([], [])
    assert not Path(process.folder.name).exists()


def test_the_first_process_of_mpiexec_measures_with_the_others_as_its_workers(
    make_plan: MakePlan,
) -> None:
    needs_mpi()
    plan = make_plan("workload=io_sleep", "workload.high=0.01", *MPI)
    with Interrupts() as interrupts:
        found = launched(plan, interrupts)
    assert found.launch is not None
    assert (found.launch.name, found.launch.refused) == ("mpiexec", None)
    assert found.identity == plan.identity
    with child(found) as process:
        assert process.run(BASELINE).status == "ok"
        for _ in range(2):
            run = process.run(MEASURED)
            assert (run.status, run.workers, run.warmth) == ("ok", 2, "kept"), run.error
            assert (run.left_processes, run.left_shared_bytes) == (0, 0)
        said = run.parameters["executor.launch"], run.parameters["executor.reuse"]
        assert said == ("mpiexec", True)
        assert process.tree.pid != process.tree.process.pid
        assert process.finish() > 0


def test_its_workers_have_the_limit_of_memory_too() -> None:
    code = "import resource; print(resource.getrlimit(resource.RLIMIT_AS)[0])"
    call = f"from runners.child.launched import begin; begin('builtins.exec', {code!r}, 2**40)"
    done = subprocess.run([sys.executable, "-c", call], capture_output=True, text=True, check=True)
    assert done.stdout == f"{2**40}\n"


def test_workers_that_die_or_hang_are_gone_with_all_of_mpiexec(make_plan: MakePlan) -> None:
    needs_mpi()
    with Interrupts() as interrupts:
        dying, hanging = (
            launched(make_plan("workload=misbehaving", *MPI, *how), interrupts)
            for how in (
                ("workload.what=dying",),
                ("workload.what=hanging", "measure.timeout_s=2"),
            )
        )
    with child(dying) as process, pytest.raises(ChildProcessError, match="ended by"):
        process.run(MEASURED)
    with (
        child(hanging) as process,
        pytest.raises(TimeoutError, match=r"at .*misbehaving\.py"),
    ):
        process.run(MEASURED)


def test_a_launcher_that_ends_is_told_with_what_it_printed(make_plan: MakePlan) -> None:
    plan = make_plan("workload=io_sleep", "executor=thread", "n=3")
    launch = Launch("odd", ("/bin/sh", "-c", 'echo "no $0 slots"; exit 3', RANKS), {}, "a.b")
    with (
        child(known(replace(plan, launches=True), launch)) as process,
        pytest.raises(ChildProcessError, match="exit code 3: no 4 slots"),
    ):
        process.run(MEASURED)


def test_a_launcher_that_starts_nothing_reaches_the_limit(make_plan: MakePlan) -> None:
    plan = make_plan("workload=io_sleep", "executor=thread", "measure.start_timeout_s=0.3")
    launch = Launch("odd", ("/bin/sh", "-c", "sleep 100"), {}, "a.b")
    said = "starting the measuring process took longer than 0"
    with child(known(replace(plan, launches=True), launch)) as process:
        process.settle()
        with pytest.raises(TimeoutError, match=said):
            process.run(MEASURED)


def test_what_cannot_be_launched_is_a_row_that_says_why(make_plan: MakePlan) -> None:
    plan = make_plan("workload=io_sleep", "executor=thread")
    refused = known(replace(plan, launches=True), Launch("none", refused="it has no door"))
    with child(refused) as process:
        run = process.run(MEASURED)
    assert (run.status, run.error) == ("incomplete", "it has no door")
    assert run.parameters["executor.launch"] == "none"


def test_where_nothing_can_be_asked_how_to_launch_the_cell_has_a_row(
    make_plan: MakePlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = replace(make_plan("workload=io_sleep", "executor=thread"), launches=True)

    def short(*_: object) -> Launch:
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    monkeypatch.setattr(launching, "_known", {})
    monkeypatch.setattr(launching, "_found", short)
    [run] = measure(plan)
    assert (run.status, run.ended_by) == ("incomplete", "failure")
    assert "cannot be started" in str(run.error)

    def asked(plan: Plan, earlier: Launch | None, interrupts: Interrupts) -> Launch:
        os.kill(os.getpid(), signal.SIGINT)
        interrupts.check()
        raise AssertionError

    monkeypatch.setattr(launching, "_found", asked)
    runs = measure(plan)
    run = next(runs)
    assert (run.status, run.ended_by) == ("interrupted", "interrupted")
    with pytest.raises(Interrupted):
        next(runs)


def test_an_answer_is_remembered_for_any_number_of_workers_or_for_one(
    make_plan: MakePlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    plans = [replace(make_plan("executor=thread", f"n={n}"), launches=True) for n in (1, 2, 2)]
    for for_any, times in ((True, 1), (False, 2)):
        asked: list[int] = []
        found = Launch("spawn", for_any=for_any)
        monkeypatch.setattr(launching, "_known", {})
        monkeypatch.setattr(
            launching,
            "_found",
            lambda plan, *_, asked=asked, found=found: asked.append(plan.n) or found,
        )
        with Interrupts() as interrupts:
            for plan in plans:
                assert launched(plan, interrupts).launch == found
        assert len(asked) == times


def test_workers_of_a_process_for_each_run_are_not_kept(make_plan: MakePlan) -> None:
    launch = Launch("mpiexec", ("mpiexec",), is_kept=True)
    for fresh in (False, True):
        plan = make_plan("executor=thread", f"measure.fresh={fresh}")
        found = known(replace(plan, launches=True), launch)
        assert found.reuse is not fresh
        assert found.parameters.get("executor.reuse") is (None if fresh else True)


def test_the_answer_travels_with_the_plan_as_plain_data(make_plan: MakePlan) -> None:
    launch = Launch("srun", ("srun", "-n", RANKS), {"A": None, "B": "c"}, "a.b", is_kept=True)
    plan = known(replace(make_plan("executor=thread"), launches=True), launch)
    assert plan_of(loaded(dumped(asdict(plan)))).launch == launch
