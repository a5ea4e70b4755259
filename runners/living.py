"""Who a process is, beyond its number, and whether it still runs, as far as can be seen here.

For whatever outlives a program and is to be told as its own: claims on folders, temporary folders.
Standard library alone, but for psutil where there is no /proc.
"""

import os
import socket
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any


@cache
def this_process(pid: int) -> dict[str, Any]:
    """What tells this process from all others; `pid` is its own, which a fork changes.

    Null where it is not known: no machine but one with Linux has most of it.
    """
    return {
        "host": socket.gethostname(),
        "machine": _line("/etc/machine-id"),
        "boot": _line("/proc/sys/kernel/random/boot_id"),
        "pid": pid,
        "started": started(pid),
        "pid_namespace": _namespace(),
    }


def is_alive(facts: Mapping[str, Any]) -> bool | None:
    """Whether the process runs that `this_process` told of; None where that cannot be seen."""
    me = this_process(os.getpid())
    if any(facts.get(key) != me[key] for key in ("host", "machine")):
        return None
    if facts.get("boot") != me["boot"]:
        # Restarted since, if it is the same machine, which a name alone does not say.
        known = me["machine"] and me["boot"] and isinstance(facts.get("boot"), str)
        return False if known else None
    pid = facts.get("pid")
    if facts.get("pid_namespace") != me["pid_namespace"] or type(pid) is not int or pid < 1:
        return None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # another user's
    except OverflowError:
        return None
    began = started(pid)
    if began is None or facts.get("started") is None:  # not told on this system
        return None
    return bool(began == facts["started"])


def started(pid: int) -> float | None:
    """When a process began, in units of the system's; 0 for one that has ended.

    None where that is not told.
    """
    if Path("/proc/self").is_dir():
        try:
            fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
            return 0 if fields[0] in (b"Z", b"X") else int(fields[19])
        except (OSError, ValueError, IndexError):
            return None
    import psutil  # slow to load, and not needed on Linux

    try:
        return float(psutil.Process(pid).create_time())
    except psutil.Error:
        return None


def _line(path: str) -> str | None:
    try:
        return Path(path).read_text().strip() or None
    except (OSError, ValueError):
        return None


def _namespace() -> str | None:
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return None
