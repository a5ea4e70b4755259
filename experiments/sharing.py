"""What does a worker see that goes through a list while another one deletes from it?

It counts the places from 0 to the length that the list had at first. A deletion moves all later
items one place up: some items are passed over, and the last places become empty.
(`for item in list` misses items as well, but does not crash.) Processes share a manager's list.
"""

from runners.analysis.claims import Claim, Seen

ROWS = ("L7",)


def crashes(executor: str) -> Seen:
    return Seen({"executor": executor, "workload.guard": "none"}, "index_errors", "passes")


def misses(executor: str, guard: str, never: bool = False) -> Seen:
    """That items are skipped, or that with this guard none is, and no pass crashes."""
    cell = {"executor": executor, "workload.guard": guard}
    return Seen(cell, "items_skipped", "items_due", never)


CLAIMS = (
    Claim(
        ("L7",),
        "Going by index through a list from which another thread deletes ends in an IndexError.",
        "a crash",
        crashes("thread"),
    ),
    Claim(
        ("L7",),
        "Going through it gives wrong data: items that nobody deletes are missed.",
        "wrong data",
        misses("thread", "none"),
    ),
    Claim(
        (),
        "No item is missed if threads hold a lock for each whole pass and each deletion.",
        "",
        misses("thread", "lock", never=True),
    ),
    Claim(
        (),
        "No item is missed if other threads only ask for deletions through a queue.",
        "",
        misses("thread", "queue", never=True),
    ),
    Claim(
        (),
        "Going by index through a manager's list from which another process deletes ends in an "
        "IndexError.",
        "",
        crashes("process"),
    ),
    Claim((), "Items of a manager's list are missed as well.", "", misses("process", "none")),
    Claim(
        (),
        "No item is missed if processes hold a lock for each whole pass and each deletion.",
        "",
        misses("process", "lock", never=True),
    ),
    Claim(
        (),
        "No item is missed if other processes only ask for deletions through a queue.",
        "",
        misses("process", "queue", never=True),
    ),
)
