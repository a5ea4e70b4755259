"""What does it cost to start two processes, by each of the ways that Python has?

They do next to nothing, so that all the time goes into starting and ending them. A forked process
is a copy of its parent; a spawned one is a fresh interpreter that imports everything again; a fork
server is a fresh interpreter that is copied. On Linux the default is to fork, and from 3.14 on
a fork server.
"""

from runners.analysis.claims import Claim, first, seconds

ROWS: tuple[str, ...] = ()

FORK = {"executor.start_method": "fork"}
SPAWN = {"executor.start_method": "spawn"}
FORKSERVER = {"executor.start_method": "forkserver"}

CLAIMS = (
    Claim(
        (),
        "Two processes are forked: the time from the first start to the last end.",
        "",
        seconds(FORK),
    ),
    Claim(
        (),
        "Two spawned processes take at least 3 times as long.",
        "",
        seconds(SPAWN).over(seconds(FORK)).above(3),
    ),
    Claim(
        (),
        "Two from a fork server that already runs take less time than two spawned ones.",
        "",
        seconds(FORKSERVER).over(seconds(SPAWN)).below(1),
    ),
    Claim(
        (),
        "The first two from a fork server, which has to be started for them, take longer than "
        "later ones.",
        "",
        first(FORKSERVER).over(seconds(FORKSERVER)).above(1),
    ),
)
