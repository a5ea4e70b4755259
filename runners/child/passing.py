"""Troubles that pass: errors that need not come again, though the cell is the same.

What a limit of the cell's own (`measure.memory_limit_bytes`) brings about comes again.
"""

import errno
import re

from runners.model import Unavailable

BUSY = (
    *(errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.ECONNREFUSED, errno.ETIMEDOUT),
    *(errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ENETDOWN, errno.ENETUNREACH),
    *(errno.EMFILE, errno.ENFILE, errno.ENOSPC, errno.EDQUOT),
)
"""A busy port, a server that does not answer, no more open files, a full disk."""

SHORT = (errno.ENOMEM, errno.EAGAIN)
"""No more memory, processes or threads."""

_NUMBER = re.compile(r"\[Errno (-?\d+)\]")
_SHORT = re.compile(
    r"^[\w.]*MemoryError\b|can't (start|allocate) new thread|Cannot allocate memory"
)
_NO_NAME = "Temporary failure in name resolution"
_UNAVAILABLE = f"{Unavailable.__module__}.{Unavailable.__qualname__}:"


def passes(error: str, limited: bool) -> bool:
    """Whether such an error of a run may not come again, by its last line.

    `limited` says that the cell has a limit of memory.
    """
    last = next((line for line in reversed(error.splitlines()) if line.strip()), "")
    numbers = set(map(int, _NUMBER.findall(last)))
    if numbers & set(SHORT) or _SHORT.search(last):
        return not limited
    return bool(numbers & set(BUSY)) or _NO_NAME in last or last.startswith(_UNAVAILABLE)
