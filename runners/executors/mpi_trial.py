"""Who can start MPI's workers here: MPI itself, mpiexec or srun.

Some libraries cannot start workers, or not under every launcher. Whether they can is tried, in
processes that measure nothing.
"""

import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from runners.executors import mpi_start
from runners.model import RANKS, Launch, last_line

TRY_S = 10.0
"""How long a first worker, or a launcher, may take to start when it is tried."""
SRUN = (
    *("srun", "--overlap", "--overcommit", "--cpu-bind=none", "--kill-on-bad-exit=1"),
    "--export=ALL",
)
SAYS = "speedup-lab ranks"
WORLD = (
    "from mpi4py import MPI; import os, socket; world = MPI.COMM_WORLD; world.barrier()\n"
    f"said = {SAYS!r}, str(world.size), socket.gethostname(), MPI.get_vendor()[0], '\\n'\n"
    "world.rank or os.write(1, ' '.join(said).encode())"
)
"""What processes run to see whether they have found each other; the first one says it."""
SHARED = Path("/dev/shm")
AS_ROOT = "OMPI_ALLOW_RUN_AS_ROOT"


def launch(
    how: str, hosts: str | None, workers: int, entry: str, earlier: Launch | None = None
) -> Launch:
    """How measuring processes with so many workers are started here.

    `how` is the executor's parameter `launch`, `earlier` what was found for another number. Where
    a worker can be spawned on this machine, any number can. To be called in a process that measures
    nothing: it starts others, and changes its environment.
    """
    if how == "spawn":
        return Launch("spawn", for_any=True)
    here = mpi_start.is_here(hosts)
    changes = mpi_start.surroundings(here)
    mpi_start.change_environment(changes)
    failures = []
    if how == "auto" and not (here and earlier is not None):
        if (failure := _spawns(hosts, 1 if here else workers)) is None:
            return Launch("spawn", for_any=here)
        failures.append(f"spawning them: {failure}")
    for words in _launchers(how) if hosts is None else ():
        if (failure := _launches(words, workers)) is None:
            name = _short(words) if how in ("auto", "srun") else how
            program = shutil.which(words[0]) or words[0]
            return Launch(name, (program, *words[1:], "-n", RANKS), changes, entry, is_kept=True)
        failures.append(f"{_short(words)}: {failure}")
    if not failures:
        failures.append("there is neither mpiexec nor srun in the PATH")
    refused = f"MPI did not start its workers (executor.launch={how}): {'; '.join(failures)}"
    return Launch("none", refused=refused)


def _launchers(how: str) -> list[tuple[str, ...]]:
    """The launchers to try, in this order, without the number of processes."""
    mpiexec = [("mpiexec",)] if mpi_start.has_mpiexec() else []
    srun: list[tuple[str, ...]] = []
    if "SLURM_JOB_ID" in os.environ and shutil.which("srun") is not None:
        listed = _run(["srun", "--mpi=list"])[1].split()
        kinds = [f"--mpi={kind}" for kind in ("pmi2", "pmix") if kind in listed]
        srun = [SRUN, *((*SRUN, kind) for kind in kinds)]
    if how == "auto":
        return srun + mpiexec
    if how == "srun":
        return srun or [SRUN]
    words = shlex.split(how)
    return [(*SRUN, *words[1:]) if words[0] == "srun" else tuple(words)]


def _short(words: Sequence[str]) -> str:
    return shlex.join(word for word in words if word not in SRUN[1:])


def _spawns(hosts: str | None, workers: int) -> str | None:
    """Why so many workers cannot be spawned; None if they can."""
    if not mpi_start.has_mpiexec():
        return "there is no mpiexec"
    code = (
        "from runners.executors.mpi import Mpi\n"
        f"with Mpi({workers}, hosts={hosts!r}, launch='spawn') as mpi: mpi.map(abs, [1])\n"
    )
    status, said = _run([sys.executable, "-P", "-c", _with_path(code)])
    return None if status == 0 else _failure(status, said)


def _launches(words: Sequence[str], workers: int) -> str | None:
    """Why that launcher starts no process with so many workers that know each other; None: it does.

    The first of them has to be on this machine.
    """
    if shutil.which(words[0]) is None:
        return "there is no such program in the PATH; load its module, or choose another launch"
    if words[0] == "srun" and "SLURM_JOB_ID" not in os.environ:
        return "this is no job of Slurm; submit it with sbatch, or choose executor.launch=mpiexec"
    program = (sys.executable, "-P", "-c", _with_path(WORLD))
    status, said = _run([*words, "-n", str(workers + 1), *program])
    found = re.search(rf"{SAYS} (\d+) (\S+) (.+)", said)
    if found is not None and found[1] == "1":
        library = found[3].strip()
        return f"its processes do not find each other: it is not of mpi4py's MPI, {library}"
    if status != 0 or found is None:
        return _failure(status, said)
    if found[2] != socket.gethostname():
        return f"its first process is on {found[2]}, not here; start the program within the job"
    return None


def _with_path(code: str) -> str:
    return f"import sys; sys.path[:] = {sys.path!r}\n{code}"


def _run(words: Sequence[str]) -> tuple[int | None, str]:
    """The exit status, None if it took too long, and what it printed."""
    with tempfile.TemporaryFile() as output:
        try:
            process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        except OSError as error:
            return 127, str(error)
        try:
            status: int | None = process.wait(TRY_S)
        except subprocess.TimeoutExpired:
            status = None
            for number in (signal.SIGTERM, signal.SIGKILL):  # srun ends its step at the first
                try:
                    os.killpg(process.pid, number)
                    process.wait(1.0)
                except (ProcessLookupError, subprocess.TimeoutExpired):
                    continue
        for left in SHARED.glob(f"mpich_shm_{process.pid:x}_*"):  # by MPICH, if it was killed
            left.unlink(missing_ok=True)
        output.seek(0)
        return status, output.read().decode(errors="replace")


def _failure(status: int | None, said: str) -> str:
    if "as root" in said:
        return f"Open MPI does not run as root; set {AS_ROOT}=1 and {AS_ROOT}_CONFIRM=1, or do not"
    if "not enough slots" in said:
        return "it has not enough slots; add --oversubscribe, or take fewer workers"
    if "not built with SLURM's PMI" in said:
        return "this Open MPI was built without Slurm's PMI"
    if "unsupported PMI version" in said:
        return "its processes do not find each other: it is not of mpi4py's MPI, MPICH"
    if "No module named 'mpi4py'" in said:
        return "mpi4py is not installed where it starts processes"
    if status is None:
        return f"nothing came of it within {TRY_S:g} s"
    lines = [line for line in said.splitlines() if any(map(str.isalnum, line))]
    # What srun says last is that it ends the others.
    own = [line for line in lines if not line.startswith(("srun:", "slurmstepd"))]
    return last_line("\n".join(own or lines)) or f"exit status {status}"
