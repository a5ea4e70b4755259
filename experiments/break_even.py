"""Countdowns from short to long, on threads, processes and pools."""

from runners.analysis.claims import Claim

ROWS: tuple[str, ...] = ()

CLAIMS: tuple[Claim, ...] = ()
