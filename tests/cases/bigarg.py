"""8 MB go along with every call."""

from typing import Any

import numpy as np

SIZE = 1_000_000
DATA: Any = None


def centre(data: Any, k: int) -> float:
    return float((data - data[k]).max())


def calls() -> list[tuple[Any, int]]:
    data = np.linspace(0, 1, SIZE)
    return [(data, k) for k in range(8)]


def centre_inherited(k: int) -> float:
    """The same, of data that were there before the workers were forked."""
    return centre(DATA, k)


def numbers() -> list[tuple[int]]:
    global DATA
    DATA = np.linspace(0, 1, SIZE)
    return [(k,) for k in range(8)]
