"""An event that one worker, or ten, wait for."""

from runners.analysis.claims import Cell, Claim, Ends, metric

ROWS = ("L11",)
CODE = (
    "runners.workloads.event:Event._set",
    "runners.workloads.event:Event._wait",
)


def waiting(executor: str, waiters: int) -> Cell:
    return {"executor": executor, "workload.waiters": waiters}


CLAIMS = (
    Claim("one_waits", ("L11",), Ends(waiting("thread", 1), "ok")),
    Claim("ten_wake", ("L11",), Ends(waiting("thread", 10), "ok")),
    Claim("wake_of_one", (), metric(waiting("thread", 1), "wake_median_s")),
    Claim("wake_of_ten", (), metric(waiting("thread", 10), "wake_median_s")),
    Claim(
        "later_among_ten",
        (),
        metric(waiting("thread", 10), "wake_median_s")
        .over(metric(waiting("thread", 1), "wake_median_s"))
        .above(1),
    ),
    Claim("ten_processes_wake", (), Ends(waiting("process", 10), "ok")),
    Claim("wake_of_ten_processes", (), metric(waiting("process", 10), "wake_median_s")),
)
