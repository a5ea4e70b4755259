"""Monte Carlo with numpy's global generator, which forked workers inherit as it stands."""

import numpy as np


def draw(n: int) -> list[float]:
    return [float(np.random.random_sample(n).mean()) for _ in range(20)]


def draw_seeded(seed: int) -> list[float]:
    """A generator of each task's own."""
    chance = np.random.default_rng(seed)
    return [float(chance.random(20_000).mean()) for _ in range(20)]
