"""Do the squares of a file's numbers all arrive in another file, and do more consumers help?

A producer reads the numbers and puts them into a queue. Consumers write the squares down and say
`task_done`. The producer waits for all with `join`, then sends each consumer the stop word.
"""

from runners.analysis.claims import Cell, Claim, Ends, Quantity, metric

ROWS = ("L18",)


def squares(executor: str, consumers: int) -> Cell:
    return {"executor": executor, "workload.consumers": consumers}


def rate(executor: str, consumers: int) -> Quantity:
    """Numbers squared in a second."""
    return metric(squares(executor, consumers), "numbers_per_s")


CLAIMS = (
    Claim(
        ("L18",),
        "One thread reads, one squares and writes: all squares are there, and both threads end.",
        "",
        Ends(squares("thread", 1), "ok"),
    ),
    Claim(("L18",), "Numbers squared by one thread.", "", rate("thread", 1)),
    Claim(
        (),
        "A second thread that squares makes it no faster.",
        "",
        rate("thread", 2).over(rate("thread", 1)).below(1.05),
    ),
    Claim(
        (),
        "One process reads, one squares and writes: all squares are there, and both end.",
        "",
        Ends(squares("process", 1), "ok"),
    ),
    Claim(
        (),
        "Two processes square fewer numbers in a second than two threads.",
        "",
        rate("process", 1).over(rate("thread", 1)).below(1),
    ),
)
