"""Two threads with the GIL and without it, on one object or on one each."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from runners.analysis.claims import Claim, factor, seconds, speedup
from runners.report import figures as plots

ROWS: tuple[str, ...] = ()
BY_NAME = True
"""Most machines have no build without the GIL."""
CODE = (
    "runners.workloads.contention:_counter",
    "runners.workloads.contention:_list",
)


def cell(uses: str, gil: bool, own: bool = False) -> dict[str, Any]:
    return {"workload.uses": uses, "workload.own": own, "gil": gil}


ON, OFF = cell("nothing", gil=True), cell("nothing", gil=False)

CLAIMS = (
    Claim("with_gil", (), speedup(ON).below(1.05)),
    Claim("nothing_shared", (), speedup(OFF).above(1.5)),
    Claim("lock", (), speedup(cell("lock", gil=False)).below(1.05)),
    Claim("own_locks", (), speedup(cell("lock", gil=False, own=True)).above(1.5)),
    *(
        Claim(f"slower_{uses}", (), speedup(cell(uses, gil=False)).below(1))
        for uses in ("counter", "list", "data")
    ),
    Claim("queue", (), speedup(cell("queue", gil=False)).below(1.3)),
    *(
        Claim(
            f"{uses}_than_with_gil",
            (),
            seconds(cell(uses, gil=False)).over(seconds(cell(uses, gil=True))).above(1),
        )
        for uses in ("list", "data")
    ),
    Claim("work_inflation", (), factor(cell("data", gil=False), "computation").below(0.8)),
)


def figures(summary: pd.DataFrame) -> Mapping[str, Figure]:
    """The plain loop and the speedup, with the GIL and without it."""
    return {"pythons": plots.pythons(summary)}
