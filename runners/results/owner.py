"""Who has claimed a folder, and whether that program still runs, as far as can be seen here."""

import json
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from runners.model import printable

JOBS = (
    *("SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID", "JOB_ID", "OAR_JOB_ID", "FLUX_JOB_ID"),
    *("COBALT_JOBID", "CONDOR_ID"),
)
"""The variables in which batch systems tell a job its number."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Another program that has claimed a folder. `alive`: it is known to run, not only believed."""

    who: str
    file: Path
    alive: bool

    @property
    def remedy(self) -> str:
        """What to do if it may have ended, which cannot be seen from here; else nothing."""
        return "" if self.alive else f"; if that no longer runs, delete {self.file}"


def owner_by(file: Path, text: bytes) -> Owner | None:
    """Who has claimed, by what is in the claim; None if it is known to be gone."""
    try:
        facts = json.loads(text)
    except (ValueError, RecursionError):
        facts = None
    if not isinstance(facts, Mapping) or type(facts.get("pid")) is not int or facts["pid"] < 1:
        return Owner(f"which {file.name} does not name", file, False)
    alive = _is_alive(facts)
    if alive is False:
        return None
    job = f" ({_plain(facts['job'])})" if facts.get("job") else ""
    since = f" since {_plain(facts.get('at'))}"
    who = f"pid {_plain(facts['pid'])} on {_plain(facts.get('host'))}{since}{job}"
    return Owner(who, file, alive is True)


@cache
def this_process(pid: int) -> dict[str, Any]:
    """What tells this process from all others; `pid` is its own, which a fork changes.

    Null where it is not known: no machine but one with Linux has most of it.
    """
    found = ((name, os.environ.get(name)) for name in JOBS)
    return {
        "host": socket.gethostname(),
        "machine": _line("/etc/machine-id"),
        "boot": _line("/proc/sys/kernel/random/boot_id"),
        "pid": pid,
        "started": started(pid),
        "pid_namespace": _namespace(),
        "job": next((f"{name}={value}" for name, value in found if value), None),
    }


def started(pid: int) -> int | None:
    """When a process began, in the kernel's ticks since boot; 0 for one that has ended.

    None where that is not told.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
        return 0 if fields[0] in (b"Z", b"X") else int(fields[19])
    except (OSError, ValueError, IndexError):
        return None


def _is_alive(facts: Mapping[str, Any]) -> bool | None:
    """Whether the owner runs; None where that cannot be seen from here."""
    me = this_process(os.getpid())
    if any(facts.get(key) != me[key] for key in ("host", "machine")):
        return None
    if facts.get("boot") != me["boot"]:
        # Restarted since, if it is the same machine, which a name alone does not say.
        known = me["machine"] and me["boot"] and isinstance(facts.get("boot"), str)
        return False if known else None
    if facts.get("pid_namespace") != me["pid_namespace"]:
        return None
    try:
        os.kill(facts["pid"], 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # another user's
    except OverflowError:
        return None
    began = started(facts["pid"])
    if began is None or facts.get("started") is None:  # not told on this system
        return None
    return bool(began == facts["started"])


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


def _plain(value: object) -> str:
    """Text of another's file, for one line of a terminal."""
    return printable(str(value)[:80])
