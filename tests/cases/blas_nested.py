"""Products of matrices, each of which BLAS computes in threads of its own."""

from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

X = np.random.default_rng(0).random((900, 900))


def gram(k: int) -> float:
    out: Any = X
    for _ in range(4):
        out = (out @ X) / 450
    return float(out.sum() * k)


def gram_capped(k: int) -> float:
    """The same with one thread, from the first call on."""
    threadpool_limits(1, "blas")
    return gram(k)
