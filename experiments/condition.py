"""Do consumers that wait for a predicate get each item once, and do they give up in time?

One producer fills a small buffer and notifies two consumers through a condition variable. In the
end each consumer waits for what never comes true, for at most 20 ms.
"""

from runners.analysis.claims import Claim, Ends, metric

ROWS = ("L12",)

THREADS = {"executor": "thread"}
PROCESSES = {"executor": "process"}

CLAIMS = (
    Claim(
        ("L12",),
        "Threads wait for a predicate, a producer notifies: each item is handed over once.",
        "",
        Ends(THREADS, "ok"),
    ),
    Claim(
        ("L12",),
        "In a thread, a wait with a time limit of 20 ms ends after 20 to 30 ms.",
        "",
        metric(THREADS, "timed_wait_s").between(0.02, 0.03),
    ),
    Claim(("L12",), "Items handed over between threads.", "", metric(THREADS, "handovers_per_s")),
    Claim(
        (),
        "Processes wait for a predicate, too, and each item is handed over once.",
        "",
        Ends(PROCESSES, "ok"),
    ),
    Claim(
        (),
        "In a process, a wait with a time limit of 20 ms ends after 20 to 30 ms.",
        "",
        metric(PROCESSES, "timed_wait_s").between(0.02, 0.03),
    ),
    Claim((), "Items handed over between processes.", "", metric(PROCESSES, "handovers_per_s")),
)
