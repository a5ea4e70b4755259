"""Facts about the machine that a result depends on.

The folders that the kernel's files are read from are parameters, so that any layout can be tested.
What cannot be read is None, never an error. Read once per start of the program, so it stays quick:
what takes long to import is imported where it is used.
"""

import os
import platform
import re
import subprocess
import sys
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath

from runners.model import Environment
from runners.planning.topology import PROC, SYS, Topology, numbers, read, read_topology
from runners.planning.variables import variables

CGROUP = SYS / "fs/cgroup"
ASKING_TIMEOUT_S = 2
LOG = ("git", "-c", "log.showSignature=false", "log", "-1", "--format=%cI %D", "--decorate=short")


def read_environment(
    proc: Path = PROC, cgroup: Path = CGROUP, sys_folder: Path = SYS
) -> Environment:
    """All facts but those of an interpreter; names follow pyperf's metadata where it has one."""
    quota, _ = tightest(proc, cgroup)
    load = _match(r"^(\S+)", proc / "loadavg")
    facts = {
        "platform": platform.platform(True, False),
        "hostname": platform.node() or None,
        "load_avg_1min": float(load) if load else None,
        "cpu_model_name": cpu_model(proc),
        "cpu_count": os.cpu_count(),
        "cpu_cores": cpu_cores(proc, sys_folder),
        "memory_bytes": _memory_bytes(),
        "cpu_affinity": _affinity(),
        "cpu_quota": quota,
        "cpu_governor": _governors(sys_folder),
        "topology": topology(proc, cgroup, sys_folder).facts(),
        "environment_variables": variables(os.environ),
        "python_hash_seed": os.environ.get("PYTHONHASHSEED") or "random",
        **_git(),
    }
    return Environment(facts, usable_cpus(proc, cgroup))


@dataclass(frozen=True, slots=True)
class Site:
    """What planning has to know of the machine, read once for all cells.

    `cpu_stat` is the file of `cpu_stat_file`. `machine` is the kind of processor, `system` the
    kernel and its version. `variables` are those of the environment that results depend on.
    `topology` is None where cells are planned for another machine.
    """

    usable_cpus: float
    cpu_stat: str | None
    machine: str
    system: str
    variables: Mapping[str, str]
    topology: Topology | None


def read_site() -> Site:
    """The machine as it is now."""
    return Site(
        usable_cpus=usable_cpus(),
        cpu_stat=cpu_stat_file(),
        machine=f"{platform.machine()} {cpu_model() or ''}".strip(),
        system=f"{platform.system()} {'.'.join(platform.release().split('.')[:2])}",
        variables=variables(os.environ),
        topology=topology(),
    )


def interpreter_options() -> tuple[str, ...]:
    """What a fresh interpreter is started with so that it is like this one: -O, -W, every -X."""
    options = list(subprocess._args_from_interpreter_flags())  # type: ignore[attr-defined]
    # Before Python 3.14 most -X are not among them.
    written = {option.partition("=")[0] for option in options}
    for name, value in sys._xoptions.items():
        if name not in {*written, "faulthandler"}:  # which each has anyway
            options += ["-X", name if value is True else f"{name}={value}"]
    return tuple(options)


def cpu_model(proc: Path = PROC) -> str | None:
    """The processor's name as the system tells it; on ARM, the kernel has numbers for it only."""
    if (name := _match(r"^model name\s*:\s*(.+)$", proc / "cpuinfo")) is not None:
        return name
    if sys.platform == "darwin":
        return _sysctl("machdep.cpu.brand_string")
    text = read(proc / "cpuinfo")
    if kinds := _arm_cores(text):
        return ", ".join(kinds)
    # cpu: POWER. processor 0: version = ..., machine = ...: IBM Z. uarch, isa: RISC-V.
    for name in ("cpu", "cpu model", "uarch", "isa", "Processor", "Hardware"):
        if found := re.search(rf"^{name}\s*:\s*(.+)$", text, re.MULTILINE):
            return found[1]
    found = re.search(r"^processor 0:.*(machine\s*=\s*\w+)", text, re.MULTILINE)
    return found[1] if found else platform.processor() or None


def _arm_cores(cpuinfo: str) -> list[str]:
    """Each kind of core once: `implementer 0x41, part 0xd0c, variant 0x3, revision 1`."""
    kinds: dict[str, None] = {}
    for core in cpuinfo.split("\n\n"):
        found = dict(re.findall(r"^CPU (\w+)\s*:\s*(\S+)", core, re.MULTILINE))
        if "part" in found:
            names = ("implementer", "part", "variant", "revision")
            kinds[" ".join(f"{name} {found[name]}" for name in names if name in found)] = None
    return sorted(kinds)


@cache
def _sysctl(name: str) -> str | None:
    """What macOS says under that name."""
    return _asked("sysctl", "-n", name)


def usable_cpus(proc: Path = PROC, cgroup: Path = CGROUP) -> float:
    """How many CPUs this process may keep busy: the lesser of its affinity and its cgroup quota.

    A quota may be a fraction, and the tightest one of all enclosing cgroups counts.
    """
    allowed = allowed_cpus(proc, cgroup)
    count = len(allowed) if allowed else os.cpu_count() or 1
    quota, _ = tightest(proc, cgroup)
    return float(count) if quota is None else min(float(count), quota)


def allowed_cpus(
    proc: Path = PROC, cgroup: Path = CGROUP, affinity: Collection[int] | None = None
) -> set[int] | None:
    """The CPUs that this process may run on: of its affinity, those in its control group's cpuset.

    The kernel keeps an affinity within the cpuset; one that is given need not be. None where the
    system does not tell.
    """
    found = _affinity() if affinity is None else affinity
    if found is None:
        return None
    for folder in _cgroups(proc, cgroup, "cpuset"):
        for name in ("cpuset.cpus.effective", "cpuset.effective_cpus"):
            if both := numbers(read(folder / name)).intersection(found):
                return both
    return set(found)


def topology(proc: Path = PROC, cgroup: Path = CGROUP, sys_folder: Path = SYS) -> Topology:
    """The CPUs that this process may run on. macOS tells how many cores it has, and no more."""
    if (allowed := allowed_cpus(proc, cgroup)) is not None:
        return read_topology(allowed, sys_folder, proc)
    cores = _sysctl("hw.physicalcpu") if sys.platform == "darwin" else None
    return Topology((), counted_cores=int(cores) if cores and cores.isdecimal() else None)


def cpu_stat_file(proc: Path = PROC, cgroup: Path = CGROUP) -> str | None:
    """Path of the cpu.stat that counts how long the quota held this process back.

    The kernel counts in the cgroup that has the quota; that of the tightest one is taken. None
    where no quota is set: nothing is ever throttled then.
    """
    _, folder = tightest(proc, cgroup)
    if folder is None or _match(r"^(nr_throttled) ", folder / "cpu.stat") is None:
        return None
    return str(folder / "cpu.stat")


def tightest(proc: Path, cgroup: Path) -> tuple[float, Path] | tuple[None, None]:
    """The least quota of all cgroups around this process, in CPUs, and the folder that sets it."""
    limits = [(quota, g) for g in _cgroups(proc, cgroup, "cpu") if (quota := _quota(g)) is not None]
    return min(limits, key=lambda limit: limit[0], default=(None, None))


def _cgroups(proc: Path, cgroup: Path, controller: str) -> Iterator[Path]:
    """Folders of the cgroups around this process that may have that controller, the inmost first.

    A line of /proc/self/cgroup is `id:controllers:path` (cgroups(7)). Version 2 has no controllers
    there and is mounted on `unified` beside version 1.
    """
    for line in read(proc / "self" / "cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if not controllers:
            mount = cgroup / "unified" if (cgroup / "unified").is_dir() else cgroup
        elif controller in controllers.split(","):
            mount = cgroup / controllers if (cgroup / controllers).is_dir() else cgroup / controller
        else:
            continue
        # In a container the path may be the host's, of which only the mount itself can be seen
        # (missing files set no limit), or lead out of the namespace (`/../x`).
        inside = PurePosixPath("/" if ".." in path.split("/") else path)
        for group in (inside, *inside.parents):
            yield mount / group.relative_to("/")


def _quota(folder: Path) -> float | None:
    """CPU time per elapsed time that a cgroup may use; None if it sets no limit."""
    text = read(folder / "cpu.max") or " ".join(
        (read(folder / "cpu.cfs_quota_us"), read(folder / "cpu.cfs_period_us"))
    )
    try:
        quota, period = map(int, text.split())
    except ValueError:  # no file, or "max": no limit
        return None
    return quota / period if quota > 0 and period > 0 else None  # version 1 writes -1 for no limit


def _affinity() -> list[int] | None:
    """Numbers of the CPUs this process may run on; None where the system does not tell."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None


def cpu_cores(proc: Path = PROC, sys_folder: Path = SYS) -> int | None:
    """How many cores the CPUs of the machine are, whoever may use them; None: it does not tell."""
    online = sys_folder.glob("devices/system/cpu/cpu[0-9]*/topology")
    every = {int(folder.parent.name.removeprefix("cpu")) for folder in online}
    return read_topology(every, sys_folder, proc).physical_cores


def _memory_bytes() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return None


def _governors(sys_folder: Path) -> list[str] | None:
    """The frequency governors in use, each once."""
    files = sys_folder.glob("devices/system/cpu/cpu[0-9]*/cpufreq/scaling_governor")
    found = {read(file).strip() for file in files}
    return sorted(found - {""}) or None


def _git() -> dict[str, str | None]:
    """Of the current folder's working tree: the commit, `-dirty` if tracked files have changed, the
    date of that commit in ISO 8601 and the branch; None where there is none."""
    commit = _asked("git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")
    shown = _asked(*LOG) if commit else None
    date, _, names = (shown or "").partition(" ")
    branch = re.search(r"HEAD -> ([^,]+)", names)
    return {
        "git_commit": commit,
        "git_commit_date": date or None,
        "git_branch": branch[1] if branch else None,
    }


def _asked(*command: str) -> str | None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=ASKING_TIMEOUT_S)
    except (OSError, ValueError, subprocess.TimeoutExpired):  # ValueError: not in UTF-8
        return None
    return done.stdout.strip() or None


def _match(pattern: str, path: Path) -> str | None:
    found = re.search(pattern, read(path), re.MULTILINE)
    return found[1] if found else None
