"""Threads made from a function and by a subclass."""

from runners.analysis.claims import Claim, Ends, speedup

ROWS = ("L3", "L4")
CODE = (
    "runners.executors.thread:Thread.make",
    "runners.executors.thread_subclass:Worker",
)

FUNCTION = {"executor": "thread"}
SUBCLASS = {"executor": "thread_subclass"}

CLAIMS = (
    Claim("function", ("L3",), Ends(FUNCTION, "ok")),
    Claim("subclass", ("L4",), Ends(SUBCLASS, "ok")),
    Claim("same", ("L4",), speedup(SUBCLASS).over(speedup(FUNCTION)).between(0.9, 1 / 0.9)),
)
