"""A pool of four processes that cubes the numbers from 1 to 6."""

from runners.analysis.claims import Claim, Ends, seconds

ROWS = ("L24",)
CODE = ("runners.workloads.cube:Cube.__call__",)

POOL = {"executor": "pool"}

CLAIMS = (
    Claim("cubes", ("L24",), Ends(POOL, "ok")),
    Claim("too_little_work", (), seconds(POOL).over(seconds(POOL, "baseline")).above(100)),
)
