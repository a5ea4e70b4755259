"""A workload that looks where it runs."""

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


def allowed(pid: int) -> set[int]:
    """The CPUs that any thread of a process may run on, as the kernel has them."""
    found: set[int] = set()
    for status in Path(f"/proc/{pid}/task").glob("*/status"):
        try:
            text = status.read_text().partition("Cpus_allowed_list:")[2].split()[0]
        except (OSError, IndexError):  # it has just ended
            continue
        for part in text.split(","):
            low, _, high = part.partition("-")
            found.update(range(int(low), int(high or low) + 1))
    return found


@dataclass(frozen=True, slots=True)
class Seen:
    """Where a task ran: what its worker may use, what its process and those around it."""

    pid: int
    own: tuple[int, ...]
    around: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """`count` tasks that wait a moment, so that each worker has one."""

    count: int
    compared: bool = False
    uncompared_by: str = "compared=false"

    def tasks(self) -> Sequence[int]:
        return range(self.count)

    def __call__(self, task: int) -> Seen:
        time.sleep(0.03)
        pid = os.getpid()
        return Seen(pid, tuple(sorted(os.sched_getaffinity(0))), tuple(sorted(allowed(pid))))

    def check(self, results: Sequence[Seen]) -> None:
        pass

    def metrics(self, results: Sequence[Seen]) -> Mapping[str, float]:
        """Asked for after the run, in the thread that ran it."""
        others = [seen for seen in results if seen.pid != os.getpid()]
        return {
            "workers_cpus": len({cpu for seen in results for cpu in seen.own}),
            "most_of_one_worker": max(len(seen.own) for seen in results),
            "first_cpu": min(seen.own[0] for seen in results),
            "last_cpu": max(seen.own[-1] for seen in results),
            "around_first": min((min(seen.around) for seen in others), default=-1),
            "around_last": max((max(seen.around) for seen in others), default=-1),
            "cpus_afterwards": len(os.sched_getaffinity(0)),
        }
