"""Do all workers that wait for an event wake up, and how soon?

One worker sets an event that one other, or ten others, are waiting for, and clears it again.
"""

from runners.analysis.claims import Cell, Claim, Ends, metric

ROWS = ("L11",)


def waiting(executor: str, waiters: int) -> Cell:
    return {"executor": executor, "workload.waiters": waiters}


CLAIMS = (
    Claim(
        ("L11",),
        "A thread waits for a flag: set and clear change it, and is_set tells it.",
        "",
        Ends(waiting("thread", 1), "ok"),
    ),
    Claim(
        ("L11",),
        "Any number of threads wait for one flag: ten wake up when it is set.",
        "",
        Ends(waiting("thread", 10), "ok"),
    ),
    Claim(
        (),
        "One thread waits for a flag: the time from setting it until that thread is awake.",
        "",
        metric(waiting("thread", 1), "wake_median_s"),
    ),
    Claim(
        (),
        "Ten threads wait for a flag: the time from setting it until a typical one is awake.",
        "",
        metric(waiting("thread", 10), "wake_median_s"),
    ),
    Claim(
        (),
        "One of ten threads wakes up later than one that waits alone.",
        "",
        metric(waiting("thread", 10), "wake_median_s")
        .over(metric(waiting("thread", 1), "wake_median_s"))
        .above(1),
    ),
    Claim((), "Ten processes wake up when a flag is set.", "", Ends(waiting("process", 10), "ok")),
    Claim(
        (),
        "Ten processes wait for a flag: the time from setting it until a typical one is awake.",
        "",
        metric(waiting("process", 10), "wake_median_s"),
    ),
)
