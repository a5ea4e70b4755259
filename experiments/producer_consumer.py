"""Numbers from one file, their squares into another, through a queue."""

from runners.analysis.claims import Cell, Claim, Ends, Quantity, metric

ROWS = ("L18",)
CODE = (
    "runners.workloads.squares:Squares._produce",
    "runners.workloads.squares:Squares._consume",
)


def squares(executor: str, consumers: int) -> Cell:
    return {"executor": executor, "workload.consumers": consumers}


def rate(executor: str, consumers: int) -> Quantity:
    """Numbers squared in a second."""
    return metric(squares(executor, consumers), "numbers_per_s")


CLAIMS = (
    Claim("one_squares", ("L18",), Ends(squares("thread", 1), "ok")),
    Claim("rate", ("L18",), rate("thread", 1)),
    Claim("two_no_faster", (), rate("thread", 2).over(rate("thread", 1)).below(1.05)),
    Claim("process_squares", (), Ends(squares("process", 1), "ok")),
    Claim("processes_slower", (), rate("process", 1).over(rate("thread", 1)).below(1)),
)
