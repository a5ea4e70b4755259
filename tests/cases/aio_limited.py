"""Coroutines that wait for each other: two connections for all of them."""

import asyncio
from weakref import WeakKeyDictionary

CONNECTIONS: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()


async def query(k: int) -> int:
    loop = asyncio.get_running_loop()
    async with CONNECTIONS.setdefault(loop, asyncio.Semaphore(2)):
        await asyncio.sleep(0.01)
    return k
