"""What do two threads gain without the GIL, and what do they lose by using one object?

A build that can do without the GIL runs the same tasks with it and without it. Each kind of task is
measured twice: all tasks use one object, or each has an object of its own and does the same with
it. What all use has to be the same for all cores: its lock is waited for, and references to it are
counted by atomic operations, which take turns.
"""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from runners.analysis.claims import Claim, factor, seconds, speedup
from runners.report import figures as plots

ROWS: tuple[str, ...] = ()
BY_NAME = True
"""Most machines have no build without the GIL."""


def cell(uses: str, gil: bool, own: bool = False) -> dict[str, Any]:
    return {"workload.uses": uses, "workload.own": own, "gil": gil}


USERS = {
    "counter": "count with one counter under a lock",
    "list": "append to one list and pop from it",
    "data": "read the same numbers",
}
ON, OFF = cell("nothing", gil=True), cell("nothing", gil=False)

CLAIMS = (
    Claim((), "With the GIL two threads that compute are no faster.", "", speedup(ON).below(1.05)),
    Claim(
        (),
        "Without it two threads that share nothing are almost twice as fast.",
        "",
        speedup(OFF).above(1.5),
    ),
    Claim(
        (),
        "A lock that a thread holds while it computes lets one of two on at a time.",
        "",
        speedup(cell("lock", gil=False)).below(1.05),
    ),
    Claim(
        (),
        "Two threads that hold locks of their own are almost twice as fast.",
        "",
        speedup(cell("lock", gil=False, own=True)).above(1.5),
    ),
    *(
        Claim(
            (),
            f"Two threads that {what} are slower than a plain loop that does the same.",
            "",
            speedup(cell(uses, gil=False)).below(1),
        )
        for uses, what in USERS.items()
    ),
    Claim(
        (),
        "Two threads that put to one queue and get from it are hardly faster.",
        "",
        speedup(cell("queue", gil=False)).below(1.3),
    ),
    *(
        Claim(
            (),
            f"Two threads that {USERS[uses]} are slower than with the GIL.",
            "",
            seconds(cell(uses, gil=False)).over(seconds(cell(uses, gil=True))).above(1),
        )
        for uses in ("list", "data")
    ),
    Claim(
        (),
        "What the readers lose is work inflation: reading takes more CPU time.",
        "",
        factor(cell("data", gil=False), "computation").below(0.8),
    ),
)


def figures(summary: pd.DataFrame) -> Mapping[str, Figure]:
    """The plain loop and the speedup, with the GIL and without it."""
    return {"pythons": plots.pythons(summary)}
