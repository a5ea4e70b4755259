"""Troubles that pass: errors that need not come again, though the cell is the same.

What a limit of the cell's own (`measure.memory_limit_bytes`) brings about comes again.
"""

import errno

from runners.model import Unavailable, error_numbers, last_line, shortage

BUSY = {
    *(errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.ECONNREFUSED, errno.ETIMEDOUT),
    *(errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ENETDOWN, errno.ENETUNREACH),
}
"""A busy port, a server that does not answer."""

_NO_NAME = "Temporary failure in name resolution"
_UNAVAILABLE = f"{Unavailable.__module__}.{Unavailable.__qualname__}:"


def passes(error: str, limited: bool) -> bool:
    """Whether such an error of a run may not come again, by its last line.

    `limited` says that the cell has a limit of memory.
    """
    if (short := shortage(error)) is not None:
        return not (limited and short.of_memory)
    last = last_line(error)
    return bool(error_numbers(error) & BUSY) or _NO_NAME in last or last.startswith(_UNAVAILABLE)
