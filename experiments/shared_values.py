"""A double and an array in shared memory, changed by one worker."""

from runners.analysis.claims import Claim, Ends

ROWS = ("L23",)
CODE = ("runners.workloads.shared_value:SharedValue.__call__",)

CLAIMS = (
    Claim("child", ("L23",), Ends({"executor": "process"}, "ok")),
    Claim("thread", (), Ends({"executor": "thread"}, "ok")),
)
