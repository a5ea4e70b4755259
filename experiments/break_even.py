"""How much work must a task be for an executor to be worth its cost?

Eight countdowns, from a microsecond to a tenth of a second each. Processes cost milliseconds to
start, so that they pay from some length on. Threads start faster, but the countdown holds the
global interpreter lock: where there is one, no length is enough.
"""

from runners.analysis.claims import Claim

ROWS: tuple[str, ...] = ()

CLAIMS: tuple[Claim, ...] = ()
