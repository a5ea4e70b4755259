"""OpenCV, which has threads of its own."""

from typing import Any

import cv2
import numpy as np


def blur(seed: int) -> int:
    size = (1200, 1600, 3)
    image: Any = np.random.default_rng(seed).integers(0, 255, size, dtype=np.uint8)
    for _ in range(4):
        image = cv2.GaussianBlur(image, (31, 31), 7)
    return int(image.sum())


def blur_capped(seed: int) -> int:
    """The same with one thread, from the first call on."""
    cv2.setNumThreads(1)
    return blur(seed)
