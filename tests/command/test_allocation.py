"""What a job of Slurm was given, by its variables and by what its `scontrol` says."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from runners.command.allocation import Allocation, allocation

SAID = "JobId=7 JobName=x UserId=a(1) Priority=1 NumNodes=1 NumCPUs=4 OverSubscribe={} Contiguous=0"
"""As `scontrol --oneliner show job` writes it; the line of a real one is longer."""
ALL = os.cpu_count() or 1


@pytest.fixture(autouse=True)
def asked_anew(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("SLURM_JOB_ID", "SLURM_CPUS_ON_NODE", "SLURM_JOB_NUM_NODES"):
        monkeypatch.delenv(name, raising=False)
    allocation.cache_clear()
    yield
    allocation.cache_clear()


def slurm(monkeypatch: pytest.MonkeyPatch, folder: Path, line: str | None, **given: str) -> None:
    """A job of that Slurm; without a line its commands are not there."""
    if line is not None:
        file = folder / "scontrol"
        file.write_text(f"#!/bin/sh\necho '{line}'\n")
        file.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep if line is not None else None)
    for name, value in {"SLURM_JOB_ID": "7", **given}.items():
        monkeypatch.setenv(name, value)


def test_outside_of_a_job_nothing_is_known() -> None:
    assert allocation() == Allocation(None, None, None)


@pytest.mark.parametrize(
    ("said", "cpus", "exclusive"),
    [
        ("NO", ALL + 1, True),
        ("NO", None, True),
        ("OK", None, False),
        ("OK", ALL, True),  # nobody else can have any of its CPUs
        ("YES", ALL, False),
        ("USER", None, False),
    ],
)
def test_slurm_says_whether_a_job_has_its_node_for_itself(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, said: str, cpus: int | None, exclusive: bool
) -> None:
    given = {} if cpus is None else {"SLURM_CPUS_ON_NODE": str(cpus)}
    slurm(monkeypatch, tmp_path, SAID.format(said), SLURM_JOB_NUM_NODES="2", **given)
    assert allocation() == Allocation(cpus, 2, exclusive)


@pytest.mark.parametrize(
    ("cpus", "exclusive"), [("", None), (str(ALL), None), ("0", None), ("x", None)]
)
def test_where_slurm_does_not_answer_it_is_not_known(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cpus: str, exclusive: bool | None
) -> None:
    slurm(monkeypatch, tmp_path, None, SLURM_CPUS_ON_NODE=cpus)
    assert allocation().exclusive is exclusive


@pytest.mark.skipif(ALL < 2, reason="this machine has a single CPU")
def test_a_job_with_some_of_the_cpus_has_no_node_for_itself(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    slurm(monkeypatch, tmp_path, None, SLURM_CPUS_ON_NODE="1")
    assert allocation() == Allocation(1, None, False)


def test_an_answer_of_another_kind_says_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    slurm(monkeypatch, tmp_path, "slurm_load_jobs error: Invalid job id specified")
    assert allocation() == Allocation(None, None, None)
