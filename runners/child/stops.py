"""The reaper is told when a process of the cell goes on that was stopped (SIGSTOP and SIGCONT).

It sees for itself when the measuring process is stopped, but not its workers: the kernel tells that
to their parent alone. Nothing runs here unless a process goes on; forked workers inherit it.
"""

import os
import signal

REAPER = "SPEEDUP_LAB_REAPER"
"""The variable that has its number; where it is missing, this is another machine."""
TOLD_BY = signal.SIGURG
"""By default nothing comes of it, should another process have got that number."""


def tell_stops() -> None:
    """From now on, unless the workload has its own way with SIGCONT."""
    if (reaper := os.environ.get(REAPER)) is None or signal.getsignal(signal.SIGCONT):
        return
    try:
        signal.signal(signal.SIGCONT, lambda number, frame: _tell(int(reaper)))
    except ValueError:  # of a worker's threads only the main one can: Dask's tasks run in others
        pass


def _tell(reaper: int) -> None:
    try:
        os.kill(reaper, TOLD_BY)
    except ProcessLookupError:
        pass
