"""Ten workers that pass through a bounded semaphore."""

from runners.analysis.claims import Cell, Claim, Seen, largest, speedup

ROWS = ("L10",)
CODE = ("runners.workloads.semaphore:Semaphore.__call__",)


def limited(executor: str, limit: int) -> Cell:
    return {"executor": executor, "workload.limit": limit}


CLAIMS = (
    Claim("at_most_five", ("L10",), largest(limited("thread", 5), "most_inside").below(5)),
    Claim(
        "extra_release",
        ("L10",),
        Seen(limited("thread", 5), "extra_releases_accepted", "extra_releases", never=True),
    ),
    Claim("processes_at_most_five", (), largest(limited("process", 5), "most_inside").below(5)),
    Claim(
        "processes_extra_release",
        (),
        Seen(limited("process", 5), "extra_releases_accepted", "extra_releases", never=True),
    ),
    Claim("five_fast", (), speedup(limited("thread", 5)).between(4, 5.5)),
    Claim("two_fast", (), speedup(limited("thread", 2)).between(1.7, 2.2)),
    Claim("ten_fast", (), speedup(limited("thread", 10)).above(6)),
)
