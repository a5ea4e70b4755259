"""A signal to the main thread while tasks compute."""

from runners.analysis.claims import Changed, Claim, Seen, largest, metric

ROWS = ("L6",)
CODE = ("runners.workloads.signals:Signals.__call__",)

ALONE = {"executor": "serial", "workload.beside": 0}
BESIDE = {"executor": "serial", "workload.beside": 1}
THREADS = {"executor": "thread", "workload.beside": 0}
PROCESSES = {"executor": "process", "workload.beside": 0}

CLAIMS = (
    Claim("received", ("L6",), Seen(ALONE, "signals_lost", "signals", never=True)),
    Claim(
        "no_reaction",
        ("L6",),
        largest(THREADS, "handled_meanwhile").between(0, 0),
        changed=Changed("3.2"),
    ),
    Claim("in_join", (), metric(THREADS, "delay_s").below(0.05)),
    Claim("beside", (), metric(BESIDE, "delay_s").below(0.05)),
    Claim("alone", (), metric(ALONE, "delay_s").below(0.001)),
    Claim("processes", (), metric(PROCESSES, "delay_s").below(0.01)),
)
