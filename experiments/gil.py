"""Two countdowns in threads and in processes."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure

from runners.analysis.claims import Changed, Claim, first, seconds, speedup
from runners.report import figures as plots

ROWS = ("L13", "L14", "L19")
CODE = ("runners.workloads.countdown:count",)

THREADS = {"executor": "thread", "n": 2}
PROCESSES = {"executor": "process", "n": 2}

NO_GIL = Changed("3.13", without_gil=True)

CLAIMS = (
    Claim("one_after_another", ("L13",), seconds(THREADS, "baseline")),
    Claim("threads_no_faster", ("L14",), speedup(THREADS).below(1.05), changed=NO_GIL),
    Claim("threads_slower", ("L14",), speedup(THREADS).below(1), changed=NO_GIL),
    Claim("processes_faster", ("L19",), speedup(PROCESSES).above(1.5)),
    Claim("almost_twice", ("L19",), speedup(PROCESSES).above(1.8)),  # within 10%, as elsewhere
    Claim(
        "cold",
        (),
        first(PROCESSES, "baseline").over(seconds(PROCESSES, "baseline")).above(1.2),
        python="3.11",
    ),
)


def figures(summary: pd.DataFrame) -> Mapping[str, Figure]:
    """The speedup against the number of workers."""
    return {"speedup": plots.speedup(summary)}
