"""The MPI executor, in programs of their own: where a worker dies, MPI ends the whole program."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from runners.executors.mpi import Mpi
from runners.model import InvalidParameter, Unavailable, Unsupported
from runners.results.read import read_runs
from runners.testing import ExecutorSuite
from tests.conftest import PLUGINS, ROOT

pytest.importorskip("mpi4py", reason="needs the package mpi4py")
BESIDE = Path(sys.executable).with_name("mpiexec")
MPIEXEC = str(BESIDE) if BESIDE.exists() else shutil.which("mpiexec")
if MPIEXEC is None:
    pytest.skip("needs the program mpiexec of an MPI library", allow_module_level=True)

GIVEN = os.environ.get("SPEEDUP_LAB_TEST_MPI", "")
"""In the programs that this module starts: how many workers mpiexec gives, 0 for none."""


class TestMpi(ExecutorSuite):
    __test__ = GIVEN != ""

    def make(self, n: int, **keywords: Any) -> Mpi:
        return Mpi(int(GIVEN) or n, **keywords)

    def test_chunks_come_in_order(self) -> None:
        with Mpi(int(GIVEN) or 2, chunksize=3) as executor:
            assert executor.map(abs, range(-8, 0)) == [8, 7, 6, 5, 4, 3, 2, 1]

    def test_n_is_what_mpiexec_gives(self) -> None:
        if GIVEN == "0":
            pytest.skip("mpiexec gives as many as are asked for")
        for n in (int(GIVEN) - 1, int(GIVEN) + 1):
            with pytest.raises(Unavailable, match=f"offers {GIVEN} workers, not {n}"):
                Mpi(n).__enter__()


SUITE = (
    *("-m", "pytest", "-q", "--noconftest", "-n", "0", "-p", "no:cacheprovider"),
    f"{__file__}::TestMpi",
)


def run(*command: str, given: str = "") -> str:
    """What the command prints. It must end well and in time; what is left of it is killed."""
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(PLUGINS)]),
            "SPEEDUP_LAB_TEST_MPI": given,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=100)
    finally:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()
    assert process.returncode == 0, output
    return output


def test_conformance_with_workers_that_mpi_starts() -> None:
    assert " passed" in run(sys.executable, *SUITE, given="0")


def test_conformance_with_the_processes_of_mpiexec() -> None:
    launch = (str(MPIEXEC), "-n", "3", sys.executable, "-m", "mpi4py.futures")
    assert " passed" in run(*launch, *SUITE, given="2")


def statuses(folder: Path, *arguments: str, launch: tuple[str, ...] = ()) -> set[str]:
    """The statuses of the rows of a small cell on MPI."""
    quick = ["n=2", "measure=quick", "measure.min_rounds=1", "measure.max_rounds=1", "executor=mpi"]
    program = (
        sys.executable,
        "-m",
        "runners",
        f"--config-dir={PLUGINS}",
        f"hydra.run.dir={folder}",
    )
    run(*launch, *program, *quick, *arguments)
    return set(read_runs([folder])["status"])


NAPS = ("workload=io_sleep", "workload.high=0.01")


def test_a_cell_is_measured(tmp_path: Path) -> None:
    assert statuses(tmp_path, *NAPS, "executor.hosts=localhost") == {"ok"}


def test_a_program_under_mpiexec_starts_workers_all_the_same(tmp_path: Path) -> None:
    launch = (str(MPIEXEC), "-n", "1")
    assert statuses(tmp_path, *NAPS, "executor.reuse=true", launch=launch) == {"ok"}


def test_chunksize_below_one() -> None:
    with pytest.raises(InvalidParameter, match="at least 1, not 0"):
        Mpi(2, chunksize=0)


def test_without_the_package_its_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    with pytest.raises(Unsupported, match=r"python -m pip install mpi4py"):
        Mpi(1)


def test_without_mpiexec_it_is_asked_for() -> None:
    program = (
        "import os, sys; os.environ['PATH'] = sys.executable = '/nowhere/python'\n"
        "from runners.executors.mpi import Mpi\n"
        "from runners.model import Unavailable\n"
        "try: Mpi(2).__enter__()\n"
        "except Unavailable as reason: print(reason)\n"
    )
    assert "needs the program mpiexec" in run(sys.executable, "-c", program)
