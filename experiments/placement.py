"""Does it matter which CPUs workers run on, to work that computes and to work that moves memory?

Workers may move (none), have a core each as long as there are some (cores), or fill both threads of
a core first (siblings). Two threads of a core share its units, and all cores of a package its
memory: what limits counting is not what limits copying. What a machine does not have, as threads of
one core, is told and left out.
"""

from collections.abc import Mapping
from typing import Any

from runners.analysis.claims import Claim, speedup

ROWS: tuple[str, ...] = ()
BY_NAME = True
"""Many machines have no two threads on a core, and virtual ones do not say so."""


def cell(workload: str, placement: str, n: int = 2) -> Mapping[str, Any]:
    return {"workload": workload, "placement": placement, "n": n}


COUNTING, COPYING = "countdown", "memory_copy"

CLAIMS = (
    *(
        Claim(
            (),
            f"Two workers {what} on cores of their own as fast as free ones, within 10%.",
            "",
            speedup(cell(work, "cores")).over(speedup(cell(work, "none"))).between(0.9, 1 / 0.9),
        )
        for work, what in ((COUNTING, "count"), (COPYING, "copy"))
    ),
    Claim(
        (),
        "Two threads of one core count slower than two cores.",
        "",
        speedup(cell(COUNTING, "siblings")).over(speedup(cell(COUNTING, "cores"))).below(0.9),
    ),
    Claim(
        (),
        "A single worker that is pinned counts as fast as one that is not, within 5%.",
        "",
        speedup(cell(COUNTING, "cores", 1))
        .over(speedup(cell(COUNTING, "none", 1)))
        .between(0.95, 1 / 0.95),
    ),
    Claim(
        (),
        "How much faster four workers count on cores of their own.",
        "",
        speedup(cell(COUNTING, "cores", 4)),
    ),
    Claim(
        (),
        "How much faster four workers copy on cores of their own.",
        "",
        speedup(cell(COPYING, "cores", 4)),
    ),
)
