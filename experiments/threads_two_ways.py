"""Does it matter whether a thread is made from a function or by a subclass with `run()`?

Either way two threads count down, with the same names, arguments and results.
"""

from runners.analysis.claims import Claim, Ends, speedup

ROWS = ("L3", "L4")

FUNCTION = {"executor": "thread"}
SUBCLASS = {"executor": "thread_subclass"}

CLAIMS = (
    Claim(
        ("L3",),
        "A thread is made from a function with Thread(name, target, args, kwargs).",
        "",
        Ends(FUNCTION, "ok"),
    ),
    Claim(("L4",), "A thread is made by a subclass with run().", "", Ends(SUBCLASS, "ok")),
    Claim(
        ("L4",),
        "Both are practically the same: as fast as each other within 10%.",
        "",
        speedup(SUBCLASS).over(speedup(FUNCTION)).between(0.9, 1 / 0.9),
    ),
)
