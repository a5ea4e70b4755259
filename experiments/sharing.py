"""A list that one worker goes through while another deletes from it."""

from runners.analysis.claims import Claim, Seen

ROWS = ("L7",)
CODE = (
    "runners.workloads.shared_list:SharedList._pass",
    "runners.workloads.shared_list:SharedList._delete",
)


def crashes(executor: str) -> Seen:
    return Seen({"executor": executor, "workload.guard": "none"}, "index_errors", "passes")


def misses(executor: str, guard: str, never: bool = False) -> Seen:
    """That items are skipped, or that with this guard none is, and no pass crashes."""
    cell = {"executor": executor, "workload.guard": guard}
    return Seen(cell, "items_skipped", "items_due", never)


CLAIMS = (
    Claim("index_error", ("L7",), crashes("thread")),
    Claim("misses", ("L7",), misses("thread", "none")),
    Claim("lock", (), misses("thread", "lock", never=True)),
    Claim("queue", (), misses("thread", "queue", never=True)),
    Claim("process_index_error", (), crashes("process")),
    Claim("process_misses", (), misses("process", "none")),
    Claim("process_lock", (), misses("process", "lock", never=True)),
    Claim("process_queue", (), misses("process", "queue", never=True)),
)
