"""Do threads make pure Python code faster, and do processes?

In the default build of Python, a loop that counts down holds the global interpreter lock all the
time. Two threads take turns; two processes have a lock each. They are forked, as in the lecture: a
fork server, from Python 3.14 on the default, takes longer to start them than they count.
"""

from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure

from runners.analysis.claims import Claim, first, seconds, speedup
from runners.report import figures as plots

ROWS = ("L13", "L14", "L19")

THREADS = {"executor": "thread", "n": 2}
PROCESSES = {"executor": "process", "n": 2}

CLAIMS = (
    Claim(
        ("L13",),
        "Two countdowns from 2,000,000 run one after the other.",
        "11.50 s, from 80,000,000",
        seconds(THREADS, "baseline"),
    ),
    Claim(
        ("L14",),
        "In two threads they are no faster.",
        "0.99× (11.66 s)",
        speedup(THREADS).below(1.05),
    ),
    Claim(("L14",), "In two threads they are even slower.", "0.99×", speedup(THREADS).below(1)),
    Claim(
        ("L19",),
        "In two processes they are almost twice as fast.",
        "1.65× (6.96 s)",
        speedup(PROCESSES).above(1.5),
    ),
    Claim(
        (),
        "The first countdowns in a fresh interpreter take at least 1.2 times as long as later ones "
        "(Python 3.11 makes a while loop faster only after some calls of its function).",
        "",
        first(PROCESSES, "baseline").over(seconds(PROCESSES, "baseline")).above(1.2),
    ),
)


def figures(summary: pd.DataFrame) -> Mapping[str, Figure]:
    """The speedup against the number of workers."""
    return {"speedup": plots.speedup(summary)}
