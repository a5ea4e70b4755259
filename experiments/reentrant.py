"""A lock that is taken twice, plain and reentrant."""

from runners.analysis.claims import Claim, Quantity, metric

ROWS = ("L9",)
CODE = ("runners.workloads.relock:Relock.__call__",)


def wait(executor: str, lock: str) -> Quantity:
    """How long the second attempt took."""
    return metric({"executor": executor, "workload.lock": lock}, "waited_s")


CLAIMS = (
    Claim("thread_lock", ("L9",), wait("thread", "lock").above(0.05)),
    Claim("thread_rlock", ("L9",), wait("thread", "rlock").below(0.005)),
    Claim("process_lock", (), wait("process", "lock").above(0.05)),
    Claim("process_rlock", (), wait("process", "rlock").below(0.005)),
)
