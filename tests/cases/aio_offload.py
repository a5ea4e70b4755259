"""Coroutines that leave their work to threads, where zlib lets go of the GIL."""

import asyncio
import random
import zlib

DATA = bytes(random.Random(1).choices(range(97, 113), k=1_000_000))


def pack(k: int) -> int:
    return len(zlib.compress(DATA, 6)) + k


async def upload(k: int) -> int:
    return await asyncio.get_running_loop().run_in_executor(None, pack, k)
