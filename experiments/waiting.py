"""Requests to a server, one after another and in threads."""

from runners.analysis.claims import Claim, seconds, speedup

ROWS = ("L15",)
CODE = ("runners.workloads.http_get:HttpGet.__call__",)

THREADS = {"executor": "thread"}

CLAIMS = (
    Claim("one_after_another", ("L15",), seconds(THREADS, "baseline")),
    Claim("four", ("L15",), speedup(THREADS).above(2)),
)
