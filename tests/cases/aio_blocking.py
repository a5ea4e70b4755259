"""A coroutine whose client blocks: it never gives the event loop back."""

import time


async def fetch(k: int) -> int:
    time.sleep(0.03)
    return k


def blocking(k: int) -> int:
    """The same without async, for threads."""
    time.sleep(0.03)
    return k
