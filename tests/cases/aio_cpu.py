"""Coroutines that compute between their awaits."""

import asyncio


async def parse(n: int) -> int:
    await asyncio.sleep(0)
    return sum(i * i for i in range(n))


def plain(n: int) -> int:
    """The same without async, for processes."""
    return sum(i * i for i in range(n))
