"""Do queues keep their order and lose nothing, and which of them is the fastest?

Two producers put numbers into a queue, two consumers take them out. Beforehand a hundred numbers
are put in and taken out one after the other, to see the order.
"""

from runners.analysis.claims import Cell, Claim, Ends, Quantity, metric

ROWS = ("L17",)


def queue(executor: str, kind: str) -> Cell:
    return {"executor": executor, "workload.kind": kind}


def rate(executor: str, kind: str) -> Quantity:
    """Items that go through it in a second."""
    return metric(queue(executor, kind), "items_per_s")


CLAIMS = (
    Claim(
        ("L17",),
        "A FIFO queue between threads gives every item once, in its order.",
        "",
        Ends(queue("thread", "fifo"), "ok"),
    ),
    Claim(
        ("L17",),
        "A LIFO queue between threads gives every item once, the last one first.",
        "",
        Ends(queue("thread", "lifo"), "ok"),
    ),
    Claim(
        ("L17",),
        "A priority queue between threads gives every item once, the smallest first.",
        "",
        Ends(queue("thread", "priority"), "ok"),
    ),
    Claim(
        (),
        "Between threads, a SimpleQueue passes more items in a second than a Queue.",
        "",
        rate("thread", "simple").over(rate("thread", "fifo")).above(1),
    ),
    Claim(
        (),
        "A FIFO queue between processes gives every item once, in its order.",
        "",
        Ends(queue("process", "fifo"), "ok"),
    ),
    Claim(
        (),
        "There is no LIFO queue between processes.",
        "",
        Ends(queue("process", "lifo"), "unsupported", "multiprocessing has no LifoQueue"),
    ),
    Claim(
        (),
        "There is no priority queue between processes.",
        "",
        Ends(queue("process", "priority"), "unsupported", "multiprocessing has no PriorityQueue"),
    ),
    Claim(
        (),
        "A Queue between threads passes more than twice as many items as one between processes.",
        "",
        rate("thread", "fifo").over(rate("process", "fifo")).above(2),
    ),
)
