"""Two countdowns in two interpreters of one process."""

from runners.analysis.claims import Claim, first, seconds, speedup

ROWS: tuple[str, ...] = ()
CODE = ("runners.workloads.countdown:count",)

THREADS = {"executor": "thread_pool"}
INTERPRETERS = {"executor": "interpreters"}

CLAIMS = (
    Claim("faster", (), speedup(INTERPRETERS).above(1.5)),
    Claim("than_threads", (), speedup(INTERPRETERS).over(speedup(THREADS)).above(1.5)),
    Claim("cold", (), first(INTERPRETERS).over(seconds(INTERPRETERS)).above(1)),
)
