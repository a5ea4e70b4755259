"""Five sleeps: one after another, in threads, in one event loop."""

from runners.analysis.claims import Claim, seconds, speedup

ROWS = ("L1", "L2", "L15")
CODE = (
    "runners.workloads.io_sleep:IoSleep.__call__",
    "runners.workloads.io_sleep:IoSleep.acall",
)

THREADS = {"executor": "thread"}
COROUTINES = {"executor": "asyncio"}

TOTAL_S = 0.24
LONGEST_S = 0.075

CLAIMS = (
    Claim("sum", ("L1",), seconds(THREADS, "baseline").between(TOTAL_S, 1.05 * TOTAL_S)),
    Claim("longest", ("L2",), seconds(THREADS).between(LONGEST_S, 1.05 * LONGEST_S)),
    Claim("three_times", ("L2",), speedup(THREADS).above(3)),
    Claim("helps", ("L15",), speedup(THREADS).above(1.5)),
    Claim("coroutines", (), speedup(COROUTINES).above(3)),
)
