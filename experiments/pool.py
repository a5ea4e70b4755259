"""Does a pool of four processes map the cube over the numbers from 1 to 6, and is it worth it?

The results come back in the order of the numbers, whichever process computed them.
"""

from runners.analysis.claims import Claim, Ends, seconds

ROWS = ("L24",)

POOL = {"executor": "pool"}

CLAIMS = (
    Claim(
        ("L24",),
        "A pool of four processes gives the cubes of 1 to 6, in order.",
        "1, 8, 27, 64, 125, 216",
        Ends(POOL, "ok"),
    ),
    Claim(
        (),
        "For so little work, the pool takes at least 100 times as long as a plain loop.",
        "",
        seconds(POOL).over(seconds(POOL, "baseline")).above(100),
    ),
)
