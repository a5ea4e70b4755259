"""Are additions of integers, strings and lists faster in threads or in processes?

Four different pairs of arguments for each type, each pair as a task of its own: once, and 10,000
times over.
"""

from runners.analysis.claims import Claim, Ends, speedup

ROWS = ("P2",)

THREADS = {"executor": "thread", "workload.repeat": 1}
PROCESSES = {"executor": "process", "workload.repeat": 1}
THREADS_LONG = {"executor": "thread", "workload.repeat": 10_000}
PROCESSES_LONG = {"executor": "process", "workload.repeat": 10_000}

CLAIMS = (
    Claim(("P2",), "Two threads add up all of them.", "", Ends(THREADS, "ok")),
    Claim(("P2",), "Two processes add up all of them.", "", Ends(PROCESSES, "ok")),
    Claim(
        ("P2",),
        "A single addition is too short for threads: they are slower than a plain loop.",
        "",
        speedup(THREADS).below(1),
    ),
    Claim(
        ("P2",),
        "A single addition is too short for processes: they are slower than a plain loop.",
        "",
        speedup(PROCESSES).below(1),
    ),
    Claim(
        (),
        "Repeated 10,000 times, additions are no faster in threads.",
        "",
        speedup(THREADS_LONG).below(1.05),
    ),
    Claim(
        (),
        "Repeated 10,000 times, additions are faster in processes.",
        "",
        speedup(PROCESSES_LONG).above(1),
    ),
)
