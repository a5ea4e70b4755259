"""Lines of several workers in one file, with and without a lock."""

from runners.analysis.claims import Claim, Seen

ROWS = ("L22",)
CODE = ("runners.workloads.output_lines:OutputLines.__call__",)


def mixes(executor: str, lock: str, write: str = "parts", never: bool = False) -> Seen:
    """That lines are mixed, or never are."""
    cell = {"executor": executor, "workload.lock": lock, "workload.write": write}
    return Seen(cell, "mixed_lines", "lines", never)


CLAIMS = (
    Claim("process_none", ("L22",), mixes("process", "none")),
    Claim("process_lock", ("L22",), mixes("process", "lock", never=True)),
    Claim("thread_none", (), mixes("thread", "none")),
    Claim("thread_lock", (), mixes("thread", "lock", never=True)),
    Claim("process_whole", (), mixes("process", "none", "whole", never=True)),
    Claim("thread_whole", (), mixes("thread", "none", "whole", never=True)),
)
