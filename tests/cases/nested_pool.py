"""A library function that is parallel inside."""

from multiprocessing import Pool


def square(x: int) -> int:
    return x * x


def ensemble(n: int) -> int:
    with Pool(2) as pool:
        return sum(pool.map(square, range(n)))
