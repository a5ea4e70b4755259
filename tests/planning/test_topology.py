import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from runners.model import Misplaced, UsageError
from runners.planning.environment import allowed_cpus, topology
from runners.planning.placement import named, placed
from runners.planning.topology import Topology, numbers, read_topology

TOLD = "not told by this machine"


def write(path: Path, text: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{text}\n")


class Tree:
    """The files of a made-up machine, as Linux has them below /sys and /proc."""

    def __init__(self, folder: Path) -> None:
        self.sys, self.proc = folder / "sys", folder / "proc"
        self.cpus = self.sys / "devices/system/cpu"

    def machine(self, online: str, present: str | None = None, smt: str | None = None) -> None:
        write(self.cpus / "online", online)
        write(self.cpus / "present", present or online)
        if smt is not None:
            write(self.cpus / "smt/control", smt)

    def core(self, siblings: str, package: int = 0, *, old: bool = False, **files: int) -> None:
        """A core with these CPUs; the files are those of each: `cpu_capacity`, `max_freq`."""
        for cpu in numbers(siblings):
            own = self.cpus / f"cpu{cpu}"
            name = "thread_siblings_list" if old else "core_cpus_list"
            write(own / "topology" / name, siblings)
            write(own / "topology/physical_package_id", package)
            if "cpu_capacity" in files:
                write(own / "cpu_capacity", files["cpu_capacity"])
            if "max_freq" in files:
                write(own / "cpufreq/cpuinfo_max_freq", files["max_freq"])
                write(own / "cpufreq/cpuinfo_min_freq", 400_000)

    def nodes(self, lists: Mapping[int, str]) -> None:
        for node, cpus in lists.items():
            write(self.sys / f"devices/system/node/node{node}/cpulist", cpus)

    def read(self, allowed: Iterable[int]) -> Topology:
        return read_topology(set(allowed), self.sys, self.proc)


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


def laptop(tree: Tree) -> None:
    """Four P cores with two threads each, eight E cores with one, as Intel's 12th generation."""
    tree.machine("0-15", smt="on")
    for cpu in range(0, 8, 2):
        tree.core(f"{cpu}-{cpu + 1}", max_freq=4_700_000 + 100_000 * (cpu == 4))  # a favoured core
    for cpu in range(8, 16):
        tree.core(str(cpu), max_freq=3_500_000)
    write(tree.sys / "devices/cpu_core/cpus", "0-7")
    write(tree.sys / "devices/cpu_atom/cpus", "8-15")
    tree.nodes({0: "0-15"})


def server(tree: Tree) -> None:
    """Two packages with two nodes of four cores each; the second threads have the upper numbers."""
    tree.machine("0-31", smt="on")
    for cpu in range(16):
        tree.core(f"{cpu},{cpu + 16}", package=cpu // 8, old=True)
    tree.nodes(
        {node: f"{4 * node}-{4 * node + 3},{4 * node + 16}-{4 * node + 19}" for node in range(4)}
    )


def test_a_laptop_with_two_kinds_of_core(tree: Tree) -> None:
    laptop(tree)
    found = tree.read(range(16))
    assert (found.physical_cores, found.packages, len(found.cpus)) == (12, 1, 16)
    assert found.kinds == {"performance": tuple(range(8)), "efficiency": tuple(range(8, 16))}
    assert found.mark == "12 cores, 16 CPUs; 8 performance; 8 efficiency"
    assert found.not_told == ()
    facts = found.facts()
    assert facts["siblings"] == ["0-1", "2-3", "4-5", "6-7"]
    assert facts["frequency_khz"] == [
        "400000-4700000 (6 CPUs)",
        "400000-4800000 (2 CPUs)",
        "400000-3500000 (8 CPUs)",
    ]
    json.dumps(facts)
    # Fast ones first, a core each; and then the second threads.
    assert placed("cores", 14, found) == (0, 2, 4, 6, *range(8, 16), 1, 3)
    assert placed("siblings", 9, found) == (*range(8), 8)
    # Only P cores may be used: each result there is one of P cores.
    assert tree.read(range(0, 8)).mark == "4 cores, 8 CPUs; 8 performance"
    assert tree.read(range(8, 12)).mark == "4 efficiency"


def test_a_server_with_two_packages_and_four_nodes(tree: Tree) -> None:
    server(tree)
    found = tree.read(range(32))
    assert (found.physical_cores, found.packages) == (16, 2)
    assert found.nodes is not None
    assert found.nodes[1] == (4, 5, 6, 7, 20, 21, 22, 23)
    assert found.facts()["numa_nodes"]["3"] == "12-15,28-31"
    assert found.kinds == {}
    assert placed("cores", 17, found) == (*range(16), 16)
    assert placed("siblings", 4, found) == (0, 16, 1, 17)
    assert placed("node", 6, found) == (0, 1, 2, 3, 16, 17)
    # Of a job that has some CPUs of two nodes, only those count.
    part = tree.read([2, 3, 4, 5, 6, 22])
    assert (part.physical_cores, part.packages, part.mark) == (5, 1, "5 cores, 6 CPUs")
    assert placed("node", 4, part) == (4, 5, 6, 22)
    assert placed("siblings", 3, part) == (6, 22, 2)
    with pytest.raises(UsageError, match=r"no NUMA node has more than 8 CPUs .* set n=8 at most"):
        placed("node", 9, found)


MACHINES = json.loads((Path(__file__).parent / "machines.json").read_text())
"""Real machines: which CPUs share a core, a package and a node, and their limits, as their kernels
told it. `expected` is what lscpu of util-linux says of them; a package of -1 is none."""


@pytest.mark.parametrize("name", MACHINES)
def test_a_real_machine(tree: Tree, name: str) -> None:
    machine, expected = MACHINES[name], MACHINES[name]["expected"]
    tree.machine(machine["online"], smt=machine["smt"])
    package_of = {cpu: p for p, cpus in machine["packages"].items() for cpu in numbers(cpus)}
    for siblings in machine["cores"]:
        tree.core(siblings, package=package_of[min(numbers(siblings))], old=True)
    tree.nodes({int(node): cpus for node, cpus in machine["nodes"].items()})
    for limits, cpus in machine["khz"].items():
        for cpu in numbers(cpus):
            for end, khz in zip(("min", "max"), limits.split("-"), strict=True):
                write(tree.cpus / f"cpu{cpu}/cpufreq/cpuinfo_{end}_freq", khz)
    online = sorted(numbers(machine["online"]))
    found = tree.read(online)
    assert [cpu.number for cpu in found.cpus] == online
    assert found.physical_cores == expected["cores"] == len(machine["cores"])
    assert found.packages == expected["packages"]
    assert (len(found.nodes) if found.nodes else None) == expected["nodes"]
    assert found.kinds == {}
    core_of = {cpu.number: cpu.core for cpu in found.cpus}
    first = placed("cores", expected["cores"], found)
    assert len({core_of[cpu] for cpu in first}) == expected["cores"]
    assert sorted(placed("cores", len(online), found)) == online
    if expected["threads"] > 1:
        pair = placed("siblings", 2, found)
        assert core_of[pair[0]] == core_of[pair[1]]
    if found.nodes is not None:
        size = max(map(len, found.nodes.values()))
        assert set(placed("node", size, found)) in map(set, found.nodes.values())


def test_packages_that_number_their_cores_alike_are_told_apart(tree: Tree) -> None:
    """Each package has a core_id 0: cores go by their siblings alone."""
    tree.machine("0-3")
    for cpu in range(4):
        tree.core(str(cpu), package=cpu // 2)
        write(tree.cpus / f"cpu{cpu}/topology/core_id", cpu % 2)
    assert tree.read(range(4)).physical_cores == 4


def test_a_virtual_machine_that_hides_its_cores(tree: Tree) -> None:
    tree.machine("0-3", smt="notsupported")
    for cpu in range(4):
        tree.core(str(cpu), package=cpu)
    write(tree.proc / "cpuinfo", "processor\t: 0\nflags\t\t: fpu ht hypervisor lahf_lm")
    found = tree.read(range(4))
    assert (found.physical_cores, found.packages, found.mark) == (None, None, None)
    assert any(
        text.startswith(f"physical cores: {TOLD} (a virtual machine") for text in found.not_told
    )
    assert placed("cores", 2, found) == (0, 1)  # as they are shown
    # One that shows threads is believed, and so is a machine that is none.
    write(tree.proc / "cpuinfo", "processor\t: 0\nflags\t\t: fpu ht lahf_lm")
    assert tree.read(range(4)).physical_cores == 4
    write(tree.sys / "class/dmi/id/sys_vendor", "QEMU")
    assert tree.read(range(4)).physical_cores is None
    tree.core("0-1")
    tree.core("2-3")
    assert tree.read(range(4)).physical_cores == 2
    assert tree.read([0, 2]).physical_cores == 2  # also where we have one thread of each


def test_a_virtual_machine_without_any_topology(tree: Tree) -> None:
    tree.machine("0-1")
    found = tree.read(range(2))
    assert (found.physical_cores, found.shown_cores, found.nodes) == (None, None, None)
    assert f"physical cores: {TOLD}" in found.not_told
    assert f"NUMA nodes: {TOLD}" in found.not_told
    for placement in ("cores", "siblings", "node"):
        with pytest.raises(UsageError) as error:
            placed(placement, 1, found)
        assert isinstance(error.value.__cause__, Misplaced)
        assert "\n" not in str(error.value)
    assert placed("[1,0]", 2, found) == (1, 0)


def test_a_container_with_a_cpuset(tree: Tree, tmp_path: Path) -> None:
    server(tree)
    cgroup = tmp_path / "cgroup"
    write(tree.proc / "self/cgroup", "0::/docker/a")
    write(cgroup / "cpuset.cpus.effective", "0-31")
    write(cgroup / "docker/a/cpuset.cpus.effective", "0,16,17")
    assert allowed_cpus(tree.proc, cgroup, range(32)) == {0, 16, 17}
    # Version 1 has it in a tree of its own.
    write(tree.proc / "self/cgroup", "4:cpuset:/b\n3:cpu,cpuacct:/b")
    write(cgroup / "cpuset/b/cpuset.effective_cpus", "2-3")
    assert allowed_cpus(tree.proc, cgroup, range(32)) == {2, 3}
    assert allowed_cpus(tree.proc, cgroup, [3, 9]) == {3}
    found = tree.read([0, 16, 17])
    assert (found.physical_cores, found.mark) == (2, "2 cores, 3 CPUs")
    assert placed("cores", 2, found) == (0, 17)


@pytest.mark.parametrize("name", ["cpu_capacity", "max_freq"])
def test_cores_of_several_sizes(tree: Tree, name: str) -> None:
    tree.machine("0-7")
    for cpu in range(8):
        size = (1024, 1024, 1000, 700, 700, 700, 250, 250)[cpu] * 1000
        if name == "cpu_capacity":
            tree.core(str(cpu), cpu_capacity=size)
        else:
            tree.core(str(cpu), max_freq=size)
    found = tree.read(range(8))
    assert found.kinds == {"performance": (0, 1, 2), "middle": (3, 4, 5), "efficiency": (6, 7)}
    assert found.physical_cores == 8
    assert tree.read([6, 7]).kinds == {"efficiency": (6, 7)}


def test_arm_with_the_small_cores_first(tree: Tree) -> None:
    tree.machine("0-5")
    for cpu in range(6):
        tree.core(str(cpu), package=-1, cpu_capacity=1024 if cpu > 3 else 446)
    found = tree.read(range(6))
    assert placed("cores", 3, found) == (4, 5, 0)
    assert found.packages is None  # -1: the kernel does not know
    assert f"packages: {TOLD}" in found.not_told


def test_cpus_that_are_offline_are_not_there(tree: Tree) -> None:
    tree.machine("0-2,4", present="0-5", smt="off")
    for cpu in (0, 1, 2, 4):
        tree.core(str(cpu))
    found = tree.read(range(6))  # an affinity may name them
    assert [cpu.number for cpu in found.cpus] == [0, 1, 2, 4]
    assert (found.offline, found.physical_cores, found.smt) == ((3, 5), 4, "off")
    assert found.facts()["cpus"] == "0-2,4"
    with pytest.raises(UsageError, match=r"CPU 3 cannot be had; this program may use 4 CPUs"):
        placed("[0,3]", 1, found)


def test_a_machine_without_sysfs(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    found = tree.read([0, 1])
    assert found.physical_cores is None
    assert len(found.not_told) == 5
    monkeypatch.setattr("runners.planning.environment._affinity", lambda: None)
    monkeypatch.setattr("runners.planning.environment._sysctl", {"hw.physicalcpu": "6"}.get)
    monkeypatch.setattr("sys.platform", "darwin")
    assert topology(tree.proc, tree.proc, tree.sys).physical_cores == 6
    monkeypatch.setattr("runners.planning.environment._sysctl", lambda _: None)
    assert topology(tree.proc, tree.proc, tree.sys).physical_cores is None


@pytest.mark.parametrize("text", ["", "x", "1-", "0-99999999", "3,a", "9-99999999999"])
def test_what_is_no_list_of_cpus_is_none(tree: Tree, text: str) -> None:
    assert numbers(text) == set()
    tree.machine(text)
    tree.core("0")
    write(tree.cpus / "cpu0/topology/core_cpus_list", text)
    assert tree.read([0]).cpus[0].core is None


def test_this_machine() -> None:
    found = topology()
    assert {cpu.number for cpu in found.cpus} == os.sched_getaffinity(0)
    cores = found.physical_cores
    assert cores is None or 1 <= cores <= len(found.cpus)
    json.dumps(found.facts())


@pytest.mark.parametrize(
    ("value", "expected"),
    [(None, "none"), ("none", "none"), ("cores", "cores"), ([0, 2], "[0,2]"), ("[3]", "[3]")],
)
def test_a_placement_has_one_name(value: object, expected: str) -> None:
    assert named(value) == expected


@pytest.mark.parametrize(
    "value",
    ["core", "", "[0,2", "[0,0]", 0, True, [], [0, 0], [-1], [0, "1"], [0.0], [True], [10**9]],
)
def test_what_is_no_placement_is_refused(value: object) -> None:
    with pytest.raises(UsageError, match=r"^placement=") as error:
        named(value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("placement", ["cores", "node", "[1,0]"])
def test_no_two_workers_share_a_cpu(tree: Tree, placement: str) -> None:
    tree.machine("0-1")
    tree.core("0")
    tree.core("1")
    tree.nodes({0: "0-1"})
    found = tree.read([0, 1])
    assert sorted(placed(placement, 2, found)) == [0, 1]
    with pytest.raises(UsageError, match=r"3 workers, .*; set n=2 at most, or set placement=none"):
        placed(placement, 3, found)
    assert placed("none", 99, found) == ()


def test_siblings_are_refused_where_there_are_none(tree: Tree) -> None:
    tree.machine("0-1")
    tree.core("0")
    tree.core("1")
    with pytest.raises(UsageError, match=r"no two of them are shown as threads of one core"):
        placed("siblings", 1, tree.read([0, 1]))
    tree.core("0-1")
    assert placed("siblings", 1, tree.read([0, 1])) == (0,)
    with pytest.raises(UsageError, match=r"this program may use 1 CPU \(0\)"):
        placed("siblings", 1, tree.read([0]))  # the other one is not ours
