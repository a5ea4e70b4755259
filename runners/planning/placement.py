"""`placement`: which CPUs the workers of a cell are pinned to.

One worker a CPU: pinned to more than there are, some would share one and others not, which is
another question than that of the placement.
"""

import re
from collections.abc import Sequence
from typing import Any

from runners.model import Misplaced, UsageError, listed
from runners.planning.topology import KINDS, Cpu, Topology

NONE = "none"
WORDS = (NONE, "cores", "siblings", "node")
MOST = 1 << 16
HOW = "choose none, cores, siblings, node, or a list of CPUs, as [0,2]"


def named(value: Any) -> str:
    """A placement as rows and identities have it: a word, or `[0,2]`. Raises UsageError."""
    if value is None:
        return NONE
    if isinstance(value, str):
        if value in WORDS:
            return value
        if re.fullmatch(r"\[\d{1,6}(,\d{1,6})*\]", value, re.ASCII):  # as rows have it
            return named([int(cpu) for cpu in value.strip("[]").split(",")])
    elif isinstance(value, Sequence) and value:
        told = f"[{','.join(map(str, value))}]"
        if not all(type(cpu) is int and 0 <= cpu < MOST for cpu in value):
            raise UsageError(f"placement={told}: a CPU is a number, from 0 on")
        if len(set(value)) < len(value):
            raise UsageError(f"placement={told}: a CPU is there twice; each has one worker")
        return told
    raise UsageError(f"placement={value}: {HOW}")


def placed(placement: str, workers: int, topology: Topology) -> tuple[int, ...]:
    """The CPU of each worker, in their order; none for the placement `none`.

    Raises UsageError, with Misplaced for its cause where it is this machine that does not have it.
    """
    if placement == NONE:
        return ()
    usable = [cpu.number for cpu in topology.cpus]
    may = f"this program may use {_count(len(usable), 'CPU')} ({listed(usable)})"
    if placement.startswith("["):
        order = [int(cpu) for cpu in placement.strip("[]").split(",")]
        if beyond := sorted(set(order) - set(usable)):
            raise UsageError(f"placement={placement}: CPU {beyond[0]} cannot be had; {may}")
        may = f"that is {_count(len(order), 'CPU')}"
    elif placement == "cores":
        if topology.shown_cores is None:
            raise _misplaced(placement, "this machine does not tell which CPUs share a core", "")
        order = _cores_first(topology.cpus)
    elif placement == "siblings":
        order = _siblings_first(topology)
        if not order:
            why = "no two of them are shown as threads of one core"
            raise _misplaced(placement, f"{may}, and {why}", "")
    else:
        order, may = _of_a_node(topology, workers)
    if workers > len(order):
        few = f"{_count(workers, 'worker')}, and {may}"
        raise _misplaced(placement, few, f"set n={len(order)} at most, or ")
    return tuple(order[:workers])


def cores_of(cpus: Sequence[int], topology: Topology) -> int | None:
    """How many physical cores these CPUs are on; None where there are none, or nobody knows."""
    if not cpus or topology.physical_cores is None:
        return None
    return len({cpu.core for cpu in topology.cpus if cpu.number in cpus})


def _misplaced(placement: str, reason: str, remedy: str) -> UsageError:
    text = f"placement={placement}: {reason}; {remedy}set placement=none, where workers may move"
    error = UsageError(text)
    error.__cause__ = Misplaced(text)
    return error


def _cores_first(cpus: Sequence[Cpu]) -> list[int]:
    """One CPU of each core, then the second ones: of the fastest kind first, then by node."""
    return [cpu for thread in _threads(cpus) for cpu in thread]


def _threads(cpus: Sequence[Cpu]) -> list[list[int]]:
    """The first CPU of each core, the second ones, and so on."""
    found: list[list[int]] = []
    seen: dict[int | None, int] = {}
    for cpu in sorted(cpus, key=_rank):
        place = seen.get(cpu.core, 0)
        seen[cpu.core] = place + 1
        if place == len(found):
            found.append([])
        found[place].append(cpu.number)
    return found


def _siblings_first(topology: Topology) -> list[int]:
    """Both threads of a core, then those of the next; at last the cores that have one."""
    rank = {cpu.number: _rank(cpu) for cpu in topology.cpus}
    cores = sorted(topology.cores, key=lambda core: (len(core) < 2, rank[core[0]]))
    return [cpu for core in cores for cpu in core] if len(cores[0]) > 1 else []


def _of_a_node(topology: Topology, workers: int) -> tuple[list[int], str]:
    """The CPUs of the first node that has enough of them, or the most; and what nodes there are."""
    nodes = topology.nodes
    if nodes is None:
        raise _misplaced("node", "this machine does not tell which CPUs are in a node", "")
    enough = [own for own in nodes.values() if len(own) >= workers]
    chosen = enough[0] if enough else max(nodes.values(), key=len)
    order = _cores_first([cpu for cpu in topology.cpus if cpu.number in chosen])
    return order, f"no NUMA node has more than {_count(len(chosen), 'CPU')} for this program"


def _rank(cpu: Cpu) -> tuple[int, int, int, int]:
    kind = KINDS.index(cpu.kind) if cpu.kind else 0
    return kind, cpu.node or 0, cpu.number if cpu.core is None else cpu.core, cpu.number


def _count(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
