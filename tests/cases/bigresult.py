"""Frames of 8 MB that are cheap to make, and travel back."""

from typing import Any

import numpy as np


def render(seed: int) -> Any:
    a = np.arange(1_000_000, dtype=np.float64)
    return a * seed


def brightness(seed: int) -> float:
    """Only what is asked of the frame."""
    return float(render(seed).sum())
