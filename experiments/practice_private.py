"""Can workers that run the same function have data that no other worker sees?

Three workers report their name and their own random data, pause, and look again. A run in which two
of them see the same data, or in which data change, counts as wrong.
"""

from runners.analysis.claims import Claim, metric

ROWS = ("P3",)

CLAIMS = (
    Claim(
        ("P3",),
        "Three threads each have private data, and none sees another's.",
        "",
        metric({"executor": "thread"}, "values").between(3, 3),
    ),
    Claim(
        ("P3",),
        "Three threads of a subclass each have private data, too.",
        "",
        metric({"executor": "thread_subclass"}, "values").between(3, 3),
    ),
    Claim(
        ("P3",),
        "Each of three threads reports a name of its own.",
        "",
        metric({"executor": "thread"}, "names").between(3, 3),
    ),
    Claim(
        (),
        "Three processes each have private data, and none sees another's.",
        "",
        metric({"executor": "process"}, "values").between(3, 3),
    ),
)
