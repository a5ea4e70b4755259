"""How many items pass a FIFO queue in a second, by the number of producers and consumers?

Threads take turns at its mutex and at the interpreter lock; processes at a lock and a pipe.
"""

from itertools import product

from runners.analysis.claims import Cell, Claim, metric

ROWS = ("L17",)

NUMBERS = ((1, 1), (1, 2), (2, 1), (2, 2))


def cell(executor: str, producers: int, consumers: int) -> Cell:
    return {
        "executor": executor,
        "workload.producers": producers,
        "workload.consumers": consumers,
    }


def told(executor: str, producers: int, consumers: int) -> str:
    """The numbers in words, as in "2 producers and 1 consumer pass items between threads."."""
    many = {1: ""}
    name = {"thread": "threads", "process": "processes"}[executor]
    return (
        f"{producers} producer{many.get(producers, 's')} and "
        f"{consumers} consumer{many.get(consumers, 's')} pass items between {name}."
    )


CLAIMS = (
    *(
        Claim(
            ("L17",) if executor == "thread" else (),
            told(executor, *numbers),
            "",
            metric(cell(executor, *numbers), "items_per_s"),
        )
        for executor, numbers in product(("thread", "process"), NUMBERS)
    ),
    Claim(
        (),
        "Two producers and two consumers in threads pass no more items than one of each.",
        "",
        metric(cell("thread", 2, 2), "items_per_s")
        .over(metric(cell("thread", 1, 1), "items_per_s"))
        .below(1.05),
    ),
)
