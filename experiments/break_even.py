"""Countdowns from short to long, on threads, processes and pools."""

from runners.analysis.claims import Claim

ROWS: tuple[str, ...] = ()
CODE = ("runners.workloads.countdown:count",)

CLAIMS: tuple[Claim, ...] = ()
