"""What the tasks need in memory: one run of each side that is not timed, while this process looks.

Linux tells it in /proc/PID/smaps_rollup (proc(5)). A proportional set size (PSS) has of each page
its part among those that have it, so that the sum over processes counts each page once.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from runners.measuring import cgroup
from runners.measuring.interrupts import Interrupts
from runners.measuring.process import FAILED, Child
from runners.measuring.processes import command_line, descendants, is_helper
from runners.measuring.stops import Stopped
from runners.model import Order, Panel, Role, Run

INTERVAL_S = 0.005
"""From one look to the next: what lives for a shorter time may not be seen."""


@dataclass(frozen=True, slots=True)
class Size:
    """The memory of one process in bytes: its part of all, what others have too, what none has."""

    pss: int
    shared: int
    private: int


def size(pid: int) -> Size | None:
    """That of a process; None if it has ended, or is another user's."""
    found: dict[str, int] = {}
    try:
        with open(f"/proc/{pid}/smaps_rollup") as file:
            next(file)  # the range of its addresses
            for line in file:
                name, _, rest = line.partition(":")
                found[name] = int(rest.split()[0]) * 1024
    except (OSError, StopIteration):
        return None
    return Size(
        found["Pss"],
        found["Shared_Clean"] + found["Shared_Dirty"],
        found["Private_Clean"] + found["Private_Dirty"],
    )


@dataclass(slots=True)
class Seen:
    """What was seen of a measuring process, `pid`, and of all that descends from its reaper.

    `peak_bytes` is the largest sum of their PSS at one look, `worker_bytes` the most private memory
    of a single other one, helpers of `multiprocessing` left out. `copied_bytes` is what forked
    workers had in common with others at first, and later had to themselves: they copied it, as
    somebody wrote to it. It is counted until the first of them ends, for what the others have is
    then theirs without a copy. All three are at least so large. `group_bytes` is the peak of the
    control group that counted them, if there was one: nothing escapes it, and caches of files and
    memory of the kernel's count as well.
    """

    reaper: int
    pid: int
    peak_bytes: int = 0
    worker_bytes: int = 0
    copies: dict[int, int] = field(default_factory=dict)
    first: dict[int, Size] = field(default_factory=dict)
    all_there: bool = True
    group_bytes: int | None = None

    @property
    def copied_bytes(self) -> int:
        return sum(self.copies.values())

    def look(self) -> None:
        """Look once at all of them."""
        sizes = {pid: found for pid in descendants(self.reaper) if (found := size(pid)) is not None}
        self.all_there = self.all_there and self.copies.keys() <= sizes.keys()
        # One that has only begun may still be in the memory of its parent (vfork(2)), all of which
        # would count twice.
        settled = {pid: found for pid, found in sizes.items() if pid in self.first}
        self.peak_bytes = max(self.peak_bytes, sum(found.pss for found in settled.values()))
        helpers = {pid for pid in settled if is_helper(pid)}
        # What a fork server has forked is called as it is, and works.
        helpers -= {worker for server in helpers for worker in descendants(server)}
        own = command_line(self.pid)
        for pid, found in settled.items():
            if pid == self.pid or pid in helpers:
                continue
            self.worker_bytes = max(self.worker_bytes, found.private)
            if self.all_there and command_line(pid) == own:  # else it runs another program by now
                begun = self.first[pid]
                copied = min(begun.shared - found.shared, found.private - begun.private)
                self.copies[pid] = max(self.copies.get(pid, 0), copied)
        self.first |= {pid: found for pid, found in sizes.items() if pid not in self.first}


class Looking:
    """Looks at these processes as long as the context lasts, in a thread of this process."""

    def __init__(self, reaper: int, pid: int) -> None:
        self.seen = Seen(reaper, pid)
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Seen:
        self.thread.start()
        return self.seen

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.thread.join()

    def _look(self) -> None:
        while not self.over.wait(INTERVAL_S):
            self.seen.look()


def memory(panel: Panel, interrupts: Interrupts, folder: str) -> dict[int, dict[str, Any]]:
    """What each cell of a panel needs, by its position: the fields of its row.

    Each side runs once, in an interpreter of its own, so that nothing counts that another has left.
    A cell one of whose runs is not ok is not there: the rounds will say why. Raises Interrupted.
    """
    found = {}
    for host in panel.hosts:
        baseline = _of(panel, host[0], "baseline", interrupts, [folder])
        if baseline is None:
            continue
        for candidate in host:
            seen = _of(panel, candidate, "measured", interrupts, [folder])
            if seen is not None:
                forked = panel.plans[candidate].start_method == "fork"
                found[candidate] = {
                    "memory_bytes": seen.peak_bytes,
                    "baseline_memory_bytes": baseline.peak_bytes,
                    **({"worker_memory_bytes": seen.worker_bytes} if seen.worker_bytes else {}),
                    **({"copied_memory_bytes": seen.copied_bytes} if forked else {}),
                    "group_memory_bytes": seen.group_bytes,
                    "baseline_group_memory_bytes": baseline.group_bytes,
                }
    return found


def _of(
    panel: Panel,
    candidate: int,
    role: Role,
    interrupts: Interrupts,
    beside: Sequence[str],
) -> Seen | None:
    """What one run of that side needs; None if it is not ok."""
    plan = panel.plans[candidate]
    if role == "baseline":  # no worker is needed there
        plan = replace(plan, launch=None)
    order = Order(0, 0, 0, role, cold=True, warmup=True)
    try:
        with Child([plan], plan.measure.seed % 2**32, interrupts, beside) as child:
            child.settle()
            child.tree.exit_status(0)  # who the measuring process is has been said meanwhile
            if child.tree.pid is None:
                return None
            group = child.tree.count_memory()
            with Looking(child.tree.process.pid, child.tree.pid) as seen:
                run: Run = child.run(order)
            seen.group_bytes = cgroup.peak_bytes(group) if group is not None else None
            child.finish()
    except (*FAILED, Stopped):
        return None
    return seen if run.status == "ok" and seen.peak_bytes else None
