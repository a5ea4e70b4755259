"""Does a worker's change of a shared double and a shared array reach the one who started it?

One worker sets the double to 3.1415927 and negates an array of the numbers 0 to 9.
"""

from runners.analysis.claims import Claim, Ends

ROWS = ("L23",)

CLAIMS = (
    Claim(
        ("L23",),
        "What a child process writes to shared memory, its parent sees.",
        "3.1415927; 0, −1, … −9",
        Ends({"executor": "process"}, "ok"),
    ),
    Claim(
        (),
        "What a thread writes to shared memory, the main thread sees.",
        "",
        Ends({"executor": "thread"}, "ok"),
    ),
)
