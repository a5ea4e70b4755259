"""3,000 coroutines with next to nothing to do."""


async def handler(k: int) -> int:
    return k + 1


def calls() -> list[tuple[int]]:
    return [(k,) for k in range(3000)]


async def handlers(first: int) -> list[int]:
    """A thousand of the calls as one."""
    return [await handler(k) for k in range(first, first + 1000)]
