"""A control group of its own for the processes of a cell, where one may be made (cgroups(7), v2).

It knows them whatever they do: those too whose parents have all ended. Kernels since 5.14 end all
of them at once.
"""

import os
import time

ROOTS = ("/sys/fs/cgroup", "/sys/fs/cgroup/unified")
NAME = "speedup-lab-"
PEAKS = ("memory.peak", "memory.max_usage_in_bytes")
"""The most memory a group has had, since Linux 5.19, and in version 1."""
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


def made_for_memory(pids: "list[int]") -> str | None:
    """Make one that counts their memory, for these processes; None where none may be made.

    It takes a controller of memory that is handed out here. Other controllers may be as well, so
    that it would have a share of the CPUs of its own: it is for what is not timed.
    """
    try:
        own = _counting()
        if own is None:
            return None
        new = f"{own.rstrip('/')}/{NAME}{os.getpid()}-memory"
        os.mkdir(new)
    except (OSError, ValueError):
        return None
    try:
        if peak_bytes(new) is not None:
            for pid in pids:
                with open(f"{new}/cgroup.procs", "w") as file:
                    file.write(str(pid))
            return new
    except OSError:
        pass
    end(new)  # with those that are in it already
    return None


def _counting() -> str | None:
    """The caller's group among those that count memory, of either version."""
    with open("/proc/self/cgroup") as file:
        lines = [line.rstrip("\n").split(":", 2) for line in file]
    for _, controllers, path in lines:
        if "memory" in controllers.split(","):
            return f"{ROOTS[0]}/memory{path}"
    [path] = [path for number, controllers, path in lines if (number, controllers) == ("0", "")]
    [root] = [root for root in ROOTS if os.path.exists(f"{root}/cgroup.controllers")]
    with open(f"{root}{path}/cgroup.subtree_control") as file:
        return f"{root}{path}" if "memory" in file.read().split() else None


def peak_bytes(path: str) -> int | None:
    """The most memory that a group has had; None where that is not told."""
    for name in PEAKS:
        try:
            with open(f"{path}/{name}") as file:
                return int(file.read())
        except (OSError, ValueError):
            pass
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
