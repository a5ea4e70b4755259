"""Do several interpreters in one process compute at the same time?

Each of them has a global interpreter lock of its own; their tasks run in threads of the one
process. A pool of them is part of Python from 3.14 on. The workers are kept from run to run, for
an interpreter starts as slowly as a process.
"""

from runners.analysis.claims import Claim, first, seconds, speedup

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
    Claim(
        (),
        "The first run, which starts the interpreters, takes longer than later ones.",
        "",
        first(INTERPRETERS).over(seconds(INTERPRETERS)).above(1),
    ),
)
