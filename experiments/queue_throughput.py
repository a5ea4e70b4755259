"""A FIFO queue with one or two producers and consumers."""

from itertools import product

from runners.analysis.claims import Cell, Claim, metric

ROWS = ("L17",)
CODE = ("runners.workloads.queues:Queues.__call__",)

NUMBERS = ((1, 1), (1, 2), (2, 1), (2, 2))


def cell(executor: str, producers: int, consumers: int) -> Cell:
    return {"executor": executor, "workload.producers": producers, "workload.consumers": consumers}


CLAIMS = (
    *(
        Claim(
            "_".join(map(str, (executor, *numbers))),
            ("L17",) if executor == "thread" else (),
            metric(cell(executor, *numbers), "items_per_s"),
        )
        for executor, numbers in product(("thread", "process"), NUMBERS)
    ),
    Claim(
        "no_more",
        (),
        metric(cell("thread", 2, 2), "items_per_s")
        .over(metric(cell("thread", 1, 1), "items_per_s"))
        .below(1.05),
    ),
)
