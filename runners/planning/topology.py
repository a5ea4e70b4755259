"""Which CPUs share a core, a package or a node of memory, and of what kind they are.

From the kernel's files alone (its Documentation/admin-guide/cputopology.rst), for the CPUs that
this process may use. What they do not tell is None, and named in `not_told`: nothing is guessed.
The folders are parameters, so that any machine's files can be read.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runners.model import listed

PROC = Path("/proc")
SYS = Path("/sys")
MOST_CPUS = 1 << 16
"""No machine has more: a list of CPUs that says so is none."""
SMALL = 0.9
"""CPUs of less than this part of the largest capacity, or frequency, are another kind of core:
those of one kind differ by a few percent, as favoured cores do."""
KINDS = ("performance", "middle", "efficiency")
MACHINES = r"QEMU|KVM|VMware|VirtualBox|innotek|Xen|Bochs|Parallels|Google Compute Engine|BHYVE"
"""Of virtual machines, in what the firmware calls the machine (as systemd-detect-virt has it)."""


@dataclass(frozen=True, slots=True)
class Cpu:
    """A logical CPU that may be used.

    `core` is the lowest number of the CPUs that share its core, of all that are online; `kind` is
    one of KINDS where the machine has several kinds of core, else "". Frequencies are the limits of
    its policy. None: not told.
    """

    number: int
    core: int | None
    package: int | None
    node: int | None
    kind: str | None
    min_khz: int | None
    max_khz: int | None


@dataclass(frozen=True, slots=True)
class Topology:
    """The CPUs that may be used, by number, and how they are put together.

    `offline` are CPUs that are there and switched off; `smt` is what the kernel says of
    simultaneous multithreading (`on`, `off`, `forceoff`, `notsupported`). A `virtual` machine shows
    what its host wants; where it shows a CPU a core, these may be threads of the host's cores.
    `threaded` says that it shows threads of one core, be they among these CPUs or not.
    `counted_cores` is the number of all cores, where a system tells no more.
    """

    cpus: tuple[Cpu, ...]
    offline: tuple[int, ...] = ()
    smt: str | None = None
    virtual: bool = False
    threaded: bool = False
    counted_cores: int | None = None

    @property
    def shown_cores(self) -> int | None:
        """How many cores the CPUs are shown to be on; None where it is not told of all."""
        return _distinct(cpu.core for cpu in self.cpus)

    @property
    def physical_cores(self) -> int | None:
        """How many cores the CPUs that may be used are on; None where that is not known."""
        return self.counted_cores if self._hides_cores else self.shown_cores

    @property
    def packages(self) -> int | None:
        return None if self._hides_cores else _distinct(cpu.package for cpu in self.cpus)

    @property
    def nodes(self) -> dict[int, tuple[int, ...]] | None:
        """The CPUs of each NUMA node that has some of them."""
        if _distinct(cpu.node for cpu in self.cpus) is None:
            return None
        found: dict[int, tuple[int, ...]] = {}
        for cpu in self.cpus:
            assert cpu.node is not None
            found[cpu.node] = (*found.get(cpu.node, ()), cpu.number)
        return dict(sorted(found.items()))

    @property
    def cores(self) -> list[tuple[int, ...]]:
        """The CPUs of each core as they are shown; one whose core is not told is by itself."""
        found: dict[tuple[str, int], list[int]] = {}
        for cpu in self.cpus:
            key = ("cpu", cpu.number) if cpu.core is None else ("core", cpu.core)
            found.setdefault(key, []).append(cpu.number)
        return [tuple(own) for own in found.values()]

    @property
    def kinds(self) -> dict[str, tuple[int, ...]]:
        """The CPUs of each kind of core, the fastest first; none where there are no kinds."""
        found = {kind: [cpu.number for cpu in self.cpus if cpu.kind == kind] for kind in KINDS}
        return {kind: tuple(own) for kind, own in found.items() if own}

    @property
    def not_told(self) -> tuple[str, ...]:
        """What this machine does not tell, in words."""
        why = " (a virtual machine, whose CPUs may be threads of its host's cores)"
        found = []
        if self.physical_cores is None:
            hidden = self._hides_cores and self.shown_cores is not None
            found.append("physical cores: not told by this machine" + (why if hidden else ""))
        if self.packages is None:
            found.append("packages: not told by this machine")
        if self.nodes is None:
            found.append("NUMA nodes: not told by this machine")
        if any(cpu.kind is None for cpu in self.cpus):
            found.append("kinds of core: not told by this machine")
        if any(cpu.max_khz is None for cpu in self.cpus):
            found.append("frequency limits: not told by this machine")
        return tuple(found)

    def facts(self) -> dict[str, Any]:
        """The same as plain data: what environment.json has under `topology`."""
        nodes = self.nodes or {}
        return {
            "cpus": listed(cpu.number for cpu in self.cpus),
            "offline": listed(self.offline) or None,
            "physical_cores": self.physical_cores,
            "siblings": [listed(core) for core in self.cores if len(core) > 1],
            "packages": self.packages,
            "numa_nodes": {str(at): listed(own) for at, own in nodes.items()} or None,
            "core_kinds": {kind: listed(own) for kind, own in self.kinds.items()},
            "smt": self.smt,
            "virtual_machine": self.virtual,
            "frequency_khz": _frequencies(self.cpus),
            "not_told": list(self.not_told),
        }

    @property
    def mark(self) -> str | None:
        """What of it changes a result and is not told by the number of usable CPUs.

        None where each CPU is a core and all are alike, or nobody knows.
        """
        parts = []
        cores, count = self.physical_cores, len(self.cpus)
        if cores is not None and cores < count:
            parts.append(f"{cores} core{'' if cores == 1 else 's'}, {count} CPUs")
        parts += [f"{len(own)} {kind}" for kind, own in self.kinds.items()]
        return "; ".join(parts) or None

    @property
    def _hides_cores(self) -> bool:
        if not self.cpus or self.shown_cores is None:
            return True
        return self.virtual and not self.threaded


def read_topology(allowed: Collection[int], sys_folder: Path = SYS, proc: Path = PROC) -> Topology:
    """How these CPUs are put together, of which those that are online may be used."""
    cpus = sys_folder / "devices/system/cpu"
    online = numbers(_text(cpus / "online"))
    usable = sorted(online.intersection(allowed) or allowed)
    kinds = _kinds(cpus, sys_folder / "devices", usable, online or usable)
    nodes = _nodes(sys_folder / "devices/system/node")
    found = []
    for number in usable:
        own = cpus / f"cpu{number}"
        low, high = _limits(own, cpus, number)
        found.append(
            Cpu(
                number,
                core=min(_siblings(own / "topology", number), default=None),
                package=_number(own / "topology/physical_package_id"),
                node=nodes.get(number),
                kind=kinds.get(number),
                min_khz=low,
                max_khz=high,
            )
        )
    present = numbers(_text(cpus / "present"))
    return Topology(
        tuple(found),
        offline=tuple(sorted(present - online)) if online else (),
        smt=_text(cpus / "smt/control") or None,
        virtual=is_virtual(sys_folder, proc),
        threaded=any(
            len(_siblings(cpus / f"cpu{number}/topology", number)) > 1 for number in usable
        ),
    )


def is_virtual(sys_folder: Path = SYS, proc: Path = PROC) -> bool:
    """Whether this is a virtual machine, as far as the processor or the firmware says so."""
    if re.search(r"^flags\s*:.*\bhypervisor\b", _text(proc / "cpuinfo"), re.MULTILINE):
        return True
    if _text(sys_folder / "hypervisor/type") or (proc / "device-tree/hypervisor").exists():
        return True
    vendor = _text(sys_folder / "class/dmi/id/sys_vendor")
    product = _text(sys_folder / "class/dmi/id/product_name")
    if vendor == "Amazon EC2":
        return not product.endswith(".metal")
    if vendor == "Microsoft Corporation":
        return product == "Virtual Machine"
    return re.search(MACHINES, f"{vendor} {product}") is not None


def numbers(text: str) -> set[int]:
    """The CPUs in a list as the kernel writes it: `0-3,8`; none where it is no such list."""
    found: set[int] = set()
    for part in filter(None, text.strip().split(",")):
        ends = re.fullmatch(r"(\d{1,7})(?:-(\d{1,7}))?", part.strip())
        if ends is None:
            return set()
        first = int(ends[1])
        last = int(ends[2] or first)
        if last >= MOST_CPUS:
            return set()
        found.update(range(first, last + 1))
    return found


def _siblings(topology: Path, number: int) -> set[int]:
    """The CPUs that share a core with that one, itself included; none where it is not told.

    `core_id` is not one core's alone: other packages, and other clusters, have it again.
    """
    for name in ("core_cpus_list", "thread_siblings_list"):  # before Linux 5.2 only the second
        own = numbers(_text(topology / name))
        if number in own:
            return own
    return set()


def _nodes(folder: Path) -> dict[int, int]:
    """The NUMA node of each CPU."""
    found = {}
    for node in folder.glob("node[0-9]*"):
        for cpu in numbers(_text(node / "cpulist")):
            found[cpu] = int(node.name.removeprefix("node"))
    return found


def _limits(cpu: Path, cpus: Path, number: int) -> tuple[int | None, int | None]:
    """The frequency limits of its policy, in kHz."""
    for folder in (cpu / "cpufreq", cpus / f"cpufreq/policy{number}"):
        if (high := _number(folder / "cpuinfo_max_freq")) is not None:
            return _number(folder / "cpuinfo_min_freq"), high
    return None, None


def _kinds(
    cpus: Path, devices: Path, usable: Sequence[int], online: Collection[int]
) -> dict[int, str]:
    """The kind of core of each CPU; "" for all where they are alike, none where nothing tells.

    Intel's hybrid processors have a unit of counters for each kind (`cpu_core`, `cpu_atom`), Arm's
    tell a capacity of each CPU, others differ in their highest frequency.
    """
    large, small = (numbers(_text(devices / name / "cpus")) for name in ("cpu_core", "cpu_atom"))
    if large and small:
        words = ("performance", large), ("efficiency", small)
        return {cpu: kind for kind, own in words for cpu in own}
    for name in ("cpu_capacity", "cpufreq/cpuinfo_max_freq"):
        values = {cpu: _number(cpus / f"cpu{cpu}" / name) for cpu in {*online, *usable}}
        known = {cpu: value for cpu, value in values.items() if value is not None}
        if set(usable) <= set(known):
            return _by_size(known)
    return {}


def _by_size(sizes: Mapping[int, int]) -> dict[int, str]:
    """The kind of core of each CPU by a number that is larger for the faster ones."""
    steps: list[int] = []
    for size in sorted(set(sizes.values()), reverse=True):
        if not steps or size < SMALL * steps[-1]:
            steps.append(size)
    if len(steps) < 2:
        return dict.fromkeys(sizes, "")
    places = {cpu: sum(size < SMALL * step for step in steps) for cpu, size in sizes.items()}
    most = max(places.values())
    words = {0: KINDS[0], most: KINDS[-1]}
    return {cpu: words.get(place, KINDS[1]) for cpu, place in places.items()}


def _frequencies(cpus: Sequence[Cpu]) -> list[str]:
    """The limits that there are, each with how many CPUs have it: `400000-4700000 (8 CPUs)`."""
    told = Counter((cpu.min_khz, cpu.max_khz) for cpu in cpus if cpu.max_khz is not None)
    return [f"{low or '?'}-{high} ({count} CPUs)" for (low, high), count in told.items()]


def _distinct(values: Iterable[int | None]) -> int | None:
    found = set(values)
    return None if None in found or not found else len(found)


def _number(path: Path) -> int | None:
    text = _text(path)
    return int(text) if re.fullmatch(r"\d{1,12}", text) else None  # -1: the kernel does not know


def _text(path: Path) -> str:
    return read(path).strip()


def read(path: Path) -> str:
    """What is in a file of the kernel's; "" where there is none, or it may not be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
