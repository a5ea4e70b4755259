"""Queues of every kind, their order and how much goes through them."""

from runners.analysis.claims import Cell, Claim, Ends, Quantity, metric

ROWS = ("L17",)
CODE = ("runners.workloads.queues:Queues.__call__",)


def queue(executor: str, kind: str) -> Cell:
    return {"executor": executor, "workload.kind": kind}


def rate(executor: str, kind: str) -> Quantity:
    """Items that go through it in a second."""
    return metric(queue(executor, kind), "items_per_s")


CLAIMS = (
    Claim("fifo", ("L17",), Ends(queue("thread", "fifo"), "ok")),
    Claim("lifo", ("L17",), Ends(queue("thread", "lifo"), "ok")),
    Claim("priority", ("L17",), Ends(queue("thread", "priority"), "ok")),
    Claim("simple_faster", (), rate("thread", "simple").over(rate("thread", "fifo")).above(1)),
    Claim("process_fifo", (), Ends(queue("process", "fifo"), "ok")),
    Claim(
        "process_lifo",
        (),
        Ends(queue("process", "lifo"), "unsupported", "multiprocessing has no LifoQueue"),
    ),
    Claim(
        "process_priority",
        (),
        Ends(queue("process", "priority"), "unsupported", "multiprocessing has no PriorityQueue"),
    ),
    Claim("threads_faster", (), rate("thread", "fifo").over(rate("process", "fifo")).above(2)),
)
