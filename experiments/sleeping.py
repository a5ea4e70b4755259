"""How long do five sleeps take together: one after another, in a thread each, in one event loop?

They take 1, 5, 5, 2 and 3 times 15 ms, where the lecture has seconds. A thread that sleeps does not
hold the global interpreter lock.
"""

from runners.analysis.claims import Claim, seconds, speedup

ROWS = ("L1", "L2", "L15")

THREADS = {"executor": "thread"}
COROUTINES = {"executor": "asyncio"}

TOTAL_S = 0.24
LONGEST_S = 0.075

CLAIMS = (
    Claim(
        ("L1",),
        "One after another, five sleeps take the sum of their times, 240 ms, and at most 5% more.",
        "16 s",
        seconds(THREADS, "baseline").between(TOTAL_S, 1.05 * TOTAL_S),
    ),
    Claim(
        ("L2",),
        "In a thread each, they take as long as the longest one, 75 ms, and at most 5% more.",
        "5 s",
        seconds(THREADS).between(LONGEST_S, 1.05 * LONGEST_S),
    ),
    Claim(
        ("L2",),
        "In a thread each, they are more than 3 times as fast.",
        "3.2×",
        speedup(THREADS).above(3),
    ),
    Claim(
        ("L15",),
        "A thread that sleeps gives the GIL to others, so that threads help at least 1.5 times.",
        "",
        speedup(THREADS).above(1.5),
    ),
    Claim(
        (),
        "As coroutines in a single thread, they are more than 3 times as fast as well.",
        "",
        speedup(COROUTINES).above(3),
    ),
)
