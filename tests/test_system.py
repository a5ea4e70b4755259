"""`python -m runners.system`: what it says of made-up machines, and of this one."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from runners.planning.topology import Cpu, Topology
from runners.system.command import WIDTH, lines, run
from runners.system.noise import Finding, findings


def cpu(number: int, core: int, kind: str = "", node: int = 0) -> Cpu:
    return Cpu(number, core, 0, node, kind, 400_000, 4_000_000)


PLAIN = Topology((cpu(0, 0), cpu(1, 1)), smt="off")
SERVER = Topology(
    (cpu(0, 0, "performance"), cpu(1, 0, "performance"), cpu(2, 2, "efficiency", 1)), smt="on"
)


class Machine:
    def __init__(self, folder: Path) -> None:
        self.sys, self.proc, self.cgroup = folder / "sys", folder / "proc", folder / "cgroup"

    def write(self, files: dict[str, str]) -> None:
        for name, text in files.items():
            root, _, rest = name.partition("/")
            path = getattr(self, root) / rest
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{text}\n")

    def found(self, topology: Topology, others: float | None) -> dict[str, Finding]:
        told = findings(topology, others, self.sys, self.proc, self.cgroup)
        return {one.what: one for one in told}


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


CPUS = "sys/devices/system/cpu"
NOISY = {
    f"{CPUS}/cpu0/cpufreq/scaling_governor": "powersave",
    f"{CPUS}/cpu0/cpufreq/cpuinfo_max_freq": "4000000",
    f"{CPUS}/cpu0/cpufreq/scaling_max_freq": "2000000",
    f"{CPUS}/intel_pstate/no_turbo": "0",
    f"{CPUS}/cpu0/thermal_throttle/core_throttle_count": "7",
    f"{CPUS}/cpu1/thermal_throttle/core_throttle_count": "0",
    "sys/class/power_supply/AC/online": "0",
    "sys/kernel/mm/transparent_hugepage/enabled": "[always] madvise never",
    "proc/sys/kernel/randomize_va_space": "2",
    "proc/sys/kernel/numa_balancing": "1",
    "proc/swaps": "Filename\tType\tSize\tUsed\tPriority\n/dev/sda2 partition 8000000 204800 -2",
    "proc/cpuinfo": "flags\t: fpu hypervisor",
    "proc/loadavg": "3.10 2.00 1.00 1/100 77",
    "proc/stat": "cpu  100 0 100 700 0 0 0 100 0 0\ncpu0 1 2 3",
    "proc/self/cgroup": "0::/job",
    "cgroup/job/cpu.max": "150000 100000",
}
QUIET = {
    f"{CPUS}/cpu0/cpufreq/scaling_governor": "performance",
    f"{CPUS}/cpu0/cpufreq/cpuinfo_max_freq": "4000000",
    f"{CPUS}/cpu0/cpufreq/scaling_max_freq": "4000000",
    f"{CPUS}/cpufreq/boost": "0",
    f"{CPUS}/cpu0/thermal_throttle/package_throttle_count": "0",
    "sys/class/power_supply/AC/online": "1",
    "sys/kernel/mm/transparent_hugepage/enabled": "always [madvise] never",
    "proc/sys/kernel/randomize_va_space": "0",
    "proc/swaps": "Filename\tType\tSize\tUsed\tPriority",
    "proc/cpuinfo": "flags\t: fpu",
    "proc/stat": "cpu  100 0 100 800 0 0 0 0 0 0",
    "proc/self/cgroup": "0::/",
}


def test_each_thing_that_is_noisy_has_what_would_change_it(machine: Machine) -> None:
    machine.write(NOISY)
    found = machine.found(SERVER, 0.4)
    assert [one.what for one in found.values() if not one.noisy] == []
    assert len(found) == 15
    assert all(one.command or one.besides for one in found.values())
    assert found["governor"].command == "sudo cpupower frequency-set -g performance"
    assert (
        found["turbo"].command
        == f"echo 1 | sudo tee {machine.sys / CPUS[4:]}/intel_pstate/no_turbo"
    )
    assert found["clock limit"].words == "1 CPU is held to 2.00 of 4.00 GHz"
    assert found["SMT"].words == "3 usable CPUs are threads of 2 cores"
    assert found["kinds of core"].words == "performance: 0-1; efficiency: 2"
    assert found["CPU quota"].words.startswith("1.5 CPUs")
    assert found["CPU quota"].command == f"echo max | sudo tee {machine.cgroup}/job/cpu.max"
    assert found["steal"].words.startswith("the host gave 10.0% of the CPUs")
    assert found["heat"].words.startswith("the clock was lowered for it up to 7 times")
    assert found["swap"].words.startswith("200 MiB in use")
    assert "40% of the usable CPUs; load average 3.10" in found["other load"].words


def test_a_quiet_machine_is_told_to_be_quiet(machine: Machine) -> None:
    machine.write(QUIET)
    found = machine.found(PLAIN, 0.0)
    assert [one.what for one in found.values() if one.noisy is not False] == []
    assert not any(one.command or one.besides for one in found.values())


def test_what_a_machine_does_not_tell_is_said(machine: Machine) -> None:
    found = machine.found(Topology(()), None)
    assert len(found) == 14
    assert {one.noisy for one in found.values()} == {None}
    assert {one.words for one in found.values()} == {"not told by this machine"}


@pytest.mark.parametrize(("boost", "noisy"), [("1", True), ("0", False), ("?", None)])
def test_turbo_of_other_processors(machine: Machine, boost: str, noisy: bool | None) -> None:
    machine.write({f"{CPUS}/cpufreq/boost": boost})
    assert machine.found(PLAIN, None)["turbo"].noisy is noisy


def test_the_text_is_readable_in_80_columns(machine: Machine) -> None:
    machine.write(NOISY)
    found = [replace(one, command="") for one in machine.found(SERVER, 0.4).values()]
    text = list(lines(found, SERVER, 3.0))
    assert max(map(len, text)) <= WIDTH
    assert "2 physical cores, 2 NUMA nodes" in text[0] + text[1]
    assert any("pyperf system tune" in line for line in text)


def test_of_this_machine(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 0
    assert "Nothing was changed" in capsys.readouterr().out
    assert run(["--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {"topology", "findings"} == told.keys()
    with pytest.raises(SystemExit) as end:
        run(["--tune"])
    assert end.value.code == 2
