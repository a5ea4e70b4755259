"""In which environment MPI's processes are started.

To start workers (`MPI_Comm_spawn`), an MPI library runs its own mpiexec. In a job of Slurm that
runs srun on each node, which waits for CPUs that the program's own step has already, for ever, and
binds what it starts to as many CPUs as it has tasks. Its variables say otherwise, to whatever runs
it. On one node it is not needed: mpiexec forks.
"""

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

LAUNCHED = (
    "PMI_",
    "PMIX_",
    "HYDI_",
    "MPI_LOCAL",
    "OMPI_COMM_WORLD_",
    "OMPI_MCA_num_procs",
    "PRTE_L",
    *("SLURM_STEP", "SLURM_PROCID", "SLURM_LOCALID", "SLURM_NODEID", "SLURM_GTIDS"),
    *("SLURM_TASK_PID", "SLURM_SRUN_COMM", "SLURM_CPU_BIND", "SLURM_DISTRIBUTION"),
)
"""Beginnings of the names of variables that a launcher sets for the processes it starts."""
BATCH = ("SLURM_JOB", "PBS_", "LSB_", "PE_HOSTFILE", "OAR_", "FLUX_", "PALS_", "HYDRA_HOST_FILE")
"""Beginnings of those by which a batch system names the machines."""
HERE = {
    **{"HYDRA_IFACE": "lo", "UCX_NET_DEVICES": "lo", "FI_TCP_IFACE": "lo"},
    **{"OMPI_MCA_oob_tcp_if_include": "lo", "OMPI_MCA_btl_tcp_if_include": "lo"},
}
"""Has the processes of MPICH, by UCX or libfabric, and of Open MPI look for each other there."""
ANY_NUMBER = {
    "OMPI_MCA_rmaps_base_oversubscribe": "1",
    "OMPI_MCA_hwloc_base_binding_policy": "none",
    "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe",
    "PRTE_MCA_hwloc_default_binding_policy": "none",
}
"""Has Open MPI, until 4 and from 5 on, start as many as it is told to, on any CPU, as others do."""
IN_SLURM = {"SLURM_OVERLAP": "1", "SLURM_CPU_BIND": "none"}
SLURM_HERE = {"HYDRA_RMK": "user", "HYDRA_LAUNCHER": "fork"}


def is_here(hosts: str | None) -> bool:
    """Whether all workers are to be on this machine, as far as that is known beforehand."""
    if hosts is not None:
        return False
    names = [name for name in os.environ if name.startswith(BATCH)]
    return not names or (
        all(name.startswith("SLURM_") for name in names)
        and os.environ.get("SLURM_NNODES") == "1"
        # Set on the nodes of a job alone: not where salloc was typed.
        and "SLURMD_NODENAME" in os.environ
    )


def surroundings(here: bool) -> dict[str, str | None]:
    """What is to change in the environment of a process that starts MPI; None: is not to be there.

    One that was itself started by a launcher inherits what was meant for that program, and MPI
    would wait for a launcher that does not know it. mpiexec stands next to the interpreter where
    pip installed it, and may not be in the PATH.
    """
    changes: dict[str, str | None] = {
        name: None for name in os.environ if name.startswith(LAUNCHED)
    }
    own = Path(sys.executable).parent
    if (own / "mpiexec").exists():
        changes["PATH"] = f"{own}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    in_slurm = "SLURM_JOB_ID" in os.environ
    usual = dict(ANY_NUMBER)
    if here:
        usual |= HERE | (SLURM_HERE if in_slurm else {})
    changes |= {name: value for name, value in usual.items() if name not in os.environ}
    return changes | (IN_SLURM if in_slurm else {})


def has_mpiexec() -> bool:
    beside = Path(sys.executable).with_name("mpiexec")
    return beside.exists() or shutil.which("mpiexec") is not None


def change_environment(changes: Mapping[str, str | None]) -> None:
    for name, value in changes.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
