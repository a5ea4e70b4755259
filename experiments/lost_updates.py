"""Additions to one shared number, with and without a lock."""

from runners.analysis.claims import Claim, Seen

ROWS = ("L23",)
CODE = ("runners.workloads.shared_value:SharedValue._count",)


def losses(executor: str, lock: str, never: bool = False) -> Seen:
    """That additions are lost, or never are."""
    cell = {"executor": executor, "workload.lock": lock}
    return Seen(cell, "lost_updates", "updates", never)


CLAIMS = (
    Claim("thread_implicit", ("L23",), losses("thread", "implicit", never=True)),
    Claim("process_implicit", ("L23",), losses("process", "implicit", never=True)),
    Claim("thread_explicit", (), losses("thread", "explicit", never=True)),
    Claim("process_explicit", (), losses("process", "explicit", never=True)),
    Claim("thread_none", (), losses("thread", "none", never=True)),
    Claim("process_none", (), losses("process", "none")),
)
