"""Coroutines that wait for something that any number of them may wait for."""

import asyncio


async def call(k: int) -> int:
    await asyncio.sleep(0.02)
    return k
