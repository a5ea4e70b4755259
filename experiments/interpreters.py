"""Do several interpreters in one process compute at the same time?

Each of them has a global interpreter lock of its own; their tasks run in threads of the one
process. A pool of them is part of Python from 3.14 on.
"""

from runners.analysis.claims import Claim, speedup

ROWS: tuple[str, ...] = ()

THREADS = {"executor": "thread_pool"}
INTERPRETERS = {"executor": "interpreters"}

CLAIMS = (
    Claim(
        (),
        "Two countdowns in two interpreters of one process are almost twice as fast.",
        "",
        speedup(INTERPRETERS).above(1.5),
    ),
    Claim(
        (),
        "Two interpreters are at least 1.5 times as fast as two threads of one interpreter.",
        "",
        speedup(INTERPRETERS).over(speedup(THREADS)).above(1.5),
    ),
)
