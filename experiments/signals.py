"""How soon does the main thread see Ctrl+C while tasks compute?

Two countdowns run in the main thread itself, in two threads that it joins, or in two processes.
Halfway the first sends the signal, and its handler, which Python calls in the main thread only,
notes the time.
"""

from runners.analysis.claims import Claim, Seen, metric

ROWS = ("L6",)

ALONE = {"executor": "serial", "workload.beside": 0}
BESIDE = {"executor": "serial", "workload.beside": 1}
THREADS = {"executor": "thread", "workload.beside": 0}
PROCESSES = {"executor": "process", "workload.beside": 0}

CLAIMS = (
    Claim(
        ("L6",),
        "The main thread receives the signal.",
        "",
        Seen(ALONE, "signals_lost", "signals", never=True),
    ),
    Claim(
        ("L6",),
        "While other threads run, the program does not react: none is handled before they end.",
        "",
        metric(THREADS, "handled_meanwhile").below(0),
    ),
    Claim(
        (),
        "In join, while two threads compute, the main thread reacts within 50 ms.",
        "",
        metric(THREADS, "delay_s").below(0.05),
    ),
    Claim(
        (),
        "Out of join, computing itself while another thread computes, it reacts within 50 ms.",
        "",
        metric(BESIDE, "delay_s").below(0.05),
    ),
    Claim(
        (),
        "Where it computes alone, it reacts within 1 ms.",
        "",
        metric(ALONE, "delay_s").below(0.001),
    ),
    Claim(
        (),
        "While two processes compute, it reacts within 10 ms.",
        "",
        metric(PROCESSES, "delay_s").below(0.01),
    ),
)
