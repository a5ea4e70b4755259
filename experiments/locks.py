"""Can a reader see half a change of a point whose two coordinates change together?

One worker moves the point, another reads it. A reading is torn if its coordinates do not belong
together. Threads share an object; processes share a structure in shared memory. The setters that a
move calls take a reentrant mutex again; they leave a plain lock alone.
"""

from runners.analysis.claims import Claim, Seen

ROWS = ("L8",)


def point(executor: str, lock: str, never: bool = False) -> Seen:
    """That readings are torn, or never are."""
    cell = {"executor": executor, "workload.lock": lock}
    return Seen(cell, "torn_reads", "reads", never)


CLAIMS = (
    Claim(
        ("L8",),
        "Without a mutex, a thread can see half a change of another one.",
        "",
        point("thread", "none"),
    ),
    Claim(
        ("L8",),
        "With a reentrant mutex no thread sees half a change.",
        "",
        point("thread", "rlock", never=True),
    ),
    Claim(
        (),
        "With a plain lock no thread sees half a change either.",
        "",
        point("thread", "lock", never=True),
    ),
    Claim(
        (),
        "In shared memory without a mutex, a process can see half a change of another one.",
        "",
        point("process", "none"),
    ),
    Claim(
        (),
        "With a reentrant mutex no process sees half a change.",
        "",
        point("process", "rlock", never=True),
    ),
    Claim(
        (),
        "With a plain lock no process sees half a change either.",
        "",
        point("process", "lock", never=True),
    ),
)
