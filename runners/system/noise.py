"""What makes timings on a machine noisy, each with the command that would change it.

Everything is read, nothing is changed. The folders are parameters, so that any machine's files can
be read; what cannot be read says so. Which of them matter, and why, is in V. Stinner, "How to run
stable benchmarks" (pyperf's documentation), and docs/placement.md.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from runners.analysis.attainable import BUSY
from runners.model import listed
from runners.planning.environment import CGROUP, tightest
from runners.planning.topology import PROC, SYS, Topology, is_virtual, read

SUDO = "sudo"
HOST = "no command here changes that: a dedicated host does, or a machine of metal"
STEAL = 0.01
"""A machine is told to be noisy if its host has given more than this part of its CPUs to others."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that may make timings noisy: `noisy` is None where the machine does not tell.

    `command` would change it, for whoever may; `besides` is what else helps. "" where there is
    nothing of the kind.
    """

    what: str
    noisy: bool | None
    words: str
    command: str = ""
    besides: str = ""


def findings(
    topology: Topology,
    others: float | None,
    sys_folder: Path = SYS,
    proc: Path = PROC,
    cgroup: Path = CGROUP,
) -> list[Finding]:
    """All there is to say, what is noisy first, then what is not told.

    `others` is the share of the usable CPUs that other programs take now, None if it is not known.
    """
    cpus = sys_folder / "devices/system/cpu"
    found = [
        _load(others, proc),
        _governor(cpus),
        _turbo(cpus),
        _limits(cpus),
        _smt(topology, cpus),
        _kinds(topology),
        _quota(proc, cgroup),
        _virtual(sys_folder, proc),
        _steal(proc),
        _throttling(cpus),
        _battery(sys_folder),
        _aslr(proc),
        _huge_pages(sys_folder),
        _swap(proc),
        *_balancing(topology, proc),
    ]
    return sorted(found, key=lambda one: (one.noisy is False, one.noisy is None))


def _unknown(what: str) -> Finding:
    return Finding(what, None, "not told by this machine")


def _load(others: float | None, proc: Path) -> Finding:
    average = read(proc / "loadavg").split()
    mean = f"; load average {average[0]}" if average else ""
    if others is None:
        return _unknown("other load")
    taken = f"other programs take {others:.0%} of the usable CPUs{mean}"
    if others <= BUSY:
        return Finding("other load", False, taken)
    wait = "measure.wait_quiet_s=60 has each measurement wait for a minute"
    return Finding("other load", True, taken, "top -o %CPU", wait)


def _governor(cpus: Path) -> Finding:
    files = sorted(cpus.glob("cpu[0-9]*/cpufreq/scaling_governor"))
    names = sorted({read(file).strip() for file in files} - {""})
    if not names:
        return _unknown("governor")
    noisy = names != ["performance"]
    words = f"{', '.join(names)}: the clock {'follows the load' if noisy else 'stays up'}"
    command = f"{SUDO} cpupower frequency-set -g performance" if noisy else ""
    return Finding("governor", noisy, words, command)


def _turbo(cpus: Path) -> Finding:
    for file, on in ((cpus / "intel_pstate/no_turbo", "0"), (cpus / "cpufreq/boost", "1")):
        if (text := read(file).strip()) in ("0", "1"):
            if text != on:
                return Finding("turbo", False, "off")
            off = "1" if on == "0" else "0"
            words = "on: the clock falls with the number of busy cores, and with heat"
            return Finding("turbo", True, words, f"echo {off} | {SUDO} tee {file}")
    return _unknown("turbo")


def _limits(cpus: Path) -> Finding:
    """A limit below what the processor is able to do; heat and power savers set it."""
    cut = []
    known = False
    for folder in cpus.glob("cpu[0-9]*/cpufreq"):
        most, now = (read(folder / f"{name}_max_freq").strip() for name in ("cpuinfo", "scaling"))
        if most.isdecimal() and now.isdecimal():
            known = True
            if int(now) < int(most):
                cut.append((int(now), int(most)))
    if not known:
        return _unknown("clock limit")
    if not cut:
        return Finding("clock limit", False, "none below what the processor can do")
    now_khz, most_khz = min(cut)
    which = "1 CPU is" if len(cut) == 1 else f"{len(cut)} CPUs are"
    words = f"{which} held to {now_khz / 1e6:.2f} of {most_khz / 1e6:.2f} GHz"
    return Finding("clock limit", True, words, f"{SUDO} cpupower frequency-set -u {most_khz}kHz")


def _smt(topology: Topology, cpus: Path) -> Finding:
    pairs = [core for core in topology.cores if len(core) > 1]
    if not pairs and topology.smt == "on":
        return Finding("SMT", False, "no two usable CPUs are threads of one core")
    if not pairs:
        if topology.physical_cores is None and topology.smt in (None, "notsupported", ""):
            return _unknown("SMT")
        return Finding("SMT", False, "each usable CPU is a core")
    words = f"{len(topology.cpus)} usable CPUs are threads of {topology.physical_cores} cores"
    command = f"echo off | {SUDO} tee {cpus / 'smt/control'}"
    return Finding("SMT", True, words, command, "placement=cores has workers on cores of their own")


def _kinds(topology: Topology) -> Finding:
    if any(cpu.kind is None for cpu in topology.cpus) or not topology.cpus:
        return _unknown("kinds of core")
    kinds = topology.kinds
    if len(kinds) < 2:
        return Finding("kinds of core", False, "the usable CPUs are of one kind")
    words = "; ".join(f"{kind}: {listed(own)}" for kind, own in kinds.items())
    fast = listed(next(iter(kinds.values())))
    return Finding("kinds of core", True, words, f"taskset -c {fast} python -m runners ...")


def _quota(proc: Path, cgroup: Path) -> Finding:
    if not read(proc / "self/cgroup"):
        return _unknown("CPU quota")
    quota, folder = tightest(proc, cgroup)
    if quota is None or folder is None:
        return Finding("CPU quota", False, "none")
    words = f"{quota:g} CPUs: what is above it stops for the rest of each period"
    if (folder / "cpu.max").exists():
        return Finding("CPU quota", True, words, f"echo max | {SUDO} tee {folder / 'cpu.max'}")
    return Finding("CPU quota", True, words, f"echo -1 | {SUDO} tee {folder / 'cpu.cfs_quota_us'}")


def _virtual(sys_folder: Path, proc: Path) -> Finding:
    if not is_virtual(sys_folder, proc):
        known = read(proc / "cpuinfo") or read(sys_folder / "class/dmi/id/sys_vendor")
        found = Finding("virtual machine", False, "no sign of one")
        return found if known else _unknown("virtual machine")
    words = "yes: other guests share its host, and its CPUs may be threads of the host's cores"
    return Finding("virtual machine", True, words, besides=HOST)


def _steal(proc: Path) -> Finding:
    """Since the machine was started (proc(5), stat: the eighth number)."""
    line = next((one for one in read(proc / "stat").splitlines() if one.startswith("cpu ")), "")
    ticks = [int(one) for one in line.split()[1:9] if one.isdecimal()]
    if len(ticks) < 8 or not sum(ticks):
        return _unknown("steal")
    share = ticks[7] / sum(ticks)
    words = f"the host gave {share:.1%} of the CPUs' time to other guests since the start"
    return Finding("steal", share > STEAL, words, besides=HOST if share > STEAL else "")


def _throttling(cpus: Path) -> Finding:
    counts: Counter[str] = Counter()
    for kind in ("core", "package"):
        for file in cpus.glob(f"cpu[0-9]*/thermal_throttle/{kind}_throttle_count"):
            if (text := read(file).strip()).isdecimal():
                counts[kind] = max(counts[kind], int(text))  # each CPU of a package has its count
    if not counts:
        return _unknown("heat")
    times = max(counts.values())
    if not times:
        return Finding("heat", False, "the clock was never lowered for it")
    words = f"the clock was lowered for it up to {times} times on a CPU since the start"
    command = f"{SUDO} cpupower frequency-set -u 2GHz"
    return Finding("heat", True, words, command, "a clock that it can keep up, or cooling")


def _battery(sys_folder: Path) -> Finding:
    supplies = list((sys_folder / "class/power_supply").glob("*/online"))
    mains = [read(file).strip() for file in supplies]
    if "1" in mains:
        return Finding("power", False, "from the mains")
    if not mains:
        return _unknown("power")
    return Finding("power", True, "from a battery, which is saved", besides="plug it in")


def _aslr(proc: Path) -> Finding:
    text = read(proc / "sys/kernel/randomize_va_space").strip()
    if not text.isdecimal():
        return _unknown("ASLR")
    if text == "0":
        return Finding("ASLR", False, "off")
    words = "on: each process has other addresses; rounds are spread over several of them"
    return Finding("ASLR", True, words, "setarch -R python -m runners ...")


def _huge_pages(sys_folder: Path) -> Finding:
    file = sys_folder / "kernel/mm/transparent_hugepage/enabled"
    chosen = re.search(r"\[(\w+)\]", read(file))
    if chosen is None:
        return _unknown("huge pages")
    if chosen[1] != "always":
        return Finding("huge pages", False, f"transparent ones: {chosen[1]}")
    words = "transparent ones always: the kernel puts pages together while programs run"
    return Finding("huge pages", True, words, f"echo madvise | {SUDO} tee {file}")


def _swap(proc: Path) -> Finding:
    text = read(proc / "swaps")
    if not text:
        return _unknown("swap")
    used = [line.split() for line in text.splitlines()[1:]]
    kib = sum(int(one[3]) for one in used if len(one) > 3 and one[3].isdecimal())
    if not used:
        return Finding("swap", False, "none")
    if not kib:
        return Finding("swap", False, "there, and not in use")
    return Finding(
        "swap", True, f"{kib >> 10} MiB in use: memory may wait for a disk", f"{SUDO} swapoff -a"
    )


def _balancing(topology: Topology, proc: Path) -> Iterator[Finding]:
    """Of a machine with several nodes: whether the kernel moves memory after the threads."""
    if len(topology.nodes or {}) < 2:
        return
    if read(proc / "sys/kernel/numa_balancing").strip() == "0":
        yield Finding("NUMA balancing", False, "off")
        return
    words = f"{len(topology.nodes or {})} nodes, and memory is moved while programs run"
    command = f"{SUDO} sysctl kernel.numa_balancing=0"
    yield Finding("NUMA balancing", True, words, command, "placement=node has all in one node")
