"""How soon does a worker end when a flag asks it to?

Nobody can end a thread from outside: it looks at the flag now and then, and ends itself. A process
is asked in the same way here, although it could be killed.
"""

from runners.analysis.claims import Claim, Ends, metric

ROWS = ("L5",)

THREADS = {"executor": "thread", "workload.check_every": 1000}
THREADS_RARELY = {"executor": "thread", "workload.check_every": 200_000}
PROCESSES = {"executor": "process", "workload.check_every": 1000}
PROCESSES_RARELY = {"executor": "process", "workload.check_every": 200_000}

CLAIMS = (
    Claim(
        ("L5",),
        "A thread is created, started, asked to end by a flag, and joined.",
        "",
        Ends(THREADS, "ok"),
    ),
    Claim(
        ("L5",),
        "A thread cannot be ended from outside: it has no method stop, kill or the like.",
        "",
        metric(THREADS, "thread_methods_to_end_it").below(0),
    ),
    Claim(
        ("L5",),
        "A thread that looks at the flag every 1,000 steps ends within 100 ms of the request.",
        "",
        metric(THREADS, "stop_s").below(0.1),
    ),
    Claim(
        (),
        "A process does so as well, with a flag that both share.",
        "",
        metric(PROCESSES, "stop_s").below(0.1),
    ),
    *(
        Claim(
            (),
            f"A {name} that looks every 200,000 steps takes at least 5 times as long to end.",
            "",
            metric(rarely, "stop_s").over(metric(often, "stop_s")).above(5),
        )
        for name, rarely, often in (
            ("thread", THREADS_RARELY, THREADS),
            ("process", PROCESSES_RARELY, PROCESSES),
        )
    ),
)
