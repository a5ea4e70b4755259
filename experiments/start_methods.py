"""Two processes started by each of the ways that Python has."""

from runners.analysis.claims import Claim, first, seconds

ROWS: tuple[str, ...] = ()
CODE = ("runners.workloads.cube:Cube.__call__",)

FORK = {"executor.start_method": "fork"}
SPAWN = {"executor.start_method": "spawn"}
FORKSERVER = {"executor.start_method": "forkserver"}

CLAIMS = (
    Claim("fork", (), seconds(FORK)),
    Claim("spawn", (), seconds(SPAWN).over(seconds(FORK)).above(3)),
    Claim("forkserver", (), seconds(FORKSERVER).over(seconds(SPAWN)).below(1)),
    Claim("first_forkserver", (), first(FORKSERVER).over(seconds(FORKSERVER)).above(1)),
)
