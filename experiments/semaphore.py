"""How many workers does a bounded semaphore let in at once, and how fast are they then?

Ten workers pass through it twice each and stay inside for 8 ms, asleep. How many can be inside
decides how long all of them take.
"""

from runners.analysis.claims import Cell, Claim, Seen, largest, speedup

ROWS = ("L10",)


def limited(executor: str, limit: int) -> Cell:
    return {"executor": executor, "workload.limit": limit}


CLAIMS = (
    Claim(
        ("L10",),
        "A bounded semaphore of 5 lets at most 5 of 10 threads in at once.",
        "5",
        largest(limited("thread", 5), "most_inside").below(5),
    ),
    Claim(
        ("L10",),
        "A release too many is an error.",
        "",
        Seen(limited("thread", 5), "extra_releases_accepted", "extra_releases", never=True),
    ),
    Claim(
        (),
        "A bounded semaphore of 5 lets at most 5 of 10 processes in at once.",
        "",
        largest(limited("process", 5), "most_inside").below(5),
    ),
    Claim(
        (),
        "A release too many is an error for processes, too.",
        "",
        Seen(limited("process", 5), "extra_releases_accepted", "extra_releases", never=True),
    ),
    Claim(
        (),
        "10 threads are 4 to 5.5 times as fast as one, if a semaphore lets 5 in at once.",
        "",
        speedup(limited("thread", 5)).between(4, 5.5),
    ),
    Claim(
        (),
        "10 threads are 1.7 to 2.2 times as fast as one, if it lets 2 in at once.",
        "",
        speedup(limited("thread", 2)).between(1.7, 2.2),
    ),
    Claim(
        (),
        "10 threads are more than 6 times as fast as one, if it lets 10 in at once.",
        "",
        speedup(limited("thread", 10)).above(6),
    ),
)
