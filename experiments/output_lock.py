"""Do lines of several workers mix in one file, and does a lock between them prevent it?

Each worker appends lines, without a buffer. A line is written in three parts, as `print` writes its
end apart to such a stream, or whole.
"""

from runners.analysis.claims import Claim, Seen

ROWS = ("L22",)


def mixes(executor: str, lock: str, write: str = "parts", never: bool = False) -> Seen:
    """That lines are mixed, or never are."""
    cell = {"executor": executor, "workload.lock": lock, "workload.write": write}
    return Seen(cell, "mixed_lines", "lines", never)


CLAIMS = (
    Claim(
        ("L22",), "Without a lock, lines of several processes mix.", "", mixes("process", "none")
    ),
    Claim(
        ("L22",),
        "With a lock between the processes, no lines mix.",
        "",
        mixes("process", "lock", never=True),
    ),
    Claim((), "Without a lock, lines of several threads mix.", "", mixes("thread", "none")),
    Claim(
        (),
        "With a lock between the threads, no lines mix.",
        "",
        mixes("thread", "lock", never=True),
    ),
    Claim(
        (),
        "Lines of several processes do not mix without a lock either, if each is written whole.",
        "",
        mixes("process", "none", "whole", never=True),
    ),
    Claim(
        (),
        "Lines of several threads do not mix without a lock either, if each is written whole.",
        "",
        mixes("thread", "none", "whole", never=True),
    ),
)
