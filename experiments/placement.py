"""Workers that count or copy, free, on cores of their own or on threads of one core."""

from collections.abc import Mapping
from typing import Any

from runners.analysis.claims import Claim, speedup

ROWS: tuple[str, ...] = ()
BY_NAME = True
"""Many machines have no two threads on a core, and virtual ones do not say so."""
CODE = (
    "runners.workloads.countdown:count",
    "runners.workloads.memory_copy:MemoryCopy.__call__",
)


def cell(workload: str, placement: str, n: int = 2) -> Mapping[str, Any]:
    return {"workload": workload, "placement": placement, "n": n}


COUNTING, COPYING = "countdown", "memory_copy"

CLAIMS = (
    *(
        Claim(
            f"cores_{work}",
            (),
            speedup(cell(work, "cores")).over(speedup(cell(work, "none"))).between(0.9, 1 / 0.9),
        )
        for work in (COUNTING, COPYING)
    ),
    Claim(
        "siblings",
        (),
        speedup(cell(COUNTING, "siblings")).over(speedup(cell(COUNTING, "cores"))).below(0.9),
    ),
    Claim(
        "one_pinned",
        (),
        speedup(cell(COUNTING, "cores", 1))
        .over(speedup(cell(COUNTING, "none", 1)))
        .between(0.95, 1 / 0.95),
    ),
    Claim("four_count", (), speedup(cell(COUNTING, "cores", 4))),
    Claim("four_copy", (), speedup(cell(COPYING, "cores", 4))),
)
