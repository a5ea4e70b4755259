"""Do threads help where each waits for the answers of a server?

The server is on the same machine and takes ten milliseconds for each answer, as a network would. A
thread that waits for input does not hold the global interpreter lock.
"""

from runners.analysis.claims import Claim, seconds, speedup

ROWS = ("L15",)

THREADS = {"executor": "thread"}

CLAIMS = (
    Claim(
        ("L15",),
        "Sixteen requests are sent one after another.",
        "",
        seconds(THREADS, "baseline"),
    ),
    Claim(
        ("L15",),
        "A thread that waits for input gives the GIL to others: four are at least twice as fast.",
        "",
        speedup(THREADS).above(2),
    ),
)
