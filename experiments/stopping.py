"""A worker that is asked to end by a flag."""

from runners.analysis.claims import Claim, Ends, metric

ROWS = ("L5",)
CODE = (
    "runners.workloads.stop_flag:StopFlag._ask",
    "runners.workloads.stop_flag:StopFlag._compute",
)

THREADS = {"executor": "thread", "workload.check_every": 1000}
THREADS_RARELY = {"executor": "thread", "workload.check_every": 200_000}
PROCESSES = {"executor": "process", "workload.check_every": 1000}
PROCESSES_RARELY = {"executor": "process", "workload.check_every": 200_000}

CLAIMS = (
    Claim("asked", ("L5",), Ends(THREADS, "ok")),
    Claim("no_method", ("L5",), metric(THREADS, "thread_methods_to_end_it").between(0, 0)),
    Claim("soon", ("L5",), metric(THREADS, "stop_s").below(0.1)),
    Claim("process_soon", (), metric(PROCESSES, "stop_s").below(0.1)),
    *(
        Claim(f"{name}_rarely", (), metric(rarely, "stop_s").over(metric(often, "stop_s")).above(5))
        for name, rarely, often in (
            ("thread", THREADS_RARELY, THREADS),
            ("process", PROCESSES_RARELY, PROCESSES),
        )
    ),
)
