"""A point that one worker moves while another reads it, with and without a mutex."""

from runners.analysis.claims import Claim, Seen

ROWS = ("L8",)
CODE = ("runners.workloads.point:Guarded",)


def point(executor: str, lock: str, never: bool = False) -> Seen:
    """That readings are torn, or never are."""
    cell = {"executor": executor, "workload.lock": lock}
    return Seen(cell, "torn_reads", "reads", never)


CLAIMS = (
    Claim("thread_none", ("L8",), point("thread", "none")),
    Claim("thread_rlock", ("L8",), point("thread", "rlock", never=True)),
    Claim("thread_lock", (), point("thread", "lock", never=True)),
    Claim("process_none", (), point("process", "none")),
    Claim("process_rlock", (), point("process", "rlock", never=True)),
    Claim("process_lock", (), point("process", "lock", never=True)),
)
