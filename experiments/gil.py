"""Two countdowns in threads and in processes."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure

from runners.analysis.claims import Claim, first, seconds, speedup
from runners.report import figures as plots

ROWS = ("L13", "L14", "L19")

THREADS = {"executor": "thread", "n": 2}
PROCESSES = {"executor": "process", "n": 2}

CLAIMS = (
    Claim("one_after_another", ("L13",), seconds(THREADS, "baseline")),
    Claim("threads_no_faster", ("L14",), speedup(THREADS).below(1.05)),
    Claim("threads_slower", ("L14",), speedup(THREADS).below(1)),
    Claim("processes_faster", ("L19",), speedup(PROCESSES).above(1.5)),
    Claim("cold", (), first(PROCESSES, "baseline").over(seconds(PROCESSES, "baseline")).above(1.2)),
)


def figures(summary: pd.DataFrame) -> Mapping[str, Figure]:
    """The speedup against the number of workers."""
    return {"speedup": plots.speedup(summary)}
