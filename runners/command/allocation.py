"""What a batch system gave to the job that this program is in."""

import os
import re
from functools import cache
from typing import NamedTuple

from runners.command.jobs import Unanswered, said

ASKING_S = 10.0
"""How long Slurm may take to say how a job was submitted: it is asked before a measurement."""


class Allocation(NamedTuple):
    """CPUs of this machine that the job has, its nodes, and whether it has these to itself.

    Each is None where it is not known; all are outside of a job of Slurm's.
    """

    job_cpus: int | None = None
    job_nodes: int | None = None
    exclusive: bool | None = None


@cache
def allocation() -> Allocation:
    """That of this process; it is asked once."""
    number = os.environ.get("SLURM_JOB_ID", "")
    if not number:
        return Allocation()
    cpus, nodes = map(_number, ("SLURM_CPUS_ON_NODE", "SLURM_JOB_NUM_NODES"))
    return Allocation(cpus, nodes, _exclusive(number, cpus))


def _number(variable: str) -> int | None:
    value = os.environ.get(variable, "")
    return int(value) if re.fullmatch(r"[1-9]\d{0,5}", value) else None


def _exclusive(number: str, cpus: int | None) -> bool | None:
    """Slurm says OverSubscribe=NO of a job with whole nodes, OK of one whose CPUs are its own, and
    YES of one that shares these. Of a node all of whose CPUs are one job's nobody else has any."""
    all_cpus = cpus is not None and cpus >= (os.cpu_count() or 1)
    try:
        told = said(["scontrol", "--oneliner", "show", "job", number], ASKING_S)
    except Unanswered:
        return None if cpus is None or all_cpus else False
    found = re.search(r"\bOverSubscribe=(\S+)", told)
    if found is None:
        return None
    return found[1] in ("NO", "EXCLUSIVE") or (all_cpus and found[1] == "OK")
