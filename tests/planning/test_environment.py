import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from runners.planning import environment
from runners.planning.environment import (
    cpu_cores,
    cpu_model,
    cpu_stat_file,
    read_environment,
    usable_cpus,
)

AFFINITY = float(len(os.sched_getaffinity(0)))
LIMITED = "nr_periods 9\nnr_throttled 2\nthrottled_usec 700\n"


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    return tmp_path / "proc"


@pytest.fixture
def cgroup(tmp_path: Path) -> Path:
    return tmp_path / "cgroup"


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def limit(folder: Path, cpus: float | None, stat: str = LIMITED) -> None:
    """A version 2 cgroup."""
    write(folder / "cpu.max", f"{'max' if cpus is None else round(cpus * 100_000)} 100000\n")
    write(folder / "cpu.stat", f"usage_usec 5\n{stat}")


def limit_v1(folder: Path, cpus: float | None) -> None:
    write(folder / "cpu.cfs_quota_us", "-1\n" if cpus is None else f"{round(cpus * 50_000)}\n")
    write(folder / "cpu.cfs_period_us", "50000\n")
    write(folder / "cpu.stat", "nr_periods 9\nnr_throttled 2\nthrottled_time 700000\n")


def test_without_any_of_the_files_the_affinity_counts(proc: Path, cgroup: Path) -> None:
    assert usable_cpus(proc, cgroup) == AFFINITY
    assert cpu_stat_file(proc, cgroup) is None


def test_v2_quota_keeps_its_fraction(proc: Path, cgroup: Path) -> None:
    write(proc / "self/cgroup", "0::/job\n")
    limit(cgroup / "job", 0.25)
    assert usable_cpus(proc, cgroup) == 0.25
    assert cpu_stat_file(proc, cgroup) == str(cgroup / "job/cpu.stat")


def test_v2_without_a_limit(proc: Path, cgroup: Path) -> None:
    write(proc / "self/cgroup", "0::/job\n")
    limit(cgroup / "job", None)
    assert usable_cpus(proc, cgroup) == AFFINITY
    assert cpu_stat_file(proc, cgroup) is None


@pytest.mark.parametrize("tightest", ["", "a", "a/b", "a/b/c"])
def test_v2_tightest_enclosing_group_counts(proc: Path, cgroup: Path, tightest: str) -> None:
    write(proc / "self/cgroup", "0::/a/b/c\n")
    for group in ("", "a", "a/b", "a/b/c"):
        limit(cgroup / group, 0.5 if group == tightest else 0.75)
    limit(cgroup / "a/beside", 0.125)
    assert usable_cpus(proc, cgroup) == 0.5
    assert cpu_stat_file(proc, cgroup) == str(cgroup / tightest / "cpu.stat")


def test_quota_above_the_affinity_does_not_count(proc: Path, cgroup: Path) -> None:
    write(proc / "self/cgroup", "0::/job\n")
    limit(cgroup / "job", AFFINITY + 0.5)
    assert usable_cpus(proc, cgroup) == AFFINITY
    assert cpu_stat_file(proc, cgroup) == str(cgroup / "job/cpu.stat")


def test_stat_file_without_the_counter_is_of_no_use(proc: Path, cgroup: Path) -> None:
    write(proc / "self/cgroup", "0::/job\n")
    limit(cgroup / "job", 0.5, stat="")
    assert cpu_stat_file(proc, cgroup) is None


def test_path_out_of_the_namespace_leaves_the_mount(proc: Path, cgroup: Path) -> None:
    write(proc / "self/cgroup", "0::/../job\n")
    limit(cgroup, 0.5)
    limit(cgroup / "job", 0.25)  # of that name, but not this process's
    assert usable_cpus(proc, cgroup) == 0.5


@pytest.mark.parametrize("controllers", ["cpu", "cpu,cpuacct"])
@pytest.mark.parametrize("tightest", ["", "a", "a/b"])
def test_v1(proc: Path, cgroup: Path, controllers: str, tightest: str) -> None:
    write(proc / "self/cgroup", f"3:cpuset:/x\n2:{controllers}:/a/b\n1:name=systemd:/a\n")
    for group in ("", "a", "a/b"):
        limit_v1(cgroup / controllers / group, 0.5 if group == tightest else None)
    assert usable_cpus(proc, cgroup) == 0.5
    assert cpu_stat_file(proc, cgroup) == str(cgroup / controllers / tightest / "cpu.stat")


def test_v1_mounted_under_the_short_name(proc: Path, cgroup: Path) -> None:
    write(proc / "self/cgroup", "2:cpu,cpuacct:/a\n")
    limit_v1(cgroup / "cpu/a", 0.5)
    assert usable_cpus(proc, cgroup) == 0.5


def test_v1_path_of_the_host_leaves_the_mount(proc: Path, cgroup: Path) -> None:
    write(proc / "self/cgroup", "2:cpu:/docker/0123\n")
    limit_v1(cgroup / "cpu", 0.5)
    assert usable_cpus(proc, cgroup) == 0.5


def test_hybrid_has_its_quota_in_v1(proc: Path, cgroup: Path) -> None:
    write(proc / "self/cgroup", "2:cpu,cpuacct:/a\n0::/a\n")
    limit_v1(cgroup / "cpu,cpuacct/a", 0.5)
    write(cgroup / "unified/a/cpu.stat", "usage_usec 5\n")
    assert usable_cpus(proc, cgroup) == 0.5
    assert cpu_stat_file(proc, cgroup) == str(cgroup / "cpu,cpuacct/a/cpu.stat")


def test_hybrid_has_its_quota_in_v2(proc: Path, cgroup: Path) -> None:
    write(proc / "self/cgroup", "2:memory:/a\n0::/a\n")
    limit(cgroup / "unified/a", 0.5)
    assert usable_cpus(proc, cgroup) == 0.5


def test_facts_are_read_from_the_kernels_files(proc: Path, cgroup: Path, tmp_path: Path) -> None:
    write(proc / "self/cgroup", "0::/job\n")
    write(proc / "loadavg", "1.25 0.50 0.75 2/150 4242\n")
    write(proc / "cpuinfo", "processor\t: 0\nmodel name\t: Abacus 3000 @ 2 Hz\nflags\t: x\n")
    limit(cgroup / "job", 0.5)
    for cpu, governor in enumerate(("powersave", "performance", "powersave")):
        file = f"devices/system/cpu/cpu{cpu}/cpufreq/scaling_governor"
        write(tmp_path / file, f"{governor}\n")
    environment = read_environment(proc, cgroup, tmp_path)
    assert environment.usable_cpus == 0.5
    expected = {
        "load_avg_1min": 1.25,
        "cpu_model_name": "Abacus 3000 @ 2 Hz",
        "cpu_quota": 0.5,
        "cpu_governor": ["performance", "powersave"],
        "cpu_affinity": sorted(os.sched_getaffinity(0)),
    }
    assert {name: environment.facts[name] for name in expected} == expected
    json.dumps(dict(environment.facts))


def test_what_cannot_be_read_is_none(proc: Path, cgroup: Path, tmp_path: Path) -> None:
    facts = read_environment(proc, cgroup, tmp_path).facts
    for name in ("load_avg_1min", "cpu_model_name", "cpu_quota", "cpu_governor"):
        assert facts[name] is None


@pytest.mark.parametrize(("seed", "shown"), [("7", "7"), (None, "random"), ("", "random")])
def test_hash_seed(monkeypatch: pytest.MonkeyPatch, seed: str | None, shown: str) -> None:
    if seed is None:
        monkeypatch.delenv("PYTHONHASHSEED", raising=False)
    else:
        monkeypatch.setenv("PYTHONHASHSEED", seed)
    assert read_environment().facts["python_hash_seed"] == shown


def git(*arguments: str) -> str:
    command = ["git", "-c", "user.name=Test", "-c", "user.email=test@example.org", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_commit_of_the_current_folder_and_whether_it_is_dirty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert read_environment().facts["git_commit"] is None
    git("init")
    assert read_environment().facts["git_commit"] is None
    assert read_environment().facts["git_commit_date"] is None
    write(tmp_path / "file", "one")
    git("add", "file")
    git("commit", "-m", "first")
    git("tag", "v1")
    commit = git("rev-parse", "HEAD")
    facts = read_environment().facts
    assert facts["git_commit"] == commit
    assert facts["git_commit_date"] == git("log", "-1", "--format=%cI")
    assert facts["git_branch"] == git("branch", "--show-current")
    git("checkout", "--detach")
    facts = read_environment().facts
    assert (facts["git_branch"], facts["git_commit_date"] is None) == (None, False)
    write(tmp_path / "result", "untracked")
    assert read_environment().facts["git_commit"] == commit
    write(tmp_path / "file", "two")
    assert read_environment().facts["git_commit"] == f"{commit}-dirty"


def test_without_git_there_is_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert read_environment().facts["git_commit"] is None


ARM = """\
processor\t: 0
BogoMIPS\t: 50.00
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: {variant}
CPU part\t: {part}
CPU revision\t: 1

"""
BIG, LITTLE = ARM.format(variant="0x3", part="0xd0c"), ARM.format(variant="0x0", part="0xd05")


@pytest.mark.parametrize(
    ("cpuinfo", "told"),
    [
        ("processor : 0\nmodel name : Abacus 3000\nmodel : 5\n", "Abacus 3000"),
        (BIG * 4, "implementer 0x41 part 0xd0c variant 0x3 revision 1"),
        (
            LITTLE * 4 + BIG * 2,
            "implementer 0x41 part 0xd05 variant 0x0 revision 1, "
            "implementer 0x41 part 0xd0c variant 0x3 revision 1",
        ),
        ("processor : 0\ncpu : POWER9, altivec supported\n", "POWER9, altivec supported"),
        ("processor : 0\nisa : rv64imafdc\nuarch : sifive,u74-mc\n", "sifive,u74-mc"),
        ("vendor_id : IBM/S390\nprocessor 0: version = FF,  machine = 3931\n", "machine = 3931"),
    ],
)
def test_the_processor_is_told_on_every_architecture(cpuinfo: str, told: str, proc: Path) -> None:
    write(proc / "cpuinfo", cpuinfo)
    assert cpu_model(proc) == told


def test_the_processor_is_told_on_macos(
    proc: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(
        tmp_path / "bin/sysctl", '#!/bin/sh\n[ "$*" = "-n machdep.cpu.brand_string" ] && echo M9\n'
    )
    (tmp_path / "bin/sysctl").chmod(0o755)
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
    environment._sysctl.cache_clear()
    assert cpu_model(proc) == "M9"
    environment._sysctl.cache_clear()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert cpu_model(proc) is None
    environment._sysctl.cache_clear()


def test_every_option_reaches_an_interpreter_that_is_started_with_them() -> None:
    """That of the measuring process: also -X that `subprocess` leaves out before Python 3.14."""
    given = ["-O", "-W", "error", "-X", "int_max_str_digits=7000", "-X", "no_debug_ranges"]
    code = (
        "import subprocess, sys; from runners.planning.environment import interpreter_options as o;"
        "print(o()); again = [sys.executable, *o(), '-c', 'import sys; print(sys.flags)'];"
        "print(sys.flags); sys.stdout.flush(); subprocess.run(again, check=True)"
    )
    done = subprocess.run([sys.executable, *given, "-c", code], capture_output=True, text=True)
    told, flags, again = done.stdout.splitlines()
    assert all(
        word in told for word in ("-O", "error", "int_max_str_digits=7000", "no_debug_ranges")
    )
    assert again == flags


def test_cores_are_counted_by_the_cpus_that_share_one(tmp_path: Path) -> None:
    cpus = tmp_path / "devices/system/cpu"
    for cpu, siblings in enumerate(("0,4", "1,5", "2-3", "2-3", "0,4", "1,5")):
        write(cpus / f"cpu{cpu}/topology/thread_siblings_list", f"{siblings}\n")
    write(cpus / "cpufreq/topology/thread_siblings_list", "9\n")  # not a CPU
    (cpus / "cpu7").mkdir()  # offline
    assert cpu_cores(sys_folder=tmp_path) == 3
    assert cpu_cores(sys_folder=tmp_path / "none") is None


def test_cores_of_a_virtual_machine_that_shows_a_cpu_a_core_are_not_told(tmp_path: Path) -> None:
    """Its CPUs may be threads of the host's cores: what it says is what the topology says."""
    for cpu in range(2):
        write(tmp_path / f"sys/devices/system/cpu/cpu{cpu}/topology/core_cpus_list", f"{cpu}\n")
    write(tmp_path / "real/cpuinfo", "flags\t: fpu sse2\n")
    write(tmp_path / "virtual/cpuinfo", "flags\t: fpu hypervisor\n")
    assert cpu_cores(tmp_path / "real", tmp_path / "sys") == 2
    assert cpu_cores(tmp_path / "virtual", tmp_path / "sys") is None


def test_the_facts_have_what_makes_the_kind_of_a_node() -> None:
    facts = read_environment().facts
    assert facts["cpu_count"] == os.cpu_count()
    assert facts["cpu_cores"] is None or 1 <= facts["cpu_cores"] <= (os.cpu_count() or 1)
    assert facts["memory_bytes"] > 2**20
