"""What happens when one thread takes the same lock twice?

The second attempt has a time limit of 50 ms. Without it, the thread would wait for itself for ever.
"""

from runners.analysis.claims import Claim, Quantity, metric

ROWS = ("L9",)


def wait(executor: str, lock: str) -> Quantity:
    """How long the second attempt took."""
    return metric({"executor": executor, "workload.lock": lock}, "waited_s")


CLAIMS = (
    Claim(
        ("L9",),
        "A thread that takes a plain lock twice blocks: the second attempt waits all its 50 ms.",
        "for ever",
        wait("thread", "lock").above(0.05),
    ),
    Claim(
        ("L9",),
        "A thread that takes a reentrant lock twice does not block: it has it again within 5 ms.",
        "",
        wait("thread", "rlock").below(0.005),
    ),
    Claim(
        (),
        "A process that takes a plain lock twice blocks: the second attempt waits all its 50 ms.",
        "",
        wait("process", "lock").above(0.05),
    ),
    Claim(
        (),
        "A process that takes a reentrant lock twice does not block.",
        "",
        wait("process", "rlock").below(0.005),
    ),
)
