"""How soon does the main thread see Ctrl+C while tasks compute?

Two countdowns run in the main thread itself, in two threads that it joins, or in two processes.
Halfway the first sends the signal, and its handler, which Python calls in the main thread only,
notes the time.
"""

from runners.claims import Claim, metric

ROWS = ("L6",)

ALONE = {"executor": "serial"}
THREADS = {"executor": "thread"}
PROCESSES = {"executor": "process"}

CLAIMS = (
    Claim(
        ("L6",),
        "The main thread receives the signal.",
        "",
        metric(ALONE, "handled").above(1),
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
        "Where it computes itself, it reacts within 1 ms.",
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

figures = None  # its verdicts say it all
