"""Additions of integers, strings and lists, once and many times over."""

from runners.analysis.claims import Changed, Claim, Ends, speedup

ROWS = ("P2",)
CODE = ("runners.workloads.addition:Addition.__call__",)

THREADS = {"executor": "thread", "workload.repeat": 1}
PROCESSES = {"executor": "process", "workload.repeat": 1}
THREADS_LONG = {"executor": "thread", "workload.repeat": 10_000}
PROCESSES_LONG = {"executor": "process", "workload.repeat": 10_000}

CLAIMS = (
    Claim("threads_add", ("P2",), Ends(THREADS, "ok")),
    Claim("processes_add", ("P2",), Ends(PROCESSES, "ok")),
    Claim("threads_slower", ("P2",), speedup(THREADS).below(1)),
    Claim("processes_slower", ("P2",), speedup(PROCESSES).below(1)),
    Claim(
        "threads_long",
        (),
        speedup(THREADS_LONG).below(1.05),
        changed=Changed("3.13", without_gil=True),
    ),
    Claim("processes_long", (), speedup(PROCESSES_LONG).above(1)),
)
