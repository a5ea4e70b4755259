"""Sweeps on a real Slurm: `.ci/slurm python -m pytest -n 0 tests/slurm` starts one for them."""

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.slurm

SWEEP = (
    *("-m", "workload=io_sleep", "executor=thread,process", "n=1,2", "scaling=strong,weak"),
    *("measure=quick", "measure.min_rounds=4", "measure.max_rounds=4", "measure.warmup=1"),
    *("measure.time_budget_s=60", "sweep.panel_cells=1", "sweep.report=false"),
    *("cluster=slurm", "cluster.jobs=3", "cluster.exclusive=false", "cluster.cpus=1"),
    "cluster.timeout_min=5",
)
CELLS = 8


@pytest.fixture(autouse=True)
def _slurm() -> Iterator[None]:
    pytest.importorskip("submitit", reason="submitit is not installed")
    if "SPEEDUP_LAB_SLURM" not in os.environ or shutil.which("sbatch") is None:
        pytest.skip("there is no Slurm for tests; .ci/slurm COMMAND starts one")
    yield
    said("scancel", "--user", str(os.getuid()))
    until(lambda: not queued())


def said(*words: str) -> str:
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout


def queued(states: str = "pending,running,completing") -> list[str]:
    return said("squeue", "--noheader", "--array", f"--states={states}", "--format=%i").split()


def until(happens: Callable[[], Any], seconds: float = 120.0) -> Any:
    """What `happens` returns, as soon as that is something."""
    end_s = time.monotonic() + seconds
    while time.monotonic() < end_s:
        if found := happens():
            return found
        time.sleep(0.2)
    raise AssertionError("it did not happen")


def started(cwd: Path, *words: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "runners", *SWEEP, *words],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(cwd: Path, *words: str) -> tuple[int, str, str]:
    program = started(cwd, *words)
    out, err = program.communicate(timeout=170)
    return program.returncode, out, err


def assert_whole(folder: Path) -> None:
    """Each cell is there with four whole rounds, and nothing of it twice."""
    files = list(folder.glob("*-n*/runs.jsonl"))
    assert len(files) == CELLS
    for file in files:
        rows = [json.loads(line) for line in file.read_text().splitlines()]
        assert rows[-1]["ended_by"] == "rounds", (file, rows[-1])
        places = Counter((row["process"], row["round"], row["position"]) for row in rows)
        assert set(places.values()) == {1}, file
        # What interrupts a round may leave one of its two sides: it does not count then.
        counted = Counter(
            (row["process"], row["round"])
            for row in rows
            if row["status"] == "ok" and not row["warmup"]
        )
        assert list(counted.values()).count(2) == 4, file


def begun(folder: Path) -> list[Path]:
    return list(folder.glob("*-n*/runs.jsonl"))


def test_a_sweep_is_measured_by_jobs_and_a_complete_one_submits_nothing(tmp_path: Path) -> None:
    status, out, err = run(tmp_path, "hydra.sweep.dir=out")
    assert status == 0, out + err
    assert_whole(tmp_path / "out")
    assert "eight cells in three jobs of Slurm" in err
    status, out, err = run(tmp_path, "resume=out")
    assert (status, out.count(": reused,"), "jobs of" in err) == (0, CELLS, False)
    assert not queued()


def test_what_is_cancelled_or_killed_is_measured_by_the_next_start(tmp_path: Path) -> None:
    program = started(tmp_path, "hydra.sweep.dir=out")
    until(lambda: begun(tmp_path / "out"))
    # Jobs of one processor each run at the same time: one is killed, another cancelled.
    first, second = until(lambda: queued("running")[:2] if len(queued("running")) > 1 else [])
    said("scancel", "--signal=KILL", first)
    said("scancel", second)
    out, err = program.communicate(timeout=170)
    assert program.returncode == 1, out + err
    assert f"job {second} ended: CANCELLED" in err
    assert "resume=" in out
    status, out, err = run(tmp_path, "resume=out")
    assert status == 0, out + err
    assert_whole(tmp_path / "out")


def test_a_job_at_its_limit_is_queued_again_and_goes_on(tmp_path: Path) -> None:
    program = started(tmp_path, "hydra.sweep.dir=out", "cluster.jobs=1")
    until(lambda: begun(tmp_path / "out"))
    [job] = queued("running")
    time.sleep(2)  # Slurm takes a job for failed that is queued again as soon as it has begun
    said("scancel", "--signal=USR2", job)  # what Slurm sends before the limit
    until(lambda: queued("pending") or begun(tmp_path / "out")[CELLS - 1 :])
    # It would begin after a while that Slurm keeps between two starts; if it has not yet.
    if queued("pending"):
        time.sleep(2)  # what the first start has left is cleared away
        subprocess.run(["scontrol", "update", f"jobid={job}", "StartTime=now"], capture_output=True)
    out, err = program.communicate(timeout=170)
    assert program.returncode == 0, out + err
    assert_whole(tmp_path / "out")


def test_ctrl_c_cancels_the_jobs_and_says_so(tmp_path: Path) -> None:
    program = started(tmp_path, "hydra.sweep.dir=out")
    until(lambda: begun(tmp_path / "out"))
    program.send_signal(signal.SIGINT)
    out, err = program.communicate(timeout=60)
    assert program.returncode == 130, out + err
    assert "cancelled three jobs" in err
    until(lambda: not queued())


def test_jobs_that_are_left_are_watched_by_the_next_start_and_keep_another_out(
    tmp_path: Path,
) -> None:
    status, out, err = run(tmp_path, "hydra.sweep.dir=out", "cluster.detach=true")
    assert (status, "watches them" in out) == (0, True), out + err
    jobs = queued()
    assert len(jobs) == 3
    before = (tmp_path / "out/multirun.yaml").read_bytes()
    status, out, err = run(tmp_path, "hydra.sweep.dir=out", "n=3")
    assert (status, err.count("\n")) == (2, 1), out + err
    assert "three jobs of an earlier start have this folder" in err
    assert all(job in err for job in jobs)
    assert (tmp_path / "out/multirun.yaml").read_bytes() == before
    status, out, err = run(tmp_path, "resume=out")
    assert status == 0, out + err
    assert set(queued()) <= set(jobs)
    assert_whole(tmp_path / "out")


def test_what_sbatch_refuses_is_a_line(tmp_path: Path) -> None:
    status, _, err = run(tmp_path, "hydra.sweep.dir=out", "cluster.partition=nowhere")
    assert (status, err.count("\n")) == (2, 1), err
    assert "invalid partition" in err


MPI = (
    *("-m", "runners", "executor=mpi", "n=2", "workload=io_sleep", "workload.high=0.01"),
    *("measure=quick", "measure.min_rounds=1", "measure.max_rounds=1"),
)
STEP = ("srun", "-n1", f"-c{min(os.cpu_count() or 1, 2)}")


def told(folder: Path) -> tuple[set[str], set[str], set[bool]]:
    """Statuses of the rows, how the workers were started, and whether they were kept."""
    rows = [json.loads(line) for line in (folder / "runs.jsonl").read_text().splitlines()]
    ways, kept = ({row[f"executor.{name}"] for row in rows} for name in ("launch", "reuse"))
    return {row["status"] for row in rows}, ways, kept


def measured(cwd: Path, *command: str) -> None:
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("launch", ["auto", "srun", "mpiexec"])
def test_mpi_within_a_step(tmp_path: Path, launch: str) -> None:
    pytest.importorskip("mpi4py", reason="needs the package mpi4py")
    words = (*MPI, "hydra.run.dir=out", f"executor.launch={launch}")
    measured(tmp_path, *STEP, sys.executable, *words)
    statuses, [way], [kept] = told(tmp_path / "out")
    assert statuses == {"ok"}
    assert way.partition(" ")[0] == ("spawn" if launch == "auto" else launch)
    assert kept is (launch != "auto")


def test_mpi_within_a_batch_job(tmp_path: Path) -> None:
    pytest.importorskip("mpi4py", reason="needs the package mpi4py")
    script = tmp_path / "job.sh"
    own = shlex.join([sys.executable, *MPI])
    script.write_text(
        f"#!/bin/sh\n{own} hydra.run.dir=spawned\n{own} hydra.run.dir=run executor.launch=srun\n"
    )
    measured(tmp_path, "sbatch", "--wait", *STEP[1:], str(script))
    assert told(tmp_path / "spawned") == ({"ok"}, {"spawn"}, {False})
    statuses, [way], kept = told(tmp_path / "run")
    assert (statuses, way.partition(" ")[0], kept) == ({"ok"}, "srun", {True})
