"""The measuring process as one of several that a launcher has started (`model.Launch`)."""

import resource
import socket

from runners.child.trial import main
from runners.model import locate


def begin(entry: str, path: str, memory_limit_bytes: int | None) -> None:
    """What each of these processes does: what `entry` says, which has one of them measure."""
    if memory_limit_bytes is not None:  # workers do not inherit that of the measuring process
        resource.setrlimit(resource.RLIMIT_AS, (memory_limit_bytes, memory_limit_bytes))
    locate(entry)(path)


def measure(path: str) -> None:
    """Serve orders from the parent, which waits at that socket."""
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(path)
    main(connection.detach())
