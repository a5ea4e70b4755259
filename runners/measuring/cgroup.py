"""A control group of its own for the processes of a cell, where one may be made (cgroups(7), v2).

It knows them whatever they do: those too whose parents have all ended. Kernels since 5.14 end all
of them at once.
"""

import os
import time

ROOTS = ("/sys/fs/cgroup", "/sys/fs/cgroup/unified")
NAME = "speedup-lab-"
END_S = 0.5


def made(pid: int) -> str | None:
    """Make one beneath the caller's, for that process; None where it may not, or would change it.

    Where the caller's hands out controllers, the new one would get a share of the CPUs of its own.
    """
    try:
        with open("/proc/self/cgroup") as file:
            [path] = [line[3:].strip() for line in file if line.startswith("0::")]
        [root] = [root for root in ROOTS if os.path.exists(f"{root}/cgroup.controllers")]
        own = f"{root}{path}".rstrip("/")
        with open(f"{own}/cgroup.subtree_control") as file:
            if file.read().strip():
                return None
        new = f"{own}/{NAME}{pid}"
        os.mkdir(new)
    except (OSError, ValueError):
        return None
    try:
        if os.path.exists(f"{new}/cgroup.kill"):
            with open(f"{new}/cgroup.procs", "w") as file:
                file.write(str(pid))
            return new
    except OSError:
        pass
    os.rmdir(new)
    return None


def processes(path: str) -> list[int]:
    """Those in a group that `made` has made."""
    try:
        with open(f"{path}/cgroup.procs") as file:
            return list(map(int, file.read().split()))
    except OSError:
        return []


def end(path: str) -> None:
    """End all processes of a group that `made` has made, and remove it. It may be gone."""
    if not path.startswith(ROOTS) or not os.path.basename(path).startswith(NAME):
        return
    try:
        with open(f"{path}/cgroup.kill", "w") as file:
            file.write("1")
    except OSError:
        pass
    until_s = time.monotonic() + END_S
    while os.path.isdir(path) and time.monotonic() < until_s:
        for folder, _, _ in os.walk(path, topdown=False):
            try:
                os.rmdir(folder)
            except OSError:  # a killed process takes a moment to be gone
                time.sleep(0.005)
