"""The interpreter's switch interval: how long a thread may keep the GIL that others wait for."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from runners.model import InvalidParameter


def check_switch_interval(seconds: float | None) -> None:
    """Raise InvalidParameter unless the interpreter can keep it; None leaves it alone.

    It counts whole microseconds, and makes 0 of what is too large for it.
    """
    if seconds is not None and not 1e-6 <= seconds <= 1000:
        raise InvalidParameter(
            "switch_interval_s", f"must be from 1e-6 to 1000 or null, not {seconds}"
        )


@contextmanager
def switch_interval(seconds: float | None) -> Iterator[None]:
    """Set `sys.setswitchinterval` for the block; None leaves it alone.

    It holds for all threads of the interpreter, so that it is set no longer than tasks run.
    """
    before = sys.getswitchinterval()
    try:
        if seconds is not None:
            sys.setswitchinterval(seconds)
        yield
    finally:
        if seconds is not None:
            sys.setswitchinterval(before)
