"""A script that does its work wherever it is imported: nothing asks for `__main__`."""

import sys


def heavy(n: int) -> int:
    return sum(i * i for i in range(n))


rows = int(sys.argv[1]) if len(sys.argv) > 1 else 40
print("total", sum(heavy(20_000) for _ in range(rows)))
