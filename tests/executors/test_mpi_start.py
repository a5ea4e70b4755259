"""In which environment MPI's processes are started, and by whom (`mpi_trial`)."""

import os
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

import pytest

from runners.executors import mpi_start, mpi_trial
from runners.executors.mpi import Mpi, _first_answer
from runners.model import RANKS, InvalidParameter, Launch

BATCH = {"SLURM_JOB_ID": "7", "SLURM_NNODES": "1", "SLURMD_NODENAME": "n1"}
"""The variables of the script of a job on one node."""
STEP = {**BATCH, "SLURM_STEP_ID": "0", "SLURM_PROCID": "0", "PMI_FD": "11", "PMIX_RANK": "0"}


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """One of its own, of which nothing is left."""
    plain = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith((*mpi_start.LAUNCHED, *mpi_start.BATCH, "SLURM", "OMPI_", "PRTE_"))
    }
    monkeypatch.setattr(os, "environ", os.environ.copy())
    for name in set(os.environ) - set(plain):
        os.environ.pop(name, None)
    monkeypatch.setattr(mpi_start, "change_environment", lambda changes: None)


def given(variables: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in variables.items():
        monkeypatch.setitem(os.environ, name, value)


@pytest.mark.parametrize(
    ("variables", "here"),
    [
        ({}, True),
        (BATCH, True),
        ({**BATCH, "SLURM_NNODES": "2"}, False),
        # salloc on a login node: the node of the job is another one
        ({"SLURM_JOB_ID": "7", "SLURM_NNODES": "1"}, False),
        ({**BATCH, "PBS_NODEFILE": "x"}, False),
    ],
)
def test_workers_are_here_unless_a_batch_system_has_other_machines(
    variables: dict[str, str], here: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    given(variables, monkeypatch)
    assert mpi_start.is_here(None) is here
    assert not mpi_start.is_here("localhost")
    forks = mpi_start.surroundings(here).get("HYDRA_LAUNCHER") == "fork"
    assert forks is (here and bool(variables))


def test_what_a_step_of_slurm_was_given_is_not_for_mpi(monkeypatch: pytest.MonkeyPatch) -> None:
    given(STEP, monkeypatch)
    changes = mpi_start.surroundings(True)
    assert {name for name in STEP if changes.get(name, "") is None} == set(STEP) - set(BATCH)
    assert (changes["SLURM_OVERLAP"], changes["SLURM_CPU_BIND"]) == ("1", "none")


def test_what_the_user_has_set_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    assert mpi_start.surroundings(True)["UCX_NET_DEVICES"] == "lo"
    monkeypatch.setitem(os.environ, "UCX_NET_DEVICES", "mlx5_0:1")
    assert "UCX_NET_DEVICES" not in mpi_start.surroundings(True)
    assert "SLURM_OVERLAP" not in mpi_start.surroundings(True)


def tried(
    how: str,
    fails: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    hosts: str | None = None,
    earlier: Launch | None = None,
) -> Launch:
    """How four workers are started where those in `fails` do not work, for that reason."""

    def first(words: tuple[str, ...], workers: int) -> str | None:
        return fails.get(mpi_trial._short(words))

    monkeypatch.setattr(mpi_trial, "_spawns", lambda hosts, workers: fails.get("spawn"))
    monkeypatch.setattr(mpi_trial, "_launches", first)
    monkeypatch.setattr("shutil.which", lambda name: f"/bin/{name}")
    monkeypatch.setattr(mpi_trial, "_run", lambda words: (0, "MPI plugin types are pmi2 none"))
    return mpi_trial.launch(how, hosts, 4, "a.b", earlier)


def test_spawning_is_tried_first_then_the_launchers(monkeypatch: pytest.MonkeyPatch) -> None:
    assert tried("auto", {}, monkeypatch) == Launch("spawn", for_any=True)
    found = tried("auto", {"spawn": "it cannot"}, monkeypatch)
    assert (found.name, found.words) == ("mpiexec", ("/bin/mpiexec", "-n", RANKS))
    assert (found.is_kept, found.entry) == (True, "a.b")
    given({**BATCH, "SLURM_NNODES": "2"}, monkeypatch)
    found = tried("auto", {"spawn": "it cannot"}, monkeypatch)
    assert (found.name, found.words[0], found.for_any) == ("srun", "/bin/srun", False)
    assert "--overlap" in found.words
    found = tried("auto", {"spawn": "no", "srun": "no"}, monkeypatch)
    assert found.name == "srun --mpi=pmi2"
    found = tried("auto", {"spawn": "a", "srun": "b", "srun --mpi=pmi2": "c"}, monkeypatch)
    assert found.name == "mpiexec"


def test_what_was_tried_on_this_machine_is_not_tried_for_each_number(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    earlier = Launch("mpiexec", ("/bin/mpiexec",))
    assert tried("auto", {}, monkeypatch, earlier=earlier).name == "mpiexec"
    given({**BATCH, "SLURM_NNODES": "2"}, monkeypatch)
    assert tried("auto", {}, monkeypatch, earlier=earlier).name == "spawn"


def test_what_was_tried_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    found = tried("auto", {"spawn": "it cannot", "mpiexec": "nor it"}, monkeypatch)
    assert found.words == ()
    assert found.refused == (
        "MPI did not start its workers (executor.launch=auto): spawning them: it cannot; mpiexec: "
        "nor it"
    )
    found = tried("auto", {"spawn": "it cannot"}, monkeypatch, hosts="a,b")
    assert found.refused is not None
    assert "mpiexec" not in found.refused


def test_a_command_is_taken_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    found = tried("mpiexec --bind-to none", {"spawn": "it was not to"}, monkeypatch)
    assert found.words == ("/bin/mpiexec", "--bind-to", "none", "-n", RANKS)
    assert found.name == "mpiexec --bind-to none"
    found = tried("srun --mpi=pmix", {}, monkeypatch)
    assert found.words[-3:] == ("--mpi=pmix", "-n", RANKS)
    assert "--overlap" in found.words


def test_srun_takes_a_job_and_a_program_has_to_be_there() -> None:
    found = mpi_trial.launch("srun", None, 2, "a.b")
    assert found.refused is not None
    assert "no such program" in found.refused or "no job of Slurm" in found.refused
    found = mpi_trial.launch("nonsense -x", None, 2, "a.b")
    assert "there is no such program in the PATH" in str(found.refused)


def test_processes_that_do_not_find_each_other_are_refused(tmp_path: Path) -> None:
    pytest.importorskip("mpi4py", reason="needs the package mpi4py")
    odd = tmp_path / "odd"
    odd.write_text('#!/bin/sh\nshift 2\nexec "$@"\n')
    odd.chmod(0o755)
    found = mpi_trial.launch(str(odd), None, 2, "a.b")
    assert "do not find each other: it is not of mpi4py's MPI" in str(found.refused)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("Open MPI ... attempt to run as root.", "OMPI_ALLOW_RUN_AS_ROOT=1"),
        ("There are not enough slots available", "--oversubscribe"),
        ("OMPI was not built with SLURM's PMI support", "without Slurm's PMI"),
        ("ModuleNotFoundError: No module named 'mpi4py'", "not installed where"),
        ("uses unsupported PMI version PMIx. Aborting.", "not of mpi4py's MPI"),
        ("what it was\n-------\n", "what it was"),
        ("", "exit status 3"),
    ],
)
def test_what_a_launcher_says_becomes_a_line_with_the_remedy(said: str, told: str) -> None:
    line = mpi_trial._failure(3, said)
    assert told in line
    assert "\n" not in line


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"launch": ""}, "choose auto, spawn"),
        ({"launch": "mpiexec 'x"}, "is no command"),
        ({"launch": "mpiexec", "hosts": "a"}, "name them in executor.launch"),
    ],
)
def test_mistakes_in_the_parameters(keywords: dict[str, str], message: str) -> None:
    pytest.importorskip("mpi4py", reason="needs the package mpi4py")
    with pytest.raises(InvalidParameter, match=message):
        Mpi(2, **keywords)  # type: ignore[arg-type]


def test_what_mpi_raises_is_told_at_once() -> None:
    class Pool:
        """As `MPIPoolExecutor`, which waits for its workers in a thread of its own."""

        def submit(self, _: Callable[[], object]) -> "Future[int]":
            threading.Thread(target=self.spawn).start()
            return Future()

        def spawn(self) -> None:
            raise ValueError("could not spawn processes")

    with pytest.raises(RuntimeError, match="could not spawn processes"):
        _first_answer(Pool())
