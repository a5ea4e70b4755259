"""A sweep in jobs: how panels are dealt, what travels to a job, jobs that are processes here."""

import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runners.command import chunk
from runners.command.cells import Cell
from runners.command.cluster import FOLDER, dealt
from runners.command.jobs import Local, Settings, Submitted, Unanswered
from runners.living import this_process
from runners.model import Misplaced, Plan, Run, UsageError
from runners.planning.environment import read_site
from runners.planning.topology import Cpu, Topology
from runners.results.write import append
from tests.command.test_sweep import SMALL, rows, sweep
from tests.conftest import ROOT, MakePlan, planning, run_program


def cell(plan: Plan, number: int, seconds: float) -> Cell:
    measure = replace(plan.measure, time_budget_s=seconds)
    what = replace(plan, measure=measure)
    return Cell(number, f"cell {number}", (), Path(f"/sweep/{number}"), what)


@pytest.fixture(scope="module")
def plan() -> Plan:
    with planning() as make:
        return make("workload=countdown", "executor=thread", "n=2")


@given(lengths=st.lists(st.floats(0.1, 1000), min_size=1, max_size=30), parts=st.integers(1, 12))
def test_panels_are_dealt_so_that_no_job_takes_much_longer_than_it_must(
    plan: Plan, lengths: list[float], parts: int
) -> None:
    panels = [[cell(plan, at, length)] for at, length in enumerate(lengths)]
    found = dealt(panels, parts)
    assert len(found) == min(parts, len(panels))
    assert sorted(one.number for part in found for [one] in part) == list(range(len(panels)))
    assert all(part == sorted(part, key=lambda panel: panel[0].number) for part in found)
    longest_s = max(sum(one.budget_s for [one] in part) for part in found)
    at_least_s = max(max(lengths), sum(lengths) / len(found))
    assert longest_s <= at_least_s + max(lengths)


def test_what_travels_to_a_job_is_what_was_planned(make_plan: MakePlan, tmp_path: Path) -> None:
    plans = [
        make_plan("workload=countdown", "executor=thread", "n=2"),
        make_plan("workload=countdown", "executor=pool", "n=1"),
        make_plan("workload=io_sleep", "executor=process", "n=2", "scaling=weak"),
    ]
    first, second, third = (cell(one, at, 1.0) for at, one in enumerate(plans))
    panels = [[first, second], [third]]
    chunk.write(tmp_path / "chunk", tmp_path, panels, 7, share_machine=False)
    found = chunk.read(tmp_path / "chunk")
    assert (found.home, found.count, found.path) == (tmp_path, 7, sys.path)
    assert [[one.folder for one in panel] for panel in found.panels] == [
        [first.folder, second.folder],
        [third.folder],
    ]
    for panel, again in zip(panels, found.panels, strict=True):
        for one, other in zip(panel, again, strict=True):
            assert isinstance(one.what, Plan)
            assert isinstance(other.what, Plan)
            assert (one.what.cell, one.what.payload) == (other.what.cell, other.what.payload)


def test_workers_are_placed_on_the_cpus_of_the_machine_that_measures(make_plan: MakePlan) -> None:
    plan = make_plan("workload=countdown", "executor=thread", "n=2", "placement=none")
    cpus = (Cpu(4, 4, 0, 0, "", None, None), Cpu(5, 4, 0, 0, "", None, None))
    there = replace(read_site(), topology=Topology(cpus))
    found = chunk._placed(replace(plan, placement="siblings"), there)
    assert (found.cpus, found.physical_cores, found.worker_cores) == ((4, 5), 1, 1)
    assert found.identity["cores"] == "1 core, 2 CPUs"
    there = replace(there, topology=Topology(cpus[:1]))
    with pytest.raises(
        UsageError, match=r"2 workers, and this program may use 1 CPU \(4\)"
    ) as error:
        chunk._placed(replace(plan, placement="cores"), there)
    assert isinstance(error.value.__cause__, Misplaced)


def test_a_chunk_of_many_cells_holds_what_they_share_once(plan: Plan, tmp_path: Path) -> None:
    def size(cells: int) -> int:
        panels = [[cell(plan, at, 1.0)] for at in range(cells)]
        chunk.write(tmp_path / "chunk", tmp_path, panels, cells, share_machine=False)
        return (tmp_path / "chunk").stat().st_size

    assert size(101) - size(1) < 100 * 1000


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sweep of four cells in two jobs, and what it said."""
    pytest.importorskip("submitit", reason="submitit is not installed")
    folder = tmp_path_factory.mktemp("cluster")
    words = ("executor=serial,thread", "n=1,2", "sweep.panel_cells=2", "cluster=local")
    done = sweep(folder, *words, "cluster.jobs=2", "hydra.sweep.dir=out", "sweep.progress=json")
    assert done.returncode == 0, done.stdout + done.stderr
    (folder / "said").write_text(done.stdout)
    (folder / "noted").write_text(done.stderr)
    return folder


def test_a_sweep_in_jobs_is_measured_whole_and_told_and_reported(measured: Path) -> None:
    folders = [file.parent for file in (measured / "out").glob("*-n*/runs.jsonl")]
    assert len(folders) == 4
    for folder in folders:
        assert rows(folder)[-1]["ended_by"] == "rounds"
        assert {row["host"] for row in rows(folder)} == {socket.gethostname()}
    told = [
        json.loads(line)
        for line in (measured / "said").read_text().splitlines()
        if line.startswith("{")
    ]
    assert sorted(one["cell"] for one in told) == [1, 2, 3, 4]
    assert {one["status"] for one in told} == {"ok"}
    assert all(one["host"] and one["job"] for one in told)
    assert len({one["job"] for one in told}) == 2
    assert "four cells in two jobs of this machine" in (measured / "noted").read_text()
    assert (measured / "out/summary.csv").exists()


def test_a_cell_of_a_job_has_four_files_at_most(measured: Path) -> None:
    for file in (measured / "out").glob("*-n*/runs.jsonl"):
        names = sorted(path.name for path in file.parent.iterdir())
        assert len(names) <= 4, names
        assert "environment.json" in names


def test_a_complete_sweep_submits_nothing(measured: Path) -> None:
    before = sorted(path.name for path in (measured / "out" / FOLDER).iterdir())
    words = ("executor=serial,thread", "n=1,2", "sweep.panel_cells=2", "cluster=local")
    done = sweep(measured, *words, "cluster.jobs=2", "resume=out", "sweep.report=false")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(": reused,") == 4
    assert "jobs of" not in done.stderr
    assert sorted(path.name for path in (measured / "out" / FOLDER).iterdir()) == before


def test_another_sweep_changes_nothing_of_one_whose_jobs_live(
    measured: Path, tmp_path: Path
) -> None:
    shutil.copytree(measured / "out", tmp_path / "out")
    noted = tmp_path / "out" / FOLDER / "jobs.json"
    known = json.loads(noted.read_text())
    known["jobs"] = [job | {"process": this_process(os.getpid())} for job in known["jobs"]]
    noted.write_text(json.dumps(known))
    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    words = ("executor=serial,thread", "n=3", "sweep.panel_cells=2", "cluster=local")
    done = sweep(tmp_path, *words, "resume=out")
    assert (done.returncode, done.stdout) == (2, "")
    assert "two jobs of an earlier start have this folder" in done.stderr
    after = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert after == before


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("cluster=slurm", "cluster: jobs are for sweeps; add -m"),
        ("-m cluster=local hydra/launcher=basic", "it submits jobs itself; leave hydra/launcher"),
        ("-m cluster=local cluster.jobs=0", "cluster.jobs=0: must be at least 1"),
        ("-m cluster=local cluster.jobs=many", "cluster.jobs=many"),
        ("-m cluster=local cluster.partition=long", "cluster.partition"),
        ("-m cluster=pbs", "cluster"),
    ],
)
def test_a_mistake_in_the_words_is_told_in_a_line(words: str, told: str, tmp_path: Path) -> None:
    done = run_program(*words.split(), *SMALL, "executor=thread", "n=1", cwd=tmp_path)
    assert done.returncode == 2, done.stdout
    assert told in done.stderr
    assert done.stderr.count("\n") == 1, done.stderr


def test_without_slurm_a_line_says_so(tmp_path: Path) -> None:
    pytest.importorskip("submitit", reason="submitit is not installed")
    words = ("executor=thread", "n=1", "cluster=slurm")
    done = run_program("-m", *SMALL, *words, cwd=tmp_path, PATH=str(tmp_path))
    assert done.returncode == 2, done.stdout
    assert "cluster=slurm: there is no scontrol on the PATH" in done.stderr


def test_a_chunk_that_is_told_to_stop_leaves_whole_rows(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In this very process, as submitit runs it: it is queued again by what answered before."""
    many = replace(plan.measure, min_rounds=10_000, max_rounds=10_000, time_budget_s=100)
    folder = tmp_path / "cell"
    one = Cell(0, "one", (), folder, replace(plan, measure=many))
    chunk.write(tmp_path / "chunk", tmp_path, [[one]], 1, share_machine=False)
    again: list[int] = []
    before = signal.signal(signal.SIGUSR2, lambda number, _: again.append(number))
    seen = itertools.count()

    def written(place: Path, run: Run) -> None:
        append(place, run)
        if next(seen) == 4:
            os.kill(os.getpid(), signal.SIGUSR2)

    monkeypatch.setattr("runners.command.cell.append", written)
    path = list(sys.path)
    try:
        chunk.Chunk(tmp_path / "chunk")()
    finally:
        sys.path[:] = path
        signal.signal(signal.SIGUSR2, before)
    assert again == [signal.SIGUSR2]
    assert [row["status"] for row in rows(folder)].count("ok") >= 4
    assert not (tmp_path / "chunk.ended").exists()
    assert not list(folder.glob(".claim*"))


def test_of_jobs_on_another_host_no_process_here_is_ended(tmp_path: Path) -> None:
    settings = Settings(jobs=1, timeout_min=5, requeues=0, setup=(), detach=False)
    with subprocess.Popen(["sleep", "60"]) as other:
        there = this_process(other.pid) | {"host": "node17", "machine": "another"}
        jobs = [Submitted(str(other.pid), "chunk-0", there)]
        with pytest.raises(Unanswered, match="jobs on node17 cannot be seen from here"):
            Local(settings, tmp_path).cancel(jobs)
        assert Local(settings, tmp_path).cancelling(jobs) == f"kill -INT {other.pid} on node17"
        other.kill()
        assert other.wait() == -signal.SIGKILL


IGNORING = """
import json, signal, sys, time
from dataclasses import asdict
from functools import partial
from pathlib import Path
from runners.command.jobs import Local, Settings
signal.signal(signal.SIGINT, signal.SIG_IGN)
sleeping = partial(time.sleep, 600)
sleeping.name = "chunk-0"
settings = Settings(jobs=1, timeout_min=5, requeues=0, setup=(), detach=False)
jobs = Local(settings, Path(sys.argv[1])).submit([sleeping], 1)
assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
print(json.dumps([asdict(job) for job in jobs]))
"""


def test_jobs_of_a_program_that_ignores_ctrl_c_are_cancelled_all_the_same(tmp_path: Path) -> None:
    """As one does that a script starts with `&`; what it starts would inherit that."""
    pytest.importorskip("submitit")
    command = [sys.executable, "-c", IGNORING, str(tmp_path)]
    told = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=True, start_new_session=True
    ).stdout
    jobs = [Submitted(**job) for job in json.loads(told)]
    settings = Settings(jobs=1, timeout_min=5, requeues=0, setup=(), detach=False)
    cluster = Local(settings, tmp_path)
    end_s = time.monotonic() + 30
    try:
        while [state.now for state in cluster.states(jobs).values()] == ["running"]:
            assert time.monotonic() < end_s
            cluster.cancel(jobs)
            time.sleep(0.2)
    finally:
        for job in jobs:
            with suppress(ProcessLookupError):
                os.killpg(os.getpgid(int(job.id)), signal.SIGKILL)
