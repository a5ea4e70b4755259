"""The global generator of `random`, which Python seeds anew in every forked process."""

import random


def simulate(n: int) -> float:
    return sum(random.random() for _ in range(n)) / n
