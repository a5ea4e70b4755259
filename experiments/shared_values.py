"""A double and an array in shared memory, changed by one worker."""

from runners.analysis.claims import Claim, Ends

ROWS = ("L23",)

CLAIMS = (
    Claim("child", ("L23",), Ends({"executor": "process"}, "ok")),
    Claim("thread", (), Ends({"executor": "thread"}, "ok")),
)
