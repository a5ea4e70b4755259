"""A producer and two consumers with a condition variable."""

from runners.analysis.claims import Claim, Ends, metric

ROWS = ("L12",)
CODE = (
    "runners.workloads.condition:Condition._produce",
    "runners.workloads.condition:_await",
)

THREADS = {"executor": "thread"}
PROCESSES = {"executor": "process"}

CLAIMS = (
    Claim("handed_once", ("L12",), Ends(THREADS, "ok")),
    Claim("gives_up", ("L12",), metric(THREADS, "timed_wait_s").between(0.02, 0.03)),
    Claim("handovers", ("L12",), metric(THREADS, "handovers_per_s")),
    Claim("processes_handed_once", (), Ends(PROCESSES, "ok")),
    Claim("processes_give_up", (), metric(PROCESSES, "timed_wait_s").between(0.02, 0.03)),
    Claim("processes_handovers", (), metric(PROCESSES, "handovers_per_s")),
)
