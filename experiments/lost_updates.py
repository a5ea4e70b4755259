"""Are shared values safe for threads and processes, when all of them add to one number?

`value += 1` reads and then writes. The lock of a `Value` is held for either, but not in between,
unless the program takes it with `get_lock()`. A `RawValue` has no lock.
"""

from runners.analysis.claims import Claim, Seen

ROWS = ("L23",)


def losses(executor: str, lock: str, never: bool = False) -> Seen:
    """That additions are lost, or never are."""
    cell = {"executor": executor, "workload.lock": lock}
    return Seen(cell, "lost_updates", "updates", never)


CLAIMS = (
    Claim(
        ("L23",),
        "A Value is safe for threads: no addition is lost.",
        "safe",
        losses("thread", "implicit", never=True),
    ),
    Claim(
        ("L23",),
        "A Value is safe for processes: no addition is lost.",
        "safe",
        losses("process", "implicit", never=True),
    ),
    Claim(
        (),
        "Threads lose no addition to a Value under its get_lock().",
        "",
        losses("thread", "explicit", never=True),
    ),
    Claim(
        (),
        "Processes lose no addition to a Value under its get_lock().",
        "",
        losses("process", "explicit", never=True),
    ),
    Claim(
        (),
        "Threads lose no addition to a RawValue, though it has no lock.",
        "",
        losses("thread", "none", never=True),
    ),
    Claim((), "Processes lose additions to a RawValue.", "", losses("process", "none")),
)
